//! What one caller may ask of the server at once. Every number has a default that a person does not meet in normal
//! work, and that keeps a hostile document from costing more than some milliseconds.

use std::num::NonZeroU32;
use std::time::Duration;

/// Limits of the transport; depth and complexity by schema are set on the schema itself.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest body of a request, in bytes. Default 1 MiB; above it: 413.
    pub body_bytes: usize,
    /// Longest time for a body to arrive. Default 30 seconds; above it: 408.
    pub body_timeout: Duration,
    /// Limits on the document itself, checked before it is validated.
    pub document: DocumentLimits,
    /// Longest time a query or mutation may run. Default 60 seconds; above it: 503.
    pub execution_timeout: Duration,
    /// Requests, sockets and operations on sockets of one caller in a minute, as many at once after a pause. Default
    /// 6,000; above it: 429.
    pub requests_per_minute: NonZeroU32,
    /// Queries and mutations of one caller that run at the same time. Default 16; more of them wait.
    pub concurrent_operations: usize,
    /// Longest time an operation waits for its turn. Default 10 seconds; above it: 429.
    pub queue_timeout: Duration,
    /// Event streams and sockets of one caller that are open at the same time. Default 64.
    pub open_streams: usize,
    /// Subscriptions of one caller that are open at the same time, over all its streams and sockets. Default 256; one
    /// more is refused.
    pub open_subscriptions: usize,
    /// How often the token behind an open stream or socket is checked again. Default 30 seconds.
    pub recheck_interval: Duration,
    /// How often an idle event stream or socket is pinged. Default 12 seconds.
    pub ping_interval: Duration,
    /// Limits of one WebSocket.
    pub socket: SocketLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            document: DocumentLimits::default(),
            execution_timeout: Duration::from_secs(60),
            requests_per_minute: NonZeroU32::new(6000).expect("6000 is not zero"),
            concurrent_operations: 16,
            queue_timeout: Duration::from_secs(10),
            open_streams: 64,
            open_subscriptions: 256,
            recheck_interval: Duration::from_secs(30),
            ping_interval: Duration::from_secs(12),
            socket: SocketLimits::default(),
        }
    }
}

/// Limits on a GraphQL document, all counted before validation.
#[derive(Debug, Clone)]
pub struct DocumentLimits {
    /// Length of the document, in bytes. Default 100,000.
    pub bytes: usize,
    /// Tokens of the document. Default 20,000.
    pub tokens: usize,
    /// Brackets inside brackets, of any kind. Default 60, just below what the parser's recursion bears.
    pub nesting: usize,
    /// Selection sets inside selection sets, counted through fragments. Default 30, enough for introspection.
    pub depth: usize,
    /// Selections after every fragment is written out, `__typename` included. Default 10,000.
    pub selections: u64,
    /// Aliases after every fragment is written out. Default 500.
    pub aliases: u64,
    /// Directives after every fragment is written out. Default 500.
    pub directives: u64,
    /// Operations in one document. Default 50.
    pub operations: usize,
    /// Fragments in one document. Default 200.
    pub fragments: usize,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            bytes: 100_000,
            tokens: 20_000,
            nesting: 60,
            depth: 30,
            selections: 10_000,
            aliases: 500,
            directives: 500,
            operations: 50,
            fragments: 200,
        }
    }
}

/// Limits of one WebSocket.
#[derive(Debug, Clone)]
pub struct SocketLimits {
    /// Longest time until `connection_init`. Default 10 seconds; above it the socket closes with 4408.
    pub init_timeout: Duration,
    /// Operations open at the same time on one socket. Default 100; one more gets an `error` message.
    pub operations: usize,
    /// Largest incoming message, in bytes. Default 1 MiB; above it the socket closes with 1009.
    pub message_bytes: usize,
    /// Bytes waiting to be sent, over all operations of the socket. Default 4 MiB; producers wait for room.
    pub outgoing_bytes: usize,
    /// Longest time one message may take to be sent. Default 15 seconds; above it the socket closes with 4413.
    pub stall_timeout: Duration,
    /// Longest time the last message and the close frame may take. Default 10 seconds; then the line is cut.
    pub close_timeout: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(10),
            operations: 100,
            message_bytes: 1024 * 1024,
            outgoing_bytes: 4 * 1024 * 1024,
            stall_timeout: Duration::from_secs(15),
            close_timeout: Duration::from_secs(10),
        }
    }
}
