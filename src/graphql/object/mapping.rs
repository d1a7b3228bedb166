//! Mappings of customers and of products.

use async_graphql::{Context, Enum, ID, Interface};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::company::Pax8CompanyObject;
use super::customer::PsaCustomerObject;
use super::explanation::{MatchConfidence, MatchExplanation};
use super::node::Node;
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use crate::domain::mapping::{
    Mapping as Stored, MappingKind as Kind, MappingOrigin as Origin, MappingRole as Role, MappingStatus as Status,
};
use crate::graphql::error::Failure;
use crate::graphql::loader_mapping::{
    CompanyKey, CustomerKey, MappingsOfPax8, MappingsOfPsa, Pax8ProductKey, PsaProductKey, load, load_referred,
};
use crate::graphql::loader_node::MappingKey;
use crate::graphql::page::page_types;
use crate::graphql::scalar::Decimal;

/// What a mapping joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum MappingKind {
    /// A company at Pax8 and a customer at the PSA.
    Customer,
    /// A product at Pax8, for a term, and a product of the PSA.
    Product,
}

/// Whether a mapping holds. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum MappingStatus {
    /// The matching mapped it by itself; waits for a review. It counts in reports, but nothing is written to another
    /// system on the strength of it.
    Suggested,
    /// Holds: sync and billing rely on it.
    Confirmed,
    /// Does not hold, and the pair is never proposed again.
    Rejected,
    /// Taken away without a judgement about the pair.
    Removed,
}

/// How a mapping came about. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Origin")]
pub enum MappingOrigin {
    /// The matching found the pair.
    Automatic,
    /// A person chose the pair, or imported it.
    Manual,
    /// The record on the other side was made from this one.
    Created,
}

/// What a product mapping means for billing. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Role")]
pub enum MappingRole {
    /// The item bills the product.
    Billed,
    /// The product is part of a bundle: its quantity is compared, its price expects nothing.
    Included,
}

