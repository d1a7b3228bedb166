//! `customerMappingCreate`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use uuid::Uuid;

use super::mapping_creation::refused;
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::mapping::CustomerMappingObject;
use crate::service::mapping::{CreateCustomerMapping, MappingField};

/// Input of `customerMappingCreate`.
#[derive(InputObject)]
pub struct CustomerMappingCreateInput {
    /// Global ID of the company at Pax8.
    pax8_company_id: ID,
    /// Global ID of the customer at the PSA.
    psa_customer_id: ID,
}

/// Payload of `customerMappingCreate`.
#[derive(SimpleObject)]
pub struct CustomerMappingCreatePayload {
    /// Mapping, confirmed. Null when it was not done.
    customer_mapping: Option<CustomerMappingObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `customerMappingCreate`.
#[derive(Default)]
pub struct CustomerMappingCreate;

fn name(field: MappingField) -> &'static str {
    match field {
        MappingField::PsaRecord | MappingField::Customer => "psaCustomerId",
        _ => "pax8CompanyId",
    }
}

#[Object]
impl CustomerMappingCreate {
    /// Maps a company to a customer by hand. A suggestion for the company ends; a mapping that a person confirmed stands
    /// in the way. Needs the role OPERATOR.
    async fn customer_mapping_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to map.")] input: CustomerMappingCreateInput,
    ) -> Option<Result<CustomerMappingCreatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        // No record has the nil id, so what is no record's id is answered as one that does not exist.
        let id = |id: &ID, kind| decode_as(id, kind).unwrap_or(Uuid::nil());
        let command = CreateCustomerMapping {
            company_id: id(&input.pax8_company_id, NodeKind::Pax8Company),
            customer_id: id(&input.psa_customer_id, NodeKind::PsaCustomer),
        };
        Some(match services(ctx).mapping.create_customer_mapping(caller(ctx), command).await {
            Ok(mapping) => Ok(CustomerMappingCreatePayload {
                customer_mapping: Some(CustomerMappingObject(mapping)),
                user_errors: Vec::new(),
            }),
            Err(error) => refused(error, name)
                .map(|error| CustomerMappingCreatePayload { customer_mapping: None, user_errors: vec![error] }),
        })
    }
}
