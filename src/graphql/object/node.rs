//! The interface of every object with a global id.

use async_graphql::{ID, Interface};

use super::account::ProviderAccountObject;
use super::api_token::ApiTokenObject;
use super::audit_event::AuditEventObject;
use super::company::Pax8CompanyObject;
use super::customer::PsaCustomerObject;
use super::discrepancy::DiscrepancyObject;
use super::exclusion::ExclusionObject;
use super::integration::IntegrationObject;
use super::mapping::{CustomerMappingObject, ProductMappingObject};
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use super::reconciliation_run::ReconciliationRunObject;
use super::report::ReconciliationReportObject;
use super::subscription::Pax8SubscriptionObject;
use super::suppression_rule::SuppressionRuleObject;
use super::sync_run::SyncRunObject;

/// An object with a global ID.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global ID of the object."))]
pub enum Node {
    /// See the type.
    Integration(IntegrationObject),
    /// See the type.
    ProviderAccount(ProviderAccountObject),
    /// See the type.
    SyncRun(SyncRunObject),
    /// See the type.
    AuditEvent(AuditEventObject),
    /// See the type.
    Pax8Company(Pax8CompanyObject),
    /// See the type.
    PsaCustomer(PsaCustomerObject),
    /// See the type.
    Pax8Product(Pax8ProductObject),
    /// See the type.
    PsaProduct(PsaProductObject),
    /// See the type.
    CustomerMapping(CustomerMappingObject),
    /// See the type.
    ProductMapping(ProductMappingObject),
    /// See the type.
    Exclusion(ExclusionObject),
    /// See the type.
    ReconciliationRun(ReconciliationRunObject),
    /// See the type.
    ReconciliationReport(ReconciliationReportObject),
    /// See the type.
    Discrepancy(DiscrepancyObject),
    /// See the type.
    Pax8Subscription(Pax8SubscriptionObject),
    /// See the type.
    SuppressionRule(SuppressionRuleObject),
    /// See the type.
    ApiToken(ApiTokenObject),
}