/// Declares the object of a mapping with the fields that both have, followed by its own.
macro_rules! mapping_object {
    ($(#[$doc:meta])* $object:ident, $name:literal, $kind:ident, { $($fields:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $object(pub Stored);

        $(#[$doc])*
        #[async_graphql::Object(name = $name)]
        impl $object {
            /// Global ID of the mapping.
            pub async fn id(&self) -> ID {
                crate::graphql::id::encode(crate::graphql::id::NodeKind::$kind, self.0.id.0)
            }

            /// Whether the mapping holds.
            pub async fn status(&self) -> MappingStatus {
                self.0.state.status().into()
            }

            /// How the mapping came about.
            pub async fn origin(&self) -> MappingOrigin {
                self.0.origin.into()
            }

            /// How sure the matching was; null when a person chose the pair.
            pub async fn confidence(&self) -> Option<MatchConfidence> {
                self.0.state.evidence().map(|evidence| MatchConfidence::of_millionths(evidence.confidence))
            }

            /// Why the matching proposed the pair; null when a person chose the pair.
            pub async fn explanation(&self) -> Option<MatchExplanation> {
                self.0.state.evidence().and_then(MatchExplanation::of_evidence)
            }

            /// Name of who decided; null while suggested.
            pub async fn decided_by(&self) -> Option<&str> {
                self.0.state.decision().map(|decision| decision.decided_by.as_str())
            }

            /// Timestamp of the decision; null while suggested.
            pub async fn decided_at(&self) -> Option<DateTime<Utc>> {
                self.0.state.decision().map(|decision| decision.decided_at)
            }

            /// Why it was decided so, in the words of who decided; null when nothing was said.
            pub async fn reason(&self) -> Option<&str> {
                self.0.state.decision().and_then(|decision| decision.reason.as_deref())
            }

            /// Grows by one with every change. Pass it back to make sure that nothing changed in between.
            pub async fn version(&self) -> i64 {
                self.0.version
            }

            /// Timestamp of when the mapping came into being.
            pub async fn created_at(&self) -> DateTime<Utc> {
                self.0.created_at
            }

            /// Timestamp of the last change.
            pub async fn updated_at(&self) -> DateTime<Utc> {
                self.0.updated_at
            }

            $($fields)*
        }
    };
}

mapping_object! {
    /// The statement that a Pax8 company and a PSA customer are the same, and what people decided about it.
    CustomerMappingObject, "CustomerMapping", CustomerMapping, {
        /// Company at Pax8.
        async fn pax8_company(&self, ctx: &Context<'_>) -> Result<Pax8CompanyObject, Failure> {
            let id = self.0.pax8_record_id;
            Ok(Pax8CompanyObject(load_referred(ctx, "company", |organization| CompanyKey(organization, id)).await?))
        }

        /// Customer at the PSA.
        async fn psa_customer(&self, ctx: &Context<'_>) -> Result<PsaCustomerObject, Failure> {
            let id = self.0.psa_record_id;
            Ok(PsaCustomerObject(load_referred(ctx, "customer", |organization| CustomerKey(organization, id)).await?))
        }
    }
}

mapping_object! {
    /// The statement that a Pax8 product, at a term, is billed as a product of the PSA, and what people decided about it.
    ProductMappingObject, "ProductMapping", ProductMapping, {
        /// Product at Pax8.
        async fn pax8_product(&self, ctx: &Context<'_>) -> Result<Pax8ProductObject, Failure> {
            let id = self.0.pax8_record_id;
            Ok(Pax8ProductObject(load_referred(ctx, "product", |organization| Pax8ProductKey(organization, id)).await?))
        }

        /// Product at the PSA.
        async fn psa_product(&self, ctx: &Context<'_>) -> Result<PsaProductObject, Failure> {
            let id = self.0.psa_record_id;
            Ok(PsaProductObject(load_referred(ctx, "item", |organization| PsaProductKey(organization, id)).await?))
        }

        /// Billing term that the mapping is for, such as `Monthly` or `Annual`; null for every term.
        async fn billing_term(&self) -> Option<&str> {
            Some(self.0.scope.billing_term.as_str()).filter(|term| !term.is_empty())
        }

        /// Commitment that the mapping is for, such as `Monthly` or `1-Year`; null for every commitment.
        async fn commitment_term(&self) -> Option<&str> {
            Some(self.0.scope.commitment_term.as_str()).filter(|term| !term.is_empty())
        }

        /// ID at the PSA of the customer that the mapping is limited to, and wins for; null for every customer.
        async fn limited_to_psa_customer_external_id(&self) -> Option<&str> {
            Some(self.0.scope.customer.as_str()).filter(|customer| !customer.is_empty())
        }

        /// Units of the PSA product for one unit at Pax8; `1` by default.
        async fn factor(&self) -> Decimal {
            Decimal(self.0.factor)
        }

        /// What the mapping means for billing.
        async fn role(&self) -> MappingRole {
            self.0.role.into()
        }
    }
}

page_types!(CustomerMappingConnection, CustomerMappingEdge, CustomerMappingObject);
page_types!(ProductMappingConnection, ProductMappingEdge, ProductMappingObject);

/// The statement that a Pax8 record and a PSA record stand for the same thing, and what people decided about it.
#[expect(clippy::duplicated_attributes, reason = "two fields of an interface may have one type")]
#[derive(Debug, Clone, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Global ID of the mapping."),
    field(name = "status", ty = "MappingStatus", desc = "Whether the mapping holds."),
    field(name = "origin", ty = "MappingOrigin", desc = "How the mapping came about."),
    field(
        name = "confidence",
        ty = "Option<MatchConfidence>",
        desc = "How sure the matching was; null when a person chose the pair."
    ),
    field(
        name = "explanation",
        ty = "Option<MatchExplanation>",
        desc = "Why the matching proposed the pair; null when a person chose the pair."
    ),
    field(name = "decided_by", ty = "Option<&str>", desc = "Name of who decided; null while suggested."),
    field(
        name = "decided_at",
        ty = "Option<DateTime<Utc>>",
        desc = "Timestamp of the decision; null while suggested."
    ),
    field(
        name = "reason",
        ty = "Option<&str>",
        desc = "Why it was decided so, in the words of who decided; null when nothing was said."
    ),
    field(
        name = "version",
        ty = "i64",
        desc = "Grows by one with every change. Pass it back to make sure that nothing changed in between."
    ),
    field(name = "created_at", ty = "DateTime<Utc>", desc = "Timestamp of when the mapping came into being."),
    field(name = "updated_at", ty = "DateTime<Utc>", desc = "Timestamp of the last change.")
)]
pub enum Mapping {
    /// See the type.
    CustomerMapping(CustomerMappingObject),
    /// See the type.
    ProductMapping(ProductMappingObject),
}

impl From<Stored> for Mapping {
    fn from(mapping: Stored) -> Self {
        match mapping.kind {
            Kind::Customer => Self::CustomerMapping(CustomerMappingObject(mapping)),
            Kind::Product => Self::ProductMapping(ProductMappingObject(mapping)),
        }
    }
}

/// A mapping as any object with an id.
pub fn node(mapping: Stored) -> Node {
    match mapping.kind {
        Kind::Customer => Node::CustomerMapping(CustomerMappingObject(mapping)),
        Kind::Product => Node::ProductMapping(ProductMappingObject(mapping)),
    }
}

/// Active mappings of a Pax8 record.
pub(super) async fn of_pax8(ctx: &Context<'_>, id: Uuid) -> Result<Vec<Stored>, Failure> {
    Ok(load(ctx, |organization| MappingsOfPax8(organization, id)).await?.unwrap_or_default())
}

/// Active mappings of a PSA record.
pub(super) async fn of_psa(ctx: &Context<'_>, id: Uuid) -> Result<Vec<Stored>, Failure> {
    Ok(load(ctx, |organization| MappingsOfPsa(organization, id)).await?.unwrap_or_default())
}

/// The mapping with an id of this kind.
pub async fn find(ctx: &Context<'_>, kind: Kind, id: Uuid) -> Result<Option<Stored>, Failure> {
    let found = load(ctx, |organization| MappingKey(organization, id)).await?;
    Ok(found.filter(|mapping| mapping.kind == kind))
}
