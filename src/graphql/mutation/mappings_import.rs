//! `mappingsImport`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::chosen_integration::chosen_integration;
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::cost;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::integration::IntegrationObject;
use crate::service::mapping_files::{ImportError, ImportMappings, ImportedFile, Precedence, RejectedRow};

/// Input of `mappingsImport`. Give at least one of the two files.
#[derive(InputObject)]
pub struct MappingsImportInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Text of `customer_mapping.csv`: `pax8CompanyId,pax8CompanyName,psaCustomerId,psaCustomerName,relation,billable`.
    customer_mapping_csv: Option<String>,
    /// Text of `product_mapping.csv`: `pax8ProductId,pax8ProductName,pax8Sku,billingTerm,commitmentTerm,psaProductId,
    /// psaIdentifier,psaName,relation`.
    product_mapping_csv: Option<String>,
    /// Whether the files replace mappings that a person confirmed before; otherwise such rows are rejected.
    #[graphql(default)]
    replace_confirmed: bool,
}

/// A row of a file that could not be used.
#[derive(SimpleObject)]
#[graphql(name = "RejectedRow")]
pub struct RejectedRowObject {
    /// Name of the file.
    file: String,
    /// Line in the file, from 1.
    line: u64,
    /// Why, as a sentence.
    reason: String,
}

impl From<RejectedRow> for RejectedRowObject {
    fn from(row: RejectedRow) -> Self {
        Self { file: row.file.to_owned(), line: row.line, reason: row.reason }
    }
}

/// What the import of one file of mappings did.
#[derive(SimpleObject)]
pub struct MappingsImportResult {
    /// Rows that could be used.
    read_count: u64,
    /// Pairs that are confirmed now and were not before.
    confirmed_count: u64,
    /// Rows that say what was so already.
    unchanged_count: u64,
    /// Suggestions that were taken away.
    removed_count: u64,
    /// Earlier decisions that gave way to the file.
    replaced_count: u64,
    /// Records that are left out now and were not before.
    excluded_count: u64,
    /// Number of rows that could not be used, in whole or in part.
    rejected_count: u64,
    /// Rows that could not be used, in whole or in part; the first 1,000.
    #[graphql(complexity = "cost::list(child_complexity)")]
    rejected: Vec<RejectedRowObject>,
}

/// Rejected rows that are listed.
const MAX_REJECTED: usize = 1_000;

/// The first of the rejected rows.
pub(super) fn listed(rejected: Vec<RejectedRow>) -> Vec<RejectedRowObject> {
    rejected.into_iter().take(MAX_REJECTED).map(Into::into).collect()
}

impl From<ImportedFile> for MappingsImportResult {
    fn from(file: ImportedFile) -> Self {
        Self {
            read_count: file.read,
            confirmed_count: file.confirmed,
            unchanged_count: file.unchanged,
            removed_count: file.removed,
            replaced_count: file.replaced,
            excluded_count: file.excluded,
            rejected_count: file.rejected.len() as u64,
            rejected: listed(file.rejected),
        }
    }
}

/// Payload of `mappingsImport`.
#[derive(SimpleObject)]
pub struct MappingsImportPayload {
    /// What the file of customer mappings did. Null when there was none, and when it was not done.
    customers: Option<MappingsImportResult>,
    /// What the file of product mappings did. Null when there was none, and when it was not done.
    products: Option<MappingsImportResult>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why nothing was imported; empty when it was.
    user_errors: Vec<UserError>,
}

/// Why nothing was imported, for the caller; `file_field` gives the input field of a file.
pub(super) fn refused(error: ImportError, file_field: impl Fn(&str) -> &'static str) -> Result<UserError, Failure> {
    Ok(match error {
        ImportError::NotFound => UserError::not_found(&["input", "integrationId"], "integration"),
        ImportError::File(error) => UserError::input(&["input", file_field(error.file)], error.message),
        ImportError::Busy => {
            UserError::input(&[], "Somebody else changed mappings at the same moment. Import the files again.")
        }
        ImportError::Forbidden(error) => return Err(error.into()),
        ImportError::Internal(error) => return Err(error.into()),
    })
}

/// `mappingsImport`.
#[derive(Default)]
pub struct MappingsImport;

#[Object]
impl MappingsImport {
    /// Imports mappings and exclusions from files, all at once. Pairs become confirmed; `billable` `no` leaves a company
    /// out. The same files again change nothing. Needs the role OPERATOR.
    async fn mappings_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to import.")] input: MappingsImportInput,
    ) -> Option<Result<MappingsImportPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let refuse = |error| {
            Ok(MappingsImportPayload { customers: None, products: None, integration: None, user_errors: vec![error] })
        };
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(refuse(error)),
            Err(failure) => return Some(Err(failure)),
        };
        if input.customer_mapping_csv.is_none() && input.product_mapping_csv.is_none() {
            return Some(refuse(UserError::input(
                &["input", "customerMappingCsv"],
                "Give the text of at least one of the two files.",
            )));
        }
        let command = ImportMappings {
            integration_id: chosen.id,
            customers: input.customer_mapping_csv,
            products: input.product_mapping_csv,
            precedence: if input.replace_confirmed { Precedence::File } else { Precedence::Earlier },
        };
        let field = |file: &str| match file.starts_with("customer") {
            true => "customerMappingCsv",
            false => "productMappingCsv",
        };
        Some(match services(ctx).mapping_files.import(caller(ctx), command).await {
            Ok(summary) => Ok(MappingsImportPayload {
                customers: summary.customers.map(Into::into),
                products: summary.products.map(Into::into),
                integration: Some(IntegrationObject(chosen)),
                user_errors: Vec::new(),
            }),
            Err(error) => refused(error, field).and_then(refuse),
        })
    }
}
