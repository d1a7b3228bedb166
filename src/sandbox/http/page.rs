//! The page that tells a curious person what the sandbox serves.

use super::credentials::{
    BILLING_PASSWORD, BILLING_USER, ONE_TIME_CODE, PARTNER_USER, PAX8_APP_CLIENT_ID, PAX8_APP_CLIENT_SECRET,
    PAX8_APP_SCOPE, PAX8_AUDIENCE, PAX8_CLIENT_ID, PAX8_CLIENT_SECRET, PSA_API_KEY, PSA_APP_CLIENT_ID,
    PSA_APP_CLIENT_SECRET, PSA_APP_SCOPE, PSA_TENANT, READER_USER, USER_PASSWORD, VENDOR_USER,
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
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Concord sandbox</title>
<style>
body {{ max-width: 860px; margin: 32px auto; padding: 0 24px; color: #1c2733; font: 16px/1.5 system-ui, "Liberation Sans", sans-serif; }}
code, pre {{ font-size: 14px; background: #eef2f6; border-radius: 4px; }}
code {{ padding: 1px 4px; overflow-wrap: anywhere; }}
pre {{ padding: 12px; overflow-x: auto; }}
td {{ padding: 2px 24px 2px 0; }}
</style></head>
<body>
<h1>Concord sandbox</h1>
<p>A stand-in for Pax8 and for a PSA, as both were on {today}. Nothing that is sent here reaches either of them.</p>
<h2>Pax8</h2>
<ul>
<li>base address: <code>{origin}/v1</code></li>
<li>token address: <code>{origin}/v1/token</code>, audience <code>{PAX8_AUDIENCE}</code></li>
<li>client id <code>{PAX8_CLIENT_ID}</code>, client secret <code>{PAX8_CLIENT_SECRET}</code></li>
</ul>
<p>Webhooks are made at <code>{origin}/api/v2/webhooks</code> and sent when somebody asks for it:</p>
<pre>curl -X POST {origin}/sandbox/webhooks/deliver -H 'content-type: application/json' \
  -d '{{"topic": "INVOICE", "times": 1}}'</pre>
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
<h2>Connecting by login</h2>
<p>Both sides are authorization servers as well (authorization code with PKCE), for applications that ask a person:</p>
<ul>
<li>Pax8: <code>{origin}/oauth/pax8/authorize</code>, <code>{origin}/oauth/pax8/token</code>,
<code>{origin}/oauth/pax8/revoke</code>; client id <code>{PAX8_APP_CLIENT_ID}</code>, client secret
<code>{PAX8_APP_CLIENT_SECRET}</code>, audience <code>{PAX8_AUDIENCE}</code>, scope <code>{PAX8_APP_SCOPE}</code></li>
<li>Rev.io PSA: <code>{origin}/oauth/psa/authorize</code>, <code>{origin}/oauth/psa/token</code>,
<code>{origin}/oauth/psa/revoke</code>; client id <code>{PSA_APP_CLIENT_ID}</code>, client secret
<code>{PSA_APP_CLIENT_SECRET}</code>, scope <code>{PSA_APP_SCOPE}</code></li>
<li>About themselves: <code>{origin}/oauth/pax8/.well-known/oauth-authorization-server</code>, and the same for
<code>psa</code></li>
<li>People: <code>{PARTNER_USER}</code> sees everything, <code>{READER_USER}</code> no invoices,
<code>{VENDOR_USER}</code> is a vendor and sees no list; password <code>{USER_PASSWORD}</code>, one-time code
<code>{ONE_TIME_CODE}</code></li>
</ul>
<h2>Faults</h2>
<p>Order one, and the next request that it concerns meets it:</p>
<pre>curl -X POST {origin}/sandbox/faults -H 'content-type: application/json' \
  -d '{{"path": "/v1/companies", "status": 503, "times": 2}}'</pre>
<p>Instead of <code>status</code>: <code>"html": "a page"</code>, <code>"drop": true</code>, <code>"delay_milliseconds": 500</code>.
<code>GET /sandbox/faults</code> lists what waits, <code>DELETE /sandbox/faults</code> calls it off,
<code>DELETE /sandbox/tokens</code> revokes every token and grant, <code>DELETE /sandbox/grants</code> only what people
granted. <code>GET /sandbox/tokens</code> counts the requests for tokens.</p>
<h2>World</h2>
<table>
{rows}</table>
</body>
</html>
"#
    )
}
