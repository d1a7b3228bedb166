//! An integration.

#![expect(clippy::too_many_arguments, reason = "the arguments of a list are those of its resolver")]

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::account::ProviderAccountObject;
use super::company::{Pax8CompanyConnection, companies};
use super::customer::{PsaCustomerConnection, customers};
use super::duplicate::{DuplicateCustomers, duplicate_customers};
use super::exclusion::{ExclusionSuggestion, exclusion_suggestions};
use super::mapping::{CustomerMappingConnection, MappingKind, ProductMappingConnection};
use super::mapping_list::{
    IntegrationSummary, MappingArguments, MappingFilesObject, MappingFilter, MappingOrder, customer_mappings,
    mapping_files, product_mappings, summary,
};
use super::mapping_preview::{MappingPreview, preview};
use super::pax8_product::{Pax8ProductConnection, pax8_products};
use super::psa_product::{PsaProductConnection, psa_products};
use super::record::{RecordArguments, RecordFilter, RecordOrder};
use super::sync_run::{SyncRunConnection, SyncRunObject};
use crate::domain::integration::{Integration, SetupStage as Stage, WritePolicy as Policy};
use crate::domain::provider::Side;
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::loader::{AccountsOf, StoreLoader};
use crate::graphql::page::{self, List, PageArguments, page_types};
use crate::graphql::scalar::{Decimal, TimeZone};
use crate::storage::page::SortValue;

/// Stage of the set-up wizard, in order. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Stage")]
pub enum SetupStage {
    /// Nothing is connected yet.
    InitialConfiguration,
    /// Pax8 is to be connected.
    #[graphql(name = "CONNECT_PAX8")]
    ConnectPax8,
    /// The PSA is to be connected.
    ConnectPsa,
    /// Settings are to be chosen.
    Settings,
    /// The first sync is to run.
    FirstSync,
    /// Mappings that the machine made are to be reviewed.
    ReviewAutomatic,
    /// Records without a mapping are to be mapped or excluded.
    MapManually,
    /// Records without a counterpart are to be created or excluded.
    CreateMissing,
    /// Everything is to be confirmed.
    ReviewAll,
    /// Set-up is done.
    Complete,
}

/// What may be written to the other systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Policy")]
pub enum WritePolicy {
    /// Nothing; the default until set-up is complete.
    ReadOnly,
    /// What a person approved.
    Review,
    /// What the plan says.
    Automatic,
}

/// When syncs start by themselves.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct SyncSchedule {
    /// Cron expression of five fields; `0 * * * *` (every hour) by default.
    pub cron: String,
    /// Time zone that the expression is read in.
    pub time_zone: TimeZone,
    /// Whether scheduled syncs run.
    pub is_enabled: bool,
    /// Timestamp of the next planned start; null when none is planned.
    pub next_run_at: Option<DateTime<Utc>>,
}

/// What an integration syncs, and when.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct IntegrationSettings {
    /// Whether traffic with the providers is recorded, with secrets removed.
    pub debug: bool,
    /// Timestamp of when recording switches itself off; null while it is off.
    pub debug_until: Option<DateTime<Utc>>,
    /// When syncs start by themselves.
    pub schedule: SyncSchedule,
    /// Whether customers are synced.
    pub sync_customers: bool,
    /// Whether products are synced.
    pub sync_products: bool,
    /// Confidence from `0` to `1` from which the machine maps a pair by itself; `0.98` by default.
    pub mapping_floor: Decimal,
}

/// One Pax8 account joined with one PSA account, and everything that belongs to the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationObject(pub Integration);

impl IntegrationObject {
    async fn account(&self, ctx: &Context<'_>, side: Side) -> Result<ProviderAccountObject, Failure> {
        let loader = ctx.data_unchecked::<DataLoader<StoreLoader>>();
        let key = AccountsOf(self.0.organization_id, self.0.id);
        let correlation_id = &caller(ctx).correlation_id;
        let accounts = loader.load_one(key).await.map_err(|error| error.logged(correlation_id))?.unwrap_or_default();
        let account = accounts.into_iter().find(|account| account.side == side);
        account.map(ProviderAccountObject).ok_or_else(|| Failure::Internal { correlation_id: correlation_id.clone() })
    }
}

/// One Pax8 account joined with one PSA account, and everything that belongs to the pair.
#[Object(name = "Integration")]
impl IntegrationObject {
    /// Global ID of the integration.
    pub async fn id(&self) -> ID {
        encode(NodeKind::Integration, self.0.id.0)
    }

    /// Name chosen by a person.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether operations without an integration use this one.
    async fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// Stage of the set-up wizard.
    async fn setup_stage(&self) -> SetupStage {
        self.0.setup_stage.into()
    }

    /// What may be written to the other systems.
    async fn write_policy(&self) -> WritePolicy {
        self.0.write_policy.into()
    }

    /// Account at the Pax8 marketplace.
    async fn pax8_account(&self, ctx: &Context<'_>) -> Result<ProviderAccountObject, Failure> {
        self.account(ctx, Side::Pax8).await
    }

    /// Account at the PSA.
    async fn psa_account(&self, ctx: &Context<'_>) -> Result<ProviderAccountObject, Failure> {
        self.account(ctx, Side::Psa).await
    }

    /// What is synced, and when.
    async fn settings(&self) -> IntegrationSettings {
        let settings = &self.0.settings;
        IntegrationSettings {
            debug: settings.is_debug,
            debug_until: settings.debug_until,
            schedule: SyncSchedule {
                cron: settings.schedule_cron.clone(),
                time_zone: TimeZone(settings.schedule_time_zone),
                is_enabled: settings.is_schedule_enabled,
                next_run_at: self.0.next_run_at,
            },
            sync_customers: settings.syncs_customers,
            sync_products: settings.syncs_products,
            mapping_floor: Decimal::of_millionths(settings.mapping_floor),
        }
    }

