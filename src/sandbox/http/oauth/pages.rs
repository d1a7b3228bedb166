//! The pages that a person sees: logging in, the second factor, the consent, and why it does not go on. Plain forms
//! without script, and nothing from a request is shown unescaped.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use url::{Host, Url};

use super::request::AuthorizationRequest;
use super::side::{Person, Side};
use crate::sandbox::http::credentials;
use crate::sandbox::http::reply;

/// What every page of a request needs.
#[derive(Clone, Copy)]
pub struct Sheet<'a> {
    /// Whose page it is.
    pub side: Side,
    /// The request.
    pub request: &'a AuthorizationRequest,
    /// Id of the step, for the hidden field.
    pub transaction: &'a str,
}

const STYLE: &str = include_str!("style.css");

impl Sheet<'_> {
    /// Asks for user and password, after a wrong answer with that sentence.
    pub fn password(self, user: &str, complaint: Option<&str>) -> Response {
        let fields = format!(
            r#"<label for="user">Email</label>
<input id="user" name="user" type="email" autocomplete="username" required autofocus value="{user}"{marks}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{marks}>
<button class="main" type="submit">Log in</button>"#,
            user = escaped(user),
            marks = marks(complaint),
        );
        let hint = format!(
            "<p class=\"hint\">A stand-in, for testing. Users: <code>{}</code>, <code>{}</code>, <code>{}</code>. \
             Password: <code>{}</code></p>",
            credentials::PARTNER_USER,
            credentials::READER_USER,
            credentials::VENDOR_USER,
            credentials::USER_PASSWORD,
        );
        let intro = "<p>Concord sent you here. Log in to go on.</p>";
        self.form("Log in", "login", intro, complaint, &fields, &hint)
    }

    /// Asks for the one-time code, after a wrong answer with that sentence.
    pub fn code(self, person: &Person, complaint: Option<&str>) -> Response {
        let fields = format!(
            r#"<label for="code">One-time code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required autofocus{marks}>
<button class="main" type="submit">Continue</button>"#,
            marks = marks(complaint),
        );
        let hint = format!(
            "<p class=\"hint\">A stand-in, for testing. The code is always <code>{}</code></p>",
            credentials::ONE_TIME_CODE
        );
        let intro = format!("<p>Enter the code that your authenticator shows for <b>{}</b>.</p>", person.user);
        self.form("Check that it is you", "code", &intro, complaint, &fields, &hint)
    }

    /// Asks for the decision.
    pub fn consent(self, person: &Person) -> Response {
        let asked = |name: &&str| self.side.scopes().iter().find(|scope| scope.name == *name);
        let scopes: String =
            self.request.scopes.iter().filter_map(asked).map(|scope| format!("<li>{}</li>\n", scope.plain)).collect();
        let intro = format!(
            "<p><b>Concord</b> asks for access to the {side} account <b>{account}</b>, as <b>{user}</b>. It would be \
             able to:</p>\n<ul>\n{scopes}</ul>\n<p class=\"quiet\">You return to <code>{way_back}</code></p>",
            side = self.side.title(),
            account = person.account,
            user = person.user,
            way_back = escaped(&self.request.way_back.redirect_uri),
        );
        let fields = r#"<button class="main" type="submit" name="choice" value="accept">Accept</button>
<button type="submit" name="choice" value="deny">Deny</button>"#;
        self.form("Give access to Concord", "consent", &intro, None, fields, "")
    }

    fn form(self, title: &str, step: &str, intro: &str, complaint: Option<&str>, fields: &str, hint: &str) -> Response {
        let complaint = complaint.map_or_else(String::new, |sentence| {
            format!("<p class=\"complaint\" id=\"complaint\" role=\"alert\">{}</p>\n", escaped(sentence))
        });
        let body = format!(
            r#"<h1>{title}</h1>
{intro}
{complaint}<form method="post" action="/oauth/{side}/authorize/{step}">
<input type="hidden" name="transaction" value="{transaction}">
{fields}
</form>
{hint}"#,
            side = self.side.name(),
            transaction = escaped(self.transaction),
        );
        let returns_to = form_target(&self.request.way_back.redirect_uri);
        page(self.side, title, StatusCode::OK, &body, &format!("'self' {returns_to}"))
    }
}

/// Says why it does not go on, to the person alone.
pub fn dead_end(side: Side, sentence: &str) -> Response {
    let body = format!(
        "<h1>This did not work</h1>\n<p role=\"alert\">{}</p>\n<p class=\"quiet\">Close this page, and begin again in \
         the application that sent you here.</p>",
        escaped(sentence)
    );
    page(side, "This did not work", StatusCode::BAD_REQUEST, &body, "'none'")
}

/// Sends the browser back to the application.
pub fn redirect(location: &str) -> Response {
    let mut response = reply::html(StatusCode::SEE_OTHER, String::new());
    let headers = response.headers_mut();
    match HeaderValue::from_str(location) {
        Ok(location) => headers.insert(LOCATION, location),
        // A registered address that is no address; it cannot have come from a request.
        Err(_) => return reply::html(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn page(side: Side, title: &str, status: StatusCode, body: &str, forms: &str) -> Response {
    let text = format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - {side} (sandbox)</title>
<style>
{STYLE}</style>
</head>
<body class="{name}">
<header>{side} <span>sandbox</span></header>
<main>
{body}
</main>
</body>
</html>
"#,
        side = side.title(),
        name = side.name(),
    );
    let mut response = reply::html(status, text);
    let headers = response.headers_mut();
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    );
    // What is not a header value names no origin that a form could lead to, so the strictest policy is right.
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Where the browser may go from a form: browsers hold the redirect that answers it to the policy too.
fn form_target(redirect_uri: &str) -> String {
    match Url::parse(redirect_uri) {
        // The policy has no way to write an IPv6 address.
        Ok(uri) if matches!(uri.host(), Some(Host::Ipv6(_))) => format!("{}:", uri.scheme()),
        Ok(uri) if uri.origin().is_tuple() => uri.origin().ascii_serialization(),
        Ok(uri) => format!("{}:", uri.scheme()),
        Err(_) => String::new(),
    }
}

fn marks(complaint: Option<&str>) -> &'static str {
    if complaint.is_some() { " aria-invalid=\"true\" aria-describedby=\"complaint\"" } else { "" }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
        safe
    })
}
