//! `concord serve`.

use std::process::ExitCode;
use std::str::FromStr as _;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::doctor::not_here;
use super::run::log;
use super::settings::{ServerArguments, Settings};
use crate::app::SiteSettings;
use crate::graphql::ready;
use crate::http::{AllowedOrigins, GraphiqlAssets, GraphiqlPage, Limits, shutdown_on_signal};

/// Runs the server until it is asked to stop.
pub(super) async fn run(arguments: &ServerArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(arguments)?;
    log(settings.log_level, settings.log_format);
    let issuer = settings.oidc.understood()?;
    let mut app = super::open::app(&settings).await?;
    if let Some(issuer) = issuer {
        info!("accepting tokens of the issuer `{}` beside API tokens", issuer.expectation.issuer);
        app = app.trusting(issuer)?;
    }
    app.kept_for = settings.retention;
    match app.secrets.status().await {
        Ok(statuses) => not_here(statuses).iter().for_each(|finding| warn!("{}", finding.sentence)),
        Err(error) => warn!("the keys that the database was used with cannot be looked up: {error}"),
    }
    let shutdown = shutdown_on_signal()?;
    let listening = || format!("The address {} cannot be listened on", settings.listen);
    let listener = TcpListener::bind(settings.listen).await.with_context(listening)?;
    let address = listener.local_addr()?;
    info!("listening on http://{address}, GraphQL on http://{address}/graphql, database {}", settings.database);
    app.serve(listener, site(&settings)?, settings.workers, shutdown).await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// How the site answers, by the settings.
pub(super) fn site(settings: &Settings) -> anyhow::Result<SiteSettings> {
    let page = match settings.graphiql {
        false => None,
        true => {
            let assets = match &settings.graphiql_assets {
                None => GraphiqlAssets::default(),
                Some(text) => GraphiqlAssets::from_str(text)?,
            };
            Some(GraphiqlPage::new(&assets, ready::operations())?)
        }
    };
    let limits = Limits {
        body_bytes: settings.limits.body_bytes,
        execution_timeout: settings.limits.operation_time,
        concurrent_operations: settings.limits.operations,
        open_streams: settings.limits.streams,
        open_subscriptions: settings.limits.subscriptions,
        requests_per_minute: settings.limits.requests_per_minute,
        ..Limits::default()
    };
    // The server's own pages, also behind a proxy that passes another host on.
    let own = settings.public_url.as_ref().map(|url| url.origin().ascii_serialization());
    let origins = settings.allowed_origins.iter().chain(&own).map(|origin| origin.parse());
    let origins = origins.collect::<Result<Vec<_>, _>>()?;
    Ok(SiteSettings { limits, origins: AllowedOrigins::new(origins), page })
}
