//! Lists of mappings and their counts.

use async_graphql::{Context, Enum, ID, InputObject, OutputType, SimpleObject};
use rust_decimal::Decimal as Number;
use rust_decimal::prelude::ToPrimitive as _;

use super::mapping::{
    CustomerMappingConnection, CustomerMappingObject, MappingOrigin, MappingStatus, ProductMappingConnection,
    ProductMappingObject,
};
use super::mapping_preview::{MappingFloor, floor};
use crate::domain::integration::Integration;
use crate::domain::mapping::{Mapping, MappingKind, MappingOrigin as Origin, MappingStatus as Status};
use crate::domain::provider::Side;
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::NodeKind;
use crate::graphql::loader::AccountsOf;
use crate::graphql::loader_mapping::{decode_all, load};
use crate::graphql::page::{self, List, PageArguments, PageParts, SortDirection};
use crate::graphql::scalar::Decimal;
use crate::service::mapping::MappingList;
use crate::service::mapping_files::ImportError;
use crate::storage::mapping::{MappingFilter as Filter, MappingOrder as Order, MappingSort};
use crate::storage::record::{RecordFilter, RecordTable};
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_product::PsaProductTable;

/// Conditions on mappings. A mapping has to satisfy every one that is given.
#[derive(Debug, Clone, Default, InputObject)]
pub struct MappingFilter {
    /// Keeps mappings in any of these statuses.
    statuses: Option<Vec<MappingStatus>>,
    /// Keeps mappings that came about in any of these ways.
    origins: Option<Vec<MappingOrigin>>,
    /// Keeps mappings of any of these Pax8 companies or products; global IDs, at most 100.
    pax8_record_ids: Option<Vec<ID>>,
    /// Keeps mappings of any of these PSA customers or products; global IDs, at most 100.
    psa_record_ids: Option<Vec<ID>>,
    /// Words that all have to occur on either side, in a name or a short code. Case and accents do not matter.
    search: Option<String>,
    /// Least confidence, from `0` to `1`.
    confidence_at_least: Option<Decimal>,
    /// Largest confidence, from `0` to `1`.
    confidence_at_most: Option<Decimal>,
}

impl MappingFilter {
    fn parse(self) -> Result<Filter, Failure> {
        let pax8 = [NodeKind::Pax8Company, NodeKind::Pax8Product];
        let psa = [NodeKind::PsaCustomer, NodeKind::PsaProduct];
        Ok(Filter {
            statuses: self.statuses.map(|statuses| statuses.into_iter().map(Into::into).collect()),
            origins: self.origins.map(|origins| origins.into_iter().map(Into::into).collect()),
            pax8_records: self.pax8_record_ids.map(|ids| decode_all(&ids, &pax8, "pax8RecordIds")).transpose()?,
            psa_records: self.psa_record_ids.map(|ids| decode_all(&ids, &psa, "psaRecordIds")).transpose()?,
            search: self.search,
            confidence_at_least: confidence(self.confidence_at_least, "confidenceAtLeast")?,
            confidence_at_most: confidence(self.confidence_at_most, "confidenceAtMost")?,
        })
    }
}

fn confidence(value: Option<Decimal>, field: &str) -> Result<Option<u32>, Failure> {
    value.map(|value| millionths(value, field)).transpose()
}

/// A confidence from 0 to 1 in millionths.
pub(super) fn millionths(Decimal(value): Decimal, field: &str) -> Result<u32, Failure> {
    let millionths = value.checked_mul(Number::from(1_000_000)).and_then(|value| value.round().to_u32());
    millionths
        .filter(|millionths| *millionths <= 1_000_000 && value >= Number::ZERO)
        .ok_or_else(|| Failure::bad_input(format!("`{field}` must be from 0 to 1.")))
}

/// What a list of mappings can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum MappingOrderField {
    /// How sure the matching was; pairs that a person chose count as surest.
    Confidence,
    /// Name on the Pax8 side.
    #[graphql(name = "PAX8_NAME")]
    Pax8Name,
    /// When the mapping last changed.
    UpdatedAt,
}

