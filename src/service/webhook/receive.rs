//! Taking what a provider tells: who sends is found out before a message is looked at; a message is stored in one short
//! transaction and answered; the work that it asks for is a sync run.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;
use tracing::{info, warn};

use super::{PURPOSE, WebhookService, authorization_bytes, path_hash};
use crate::digest::sha256;
use crate::domain::id::{OrganizationId, WebhookId};
use crate::domain::webhook::{is_sent_again, lists_of, lists_of_unknown};
use crate::service::sync::SyncService;
use crate::storage::{StorageError, webhook};

/// Longest topic that is remembered, in characters.
const LONGEST_TOPIC: usize = 100;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    organization_id: OrganizationId,
    webhook_id: WebhookId,
}

impl Sender {
    /// The webhook that it sends to.
    pub fn webhook_id(self) -> WebhookId {
        self.webhook_id
    }
}

/// Why a message was not kept.
#[derive(Debug, Error)]
pub enum NotKept {
    /// It is not a JSON object.
    #[error("the message is not a JSON object")]
    NotAnObject,
    /// The webhook was removed while the message came in.
    #[error("the webhook was removed")]
    Removed,
    /// Our fault.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

#[derive(Deserialize)]
struct TopicPart {
    topic: Option<String>,
}

/// What is looked at of a message. Nothing of it is taken for a fact.
struct Message {
    /// Tells it from others.
    hash: String,
    topic: String,
    /// Whether it says when it was sent: without that, nothing tells a repetition from a second change.
    is_dated: bool,
}

impl Message {
    /// Reads a message; `None` when it is not an object.
    fn read(body: &[u8]) -> Option<Self> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
        let part = members.get("webhookTopic").and_then(|raw| serde_json::from_str::<TopicPart>(raw.get()).ok());
        let topic = part.and_then(|part| part.topic).unwrap_or_default();
        let is_shown = |character: &char| !character.is_control();
        let topic: String = topic.trim().chars().filter(is_shown).take(LONGEST_TOPIC).collect();
        let sent_at = members.get("sentAt").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let is_dated = sent_at.is_some_and(|moment| !moment.trim().is_empty());
        let mut text = Vec::with_capacity(body.len());
        for (name, value) in members {
            // The name again as JSON, so that no value can look like a name.
            text.extend(serde_json::to_vec(&name).unwrap_or_default());
            text.push(b':');
            text.extend(value.get().as_bytes());
            text.push(b'\n');
        }
        Some(Self { hash: sha256(&text), topic, is_dated })
    }
}

impl WebhookService {
    /// Who sends to an address with a header; `None` when the address is none of ours or the header is not its own,
    /// which is told by nothing, the time it takes included.
    pub async fn admit(&self, path: &str, authorization: &[u8]) -> Result<Option<Sender>, StorageError> {
        let found = webhook::by_path_hash(self.core.store.read(), &path_hash(path)).await?;
        let (id, mac) = match &found {
            Some((webhook, mac)) => (webhook.id, mac.clone()),
            // Compared with the code of something else, so that as much is done for an address that is none of ours.
            None => (WebhookId(uuid::Uuid::nil()), self.core.seal.mac(PURPOSE, &[])),
        };
        let is_own = match self.core.seal.is_mac(PURPOSE, &authorization_bytes(id, authorization), &mac) {
            Ok(is_own) => is_own,
            Err(reason) => {
                warn!(webhook.id = %id, "a message for webhook `{id}` cannot be checked: {reason}; register it again");
                false
            }
        };
        let sender = |(webhook, _): (crate::domain::webhook::Webhook, String)| Sender {
            organization_id: webhook.organization_id,
            webhook_id: webhook.id,
        };
        Ok(found.filter(|_| is_own).map(sender))
    }

