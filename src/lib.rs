//! Concord keeps a cloud marketplace (Pax8) and an MSP's PSA in agreement: it connects both, syncs and maps customers
//! and products, and proves every month, to the cent, that what Pax8 charged was billed to the right customer.
//!
//! This page is the map of the house. The README says what the product does; here is how it is built.
//!
//! # Map
//!
//! ```text
//!             people and programs                          Pax8            PSA
//!                     |                                      ^              ^
//!   http        router, who calls, GraphQL over              |              |
//!               HTTP, WebSocket and SSE, GraphiQL     connector   one trait for a marketplace, one for a PSA
//!                     |                                      ^
//!   graphql     input -> command, outcome -> payload         |
//!                     |                                      |
//!   service     use cases: permission, transaction, audit ---+--- job   workers with leases, schedules
//!                |                   |
//!   domain      words and rules    engine   matching and billing: pure, exact, deterministic
//!                |
//!   storage     rows <-> domain types, on SQLite and PostgreSQL (entity, migration)
//! ```
//!
//! Beside them: [`secret`] (keys, sealing, tokens, redaction), [`report`] (a report as text, CSV, JSON, workbook and page),
//! [`sandbox`] (stand-ins for Pax8 and a PSA), [`cli`] (one file per command), [`app`] (the one place that puts it
//! together) and [`environment`] (time and ids, passed in everywhere else), [`digest`] (bytes as text), and [`spreadsheet`]
//! (CSV for people, whose texts no spreadsheet runs).
//!
//! Where is the place for a change?
//!
//! | change | place |
//! |---|---|
//! | what a reconciliation expects, or calls wrong | [`engine::billing`], with a text fixture in `tests/fixtures/billing` |
//! | what makes two records the same | [`engine::matching`], with a text fixture in `tests/fixtures/matching` |
//! | a quirk of a provider | its folder in [`connector`]: `wire.rs` is what it sends, `convert.rs` what we make of it |
//! | a new PSA | a new folder in [`connector::psa`] and a value of [`domain::provider::ConnectorKind`] |
//! | what a decision, a rule that hides or a closed month means | [`domain::decision`], [`domain::suppression`], [`domain::closing`] |
//! | how a provider is convinced that we may act | [`connector::oauth`]; tokens that outlive a process: [`service::kept_tokens`] |
//! | the way of a person to a provider and back | [`service::setup`] (`authorization.rs`), and [`http::authorization`] for the page |
//! | who is let in | [`service::access`], and [`service::user`] with [`secret::jwt`] for the users of an issuer |
//! | who may do what, and what is remembered of it | the use case in [`service`] |
//! | what a message of a provider makes us read again | [`domain::webhook`]; taking it is [`service::webhook`] |
//! | a field or an operation of the API | [`graphql`]: objects, queries, one file per mutation |
//! | a table | `migration`, `entity` and the repository in [`storage`] |
//!
//! # Invariants
//!
//! Each has a test (`tests/it/tidy.rs` reads the source for the first five).
//!
//! - [`domain`] and [`engine`] know no database, network, clock, randomness or GraphQL, and are not `async`.
//! - No binary float touches an amount or a quantity. [`domain::money`] calculates in integers and says what does not
//!   fit; storage keeps what a provider sent as text with every digit, and what we computed as millionths in 64 bits.
//! - Only [`storage`] names the entities; only `connector/http.rs` builds HTTP clients; only [`graphql`] and [`http`]
//!   name the GraphQL library.
//! - Time and ids come in as arguments.
//! - Types of [`domain`] are not serialized: what crosses a border has its own type there.
//! - Every table carries its organization, and unique keys and foreign keys begin with it. Another tenant's id is
//!   answered like one that does not exist.
//! - A remote call never happens inside a transaction. On SQLite a transaction that may write holds the one write lock.
//! - A refresh token is good for one use: nobody renews without the lease, a renewed token is stored before it is used, and
//!   a renewal that has begun is carried to its end.
//! - A report foots: per currency and side, its classes add up to the source lines, to the last digit; otherwise there is
//!   no report.
//! - Cost is not price: they are different types, and cost is shown to FINANCE alone.
//!
//! # A sync, step by step
//!
//! 1. `syncRunStart` becomes [`service::sync::SyncService::start`]: role, both accounts connected, then one transaction
//!    with the run, its job, its first event and the audit entry. A partial unique index allows one active run.
//! 2. A worker of [`job`] claims the job: a lease with a number that grows. Its heartbeat renews the lease; every
//!    transaction of the job checks the number, so that a worker that slept cannot write over its successor.
//! 3. For each list (companies, products, subscriptions ...) the service fetches a page outside any transaction and
//!    applies it inside one, together with counters, checkpoint, issues and event. [`storage::source`] compares content
//!    hashes: new records are added, changed ones get a new version, unchanged ones are touched. Killed anywhere, the run
//!    goes on from its checkpoint, and reading a page twice changes nothing.
//! 4. A list that was read completely marks what it no longer found as gone; nothing is deleted.
//! 5. [`service::mapping`] hands both sides and all past decisions to [`engine::matching`] and stores suggestions and
//!    candidates. What people decided stays.
//! 6. The last transaction ends run and job. Whoever follows `syncRunEvents` has read every event from storage by its
//!    number, woken by a notification or by a look every two seconds, and sees the stream complete.
//!
//! # A reconciliation, step by step
//!
//! 1. `reconciliationRunStart` stores a run for some months and a job, as above.
//! 2. The worker streams invoices, lines, histories, agreements, prices, mappings and exclusions out of [`storage`] into
//!    an [`engine::billing::InputBuilder`], which keeps compact lines with interned names.
//! 3. [`engine::billing::reconcile`] computes, per customer, item, month and currency, what was charged, what should have
//!    been billed and what was; names every difference; and refuses to return when the books do not foot.
//! 4. The report is stored once: its rows for queries, its canonical JSON compressed beside them, its fingerprint over
//!    everything that went in. The same inputs find the report that is already there.
//! 5. In the transaction that ends the run, the report is compared with the run before, speaks from now on for those of
//!    its months that are not closed, and the discrepancies take their new states by [`domain::decision`]: found otherwise
//!    than a decision covers, reopened; found by no report that speaks for a month, closed; hidden or shown by the rules
//!    that held when it was made. What people do between two reports ([`service::discrepancy`], [`service::closing`]) takes
//!    the same locks in the same order: month, discrepancies by id, audit.

pub mod app;
pub mod cli;
pub mod connector;
pub mod digest;
pub mod domain;
pub mod engine;
pub mod environment;
pub mod graphql;
pub mod http;
pub mod job;
pub mod report;
pub mod sandbox;
pub mod secret;
pub mod service;
pub mod spreadsheet;
pub mod storage;
