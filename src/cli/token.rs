//! `concord token create`.

use std::process::ExitCode;

use chrono::TimeDelta;

use super::TokenCreateArguments;
use super::run::log;
use super::settings::Settings;
use crate::secret::SystemRandom;
use crate::service::access::CreateToken;

/// Makes a token and prints it, alone.
pub(super) async fn create(arguments: TokenCreateArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(&arguments.store)?;
    log(settings.log_level, settings.log_format);
    let app = super::open::app(&settings).await?;
    let command = CreateToken {
        name: arguments.name.unwrap_or_else(|| format!("{} token", arguments.roles)),
        organization: arguments.organization,
        roles: arguments.roles,
        lifetime: arguments.expires_in.map(|days| TimeDelta::days(i64::from(days))),
    };
    let token = app.access.create_token(&SystemRandom, command).await?;
    println!("{}", token.expose());
    Ok(ExitCode::SUCCESS)
}
