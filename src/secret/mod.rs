//! What must not be seen: keys, sealed values, API tokens, and the redaction of texts on their way to a log.
//!
//! Nothing here knows about rows, requests or providers. A value is sealed for the row it belongs to, so that text
//! copied into another row does not open; and every type that holds a secret has a `Debug` that hides it.

mod index;
pub mod jwt;
pub mod key;
mod key_file;
pub mod known;
pub mod random;
pub mod redact;
pub mod token;

pub use key::{KeyError, KeyFile, KeyRing, OpenError, Sealed};
pub use known::{hide_known, remember, remember_for_good};
pub use random::{CountingRandom, Random, SystemRandom, unguessable};
pub use redact::{REDACTED, redact, redact_header};
pub use token::{ApiToken, NotAToken};
