//! What a report was made from, as one number: equal fingerprints mean equal inputs, policy, day and version.

use std::fmt;
use std::hash::{Hash, Hasher};

use ring::digest::{Context, SHA256};

use super::ENGINE_VERSION;
use super::input::Input;
use super::policy::Policy;

/// SHA-256 over the canonical inputs, mappings, policy, day and engine version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Feeds `Hash` implementations to SHA-256, with fixed widths and byte order so that every machine agrees.
struct Digester {
    context: Context,
    buffer: Vec<u8>,
}

const BUFFER: usize = 1 << 16;

impl Digester {
    fn new() -> Self {
        Self { context: Context::new(&SHA256), buffer: Vec::with_capacity(BUFFER + 64) }
    }

    fn finish_bytes(mut self) -> [u8; 32] {
        self.context.update(&self.buffer);
        self.context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

impl Hasher for Digester {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.context.update(&self.buffer);
            self.buffer.clear();
        }
    }

    fn write_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }

    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }

    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }

    fn write_u128(&mut self, value: u128) {
        self.write(&value.to_le_bytes());
    }

    fn write_usize(&mut self, value: usize) {
        self.write(&(value as u64).to_le_bytes());
    }

    fn write_i32(&mut self, value: i32) {
        self.write(&value.to_le_bytes());
    }

    fn write_i64(&mut self, value: i64) {
        self.write(&value.to_le_bytes());
    }

    fn write_i128(&mut self, value: i128) {
        self.write(&value.to_le_bytes());
    }

    fn write_isize(&mut self, value: isize) {
        self.write(&(value as i64).to_le_bytes());
    }
}

pub(super) fn of_input(input: &Input) -> [u8; 32] {
    let mut digester = Digester::new();
    (input.first.first_day(), input.last.first_day(), input.as_of).hash(&mut digester);
    input.companies.ids.hash(&mut digester);
    input.companies.rows.hash(&mut digester);
    input.customers.ids.hash(&mut digester);
    input.customers.rows.hash(&mut digester);
    input.products.ids.hash(&mut digester);
    input.products.rows.hash(&mut digester);
    input.items.ids.hash(&mut digester);
    input.items.rows.hash(&mut digester);
    input.subscriptions.ids.hash(&mut digester);
    input.subscriptions.rows.hash(&mut digester);
    input.agreements.ids.hash(&mut digester);
    input.agreement_lines.ids.hash(&mut digester);
    input.agreement_lines.rows.hash(&mut digester);
    input.vendor_invoices.ids.hash(&mut digester);
    input.vendor_invoices.rows.hash(&mut digester);
    input.psa_invoices.ids.hash(&mut digester);
    input.psa_invoices.rows.hash(&mut digester);
    for (at, line) in input.vendor_lines.iter().enumerate() {
        (input.vendor_line_ids.get(at), line).hash(&mut digester);
    }
    for (at, line) in input.psa_lines.iter().enumerate() {
        (input.psa_line_ids.get(at), line).hash(&mut digester);
    }
    input.book_prices.hash(&mut digester);
    input.list_prices.hash(&mut digester);
    input.company_rules.hash(&mut digester);
    input.product_rules.hash(&mut digester);
    input.excluded_companies.hash(&mut digester);
    input.excluded_customers.hash(&mut digester);
    input.excluded_products.hash(&mut digester);
    digester.finish_bytes()
}

pub(super) fn of_report(input: &Input, policy: &Policy) -> Fingerprint {
    let mut digester = Digester::new();
    ENGINE_VERSION.hash(&mut digester);
    input.digest.hash(&mut digester);
    policy.hash(&mut digester);
    Fingerprint(digester.finish_bytes())
}