/// Order of a list of mappings.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct MappingOrder {
    /// What to sort by.
    field: MappingOrderField,
    /// Direction of the sort.
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl From<MappingOrder> for Order {
    fn from(order: MappingOrder) -> Self {
        let sort = match order.field {
            MappingOrderField::Confidence => MappingSort::Confidence,
            MappingOrderField::Pax8Name => MappingSort::Pax8Name,
            MappingOrderField::UpdatedAt => MappingSort::UpdatedAt,
        };
        Self { sort, is_descending: order.direction == SortDirection::Desc }
    }
}

/// Arguments of a list of mappings.
pub struct MappingArguments {
    /// `filter`.
    pub filter: Option<MappingFilter>,
    /// `orderBy`.
    pub order_by: Option<MappingOrder>,
    /// The rest.
    pub page: PageArguments,
}

async fn mappings<N: OutputType>(
    ctx: &Context<'_>,
    integration: &Integration,
    kind: MappingKind,
    arguments: MappingArguments,
    object: fn(Mapping) -> N,
) -> Result<(PageParts<N>, Option<u64>), Failure> {
    let order: Order = arguments.order_by.map(Into::into).unwrap_or_default();
    let name = match kind {
        MappingKind::Customer => "customer mappings",
        MappingKind::Product => "product mappings",
    };
    let cursors = List::new(name, &order.like()).of(integration.id.0).by(order.sort, order.is_descending);
    let window = arguments.page.window(&cursors)?;
    let filter = arguments.filter.unwrap_or_default().parse()?;
    let list = MappingList { integration_id: integration.id, kind, filter };
    let service = &services(ctx).mapping;
    let slice = service.page(caller(ctx), &list, order, &window).await?;
    let total = match page::is_selected(ctx, "totalCount") {
        true => Some(service.count(caller(ctx), &list).await?),
        false => None,
    };
    Ok((page::parts(slice, &cursors, object), total))
}

/// Customer mappings of an integration.
pub async fn customer_mappings(
    ctx: &Context<'_>,
    integration: &Integration,
    arguments: MappingArguments,
) -> Result<CustomerMappingConnection, Failure> {
    let (parts, total) = mappings(ctx, integration, MappingKind::Customer, arguments, CustomerMappingObject).await?;
    Ok(CustomerMappingConnection::new(parts, total))
}

/// Product mappings of an integration.
pub async fn product_mappings(
    ctx: &Context<'_>,
    integration: &Integration,
    arguments: MappingArguments,
) -> Result<ProductMappingConnection, Failure> {
    let (parts, total) = mappings(ctx, integration, MappingKind::Product, arguments, ProductMappingObject).await?;
    Ok(ProductMappingConnection::new(parts, total))
}

/// Number of mappings that came about in one way.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct MappingOriginCount {
    /// How the mappings came about.
    pub origin: MappingOrigin,
    /// Number of mappings.
    pub count: u64,
}

/// Counts of records and mappings of one kind.
#[derive(Debug, Clone, SimpleObject)]
pub struct MappingSummary {
    /// Records at Pax8.
    pub pax8_count: u64,
    /// Records at the PSA.
    pub psa_count: u64,
    /// Mappings that wait for a decision.
    pub suggested_count: u64,
    /// Fingerprint of the list of mappings that wait for a decision; `mappingConfirmAll` names the list by it.
    pub suggestion_fingerprint: String,
    /// Confirmed mappings.
    pub confirmed_count: u64,
    /// Confirmed mappings, split by how they came about.
    #[graphql(complexity = "cost::list(child_complexity)")]
    pub confirmed_by_origin: Vec<MappingOriginCount>,
    /// Confidence from which pairs are mapped by themselves, as reviews leave it.
    pub floor: MappingFloor,
    /// Rejected mappings.
    pub rejected_count: u64,
    /// Pax8 records with neither a suggested or confirmed mapping nor an exclusion.
    pub unmapped_count: u64,
    /// Pax8 records that are left out of the worklists.
    pub excluded_count: u64,
}

