//! Webhooks at Pax8: making, finding, deleting and trying them.
//!
//! Their API lies beside the partner API (`/api/v2`), and its answers hold what only Pax8 and we may know: address and
//! header of every webhook. So no body of it is ever recorded, and its errors are told without either.

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use super::PROVIDER;
use super::client::Pax8;
use super::settings::Pax8Settings;
use crate::connector::ConnectorError;
use crate::connector::failure::failure_of;
use crate::connector::http::{Bodies, Outgoing, Repetition, Reply, extended, parse_base_url};
use crate::connector::webhook::{NewWebhook, ProviderWebhooks, RemoteWebhook, Topic};
use crate::secret::REDACTED;

/// Records asked for at a time.
const PAGE_SIZE: usize = 100;

/// Pages that are read at most: an account has a handful of webhooks, and a list without an end must not be followed.
const MOST_PAGES: usize = 50;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateWebhook<'a> {
    display_name: &'a str,
    url: &'a str,
    authorization: &'a str,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    integration_id: Option<&'a str>,
    webhook_topics: Vec<AddTopic<'a>>,
}

/// Filters narrow what is told, so that none of them tells everything.
#[derive(Serialize)]
struct AddTopic<'a> {
    topic: &'a str,
    filters: [(); 0],
}

/// Its address is a secret, so it cannot be printed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebhookWire {
    id: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    webhook_topics: Option<Vec<TopicWire>>,
}

#[derive(Deserialize)]
struct TopicWire {
    topic: String,
    #[serde(default)]
    name: Option<String>,
}

/// Only the content: where the counters stand differs from list to list.
#[derive(Deserialize)]
struct Listed<T> {
    #[serde(default = "Vec::new")]
    content: Vec<T>,
}

impl From<WebhookWire> for RemoteWebhook {
    fn from(wire: WebhookWire) -> Self {
        let topics = wire.webhook_topics.unwrap_or_default();
        Self {
            id: wire.id,
            display_name: wire.display_name.unwrap_or_default(),
            place: wire.url.as_deref().and_then(place),
            is_active: wire.active.unwrap_or_default(),
            topics: topics.into_iter().map(|topic| topic.topic).collect(),
        }
    }
}

/// An address up to its last slash.
fn place(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.join(".").ok().map(Into::into)
}

/// The address of the API: as set, or beside the partner API on the same host.
pub(super) fn webhook_base(settings: &Pax8Settings) -> Result<Url, ConnectorError> {
    if let Some(text) = &settings.webhook_base_url {
        return parse_base_url("webhook_base_url", text);
    }
    let mut url = parse_base_url("base_url", &settings.base_url)?;
    url.set_path("/api/v2");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn read<T: DeserializeOwned>(what: &str, body: &str) -> Result<T, ConnectorError> {
    // Neither the body nor the parser's quotes from it are repeated: secrets may be in them.
    serde_json::from_str(body).map_err(|error| ConnectorError::Malformed {
        provider: PROVIDER,
        message: format!("the answer of `{what}` cannot be read (line {}, column {})", error.line(), error.column()),
    })
}

/// Whether nobody knows what became of a request.
fn is_open(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Unavailable { .. } | ConnectorError::Malformed { .. })
}

/// An error whose words do not repeat the secrets of a webhook.
fn discreet(error: ConnectorError, secrets: &[&SecretString]) -> ConnectorError {
    let hide = |text: String| secrets.iter().fold(text, |text, secret| text.replace(secret.expose_secret(), REDACTED));
    match error {
        ConnectorError::Unauthorized { provider, message } => {
            ConnectorError::Unauthorized { provider, message: hide(message) }
        }
        ConnectorError::Forbidden { provider, message } => {
            ConnectorError::Forbidden { provider, message: hide(message) }
        }
        ConnectorError::Refused { provider, code, message } => {
            ConnectorError::Refused { provider, code: code.map(hide), message: hide(message) }
        }
        ConnectorError::Unavailable { provider, message } => {
            ConnectorError::Unavailable { provider, message: hide(message) }
        }
        ConnectorError::Malformed { provider, message } => {
            ConnectorError::Malformed { provider, message: hide(message) }
        }
        other @ (ConnectorError::NotFound { .. }
        | ConnectorError::RateLimited { .. }
        | ConnectorError::Superseded { .. }
        | ConnectorError::Unsupported(_)) => other,
    }
}

impl Pax8 {
    async fn ask(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
        body: Option<String>,
    ) -> Result<Reply, ConnectorError> {
        let mut url = extended(&self.webhook_base, segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let what = url.path().to_owned();
        let repetition = if method == Method::GET { Repetition::Harmless } else { Repetition::Forbidden };
        let (headers, bodies) = (HeaderMap::new(), Bodies::Hidden);
        let reply = self.client.send(Outgoing { method, url, headers, body, repetition, bodies }).await?;
        if reply.status.is_success() { Ok(reply) } else { Err(failure_of(PROVIDER, &what, &reply, None)) }
    }

    async fn pages<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<Vec<T>, ConnectorError> {
        let mut all = Vec::new();
        for page in 0..MOST_PAGES {
            let query = [("page", page.to_string()), ("size", PAGE_SIZE.to_string())];
            let reply = self.ask(Method::GET, segments, &query, None).await?;
            let Listed { content } = read::<Listed<T>>(&segments.join("/"), &reply.body)?;
            let is_last = content.len() < PAGE_SIZE;
            all.extend(content);
            if is_last {
                break;
            }
        }
        Ok(all)
    }
}

#[async_trait]
impl ProviderWebhooks for Pax8 {
    async fn topics(&self) -> Result<Vec<Topic>, ConnectorError> {
        let topics: Vec<TopicWire> = self.pages(&["webhooks", "topic-definitions"]).await?;
        let topic =
            |wire: TopicWire| Topic { name: wire.name.unwrap_or_else(|| wire.topic.clone()), topic: wire.topic };
        Ok(topics.into_iter().map(topic).collect())
    }

