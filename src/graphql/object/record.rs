//! What companies, customers and products have in common: conditions, orders, pages, addresses.

use async_graphql::{Context, Enum, InputObject, OutputType, SimpleObject};

use super::account::Provider;
use crate::domain::integration::Integration;
use crate::domain::mapping::RecordKind;
use crate::domain::provider::Side;
use crate::domain::record::Address;
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::loader::AccountsOf;
use crate::graphql::loader_mapping::load;
use crate::graphql::page::{self, List, PageArguments, PageParts, SortDirection};
use crate::storage::record::{RecordFilter as Filter, RecordOrder as Order, RecordSort, RecordTable};
use crate::storage::source::Stored;

/// A postal address. Every part may be missing.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PostalAddress {
    /// Street and number.
    pub street: Option<String>,
    /// Additional address line.
    pub street2: Option<String>,
    /// City or town.
    pub city: Option<String>,
    /// State, province or region, as code or name.
    pub state_or_province: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country, as a two-letter code where the provider gives one.
    pub country_code: Option<String>,
}

impl From<&Address> for PostalAddress {
    fn from(address: &Address) -> Self {
        Self {
            street: address.street.clone(),
            street2: address.street2.clone(),
            city: address.city.clone(),
            state_or_province: address.region.clone(),
            postal_code: address.postal_code.clone(),
            country_code: address.country.clone(),
        }
    }
}

/// Conditions on records. A record has to satisfy every one that is given.
#[derive(Debug, Clone, Default, InputObject)]
pub struct RecordFilter {
    /// Words that all have to occur in the name, the external ID, the domain, the SKU or another short code. Case and
    /// accents do not matter.
    search: Option<String>,
    /// Whether the record has a suggested or confirmed mapping.
    is_mapped: Option<bool>,
    /// Whether the record is left out of the worklists.
    is_excluded: Option<bool>,
    /// Whether the record was gone at the last complete sync. Records that are gone are left out when omitted.
    is_archived: Option<bool>,
}

impl From<RecordFilter> for Filter {
    fn from(filter: RecordFilter) -> Self {
        Self {
            search: filter.search,
            is_mapped: filter.is_mapped,
            is_excluded: filter.is_excluded,
            is_archived: filter.is_archived,
        }
    }
}

/// What a list of records can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum RecordOrderField {
    /// Name of the record.
    Name,
    /// When the record was last read from the provider.
    LastSyncedAt,
}

/// Order of a list of records.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct RecordOrder {
    /// What to sort by.
    field: RecordOrderField,
    /// Direction of the sort.
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl From<RecordOrder> for Order {
    fn from(order: RecordOrder) -> Self {
        let sort = match order.field {
            RecordOrderField::Name => RecordSort::Name,
            RecordOrderField::LastSyncedAt => RecordSort::LastSeenAt,
        };
        Self { sort, is_descending: order.direction == SortDirection::Desc }
    }
}

/// Arguments of a list of records.
pub struct RecordArguments {
    /// `filter`.
    pub filter: Option<RecordFilter>,
    /// `orderBy`.
    pub order_by: Option<RecordOrder>,
    /// The rest.
    pub page: PageArguments,
}

/// A page of an integration's records of one side, with their number where it was asked for.
pub async fn records<T: RecordTable, N: OutputType>(
    ctx: &Context<'_>,
    integration: &Integration,
    side: Side,
    arguments: RecordArguments,
    object: fn(Stored<T::Record>) -> N,
) -> Result<(PageParts<N>, Option<u64>), Failure> {
    let order: Order = arguments.order_by.map(Into::into).unwrap_or_default();
    let name = match T::RECORD {
        RecordKind::Company => "companies",
        RecordKind::Customer => "customers",
        RecordKind::Pax8Product => "Pax8 products",
        RecordKind::PsaProduct => "PSA products",
    };
    let list = List::new(name, &order.like()).of(integration.id.0).by(order.sort, order.is_descending);
    let window = arguments.page.window(&list)?;
    let filter: Filter = arguments.filter.unwrap_or_default().into();
    let accounts = load(ctx, |organization| AccountsOf(organization, integration.id)).await?.unwrap_or_default();
    let account = accounts.into_iter().find(|account| account.side == side);
    let correlation_id = &caller(ctx).correlation_id;
    let account = account.ok_or_else(|| Failure::Internal { correlation_id: correlation_id.clone() })?;
    let mapping = &services(ctx).mapping;
    let slice = mapping.records::<T>(caller(ctx), account.id, &filter, order, &window).await?;
    let total = match page::is_selected(ctx, "totalCount") {
        true => Some(mapping.record_count::<T>(caller(ctx), account.id, &filter).await?),
        false => None,
    };
    Ok((page::parts(slice, &list, object), total))
}

