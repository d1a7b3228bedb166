//! Pax8's partner API, read with client credentials or with the consent of a person.
//!
//! What its documents do not say, or say otherwise than the wire, is numbered here; each reading one has a test of that
//! number in `tests/it/connector_pax8_quirks.rs`.
//!
//! | # | what is odd | where it is dealt with |
//! |---|---|---|
//! | 1 | `commitment` on the wire, `commitmentTerm` in the document | `convert::subscription` takes either |
//! | 2 | an empty list may lack `content` | `wire::List` |
//! | 3 | an order's `orderedBy` reads `Pax8Partner` and is written `Pax8 Partner` | applies to writing orders, and to reading them back, both of which come with buying |
//! | 4 | `1-Time` beside `One-Time` | `BillingTerm::parse` folds both, here on subscriptions and lines |
//! | 5 | an order line lacks `lineItemNumber` when read | applies to orders, which come with buying |
//! | 6 | a company may lack `selfServiceAllowed`, `phone`, `orderApprovalRequired` | every field is optional |
//! | 7 | contacts carry `phoneNumber` and a calling code | read where `phone` is missing |
//! | 8 | words differ in case, `_`, `-` and blanks | `json::folded` before comparing |
//! | 9 | usage lines have pages though the document has none | read as pages |
//! | 10 | usage summaries below a subscription lack `companyId` | the subscription asked for is filled in |
//! | 11 | `vendorSku` in three shapes | kept as text; matching takes it apart |
//! | 12 | an annual term goes with a commitment named `1-Year` | both kept as written |
//! | 13 | an invoice's `status` is not in the document and may be new | read; unknown ones are kept and noted |
//! | 14 | an order may have a `status` | applies to orders, which come with buying |
//! | 15 | the history may be a bare array | `wire::List` |
//! | 16 | `cancelDate` wants a date-time | applies to cancelling, which comes with buying |
//! | 17 | an update needs only one of its fields | applies to changing a subscription, which comes with buying |
//! | 18 | fewer seats only within seven days; long texts to copy exactly | applies to ordering and changing, which come with buying |
//! | 19 | the draft's path is `draftItems` | `client` |
//! | 20 | more than 200 records a page is undefined | `Pax8Settings::bounded_page_size` |
//! | 21 | contacts have no path of their own | read below their company; the verbs apply to writing, which comes later |
//! | 22 | counters do not always add up | only `totalPages` ends a list, and records are counted (`paging`) |
//! | 23 | names differ by segment | names are kept whole; matching tells them apart |
//! | 24 | `externalId` may hold something else than a PSA's id | kept as the partner's reference, trusted by nobody here |
//! | 25 | old lines lack `subscriptionId`, `salesTax`, `vendorName`, currency | optional; the currency is the invoice's |

mod client;
pub mod convert;
mod paging;
mod settings;
mod webhook;
pub mod wire;

pub use client::{Pax8, client_credentials, price_page};
pub use settings::{Pax8Proof, Pax8Settings, REQUESTS_PER_MINUTE};

/// The provider as people call it.
pub const PROVIDER: &str = "Pax8";
