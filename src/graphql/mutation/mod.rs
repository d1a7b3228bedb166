//! Mutations: one per file, with its input, its payload and its resolver.

mod api_token_create;
mod api_token_revoke;
mod chosen_integration;
mod connection_settings;
mod customer_mapping_create;
mod discrepancy_assign;
mod discrepancy_note_add;
mod discrepancy_reopen;
mod discrepancy_resolve;
mod discrepancy_work;
mod discrepancy_write_off;
mod exclusion_create;
mod exclusion_end;
mod integration_create;
mod integration_default_set;
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
mod organization_settings_update;
mod period_change;
mod period_close;
mod period_reopen;
mod period_request_withdraw;
mod prices_import;
mod product_mapping_create;
mod provider_account_authorization_start;
mod provider_account_disconnect;
mod provider_account_method_select;
mod provider_account_verify;
mod provider_credentials_set;
mod provider_webhook;
mod provider_webhook_register;
mod provider_webhook_remove;
mod provider_webhook_test;
mod reconciliation_policy_update;
mod reconciliation_run_cancel;
mod reconciliation_run_start;
mod suppression_rule_create;
mod suppression_rule_end;
mod suppression_subject;
mod sync_run_cancel;
mod sync_run_start;

use async_graphql::MergedObject;

/// What can be done. In groups, because the compiler follows a single list of so many only with difficulty.
#[derive(MergedObject, Default)]
pub struct Mutation(
    SetupMutation,
    ConnectionMutation,
    WebhookMutation,
    MappingMutation,
    ReconciliationMutation,
    WorkMutation,
    AccessMutation,
);

/// Setting up and syncing.
#[derive(MergedObject, Default)]
pub struct SetupMutation(
    integration_create::IntegrationCreate,
    integration_settings_update::IntegrationSettingsUpdate,
    integration_default_set::IntegrationDefaultSet,
    organization_settings_update::OrganizationSettingsUpdate,
    sync_run_start::SyncRunStart,
    sync_run_cancel::SyncRunCancel,
);

/// Connecting.
#[derive(MergedObject, Default)]
pub struct ConnectionMutation(
    provider_credentials_set::ProviderCredentialsSet,
    provider_account_authorization_start::ProviderAccountAuthorizationStart,
    provider_account_method_select::ProviderAccountMethodSelect,
    provider_account_verify::ProviderAccountVerify,
    provider_account_disconnect::ProviderAccountDisconnect,
);

/// Who may call.
#[derive(MergedObject, Default)]
pub struct AccessMutation(api_token_create::ApiTokenCreate, api_token_revoke::ApiTokenRevoke);

/// Being told of changes.
#[derive(MergedObject, Default)]
pub struct WebhookMutation(
    provider_webhook_register::ProviderWebhookRegister,
    provider_webhook_test::ProviderWebhookTest,
    provider_webhook_remove::ProviderWebhookRemove,
);

/// Mapping.
#[derive(MergedObject, Default)]
pub struct MappingMutation(
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
);

/// Reconciling.
#[derive(MergedObject, Default)]
pub struct ReconciliationMutation(
    prices_import::PricesImport,
    reconciliation_policy_update::ReconciliationPolicyUpdate,
    reconciliation_run_start::ReconciliationRunStart,
    reconciliation_run_cancel::ReconciliationRunCancel,
);

/// Work on what was found.
#[derive(MergedObject, Default)]
pub struct WorkMutation(
    discrepancy_assign::DiscrepancyAssign,
    discrepancy_note_add::DiscrepancyNoteAdd,
    discrepancy_resolve::DiscrepancyResolve,
    discrepancy_write_off::DiscrepancyWriteOff,
    discrepancy_reopen::DiscrepancyReopen,
    suppression_rule_create::SuppressionRuleCreate,
    suppression_rule_end::SuppressionRuleEnd,
    period_close::PeriodClose,
    period_reopen::PeriodReopen,
    period_request_withdraw::PeriodRequestWithdraw,
);
