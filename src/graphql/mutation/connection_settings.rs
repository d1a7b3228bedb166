//! Inputs as settings of a connector, for every way of connecting.

use serde_json::{Map, Value};

/// Settings under the names of the connector's own settings; what was left out keeps the connector's default.
pub(super) fn settings(parts: Vec<(&str, Option<Value>)>) -> Map<String, Value> {
    parts.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect()
}

/// Further settings that were given as text; the error is a sentence.
pub(super) fn advanced_settings(text: Option<&str>) -> Result<Map<String, Value>, String> {
    match text.map(serde_json::from_str) {
        None => Ok(Map::new()),
        Some(Ok(advanced)) => Ok(advanced),
        Some(Err(error)) => Err(format!("The advanced settings are not a JSON object: {error}.")),
    }
}

/// What can be said of a Rev.io account.
#[derive(Default)]
pub(super) struct RevioParts {
    pub tenant: Option<String>,
    pub api_base: Option<String>,
    pub auth_url: Option<String>,
    pub billing_base_url: Option<String>,
    pub billing_user: Option<String>,
    pub requests_per_minute: Option<u32>,
    pub advanced: Map<String, Value>,
}

/// The settings of a Rev.io account.
pub(super) fn revio_settings(parts: RevioParts) -> Map<String, Value> {
    // The Billing surface is used when a user of it is named.
    let billing = parts.billing_user.map(|user| {
        let base_url = parts.billing_base_url.map(Into::into);
        Value::Object(settings(vec![("base_url", base_url), ("user", Some(user.into()))]))
    });
    let limits = parts
        .requests_per_minute
        .map(|requests| Value::Object(settings(vec![("requests_per_minute", Some(requests.into()))])));
    let mut all = parts.advanced;
    all.extend(settings(vec![
        ("tenant", parts.tenant.map(Into::into)),
        ("api_base", parts.api_base.map(Into::into)),
        ("auth_url", parts.auth_url.map(Into::into)),
        ("billing", billing),
        ("limits", limits),
    ]));
    all
}
