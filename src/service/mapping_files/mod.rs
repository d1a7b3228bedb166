//! Mappings, exclusions and prices as files: `customer_mapping.csv`, `product_mapping.csv` and `price_book.csv`. An
//! export that is imported again changes nothing; a row that cannot be used is reported with file, line and reason, and
//! nothing else is lost.
//!
//! What a row of a mapping file means:
//! - with an id of the PSA, the pair is confirmed; the machine's own suggestion for the same charges ends;
//! - without one, there is no counterpart: a suggestion is taken away and does not come back by itself; with the
//!   relation `undecided` the row says nothing about the mapping;
//! - `billable` `no` leaves the company out as INTERNAL_USE, or as BILLED_BY_PAX8 when Pax8 bills it or the relation is
//!   `bill_on_behalf`; the column `exclusion` names any other reason.
//!
//! A row in the band `candidate`, as `concord match` writes it, is a proposal that nobody confirmed, and is read like one
//! with the relation `undecided`.
//!
//! What a person confirmed before is never overruled silently: such a row is rejected, unless the import is told to
//! replace, and then counted as replaced.

mod export;
mod format;
mod import;
mod plan;
mod prices;

pub use export::MappingFiles;
pub(in crate::service) use export::UNDECIDED;
pub(in crate::service) use format::{
    CANDIDATE, CUSTOMERS, CustomerRow, PRICES, PRODUCTS, ProductRow, read_customers, read_prices, read_products,
    write_customers, write_matched_customers, write_matched_products, write_products,
};
pub use format::{FileError, RejectedRow};
pub use import::{ImportError, ImportMappings, ImportSummary, ImportedFile};
pub use plan::Precedence;
pub use prices::{ImportPrices, ImportedPrices};

use super::Core;

/// Mappings, exclusions and prices as files.
#[derive(Clone)]
pub struct MappingFilesService {
    core: Core,
}

impl MappingFilesService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }
}
