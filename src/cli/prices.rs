//! `concord prices import`.

use std::process::ExitCode;

use anyhow::Context as _;

use super::PricesImportArguments;
use super::mappings::{owner, report};
use crate::service::mapping_files::ImportPrices;

/// Reads a price book. Ends with status 1 when a row could not be used.
pub(super) async fn import(arguments: &PricesImportArguments) -> anyhow::Result<ExitCode> {
    let bytes =
        std::fs::read(&arguments.file).with_context(|| format!("{} cannot be read", arguments.file.display()))?;
    let (app, caller, integration_id) = owner(&arguments.store, &arguments.integration).await?;
    let command = ImportPrices { integration_id, csv: String::from_utf8_lossy(&bytes).into_owned() };
    let imported = app.services.mapping_files.import_prices(&caller, command).await?;
    println!(
        "{}: {} prices new, {} changed, {} unchanged, {} rows rejected",
        arguments.file.display(),
        imported.applied.created,
        imported.applied.changed,
        imported.applied.unchanged,
        imported.rejected.len()
    );
    Ok(if report(&imported.rejected) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