/// Counts for the overview of an integration.
#[derive(Debug, Clone, SimpleObject)]
pub struct IntegrationSummary {
    /// Counts for customers.
    pub customers: MappingSummary,
    /// Counts for products. A product counts as mapped when any of its terms is.
    pub products: MappingSummary,
}

/// Counts for the overview of an integration, as of now.
pub async fn summary(ctx: &Context<'_>, integration: &Integration) -> Result<IntegrationSummary, Failure> {
    Ok(IntegrationSummary {
        customers: kind_summary::<CompanyTable, CustomerTable>(ctx, integration, MappingKind::Customer).await?,
        products: kind_summary::<Pax8ProductTable, PsaProductTable>(ctx, integration, MappingKind::Product).await?,
    })
}

async fn kind_summary<L: RecordTable, R: RecordTable>(
    ctx: &Context<'_>,
    integration: &Integration,
    kind: MappingKind,
) -> Result<MappingSummary, Failure> {
    let (service, caller) = (&services(ctx).mapping, caller(ctx));
    let accounts = load(ctx, |organization| AccountsOf(organization, integration.id)).await?.unwrap_or_default();
    let account = |side| {
        let account = accounts.iter().find(|account| account.side == side).map(|account| account.id);
        account.ok_or_else(|| Failure::Internal { correlation_id: caller.correlation_id.clone() })
    };
    let (pax8, psa) = (account(Side::Pax8)?, account(Side::Psa)?);
    let everything = RecordFilter::default();
    let unmapped = RecordFilter { is_mapped: Some(false), is_excluded: Some(false), ..RecordFilter::default() };
    let excluded = RecordFilter { is_excluded: Some(true), ..RecordFilter::default() };
    let counts = service.status_counts(caller, integration.id, kind).await?;
    let list = service.suggestion_list(caller, integration.id, kind).await?;
    let of_status = |status| counts.iter().filter(move |(known, _, _)| *known == status);
    let origins = [Origin::Automatic, Origin::Manual, Origin::Created];
    let confirmed_by_origin = origins.map(|origin| MappingOriginCount {
        origin: origin.into(),
        count: of_status(Status::Confirmed).filter(|(_, known, _)| *known == origin).map(|(_, _, count)| count).sum(),
    });
    Ok(MappingSummary {
        pax8_count: service.record_count::<L>(caller, pax8, &everything).await?,
        psa_count: service.record_count::<R>(caller, psa, &everything).await?,
        suggested_count: list.count,
        suggestion_fingerprint: list.fingerprint,
        confirmed_count: confirmed_by_origin.iter().map(|origin| origin.count).sum(),
        confirmed_by_origin: confirmed_by_origin.into(),
        floor: floor(ctx, integration, kind).await?,
        rejected_count: of_status(Status::Rejected).map(|(_, _, count)| count).sum(),
        unmapped_count: service.record_count::<L>(caller, pax8, &unmapped).await?,
        excluded_count: service.record_count::<L>(caller, pax8, &excluded).await?,
    })
}

/// Confirmed mappings and exclusions as the files that `mappingsImport` reads.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(name = "MappingFiles")]
pub struct MappingFilesObject {
    /// Text of `customer_mapping.csv`.
    pub customer_mapping_csv: String,
    /// Text of `product_mapping.csv`.
    pub product_mapping_csv: String,
}

/// Mappings and exclusions of an integration as files.
pub async fn mapping_files(ctx: &Context<'_>, integration: &Integration) -> Result<MappingFilesObject, Failure> {
    let caller = caller(ctx);
    match services(ctx).mapping_files.export(caller, integration.id).await {
        Ok(files) => {
            Ok(MappingFilesObject { customer_mapping_csv: files.customers, product_mapping_csv: files.products })
        }
        Err(ImportError::Forbidden(error)) => Err(error.into()),
        Err(ImportError::Internal(error)) => Err(error.into()),
        Err(other) => Err(Failure::bad_input(format!("The mappings cannot be exported: {other}."))),
    }
}
