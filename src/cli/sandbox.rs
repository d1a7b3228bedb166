//! `concord sandbox`.

use std::process::ExitCode;

use url::Url;

use super::SandboxArguments;
use super::run::log;
use super::settings::{LogFormat, LogLevel};
use crate::http::shutdown_on_signal;
use crate::sandbox::{DEFAULT_SEED, Options, Side, WorldSource, credentials, default_today, start};

/// An address that a browser can be sent to. It is compared as it is written, so nothing about it is changed.
pub(super) fn parse_redirect_uri(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Err(format!("`{text}` is not an address of http or https"))
        }
        Ok(url) if url.fragment().is_some() => Err(format!("`{text}` must have no `#`")),
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("`{text}` is not an address, such as https://concord.example/oauth/callback/pax8")),
    }
}

/// Serves the stand-ins until it is asked to stop.
pub(super) async fn run(arguments: &SandboxArguments) -> anyhow::Result<ExitCode> {
    log(LogLevel::Info, LogFormat::Text);
    let world = match &arguments.data {
        Some(directory) => WorldSource::Directory(directory.clone()),
        None => WorldSource::Seeded {
            seed: arguments.seed.unwrap_or(DEFAULT_SEED),
            today: arguments.today.unwrap_or_else(default_today),
        },
    };
    let shutdown = shutdown_on_signal()?;
    let redirect_uris = arguments.redirect_uris.clone();
    let mut running = start(Options { listen: arguments.listen, world, redirect_uris, ..Options::default() }).await?;
    println!("The sandbox stands at {} (what it serves: {}/sandbox)", running.origin(), running.origin());
    println!();
    println!("Pax8      base URL       {}", running.pax8_base_url());
    println!("          token URL      {}", running.pax8_token_url());
    println!("          client ID      {}", credentials::PAX8_CLIENT_ID);
    println!("          client secret  {}", credentials::PAX8_CLIENT_SECRET);
    println!("Rev.io    PSA URL        {}", running.psa_base_url());
    println!("          tenant         {}", credentials::PSA_TENANT);
    println!("          API key        {}", credentials::PSA_API_KEY);
    println!("          Billing URL    {}", running.billing_base_url());
    println!("          Billing user   {}", credentials::BILLING_USER);
    println!("          password       {}", credentials::BILLING_PASSWORD);
    let logins = [
        (
            Side::Pax8,
            "Pax8 app",
            (credentials::PAX8_APP_CLIENT_ID, credentials::PAX8_APP_CLIENT_SECRET),
            credentials::PAX8_APP_SCOPE,
        ),
        (
            Side::Psa,
            "PSA app ",
            (credentials::PSA_APP_CLIENT_ID, credentials::PSA_APP_CLIENT_SECRET),
            credentials::PSA_APP_SCOPE,
        ),
    ];
    for (side, name, (client_id, client_secret), scopes) in logins {
        println!();
        println!("{name}  login URL      {}", running.oauth_authorize_url(side));
        println!("          token URL      {}", running.oauth_token_url(side));
        println!("          revocation     {}", running.oauth_revocation_url(side));
        println!("          client ID      {client_id}");
        println!("          client secret  {client_secret}");
        println!("          scopes         {scopes}");
    }
    println!();
    println!("People    partner        {} (sees everything)", credentials::PARTNER_USER);
    println!("          reader         {} (sees no invoices)", credentials::READER_USER);
    println!("          vendor         {} (sees no list)", credentials::VENDOR_USER);
    println!("          password       {}", credentials::USER_PASSWORD);
    println!("          one-time code  {}", credentials::ONE_TIME_CODE);
    println!();
    println!("Stop it with Ctrl-C.");
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = running.wait() => {}
    }
    Ok(ExitCode::SUCCESS)
}
