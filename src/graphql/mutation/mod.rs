//! Mutations: one per file, with its input, its payload and its resolver.

mod customer_mapping_create;
mod exclusion_create;
mod exclusion_end;
mod integration_create;
mod integration_settings_update;
mod mapping_bulk_decide;
mod mapping_confirm;
mod mapping_confirm_all;
mod mapping_creation;
mod mapping_decision;
mod mapping_reject;
mod mapping_remove;
mod mapping_reopen;
mod mappings_import;
mod prices_import;
mod product_mapping_create;
mod provider_account_verify;
mod provider_credentials_set;
mod reconciliation_run_cancel;
mod reconciliation_run_start;
mod sync_run_cancel;
mod sync_run_start;

use async_graphql::MergedObject;

/// What can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(
    integration_create::IntegrationCreate,
    integration_settings_update::IntegrationSettingsUpdate,
    provider_credentials_set::ProviderCredentialsSet,
    provider_account_verify::ProviderAccountVerify,
    sync_run_start::SyncRunStart,
    sync_run_cancel::SyncRunCancel,
    mapping_confirm::MappingConfirm,
    mapping_reject::MappingReject,
    mapping_reopen::MappingReopen,
    mapping_remove::MappingRemove,
    mapping_bulk_decide::MappingBulkDecide,
    mapping_confirm_all::MappingConfirmAll,
    customer_mapping_create::CustomerMappingCreate,
    product_mapping_create::ProductMappingCreate,
    exclusion_create::ExclusionCreate,
    exclusion_end::ExclusionEnd,
    mappings_import::MappingsImport,
    prices_import::PricesImport,
    reconciliation_run_start::ReconciliationRunStart,
    reconciliation_run_cancel::ReconciliationRunCancel,
);
