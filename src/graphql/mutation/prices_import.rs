//! `pricesImport`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::chosen_integration::chosen_integration;
use super::mappings_import::{RejectedRowObject, listed, refused};
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::cost;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::integration::IntegrationObject;
use crate::service::mapping_files::ImportPrices;

/// Input of `pricesImport`.
#[derive(InputObject)]
pub struct PricesImportInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Text of `price_book.csv`: `productId,customerId,currency,unitPrice,effectiveDate,endDate`, with the PSA's ids.
    /// Without a customer a price is for everyone.
    csv: String,
}

/// What the import of a price book did.
#[derive(SimpleObject)]
pub struct PricesImportResult {
    /// Prices that were new.
    created_count: u64,
    /// Prices that had changed.
    changed_count: u64,
    /// Prices that were as before.
    unchanged_count: u64,
    /// Number of rows that could not be used.
    rejected_count: u64,
    /// Rows that could not be used; the first 1,000.
    #[graphql(complexity = "cost::list(child_complexity)")]
    rejected: Vec<RejectedRowObject>,
}

/// Payload of `pricesImport`.
#[derive(SimpleObject)]
pub struct PricesImportPayload {
    /// What the import did. Null when it was not done.
    prices: Option<PricesImportResult>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why nothing was imported; empty when it was.
    user_errors: Vec<UserError>,
}

/// `pricesImport`.
#[derive(Default)]
pub struct PricesImport;

#[Object]
impl PricesImport {
    /// Imports dated prices that the PSA's API cannot carry. Prices that the file does not name stay; the same file again
    /// changes nothing. Needs the role OPERATOR.
    async fn prices_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to import.")] input: PricesImportInput,
    ) -> Option<Result<PricesImportPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let refuse = |error| Ok(PricesImportPayload { prices: None, integration: None, user_errors: vec![error] });
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(refuse(error)),
            Err(failure) => return Some(Err(failure)),
        };
        let command = ImportPrices { integration_id: chosen.id, csv: input.csv };
        Some(match services(ctx).mapping_files.import_prices(caller(ctx), command).await {
            Ok(imported) => Ok(PricesImportPayload {
                prices: Some(PricesImportResult {
                    created_count: imported.applied.created,
                    changed_count: imported.applied.changed,
                    unchanged_count: imported.applied.unchanged,
                    rejected_count: imported.rejected.len() as u64,
                    rejected: listed(imported.rejected),
                }),
                integration: Some(IntegrationObject(chosen)),
                user_errors: Vec::new(),
            }),
            Err(error) => refused(error, |_| "csv").and_then(refuse),
        })
    }
}
