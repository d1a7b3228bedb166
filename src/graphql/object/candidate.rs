//! Possible partners of a Pax8 record that nobody mapped.

use async_graphql::{Context, Object};
use uuid::Uuid;

use super::customer::PsaCustomerObject;
use super::explanation::{MatchConfidence, MatchExplanation};
use super::psa_product::PsaProductObject;
use crate::graphql::error::Failure;
use crate::graphql::loader_mapping::{CandidatesOf, CustomerKey, PsaProductKey, load, load_referred};
use crate::storage::candidate::Candidate;

/// A PSA customer that may be the same as a Pax8 company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerMappingCandidate(Candidate);

/// A PSA customer that may be the same as a Pax8 company.
#[Object]
impl CustomerMappingCandidate {
    /// Customer at the PSA.
    async fn psa_customer(&self, ctx: &Context<'_>) -> Result<PsaCustomerObject, Failure> {
        let id = self.0.psa_record_id;
        Ok(PsaCustomerObject(load_referred(ctx, "customer", |organization| CustomerKey(organization, id)).await?))
    }

    /// How sure the matching is.
    async fn confidence(&self) -> MatchConfidence {
        MatchConfidence::of_millionths(self.0.evidence.confidence)
    }

    /// Why; null for reasons of an earlier version that cannot be read any more.
    async fn explanation(&self) -> Option<MatchExplanation> {
        MatchExplanation::of_evidence(&self.0.evidence)
    }
}

/// A PSA product that may be the same as a Pax8 product at one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductMappingCandidate(Candidate);

/// A PSA product that may be the same as a Pax8 product at one term.
#[Object]
impl ProductMappingCandidate {
    /// Product at the PSA.
    async fn psa_product(&self, ctx: &Context<'_>) -> Result<PsaProductObject, Failure> {
        let id = self.0.psa_record_id;
        Ok(PsaProductObject(load_referred(ctx, "item", |organization| PsaProductKey(organization, id)).await?))
    }

    /// Billing term, such as `Monthly`; null for the whole product.
    async fn billing_term(&self) -> Option<&str> {
        Some(self.0.scope.billing_term.as_str()).filter(|term| !term.is_empty())
    }

    /// Commitment, such as `1-Year`; null for the whole product.
    async fn commitment_term(&self) -> Option<&str> {
        Some(self.0.scope.commitment_term.as_str()).filter(|term| !term.is_empty())
    }

    /// How sure the matching is.
    async fn confidence(&self) -> MatchConfidence {
        MatchConfidence::of_millionths(self.0.evidence.confidence)
    }

    /// Why; null for reasons of an earlier version that cannot be read any more.
    async fn explanation(&self) -> Option<MatchExplanation> {
        MatchExplanation::of_evidence(&self.0.evidence)
    }
}

async fn candidates(ctx: &Context<'_>, id: Uuid) -> Result<Vec<Candidate>, Failure> {
    Ok(load(ctx, |organization| CandidatesOf(organization, id)).await?.unwrap_or_default())
}

/// Candidates of a company.
pub(super) async fn customers_for(ctx: &Context<'_>, id: Uuid) -> Result<Vec<CustomerMappingCandidate>, Failure> {
    Ok(candidates(ctx, id).await?.into_iter().map(CustomerMappingCandidate).collect())
}

/// Candidates of a product.
pub(super) async fn products_for(ctx: &Context<'_>, id: Uuid) -> Result<Vec<ProductMappingCandidate>, Failure> {
    Ok(candidates(ctx, id).await?.into_iter().map(ProductMappingCandidate).collect())
}
