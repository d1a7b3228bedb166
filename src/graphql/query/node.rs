//! `viewer`, `node` and `nodes`.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::domain::access::Role;
use crate::domain::id::{DiscrepancyId, ReportId};
use crate::domain::mapping::MappingKind;
use crate::graphql::context::{caller, require};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode};
use crate::graphql::loader_mapping::{CompanyKey, CustomerKey, Pax8ProductKey, PsaProductKey, load};
use crate::graphql::loader_node::{
    AccountKey, ApiTokenKey, AuditEventKey, ExclusionKey, IntegrationKey, ReconciliationRunKey, SubscriptionKey,
    SuppressionRuleKey, SyncRunKey,
};
use crate::graphql::object::account::ProviderAccountObject;
use crate::graphql::object::api_token::ApiTokenObject;
use crate::graphql::object::audit_event::AuditEventObject;
use crate::graphql::object::company::Pax8CompanyObject;
use crate::graphql::object::customer::PsaCustomerObject;
use crate::graphql::object::discrepancy::DiscrepancyObject;
use crate::graphql::object::exclusion::ExclusionObject;
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::mapping;
use crate::graphql::object::node::Node;
use crate::graphql::object::pax8_product::Pax8ProductObject;
use crate::graphql::object::psa_product::PsaProductObject;
use crate::graphql::object::reconciliation_run::ReconciliationRunObject;
use crate::graphql::object::report::ReconciliationReportObject;
use crate::graphql::object::subscription::Pax8SubscriptionObject;
use crate::graphql::object::suppression_rule::SuppressionRuleObject;
use crate::graphql::object::sync_run::SyncRunObject;
use crate::graphql::record_loader::{DiscrepancyKey, ReportKey};

/// An object, nothing, or why it could not be read.
type Answer = Option<Result<Node, Failure>>;

/// Most ids that are looked up at once.
const MAX_IDS: usize = 100;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Role")]
pub enum UserRole {
    /// May read everything but cost and margin.
    Viewer,
    /// May also sync and map.
    Operator,
    /// May also read cost and margin, and decide about discrepancies.
    Finance,
    /// May also buy and change licenses.
    Buyer,
    /// May do everything.
    Admin,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct Viewer {
    /// Name of the token that is used, or of the user whose token of an issuer it is.
    pub display_name: String,
    /// Roles as granted. ADMIN includes every role, every role includes VIEWER.
    pub roles: Vec<UserRole>,
}

/// `viewer`, `node` and `nodes`.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Caller.
    async fn viewer(&self, ctx: &Context<'_>) -> Viewer {
        let caller = caller(ctx);
        Viewer { display_name: caller.actor.name().to_owned(), roles: caller.roles.iter().map(Into::into).collect() }
    }

    /// Object with this global ID; null when it does not exist or is not visible to the caller. Of audit events and API
    /// tokens it needs the role ADMIN.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the object.")] id: ID,
    ) -> Option<Result<Node, Failure>> {
        find(ctx, &id).await.transpose()
    }

    /// Objects with these global IDs, in the same order, with null where there is none. At most 100. Of audit
    /// events and API tokens it needs the role ADMIN.
    #[graphql(complexity = "cost::each(ids.len(), child_complexity)")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global IDs of the objects.")] ids: Vec<ID>,
    ) -> Option<Result<Vec<Answer>, Failure>> {
        if ids.len() > MAX_IDS {
            return Some(Err(Failure::bad_input(format!("Give at most {MAX_IDS} IDs, not {}.", ids.len()))));
        }
        // Together, so that a loader sees all ids of its kind before it reads.
        Some(Ok(join_all(ids.iter().map(async |id| find(ctx, id).await.transpose())).await))
    }
}

async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, Failure> {
    let Some((kind, id)) = decode(id) else { return Ok(None) };
    find_kind(ctx, kind, id).await
}

