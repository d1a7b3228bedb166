//! `productMappingCreate`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use uuid::Uuid;

use super::mapping_creation::refused;
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::mapping::{MappingRole, ProductMappingObject};
use crate::graphql::scalar::Decimal;
use crate::service::mapping::{CreateProductMapping, MappingField};

/// Input of `productMappingCreate`.
#[derive(InputObject)]
pub struct ProductMappingCreateInput {
    /// Global ID of the product at Pax8.
    pax8_product_id: ID,
    /// Global ID of the product at the PSA.
    psa_product_id: ID,
    /// Billing term that the mapping is for, such as `Monthly` or `Annual`; every term when omitted.
    billing_term: Option<String>,
    /// Commitment that the mapping is for, such as `Monthly` (also for none) or `1-Year`; every commitment when omitted.
    commitment_term: Option<String>,
    /// Global ID of the customer at the PSA that the mapping is limited to, and wins for; every customer when omitted.
    psa_customer_id: Option<ID>,
    /// Units of the PSA product for one unit at Pax8, greater than zero; `1` when omitted.
    factor: Option<Decimal>,
    /// What the mapping means for billing.
    #[graphql(default_with = "MappingRole::Billed")]
    role: MappingRole,
}

/// Payload of `productMappingCreate`.
#[derive(SimpleObject)]
pub struct ProductMappingCreatePayload {
    /// Mapping, confirmed. Null when it was not done.
    product_mapping: Option<ProductMappingObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `productMappingCreate`.
#[derive(Default)]
pub struct ProductMappingCreate;

fn name(field: MappingField) -> &'static str {
    match field {
        MappingField::Pax8Record => "pax8ProductId",
        MappingField::PsaRecord => "psaProductId",
        MappingField::Customer => "psaCustomerId",
        MappingField::BillingTerm => "billingTerm",
        MappingField::CommitmentTerm => "commitmentTerm",
        MappingField::Factor => "factor",
    }
}

#[Object]
impl ProductMappingCreate {
    /// Maps a product, or one of its terms, to a product of the PSA by hand. A suggestion for the same charges ends; a
    /// mapping that a person confirmed stands in the way. Needs the role OPERATOR.
    async fn product_mapping_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to map.")] input: ProductMappingCreateInput,
    ) -> Option<Result<ProductMappingCreatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        // No record has the nil id, so what is no record's id is answered as one that does not exist.
        let id = |id: &ID, kind| decode_as(id, kind).unwrap_or(Uuid::nil());
        let command = CreateProductMapping {
            pax8_product_id: id(&input.pax8_product_id, NodeKind::Pax8Product),
            psa_product_id: id(&input.psa_product_id, NodeKind::PsaProduct),
            billing_term: input.billing_term,
            commitment_term: input.commitment_term,
            customer_id: input.psa_customer_id.map(|customer| id(&customer, NodeKind::PsaCustomer)),
            factor: input.factor.map(|factor| factor.0),
            role: input.role.into(),
        };
        Some(match services(ctx).mapping.create_product_mapping(caller(ctx), command).await {
            Ok(mapping) => Ok(ProductMappingCreatePayload {
                product_mapping: Some(ProductMappingObject(mapping)),
                user_errors: Vec::new(),
            }),
            Err(error) => refused(error, name)
                .map(|error| ProductMappingCreatePayload { product_mapping: None, user_errors: vec![error] }),
        })
    }
}