    async fn create(&self, webhook: &NewWebhook) -> Result<RemoteWebhook, ConnectorError> {
        let body = CreateWebhook {
            display_name: &webhook.display_name,
            url: webhook.url.expose_secret(),
            authorization: webhook.authorization.expose_secret(),
            active: true,
            integration_id: self.webhook_integration_id.as_deref(),
            webhook_topics: webhook.topics.iter().map(|topic| AddTopic { topic, filters: [] }).collect(),
        };
        let body = serde_json::to_string(&body).expect("texts are always JSON");
        let answer = self.ask(Method::POST, &["webhooks"], &[], Some(body)).await;
        let made = answer.and_then(|reply| read::<WebhookWire>("webhooks", &reply.body));
        match made {
            Ok(made) => Ok(made.into()),
            Err(error) if is_open(&error) => {
                // Sent again, it might be made twice; its name tells whether it was made.
                let found = self.list().await.unwrap_or_default();
                let found = found.into_iter().find(|found| found.display_name == webhook.display_name);
                found.ok_or_else(|| discreet(error, &[&webhook.url, &webhook.authorization]))
            }
            Err(error) => Err(discreet(error, &[&webhook.url, &webhook.authorization])),
        }
    }

    async fn find(&self, id: &str) -> Result<Option<RemoteWebhook>, ConnectorError> {
        match self.ask(Method::GET, &["webhooks", id], &[], None).await {
            Ok(reply) => Ok(Some(read::<WebhookWire>("webhooks", &reply.body)?.into())),
            Err(ConnectorError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self) -> Result<Vec<RemoteWebhook>, ConnectorError> {
        let webhooks: Vec<WebhookWire> = self.pages(&["webhooks"]).await?;
        Ok(webhooks.into_iter().map(Into::into).collect())
    }

    async fn delete(&self, id: &str) -> Result<(), ConnectorError> {
        match self.ask(Method::DELETE, &["webhooks", id], &[], None).await {
            Ok(_) | Err(ConnectorError::NotFound { .. }) => Ok(()),
            Err(error) if is_open(&error) => match self.find(id).await {
                Ok(None) => Ok(()),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn activate(&self, id: &str) -> Result<(), ConnectorError> {
        let body = Some(r#"{"active":true}"#.to_owned());
        match self.ask(Method::POST, &["webhooks", id, "status"], &[], body).await {
            Ok(_) => Ok(()),
            Err(error) if is_open(&error) => match self.find(id).await {
                Ok(Some(found)) if found.is_active => Ok(()),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn test(&self, id: &str, topic: &str) -> Result<(), ConnectorError> {
        let segments = ["webhooks", id, "topics", topic, "test"];
        self.ask(Method::POST, &segments, &[], None).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_of_webhooks_lies_beside_the_partner_api_unless_told_otherwise() {
        let base = |settings: Pax8Settings| webhook_base(&settings).map(|url| url.to_string());
        assert_eq!(base(Pax8Settings::default()).as_deref(), Ok("https://api.pax8.com/api/v2"));
        let own = Pax8Settings { base_url: "http://127.0.0.1:9000/v1?x=1".into(), ..Pax8Settings::default() };
        assert_eq!(base(own).as_deref(), Ok("http://127.0.0.1:9000/api/v2"));
        let told = Some("https://gateway.example/pax8/api/v2".to_owned());
        let told = Pax8Settings { webhook_base_url: told, ..Pax8Settings::default() };
        assert_eq!(base(told).as_deref(), Ok("https://gateway.example/pax8/api/v2"));
    }

    #[test]
    fn the_place_of_a_webhook_does_not_have_its_secret() {
        let found = |url: &str| place(url).unwrap_or_default();
        assert_eq!(found("https://Concord.example:443/webhooks/pax8/abc"), "https://concord.example/webhooks/pax8/");
        assert_eq!(
            found("http://127.0.0.1:9000/a/webhooks/pax8/abc?x=y/z#w"),
            "http://127.0.0.1:9000/a/webhooks/pax8/"
        );
        assert_eq!(found("https://hooks.example"), "https://hooks.example/");
        assert_eq!(found("not an address"), "");
    }

    #[test]
    fn an_error_does_not_repeat_the_secrets() {
        let url = SecretString::from("https://concord.example/webhooks/pax8/abc");
        let message = "https://concord.example/webhooks/pax8/abc is not reachable".to_owned();
        let error = ConnectorError::Refused { provider: PROVIDER, code: None, message };
        assert_eq!(discreet(error, &[&url]).to_string(), "Pax8 refused the request: [redacted] is not reachable");
    }
}
