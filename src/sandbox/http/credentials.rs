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

/// Client id of the application that asks people for access to Pax8.
pub const PAX8_APP_CLIENT_ID: &str = "sandbox-pax8-app";
/// Client secret of the application that asks people for access to Pax8.
pub const PAX8_APP_CLIENT_SECRET: &str = "sandbox-pax8-app-secret";
/// Scopes with which an application reads Pax8 and stays connected.
pub const PAX8_APP_SCOPE: &str = "Manage:Pax8Data offline_access";
/// Client id of the application that asks people for access to the PSA.
pub const PSA_APP_CLIENT_ID: &str = "sandbox-psa-app";
/// Client secret of the application that asks people for access to the PSA.
pub const PSA_APP_CLIENT_SECRET: &str = "sandbox-psa-app-secret";
/// Scopes with which an application reads the PSA and stays connected.
pub const PSA_APP_SCOPE: &str = "psa:read offline_access";

/// A person who may see everything, at either side.
pub const PARTNER_USER: &str = "partner@lanternfield.example";
/// A person of a vendor, who may log in and grant, and then sees no list of a partner.
pub const VENDOR_USER: &str = "vendor@cloudmaker.example";
/// A person of the partner without the permission for invoices.
pub const READER_USER: &str = "reader@lanternfield.example";
/// Password of all three persons.
pub const USER_PASSWORD: &str = "sandbox-login";
/// One-time code of all three persons, every time.
pub const ONE_TIME_CODE: &str = "000000";
