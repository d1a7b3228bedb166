//! The credentials that the sandbox accepts. They are printed and documented: they open nothing but a stand-in.

/// Client id for the token endpoint of Pax8.
pub const PAX8_CLIENT_ID: &str = "sandbox-client";
/// Client secret for the token endpoint of Pax8.
pub const PAX8_CLIENT_SECRET: &str = "sandbox-client-secret";
/// The only audience for which the token endpoint of Pax8 gives tokens.
pub const PAX8_AUDIENCE: &str = "https://api.pax8.com";
/// API key for the PSA's exchange.
pub const PSA_API_KEY: &str = "sandbox-api-key";
/// Tenant of the PSA, as it stands in the header `X-Revio-Host`.
pub const PSA_TENANT: &str = "lanternfield.psarev.io";
/// User of Billing.
pub const BILLING_USER: &str = "sandbox@lanternfield";
/// Password of Billing.
pub const BILLING_PASSWORD: &str = "sandbox-password";