/// Declares the object of a record with the fields that all records have, followed by its own. Lists stand apart,
/// because what they cost can only be said in here: an attribute from outside would not find its variable.
macro_rules! record_object {
    (
        $(#[$doc:meta])* $object:ident($record:ty), $name:literal, $kind:ident, $provider:ident,
        { $($fields:tt)* },
        lists { $($(#[$list_doc:meta])* async fn $list:ident(&$this:ident, $ctx:ident) -> $item:ty $body:block)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $object(pub $crate::storage::source::Stored<$record>);

        $(#[$doc])*
        #[async_graphql::Object(name = $name)]
        impl $object {
            /// Global ID of the record.
            pub async fn id(&self) -> async_graphql::ID {
                $crate::graphql::id::encode($crate::graphql::id::NodeKind::$kind, self.0.identity.id)
            }

            /// Provider that the record comes from.
            pub async fn provider(&self) -> $crate::graphql::object::account::Provider {
                $crate::graphql::object::account::Provider::$provider
            }

            /// ID of the record at the provider.
            pub async fn external_id(&self) -> &str {
                &self.0.identity.external_id
            }

            /// Name of the record at the provider.
            pub async fn name(&self) -> &str {
                &self.0.record.name
            }

            /// Timestamp of when the record was first read from the provider.
            pub async fn first_synced_at(&self) -> chrono::DateTime<chrono::Utc> {
                self.0.identity.first_seen_at
            }

            /// Timestamp of when the record was last read from the provider.
            pub async fn last_synced_at(&self) -> chrono::DateTime<chrono::Utc> {
                self.0.identity.last_seen_at
            }

            /// Whether the record was gone at the last complete sync.
            pub async fn is_archived(&self) -> bool {
                self.0.identity.gone_at.is_some()
            }

            /// SHA-256 of what the provider sent, in hexadecimal; changes when the record does.
            pub async fn content_hash(&self) -> &str {
                &self.0.identity.content_hash
            }

            /// Why the record is left out of the worklists; null when it is not.
            async fn exclusion(
                &self,
                ctx: &async_graphql::Context<'_>,
            ) -> Option<Result<$crate::graphql::object::exclusion::ExclusionObject, $crate::graphql::error::Failure>> {
                $crate::graphql::object::exclusion::of_record(ctx, self.0.identity.id).await.transpose()
            }

            $($fields)*

            $(
                $(#[$list_doc])*
                #[graphql(complexity = "crate::graphql::cost::list(child_complexity)")]
                async fn $list(
                    &$this,
                    $ctx: &async_graphql::Context<'_>,
                ) -> Option<Result<Vec<$item>, $crate::graphql::error::Failure>> $body
            )*
        }
    };
}
pub(super) use record_object;

/// A customer or product as one provider knows it, in the state of the last sync.
#[expect(clippy::duplicated_attributes, reason = "two fields of an interface may have one type")]
#[derive(Clone, async_graphql::Interface)]
#[graphql(
    field(name = "id", ty = "async_graphql::ID", desc = "Global ID of the record."),
    field(name = "provider", ty = "Provider", desc = "Provider that the record comes from."),
    field(name = "external_id", ty = "&str", desc = "ID of the record at the provider."),
    field(name = "name", ty = "&str", desc = "Name of the record at the provider."),
    field(
        name = "first_synced_at",
        ty = "chrono::DateTime<chrono::Utc>",
        desc = "Timestamp of when the record was first read from the provider."
    ),
    field(
        name = "last_synced_at",
        ty = "chrono::DateTime<chrono::Utc>",
        desc = "Timestamp of when the record was last read from the provider."
    ),
    field(name = "is_archived", ty = "bool", desc = "Whether the record was gone at the last complete sync."),
    field(
        name = "content_hash",
        ty = "&str",
        desc = "SHA-256 of what the provider sent, in hexadecimal; changes when the record does."
    )
)]
pub enum ExternalRecord {
    /// See the type.
    Pax8Company(super::company::Pax8CompanyObject),
    /// See the type.
    PsaCustomer(super::customer::PsaCustomerObject),
    /// See the type.
    Pax8Product(super::pax8_product::Pax8ProductObject),
    /// See the type.
    PsaProduct(super::psa_product::PsaProductObject),
}