    /// Sync runs, latest first.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn sync_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<SyncRunConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(
            async {
                let like = [SortValue::Instant(DateTime::UNIX_EPOCH), SortValue::Id(Uuid::nil())];
                let list = List::new("sync runs", &like).of(self.0.id.0);
                let window = page.window(&list)?;
                let sync = &services(ctx).sync;
                let slice = sync.page(caller(ctx), self.0.id, &window).await?;
                let total = match page::is_selected(ctx, "totalCount") {
                    true => Some(sync.count(caller(ctx), self.0.id).await?),
                    false => None,
                };
                Ok(SyncRunConnection::new(page::parts(slice, &list, SyncRunObject), total))
            }
            .await,
        )
    }

    /// Companies known at Pax8 as of the last sync.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn pax8_companies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the companies that satisfy every given condition.")] filter: Option<RecordFilter>,
        #[graphql(desc = "Order of the list; by name when omitted.")] order_by: Option<RecordOrder>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<Pax8CompanyConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(companies(ctx, &self.0, RecordArguments { filter, order_by, page }).await)
    }

    /// Products known at Pax8 as of the last sync.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn pax8_products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the products that satisfy every given condition.")] filter: Option<RecordFilter>,
        #[graphql(desc = "Order of the list; by name when omitted.")] order_by: Option<RecordOrder>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<Pax8ProductConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(pax8_products(ctx, &self.0, RecordArguments { filter, order_by, page }).await)
    }

    /// Customers known at the PSA as of the last sync.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn psa_customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the customers that satisfy every given condition.")] filter: Option<RecordFilter>,
        #[graphql(desc = "Order of the list; by name when omitted.")] order_by: Option<RecordOrder>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<PsaCustomerConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(customers(ctx, &self.0, RecordArguments { filter, order_by, page }).await)
    }

    /// Products known at the PSA as of the last sync.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn psa_products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the products that satisfy every given condition.")] filter: Option<RecordFilter>,
        #[graphql(desc = "Order of the list; by name when omitted.")] order_by: Option<RecordOrder>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<PsaProductConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(psa_products(ctx, &self.0, RecordArguments { filter, order_by, page }).await)
    }

    /// Mappings between Pax8 companies and PSA customers, in every status unless filtered.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn customer_mappings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the mappings that satisfy every given condition.")] filter: Option<MappingFilter>,
        #[graphql(desc = "Order of the list; least confident first when omitted.")] order_by: Option<MappingOrder>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<CustomerMappingConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(customer_mappings(ctx, &self.0, MappingArguments { filter, order_by, page }).await)
    }

    /// Mappings between Pax8 products, for a term, and PSA products, in every status unless filtered.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn product_mappings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the mappings that satisfy every given condition.")] filter: Option<MappingFilter>,
        #[graphql(desc = "Order of the list; least confident first when omitted.")] order_by: Option<MappingOrder>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<ProductMappingConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(product_mappings(ctx, &self.0, MappingArguments { filter, order_by, page }).await)
    }

    /// Companies that look like the MSP's own, or that Pax8 bills itself, and are not excluded yet. A person decides
    /// with `exclusionCreate`.
    #[graphql(complexity = "cost::matching(cost::list(child_complexity))")]
    async fn exclusion_suggestions(&self, ctx: &Context<'_>) -> Option<Result<Vec<ExclusionSuggestion>, Failure>> {
        Some(exclusion_suggestions(ctx, &self.0).await)
    }

    /// Customers of the PSA that duplicate one to which a company belongs.
    #[graphql(complexity = "cost::matching(cost::list(child_complexity))")]
    async fn duplicate_customers(&self, ctx: &Context<'_>) -> Option<Result<Vec<DuplicateCustomers>, Failure>> {
        Some(duplicate_customers(ctx, &self.0).await)
    }

    /// What another floor of automatic mapping would do, with past decisions replayed. Nothing is changed; the floor itself
    /// is a setting of the integration.
    #[graphql(complexity = "cost::matching(child_complexity)")]
    async fn mapping_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which mappings.")] kind: MappingKind,
        #[graphql(desc = "Confidence from `0` to `1` from which pairs would be mapped by themselves.")] floor: Decimal,
    ) -> Option<Result<MappingPreview, Failure>> {
        Some(preview(ctx, &self.0, kind, floor).await)
    }

    /// Counts for the overview, as of now.
    #[graphql(complexity = "cost::statements(child_complexity)")]
    async fn summary(&self, ctx: &Context<'_>) -> Option<Result<IntegrationSummary, Failure>> {
        Some(summary(ctx, &self.0).await)
    }

    /// Confirmed mappings and exclusions as files; imported again they change nothing.
    #[graphql(complexity = "cost::statements(child_complexity)")]
    async fn mapping_files(&self, ctx: &Context<'_>) -> Option<Result<MappingFilesObject, Failure>> {
        Some(mapping_files(ctx, &self.0).await)
    }

    /// Grows by one with every change. Pass it back to make sure that nothing changed in between.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Timestamp of when the integration was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Timestamp of when set-up was completed; null before.
    async fn completed_at(&self) -> Option<DateTime<Utc>> {
        self.0.completed_at
    }
}

page_types!(IntegrationConnection, IntegrationEdge, IntegrationObject);