/// The object of a kind; every kind that a client can hold is answered here.
pub(crate) async fn find_kind(ctx: &Context<'_>, kind: NodeKind, id: Uuid) -> Result<Option<Node>, Failure> {
    require(ctx, Role::Viewer)?;
    Ok(match kind {
        NodeKind::Integration => {
            let found = load(ctx, |organization| IntegrationKey(organization, id)).await?;
            found.map(|integration| Node::Integration(IntegrationObject(integration)))
        }
        NodeKind::ProviderAccount => {
            let found = load(ctx, |organization| AccountKey(organization, id)).await?;
            found.map(|account| Node::ProviderAccount(ProviderAccountObject(account)))
        }
        NodeKind::SyncRun => {
            let found = load(ctx, |organization| SyncRunKey(organization, id)).await?;
            found.map(|run| Node::SyncRun(SyncRunObject(run)))
        }
        NodeKind::AuditEvent => {
            require(ctx, Role::Admin)?;
            let found = load(ctx, |organization| AuditEventKey(organization, id)).await?;
            found.map(|event| Node::AuditEvent(AuditEventObject(event)))
        }
        NodeKind::ApiToken => {
            require(ctx, Role::Admin)?;
            let found = load(ctx, |organization| ApiTokenKey(organization, id)).await?;
            found.map(|token| Node::ApiToken(ApiTokenObject(token)))
        }
        NodeKind::Pax8Company => {
            let found = load(ctx, |organization| CompanyKey(organization, id)).await?;
            found.map(|stored| Node::Pax8Company(Pax8CompanyObject(stored)))
        }
        NodeKind::PsaCustomer => {
            let found = load(ctx, |organization| CustomerKey(organization, id)).await?;
            found.map(|stored| Node::PsaCustomer(PsaCustomerObject(stored)))
        }
        NodeKind::Pax8Product => {
            let found = load(ctx, |organization| Pax8ProductKey(organization, id)).await?;
            found.map(|stored| Node::Pax8Product(Pax8ProductObject(stored)))
        }
        NodeKind::PsaProduct => {
            let found = load(ctx, |organization| PsaProductKey(organization, id)).await?;
            found.map(|stored| Node::PsaProduct(PsaProductObject(stored)))
        }
        NodeKind::CustomerMapping => mapping::find(ctx, MappingKind::Customer, id).await?.map(mapping::node),
        NodeKind::ProductMapping => mapping::find(ctx, MappingKind::Product, id).await?.map(mapping::node),
        NodeKind::Exclusion => {
            let found = load(ctx, |organization| ExclusionKey(organization, id)).await?;
            found.map(|exclusion| Node::Exclusion(ExclusionObject(exclusion)))
        }
        NodeKind::ReconciliationRun => {
            let found = load(ctx, |organization| ReconciliationRunKey(organization, id)).await?;
            found.map(|run| Node::ReconciliationRun(ReconciliationRunObject(run)))
        }
        NodeKind::ReconciliationReport => {
            let found = load(ctx, |organization| ReportKey(organization, ReportId(id))).await?;
            let report = found.map(|stored| ReconciliationReportObject::read(ctx, stored)).transpose()?;
            report.map(Node::ReconciliationReport)
        }
        NodeKind::Discrepancy => {
            let found = load(ctx, |organization| DiscrepancyKey(organization, DiscrepancyId(id))).await?;
            found.map(|discrepancy| Node::Discrepancy(DiscrepancyObject(discrepancy)))
        }
        NodeKind::SuppressionRule => {
            let found = load(ctx, |organization| SuppressionRuleKey(organization, id)).await?;
            found.map(|rule| Node::SuppressionRule(SuppressionRuleObject(rule)))
        }
        NodeKind::Pax8Subscription => {
            let found = load(ctx, |organization| SubscriptionKey(organization, id)).await?;
            found.map(|(integration_id, stored)| {
                Node::Pax8Subscription(Pax8SubscriptionObject { stored, integration_id })
            })
        }
    })
}
