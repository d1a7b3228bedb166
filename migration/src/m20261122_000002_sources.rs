//! Records of both providers with their versions.

use sea_orm_migration::prelude::*;

use crate::table::{Kind::*, TableSpec};

/// This change.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "record_version",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("account_id", Uuid),
            ("kind", Key),
            ("record_id", Uuid),
            ("external_id", Key),
            ("content_hash", Text),
            ("raw", Text),
            ("observed_from", Timestamp),
            ("observed_to", OptionalTimestamp),
            ("first_run_id", OptionalUuid),
            ("last_run_id", OptionalUuid),
        ],
        uniques: &[(&["organization_id", "kind", "record_id"], Some("observed_to IS NULL"))],
        indexes: &[],
        references: &[(&["organization_id", "account_id"], "provider_account", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        columns: &[
            ("name", Key),
            ("search_text", Text),
            ("status", OptionalText),
            ("street", OptionalText),
            ("street2", OptionalText),
            ("city", OptionalText),
            ("region", OptionalText),
            ("postal_code", OptionalText),
            ("country", OptionalText),
            ("phone", OptionalText),
            ("website", OptionalText),
            ("partner_reference", OptionalText),
            ("is_billed_by_pax8", OptionalBoolean),
            ("is_self_service_allowed", OptionalBoolean),
            ("is_order_approval_required", OptionalBoolean),
            ("provider_updated_at", OptionalTimestamp),
        ],
        indexes: &[&["organization_id", "account_id", "name", "id"]],
        ..TableSpec::source("company")
    },
    TableSpec {
        columns: &[
            ("name", Key),
            ("search_text", Text),
            ("identifier", OptionalText),
            ("status", OptionalText),
            ("kind", OptionalText),
            ("street", OptionalText),
            ("street2", OptionalText),
            ("city", OptionalText),
            ("region", OptionalText),
            ("postal_code", OptionalText),
            ("country", OptionalText),
            ("phone", OptionalText),
            ("website", OptionalText),
            ("email", OptionalText),
            ("account_number", OptionalText),
            ("currency", OptionalText),
            ("parent_external_id", OptionalText),
            ("is_deleted", Boolean),
            ("provider_updated_at", OptionalTimestamp),
        ],
        indexes: &[&["organization_id", "account_id", "name", "id"]],
        ..TableSpec::source("customer")
    },
    TableSpec {
        columns: &[
            ("name", Key),
            ("search_text", Text),
            ("vendor_name", OptionalText),
            ("sku", OptionalText),
            ("vendor_sku", OptionalText),
            ("short_description", OptionalText),
            ("requires_commitment", OptionalBoolean),
        ],
        indexes: &[&["organization_id", "account_id", "name", "id"]],
        ..TableSpec::source("pax8_product")
    },
    TableSpec {
        columns: &[
            ("name", Key),
            ("search_text", Text),
            ("identifier", OptionalText),
            ("vendor_name", OptionalText),
            ("sku", OptionalText),
            ("vendor_sku", OptionalText),
            ("category", OptionalText),
            ("unit_price", OptionalText),
            ("unit_cost", OptionalText),
            ("currency", OptionalText),
            ("bill_cycle", OptionalText),
            ("markup_percent", OptionalText),
            ("is_active", Boolean),
            ("provider_updated_at", OptionalTimestamp),
        ],
        indexes: &[&["organization_id", "account_id", "name", "id"]],
        ..TableSpec::source("psa_product")
    },
    TableSpec {
        columns: &[
            ("company_external_id", Key),
            ("product_external_id", Key),
            ("parent_external_id", OptionalText),
            ("quantity", OptionalText),
            ("start_date", OptionalDate),
            ("end_date", OptionalDate),
            ("provider_created_at", OptionalTimestamp),
            ("provider_updated_at", OptionalTimestamp),
            ("billing_start", OptionalDate),
            ("status", OptionalText),
            ("price", OptionalText),
            ("cost", OptionalText),
            ("currency", OptionalText),
            ("billing_term", OptionalText),
            ("commitment_term", OptionalText),
            ("commitment_end", OptionalDate),
        ],
        indexes: &[&["organization_id", "account_id", "company_external_id"]],
        ..TableSpec::source("subscription")
    },
    TableSpec {
        columns: &[
            ("subscription_external_id", Key),
            ("company_external_id", Key),
            ("product_external_id", Key),
            ("parent_external_id", OptionalText),
            ("quantity", OptionalText),
            ("start_date", OptionalDate),
            ("end_date", OptionalDate),
            ("provider_created_at", OptionalTimestamp),
            ("provider_updated_at", OptionalTimestamp),
            ("billing_start", OptionalDate),
            ("status", OptionalText),
            ("price", OptionalText),
            ("cost", OptionalText),
            ("currency", OptionalText),
            ("billing_term", OptionalText),
            ("commitment_term", OptionalText),
            ("commitment_end", OptionalDate),
        ],
        indexes: &[&["organization_id", "account_id", "subscription_external_id"]],
        ..TableSpec::source("subscription_revision")
    },
    TableSpec {
        columns: &[
            ("invoice_date", Date),
            ("due_date", OptionalDate),
            ("status", OptionalText),
            ("total", OptionalText),
            ("balance", OptionalText),
            ("carried_balance", OptionalText),
            ("currency", OptionalText),
            ("company_external_id", OptionalText),
        ],
        indexes: &[&["organization_id", "account_id", "invoice_date"]],
        ..TableSpec::source("vendor_invoice")
    },
    TableSpec {
        columns: &[
            ("invoice_external_id", Key),
            ("kind", Text),
            ("company_external_id", OptionalText),
            ("company_name", OptionalText),
            ("subscription_external_id", OptionalText),
            ("product_external_id", OptionalKey),
            ("product_name", OptionalText),
            ("sku", OptionalText),
            ("description", OptionalText),
            ("period_start", OptionalDate),
            ("period_end", OptionalDate),
            ("term", OptionalText),
            ("quantity", OptionalText),
            ("charge_type", OptionalText),
            ("price", OptionalText),
            ("subtotal", OptionalText),
            ("cost", OptionalText),
            ("cost_total", OptionalText),
            ("amount_due", OptionalText),
            ("sales_tax", OptionalText),
            ("currency", OptionalText),
            ("is_billed_by_pax8", Boolean),
        ],
        indexes: &[&["organization_id", "account_id", "invoice_external_id"]],
        ..TableSpec::source("vendor_invoice_line")
    },
    TableSpec {
        columns: &[
            ("product_external_id", Key),
            ("billing_term", OptionalText),
            ("commitment_term", OptionalText),
            ("currency", OptionalText),
            ("range_start", OptionalText),
            ("range_end", OptionalText),
            ("cost", OptionalText),
            ("suggested_price", OptionalText),
            ("charge_type", OptionalText),
        ],
        indexes: &[&["organization_id", "account_id", "product_external_id"]],
        ..TableSpec::source("vendor_price")
    },
    TableSpec {
        columns: &[
            ("agreement_external_id", Key),
            ("agreement_name", OptionalText),
            ("customer_external_id", Key),
            ("product_external_id", OptionalText),
            ("description", OptionalText),
            ("quantity", OptionalText),
            ("included_quantity", OptionalText),
            ("unit_price", OptionalText),
            ("unit_cost", OptionalText),
            ("currency", OptionalText),
            ("bill_cycle", OptionalText),
            ("bills_in_arrears", Boolean),
            ("is_billable", Boolean),
            ("effective_from", OptionalDate),
            ("effective_to", OptionalDate),
        ],
        indexes: &[],
        ..TableSpec::source("agreement_line")
    },
    TableSpec {
        columns: &[
            ("number", OptionalText),
            ("customer_external_id", Key),
            ("invoice_date", Date),
            ("currency", OptionalText),
            ("total", OptionalText),
            ("status", OptionalText),
        ],
        indexes: &[&["organization_id", "account_id", "invoice_date"]],
        ..TableSpec::source("psa_invoice")
    },
    TableSpec {
        columns: &[
            ("invoice_external_id", Key),
            ("agreement_line_external_id", OptionalText),
            ("product_external_id", OptionalText),
            ("description", OptionalText),
            ("quantity", OptionalText),
            ("unit_price", OptionalText),
            ("amount", OptionalText),
            ("period_start", OptionalDate),
            ("period_end", OptionalDate),
        ],
        indexes: &[&["organization_id", "account_id", "invoice_external_id"]],
        ..TableSpec::source("psa_invoice_line")
    },
    TableSpec {
        columns: &[
            ("product_external_id", Key),
            ("customer_external_id", OptionalText),
            ("price_currency", Text),
            ("unit_price", Text),
            ("effective_from", OptionalDate),
            ("effective_to", OptionalDate),
        ],
        indexes: &[],
        ..TableSpec::source("price_book_entry")
    },
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            table.create(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(crate::forward_only())
    }
}
