//! Rev.io PSA: customers and contacts from its PSA surface, products, agreements and invoices from the Billing
//! surface behind it; which surface serves which entity is a setting, and so is every path and every field.

mod auth;
mod client;
mod convert;
mod settings;
mod surface;
pub mod wire;

pub use client::Revio;
pub use settings::{
    AgreementFields, AgreementLineFields, BillingSettings, ContactFields, CustomerFields, EntitySurface, Fields,
    InvoiceFields, InvoiceLineFields, Limits, Paging, Paths, ProductFields, REQUESTS_PER_MINUTE, RevioSecrets,
    RevioSettings, Surface,
};

/// The provider as people call it.
pub const PROVIDER: &str = "Rev.io PSA";
/// The part of it with credentials of its own: whoever reads a refusal has to know whose they were.
pub const BILLING: &str = "Rev.io Billing";
