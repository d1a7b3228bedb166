//! `concord mappings import` and `concord mappings export`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::MappingsArguments;
use super::run::log;
use super::settings::{Settings, StoreArguments};
use crate::app::App;
use crate::domain::access::Caller;
use crate::domain::id::IntegrationId;
use crate::graphql::id::{NodeKind, decode_as};
use crate::service::access::operator;
use crate::service::mapping_files::{ImportMappings, ImportedFile, Precedence, RejectedRow};
use crate::storage::integration;

const CUSTOMERS: &str = "customer_mapping.csv";
const PRODUCTS: &str = "product_mapping.csv";

/// Reads mappings and exclusions. Ends with status 1 when a row could not be used.
pub(super) async fn import(arguments: &MappingsArguments) -> anyhow::Result<ExitCode> {
    let (app, caller, integration_id) = owner(&arguments.store, &arguments.integration).await?;
    let customers = read(&arguments.dir, CUSTOMERS)?;
    let products = read(&arguments.dir, PRODUCTS)?;
    if customers.is_none() && products.is_none() {
        bail!("The directory {} has neither {CUSTOMERS} nor {PRODUCTS}.", arguments.dir.display());
    }
    // Who imports a file at the command line has decided; the file wins, and what it replaced is counted.
    let precedence = Precedence::File;
    let command = ImportMappings { integration_id, customers, products, precedence };
    let summary = app.services.mapping_files.import(&caller, command).await?;
    let mut is_complete = true;
    for (file, imported) in [(CUSTOMERS, summary.customers), (PRODUCTS, summary.products)] {
        let Some(imported) = imported else { continue };
        let ImportedFile { read, confirmed, unchanged, removed, replaced, excluded, rejected } = imported;
        println!(
            "{file}: {read} rows read, {confirmed} confirmed, {unchanged} unchanged, {removed} suggestions removed, \
             {replaced} decisions replaced, {excluded} records left out, {} rows rejected",
            rejected.len()
        );
        is_complete &= report(&rejected);
    }
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes mappings and exclusions.
pub(super) async fn export(arguments: &MappingsArguments) -> anyhow::Result<ExitCode> {
    let (app, caller, integration_id) = owner(&arguments.store, &arguments.integration).await?;
    let files = app.services.mapping_files.export(&caller, integration_id).await?;
    std::fs::create_dir_all(&arguments.dir)
        .with_context(|| format!("The directory {} cannot be made", arguments.dir.display()))?;
    for (file, text) in [(CUSTOMERS, files.customers), (PRODUCTS, files.products)] {
        let path = arguments.dir.join(file);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints rejected rows to standard error, and says whether there were none.
pub(super) fn report(rejected: &[RejectedRow]) -> bool {
    for row in rejected {
        eprintln!("{}:{}: {}", row.file, row.line, row.reason);
    }
    rejected.is_empty()
}

/// The program, and the integration with the operator as a member of its organization.
pub(super) async fn owner(store: &StoreArguments, integration: &str) -> anyhow::Result<(App, Caller, IntegrationId)> {
    owner_by(&Settings::load(store)?, integration).await
}

/// The same, with settings that were read.
pub(super) async fn owner_by(settings: &Settings, integration: &str) -> anyhow::Result<(App, Caller, IntegrationId)> {
    log(settings.log_level, settings.log_format);
    let app = super::open::app(settings).await?;
    // The id as the API shows it, or the plain one inside, which the operator may read in the database.
    let id = decode_as(&integration.into(), NodeKind::Integration).or_else(|| integration.parse().ok());
    let id = id.map(IntegrationId).with_context(|| format!("`{integration}` is not the ID of an integration"))?;
    let core = &app.services.core;
    let organization_id = integration::organization(core.store.read(), id).await?;
    let organization_id = organization_id.with_context(|| format!("There is no integration `{integration}`"))?;
    let caller = operator(core, organization_id);
    Ok((app, caller, id))
}

fn read(directory: &Path, file: &str) -> anyhow::Result<Option<String>> {
    let path = directory.join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && directory.is_dir() => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}