    /// Stores a message, and sees to it that what it is about is read again.
    pub async fn keep(&self, sender: Sender, body: &[u8]) -> Result<(), NotKept> {
        let Message { hash, topic, is_dated } = Message::read(body).ok_or(NotKept::NotAnObject)?;
        let core = &self.core;
        let tx = core.store.begin().await?;
        let now = core.clock.now();
        let found = webhook::lock(&tx, sender.organization_id, sender.webhook_id).await?;
        let mut webhook = found.ok_or(NotKept::Removed)?;
        let first = webhook::remember(&tx, &webhook, &hash, &topic, now).await?;
        let is_again = is_dated && first.is_some_and(|first| is_sent_again(first, now));
        webhook.delivery_count += 1;
        webhook.last_delivered_at = Some(now);
        let was_wanted = !webhook.wanted.is_empty();
        if !is_again {
            let lists = lists_of(&topic).unwrap_or_else(|| {
                webhook.note_unknown(&topic);
                lists_of_unknown()
            });
            webhook.want(lists, now);
        }
        webhook::update(&tx, &webhook).await?;
        tx.commit().await?;
        info!(
            webhook.id = %webhook.id,
            topic,
            is_again,
            "webhook `{}` received a message about `{topic}`{}",
            webhook.id,
            if is_again { " again" } else { "" }
        );
        // For more than what waits already, or was put off until later.
        if !was_wanted && !webhook.wanted.is_empty() {
            SyncService::new(core.clone()).refetch_soon(webhook.organization_id, webhook.integration_id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(body: &str) -> String {
        Message::read(body.as_bytes()).expect("the test sends objects").hash
    }

    #[test]
    fn a_delivery_is_known_again_however_it_is_ordered_and_a_later_one_is_another() {
        let one = r#"{"sentAt":"2026-06-05T02:11:09Z","webhookTopic":{"topic":"INVOICE"},"payloadData":{"a":1.10}}"#;
        let again =
            r#"{"payloadData":{"a":1.10}, "webhookTopic":{"topic":"INVOICE"}, "sentAt":"2026-06-05T02:11:09Z"}"#;
        assert_eq!(hash(one), hash(again));
        assert_ne!(hash(one), hash(&again.replace("02:11:09", "02:12:09")), "the same may happen twice");
        assert_ne!(hash(one), hash(&one.replace("1.10", "1.1")), "another text is another message");
        assert_ne!(hash(r#"{"a":"1"}"#), hash(r#"{"a":1}"#));
    }

    #[test]
    fn a_message_without_a_moment_of_sending_says_so() {
        let is_dated = |body: &str| Message::read(body.as_bytes()).map(|message| message.is_dated);
        assert_eq!(is_dated(r#"{"sentAt":"2026-06-05T02:11:09Z"}"#), Some(true));
        for body in ["{}", r#"{"sentAt":null}"#, r#"{"sentAt":" "}"#, r#"{"sentAt":{}}"#, r#"{"sentAt":1}"#] {
            assert_eq!(is_dated(body), Some(false), "{body}");
        }
    }

    #[test]
    fn a_topic_is_taken_where_it_stands_and_nothing_else_is_trusted() {
        let topic = |body: &str| Message::read(body.as_bytes()).map(|message| message.topic);
        assert_eq!(
            topic(r#"{"webhookTopic":{"id":"x","topic":" INVOICE ","filters":[]}}"#).as_deref(),
            Some("INVOICE")
        );
        assert_eq!(topic(r#"{"topic":"INVOICE"}"#).as_deref(), Some(""));
        assert_eq!(topic(r#"{"webhookTopic":"INVOICE"}"#).as_deref(), Some(""));
        assert_eq!(topic("{\"webhookTopic\":{\"topic\":\"A\\u0000B\\nC\"}}").as_deref(), Some("ABC"));
        let long = format!(r#"{{"webhookTopic":{{"topic":"{}"}}}}"#, "x".repeat(1000));
        assert_eq!(topic(&long).map(|topic| topic.len()), Some(LONGEST_TOPIC));
        for body in ["", "[]", "1", "null", "\"{}\"", "{", "{}{}"] {
            assert_eq!(topic(body), None, "{body}");
        }
    }
}
