//! `concord migrate`.

use std::process::ExitCode;

use super::run::log;
use super::settings::{Settings, StoreArguments};

/// Brings the database up to this version.
pub(super) async fn run(arguments: &StoreArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(arguments)?;
    log(settings.log_level, settings.log_format);
    super::open::store(&settings).await?;
    println!("The database {} is up to date.", settings.database);
    Ok(ExitCode::SUCCESS)
}
