//! `concord sandbox`.

use std::process::ExitCode;

use super::SandboxArguments;
use super::run::log;
use super::settings::{LogFormat, LogLevel};
use crate::http::shutdown_on_signal;
use crate::sandbox::{DEFAULT_SEED, Options, WorldSource, credentials, default_today, start};

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
    let mut running = start(Options { listen: arguments.listen, world, ..Options::default() }).await?;
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
    println!();
    println!("Stop it with Ctrl-C.");
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = running.wait() => {}
    }
    Ok(ExitCode::SUCCESS)
}
