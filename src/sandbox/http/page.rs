//! The page that tells a curious person what the sandbox serves.

use super::credentials::{
    BILLING_PASSWORD, BILLING_USER, PAX8_AUDIENCE, PAX8_CLIENT_ID, PAX8_CLIENT_SECRET, PSA_API_KEY, PSA_TENANT,
};
use crate::sandbox::world::World;

/// The page.
pub fn page(world: &World, origin: &str) -> String {
    let counts = [
        ("companies at Pax8", world.companies.all().len()),
        ("products at Pax8", world.products.all().len()),
        ("subscriptions", world.subscriptions.all().len()),
        ("invoices from Pax8", world.invoices.all().len()),
        ("customers at the PSA", world.customers.all().len()),
        ("items at the PSA", world.psa_products.all().len()),
        ("agreement lines", world.agreement_lines.all().len()),
        ("invoices of the PSA", world.psa_invoices.all().len()),
        ("discrepancies planted", world.planted().len()),
    ];
    let rows: String =
        counts.iter().map(|(what, count)| format!("<tr><td>{what}</td><td>{count}</td></tr>\n")).collect();
    let today = world.today();
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Concord sandbox</title></head>
<body>
<h1>Concord sandbox</h1>
<p>A stand-in for Pax8 and for a PSA, as both were on {today}. Nothing that is sent here reaches either of them.</p>
<h2>Pax8</h2>
<ul>
<li>base address: <code>{origin}/v1</code></li>
<li>token address: <code>{origin}/v1/token</code>, audience <code>{PAX8_AUDIENCE}</code></li>
<li>client id <code>{PAX8_CLIENT_ID}</code>, client secret <code>{PAX8_CLIENT_SECRET}</code></li>
</ul>
<h2>Rev.io PSA</h2>
<ul>
<li>base address: <code>{origin}/psa</code></li>
<li>API key <code>{PSA_API_KEY}</code>, tenant <code>{PSA_TENANT}</code></li>
</ul>
<h2>Rev.io Billing</h2>
<ul>
<li>base address: <code>{origin}/billing/v1</code></li>
<li>user <code>{BILLING_USER}</code>, password <code>{BILLING_PASSWORD}</code></li>
</ul>
<h2>Faults</h2>
<p>Order one, and the next request that it concerns meets it:</p>
<pre>curl -X POST {origin}/sandbox/faults -H 'content-type: application/json' \
  -d '{{"path": "/v1/companies", "status": 503, "times": 2}}'</pre>
<p>Instead of <code>status</code>: <code>"html": "a page"</code>, <code>"drop": true</code>, <code>"delay_milliseconds": 500</code>.
<code>GET /sandbox/faults</code> lists what waits, <code>DELETE /sandbox/faults</code> calls it off,
<code>DELETE /sandbox/tokens</code> revokes every token.</p>
<h2>World</h2>
<table>
{rows}</table>
</body>
</html>
"#
    )
}
