//! An exclusion: a record left out of the worklists.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::company::Pax8CompanyObject;
use super::customer::PsaCustomerObject;
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use super::record::ExternalRecord;
use crate::domain::integration::Integration;
use crate::domain::mapping::{ExclusionReason as Reason, RecordKind};
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::loader_mapping::{
    CompanyKey, CustomerKey, ExclusionOf, Pax8ProductKey, PsaProductKey, load, load_referred,
};
use crate::service::mapping::ExclusionSuggestion as FoundSuggestion;
use crate::storage::exclusion::Exclusion;

/// Why a record is left out. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Reason")]
pub enum ExclusionReason {
    /// The partner's own use; nothing is billed.
    InternalUse,
    /// Pax8 bills the customer itself; nothing is billed.
    #[graphql(name = "BILLED_BY_PAX8")]
    BilledByPax8,
    /// Not sold on.
    NotResold,
    /// Not a customer yet.
    Prospect,
    /// Another reason, said in the note.
    Other,
}

/// A record that is left out of the worklists, with the reason. It still stands in the coverage of reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExclusionObject(pub Exclusion);

/// A record that is left out of the worklists, with the reason. It still stands in the coverage of reports.
#[Object(name = "Exclusion")]
impl ExclusionObject {
    /// Global ID of the exclusion.
    pub async fn id(&self) -> ID {
        encode(NodeKind::Exclusion, self.0.id.0)
    }

    /// Record that is left out.
    async fn record(&self, ctx: &Context<'_>) -> Result<ExternalRecord, Failure> {
        let id = self.0.record_id;
        Ok(match self.0.record_kind {
            RecordKind::Company => ExternalRecord::Pax8Company(Pax8CompanyObject(
                load_referred(ctx, "company", |organization| CompanyKey(organization, id)).await?,
            )),
            RecordKind::Customer => ExternalRecord::PsaCustomer(PsaCustomerObject(
                load_referred(ctx, "customer", |organization| CustomerKey(organization, id)).await?,
            )),
            RecordKind::Pax8Product => ExternalRecord::Pax8Product(Pax8ProductObject(
                load_referred(ctx, "product", |organization| Pax8ProductKey(organization, id)).await?,
            )),
            RecordKind::PsaProduct => ExternalRecord::PsaProduct(PsaProductObject(
                load_referred(ctx, "item", |organization| PsaProductKey(organization, id)).await?,
            )),
        })
    }

    /// Why.
    async fn reason(&self) -> ExclusionReason {
        self.0.reason.into()
    }

    /// Why, in the words of the person; null when nothing was said.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Name of who left it out.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// Timestamp of when it was left out.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Name of who brought it back; null while it is left out.
    async fn ended_by(&self) -> Option<&str> {
        self.0.ended_by.as_deref()
    }

    /// Timestamp of when it was brought back; null while it is left out.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }
}

/// The exclusion of a record that holds.
pub(super) async fn of_record(ctx: &Context<'_>, id: Uuid) -> Result<Option<ExclusionObject>, Failure> {
    let found = load(ctx, |organization| ExclusionOf(organization, id)).await?.unwrap_or_default();
    Ok(found.into_iter().next().map(ExclusionObject))
}

/// A company for which nothing should be billed, as far as the machine can see. A person decides.
#[derive(Clone, SimpleObject)]
pub struct ExclusionSuggestion {
    /// Company at Pax8.
    pub pax8_company: Pax8CompanyObject,
    /// Why it should be left out.
    pub reason: ExclusionReason,
}

/// Companies that look like the MSP's own, or that Pax8 bills itself.
pub(super) async fn exclusion_suggestions(
    ctx: &Context<'_>,
    integration: &Integration,
) -> Result<Vec<ExclusionSuggestion>, Failure> {
    let found = services(ctx).mapping.exclusion_suggestions(caller(ctx), integration.id).await?;
    let companies = found.iter().map(|suggestion| {
        let id = suggestion.company_id;
        load(ctx, move |organization| CompanyKey(organization, id))
    });
    // All at once, so that they wait for the same statement.
    let companies = futures_util::future::try_join_all(companies).await?;
    let suggestion = |(found, company): (&FoundSuggestion, Option<_>)| {
        Some(ExclusionSuggestion { pax8_company: Pax8CompanyObject(company?), reason: found.reason.into() })
    };
    Ok(found.iter().zip(companies).filter_map(suggestion).collect())
}
