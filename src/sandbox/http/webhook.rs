//! Webhooks of Pax8: kept in memory, managed under `/api/v2`, and sent when a test or a person asks for it. Messages
//! carry the header that was agreed on and no signature, and are tried three times, as the vendor does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::query::Query;
use super::reply::{self, Refusal};
use super::{Sandbox, refuse, segments};
use crate::connector::address::Network;
use crate::connector::http::{Bodies, ClientSettings, Outgoing, ProviderClient, Repetition};
use crate::environment::Clock;
use crate::sandbox::json::{Object, array};
use crate::sandbox::world::{World, unguessable};

/// The account that every webhook belongs to.
const ACCOUNT: &str = "4f0b7c1a-2d3e-4a5b-8c6d-7e8f9a0b1c2d";

/// How often a message is tried.
const TRIES: u32 = 3;

/// Wait between two tries; the vendor's is not documented.
const PAUSE: Duration = Duration::from_millis(200);

/// Time for the receiver's answer, as documented.
const PATIENCE: Duration = Duration::from_secs(10);

/// Largest request that is read, and log entries that are kept.
const MAX_BODY_BYTES: usize = 1 << 20;
const LONGEST_LOG: usize = 1000;

/// Topics with their names and actions.
const TOPICS: [(&str, &str, &str); 6] = [
    ("INVOICE", "Invoices", "CREATED"),
    ("SUBSCRIPTION", "Subscriptions", "UPDATED"),
    ("PRODUCT", "Products", "UPDATED"),
    ("CLIENT", "Clients", "UPDATED"),
    ("PROVISIONING", "Provisioning", "COMPLETED"),
    ("QUOTE", "Quotes", "UPDATED"),
];

#[derive(Clone)]
struct Topic {
    id: String,
    topic: String,
    filters: String,
}

#[derive(Clone)]
struct Webhook {
    id: String,
    display_name: String,
    url: Option<String>,
    authorization: Option<String>,
    is_active: bool,
    contact_email: Option<String>,
    error_threshold: u32,
    topics: Vec<Topic>,
    last_status: Option<&'static str>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// One message and what became of each try.
struct Entry {
    id: String,
    webhook_id: String,
    webhook_name: String,
    topic: String,
    payload: String,
    status: &'static str,
    calls: Vec<String>,
    created_at: DateTime<Utc>,
}

/// The webhooks of the sandbox.
pub struct Webhooks {
    clock: Arc<dyn Clock>,
    client: ProviderClient,
    serial: AtomicU64,
    all: Mutex<Vec<Webhook>>,
    log: Mutex<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    display_name: Option<String>,
    url: Option<String>,
    authorization: Option<String>,
    active: Option<bool>,
    contact_email: Option<String>,
    error_threshold: Option<u32>,
    #[serde(default)]
    webhook_topics: Vec<AddTopic>,
}

#[derive(Deserialize)]
struct AddTopic {
    topic: String,
    filters: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Status {
    active: bool,
}

#[derive(Deserialize)]
struct Filters {
    filters: Box<RawValue>,
}

/// What a person or a test wants to be sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    topic: String,
    #[serde(default = "once")]
    times: u32,
    /// The same message each time; another one each time when left out.
    payload: Option<Box<RawValue>>,
}

fn once() -> u32 {
    1
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}")))
}

impl Topic {
    fn json(&self) -> String {
        Object::new().text("id", &self.id).text("topic", &self.topic).raw("filters", &self.filters).finish()
    }
}

impl Webhook {
    fn json(&self) -> String {
        let topics: Vec<String> = self.topics.iter().map(Topic::json).collect();
        let object = Object::new()
            .text("id", &self.id)
            .text("accountId", ACCOUNT)
            .text("displayName", &self.display_name)
            .text_or_null("url", self.url.as_deref())
            .text_or_null("authorization", self.authorization.as_deref())
            .value("active", self.is_active)
            .text_or_null("contactEmail", self.contact_email.as_deref())
            .value("errorThreshold", self.error_threshold)
            .raw("webhookTopics", &array(topics.iter().map(String::as_str)))
            .text_or_null("lastDeliveryStatus", self.last_status);
        object.text("createdAt", &moment(self.created_at)).text("updatedAt", &moment(self.updated_at)).finish()
    }
}

impl Entry {
    fn json(&self) -> String {
        Object::new()
            .text("id", &self.id)
            .text("webhookId", &self.webhook_id)
            .text("webhookName", &self.webhook_name)
            .text("finalStatus", self.status)
            .raw("callHistory", &array(self.calls.iter().map(String::as_str)))
            .text("createdAt", &moment(self.created_at))
            .finish()
    }
}

/// A page in the envelope of the webhook API; the counters of topic definitions stand beside the content.
fn page(rows: &[String], query: &Query, is_flat: bool) -> Result<String, Refusal> {
    let number = query.number("page", 0, (0, 1_000_000))?;
    let size = query.number("size", 10, (1, 200))?;
    let content = array(rows.iter().skip(number * size).take(size).map(String::as_str));
    let counters = |object: Object| {
        object
            .value("number", number)
            .value("size", size)
            .value("totalElements", rows.len())
            .value("totalPages", rows.len().div_ceil(size))
    };
    let object = Object::new().raw("content", &content);
    let whole = if is_flat { counters(object) } else { object.raw("page", &counters(Object::new()).finish()) };
    Ok(whole.finish())
}

/// What a message of a topic says; it differs for every serial number.
fn payload_data(world: &World, topic: &str, serial: u64) -> String {
    let first = |table: &[crate::sandbox::world::Record]| {
        table.first().and_then(|record| record.text("id")).unwrap_or_default()
    };
    let (name, id) = match topic {
        "INVOICE" => ("invoiceId", first(world.invoices.all())),
        "SUBSCRIPTION" | "PROVISIONING" => ("subscriptionId", first(world.subscriptions.all())),
        "PRODUCT" => ("productId", first(world.products.all())),
        "CLIENT" => ("companyId", first(world.companies.all())),
        _ => ("id", unguessable(serial)),
    };
    Object::new().text(name, &id).value("serial", serial).finish()
}

fn definitions(world: &World) -> Vec<String> {
    let definition = |(topic, name, action): (&str, &str, &str)| {
        let filter = Object::new()
            .text("action", action)
            .text("actionDisplayName", action)
            .text("description", "Whenever it happens.")
            .raw("conditions", "[]")
            .finish();
        Object::new()
            .text("topic", topic)
            .text("name", name)
            .text("description", &format!("Tells of {}.", name.to_lowercase()))
            .raw("availableFilters", &array([filter.as_str()]))
            .raw("samplePayload", &payload_data(world, topic, 0))
            .finish()
    };
    TOPICS.into_iter().map(definition).collect()
}

impl Webhooks {
    /// No webhook yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let base = Url::parse("http://127.0.0.1").expect("an address of this machine");
        let per_minute = std::num::NonZeroU32::new(600_000).expect("it is not zero");
        let settings = ClientSettings {
            timeout: PATIENCE,
            concurrency: 16,
            network: Network::Private,
            ..ClientSettings::new("the receiver of a webhook", base, per_minute)
        };
        let client = ProviderClient::new(settings, Arc::clone(&clock)).expect("the settings of the client are good");
        Self { clock, client, serial: AtomicU64::new(1), all: Mutex::default(), log: Mutex::default() }
    }

    fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    fn id(&self) -> String {
        unguessable(self.next().rotate_left(32))
    }

    fn topics(&self, wanted: Vec<AddTopic>) -> Result<Vec<Topic>, Refusal> {
        let mut topics: Vec<Topic> = Vec::new();
        for AddTopic { topic, filters } in wanted {
            let refuse = |reason: &str| Err(Refusal::parameter("webhookTopics", &format!("`{topic}` {reason}")));
            if !TOPICS.iter().any(|(known, ..)| *known == topic) {
                return refuse("is no topic");
            }
            if topics.iter().any(|other| other.topic == topic) {
                return refuse("occurs twice");
            }
            let Some(filters) = filters else { return refuse("lacks its filters") };
            topics.push(Topic { id: self.id(), topic, filters: filters.get().to_owned() });
        }
        Ok(topics)
    }

    fn create(&self, body: &[u8]) -> Result<String, Refusal> {
        let wanted: Configuration = read(body)?;
        let required = || Refusal::parameter("displayName", "is required");
        let now = self.clock.now();
        let webhook = Webhook {
            id: self.id(),
            display_name: wanted.display_name.filter(|name| !name.is_empty()).ok_or_else(required)?,
            url: wanted.url,
            authorization: wanted.authorization,
            is_active: wanted.active.unwrap_or(false),
            contact_email: wanted.contact_email,
            error_threshold: wanted.error_threshold.unwrap_or(TRIES).min(20),
            topics: self.topics(wanted.webhook_topics)?,
            last_status: None,
            created_at: now,
            updated_at: now,
        };
        let json = webhook.json();
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(webhook);
        Ok(json)
    }

    /// Changes a webhook and shows it.
    fn change(&self, id: &str, change: impl FnOnce(&mut Webhook) -> Result<(), Refusal>) -> Result<String, Refusal> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter_mut().find(|webhook| webhook.id == id).ok_or_else(|| Refusal::not_found("Webhook"))?;
        change(found)?;
        found.updated_at = self.clock.now();
        Ok(found.json())
    }

    fn find(&self, id: &str) -> Result<Webhook, Refusal> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|webhook| webhook.id == id).cloned().ok_or_else(|| Refusal::not_found("Webhook"))
    }

    fn list(&self, query: &Query) -> Result<String, Refusal> {
        let active = query.one_of("active", &["true", "false"])?.map(|text| text == "true");
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = all.iter().filter(|webhook| active.is_none_or(|active| webhook.is_active == active));
        let rows = rows.filter(|webhook| {
            query.get("topic").is_none_or(|topic| webhook.topics.iter().any(|known| known.topic == topic))
        });
        page(&rows.map(Webhook::json).collect::<Vec<_>>(), query, false)
    }

    fn log_of(&self, webhook_id: &str, query: &Query) -> Result<String, Refusal> {
        self.find(webhook_id)?;
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = log.iter().filter(|entry| entry.webhook_id == webhook_id);
        let rows = rows.filter(|entry| query.get("topicName").is_none_or(|topic| entry.topic == topic));
        let rows = rows.filter(|entry| query.get("status").is_none_or(|status| entry.status == status));
        page(&rows.map(Entry::json).collect::<Vec<_>>(), query, false)
    }

    /// Sends a message, three times at most; whether it was taken.
    async fn send(&self, webhook: &Webhook, topic: &str, payload_data: &str) -> bool {
        let url = webhook.url.clone().unwrap_or_default();
        let shown = webhook.topics.iter().find(|known| known.topic == topic);
        let message = Object::new()
            .text("accountId", ACCOUNT)
            .text("url", &url)
            .text("webhookId", &webhook.id)
            .text("sentAt", &moment(self.clock.now()))
            .raw("webhookTopic", &shown.map_or("{}".to_owned(), Topic::json))
            .raw("payloadData", payload_data)
            .finish();
        let mut calls = Vec::new();
        let mut is_taken = false;
        for attempt in 0..TRIES.min(webhook.error_threshold.max(1)) {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let outcome = self.call(&url, webhook.authorization.as_deref(), &message).await;
            is_taken = outcome.as_ref().is_ok_and(|status| status.is_success());
            let call = Object::new()
                .text("id", &self.id())
                .text("timestamp", &moment(self.clock.now()))
                .text("status", if is_taken { "SUCCESS" } else { "FAILED" });
            calls.push(match outcome {
                Ok(status) => call.value("httpStatusCode", status.as_u16()).finish(),
                Err(reason) => call.text("errorMessage", &reason).finish(),
            });
            if is_taken {
                break;
            }
        }
        let status = if is_taken { "SUCCESS" } else { "FAILED" };
        let entry = Entry {
            id: self.id(),
            webhook_id: webhook.id.clone(),
            webhook_name: webhook.display_name.clone(),
            topic: topic.to_owned(),
            payload: payload_data.to_owned(),
            status,
            calls,
            created_at: self.clock.now(),
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() >= LONGEST_LOG {
            log.remove(0);
        }
        log.push(entry);
        drop(log);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter_mut().find(|known| known.id == webhook.id) {
            known.last_status = Some(status);
        }
        is_taken
    }

    async fn call(&self, url: &str, authorization: Option<&str>, message: &str) -> Result<StatusCode, String> {
        let url = Url::parse(url).map_err(|error| format!("the address cannot be used: {error}"))?;
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            let value = HeaderValue::from_str(value).map_err(|_| "the authorization is no header".to_owned())?;
            headers.insert(header::AUTHORIZATION, value);
        }
        let (repetition, bodies) = (Repetition::Forbidden, Bodies::Hidden);
        let body = Some(message.to_owned());
        let outgoing = Outgoing { method: Method::POST, url, headers, body, repetition, bodies };
        self.client.send(outgoing).await.map(|reply| reply.status).map_err(|error| error.to_string())
    }
}

/// What the management API answers besides a body with 200.
enum Done {
    Body(String),
    Empty(StatusCode),
}

/// `/api/v2/...`.
pub(super) async fn manage(State(sandbox): State<Arc<Sandbox>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return refuse(&path, &Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
    };
    let is_allowed = sandbox.pax8_budget.spend().and_then(|()| {
        let is_known = sandbox.pax8_tokens.rights(&head.headers).is_some();
        if is_known { Ok(()) } else { Err(Refusal::unauthorized("Unauthorized")) }
    });
    let query = Query::parse(head.uri.query());
    let done = is_allowed.and_then(|()| answer(&sandbox, &head.method, &segments(&path, "/api/v2/"), &query, &body));
    match done {
        Ok(Done::Body(body)) => reply::json(StatusCode::OK, body),
        Ok(Done::Empty(status)) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            response
        }
        Err(refusal) => refuse(&path, &refusal),
    }
}

fn answer(
    sandbox: &Arc<Sandbox>,
    method: &Method,
    segments: &[&str],
    query: &Query,
    body: &Bytes,
) -> Result<Done, Refusal> {
    let webhooks = &sandbox.webhooks;
    let unknown_topic = || Refusal::not_found("Topic");
    let whole = match (method.as_str(), segments) {
        ("GET", ["webhooks"]) => webhooks.list(query)?,
        ("POST", ["webhooks"]) => webhooks.create(body)?,
        ("GET", ["webhooks", "topic-definitions"]) => page(&definitions(&sandbox.world), query, true)?,
        ("GET", ["webhooks", id]) => webhooks.find(id)?.json(),
        ("DELETE", ["webhooks", id]) => {
            webhooks.find(id)?;
            webhooks.all.lock().unwrap_or_else(PoisonError::into_inner).retain(|webhook| webhook.id != *id);
            return Ok(Done::Empty(StatusCode::NO_CONTENT));
        }
        ("POST", ["webhooks", id, "status"]) => {
            let Status { active } = read(body)?;
            webhooks.change(id, |webhook| {
                webhook.is_active = active;
                Ok(())
            })?
        }
        ("POST", ["webhooks", id, "configuration"]) => {
            let wanted: Configuration = read(body)?;
            webhooks.change(id, |webhook| {
                webhook.display_name = wanted.display_name.unwrap_or_else(|| webhook.display_name.clone());
                webhook.url = wanted.url;
                webhook.authorization = wanted.authorization;
                webhook.contact_email = wanted.contact_email;
                webhook.error_threshold = wanted.error_threshold.unwrap_or(TRIES).min(20);
                Ok(())
            })?
        }
        ("PUT", ["webhooks", id, "topics"]) => {
            let topics = webhooks.topics(read::<Configuration>(body)?.webhook_topics)?;
            webhooks.change(id, |webhook| {
                webhook.topics = topics;
                Ok(())
            })?
        }
        ("POST", ["webhooks", id, "topics"]) => {
            let added = webhooks.topics(vec![read(body)?])?;
            webhooks.change(id, |webhook| {
                if webhook.topics.iter().any(|known| added.iter().any(|added| added.topic == known.topic)) {
                    return Err(Refusal::parameter("topic", "is there already"));
                }
                webhook.topics.extend(added);
                Ok(())
            })?
        }
        ("DELETE", ["webhooks", id, "topics", topic]) => {
            webhooks.change(id, |webhook| {
                let before = webhook.topics.len();
                webhook.topics.retain(|known| known.id != *topic);
                if webhook.topics.len() < before { Ok(()) } else { Err(unknown_topic()) }
            })?;
            return Ok(Done::Empty(StatusCode::NO_CONTENT));
        }
        ("POST", ["webhooks", id, "topics", topic, "configuration"]) => {
            let Filters { filters } = read(body)?;
            webhooks.change(id, |webhook| {
                let found = webhook.topics.iter_mut().find(|known| known.id == *topic).ok_or_else(unknown_topic)?;
                found.filters = filters.get().to_owned();
                Ok(())
            })?
        }
        ("POST", ["webhooks", id, "topics", topic, "test"]) => {
            let webhook = webhooks.find(id)?;
            let topic = webhook.topics.iter().find(|known| known.topic == *topic).ok_or_else(unknown_topic)?;
            let topic = topic.topic.clone();
            // A sample is the same each time.
            let sample = payload_data(&sandbox.world, &topic, 0);
            let shown = Object::new().text("url", webhook.url.as_deref().unwrap_or_default());
            let shown = shown.raw("webhook", &webhook.json()).raw("samplePayload", &sample).finish();
            send_apart(sandbox, webhook, topic, sample);
            shown
        }
        ("GET", ["webhooks", id, "logs"]) => webhooks.log_of(id, query)?,
        ("GET", ["webhooks", id, "logs", entry]) => {
            let log = webhooks.log.lock().unwrap_or_else(PoisonError::into_inner);
            let found = log.iter().find(|known| known.id == *entry && known.webhook_id == *id);
            found.ok_or_else(|| Refusal::not_found("Log"))?.json()
        }
        ("POST", ["webhooks", id, "logs", entry, "retry"]) => {
            let webhook = webhooks.find(id)?;
            let log = webhooks.log.lock().unwrap_or_else(PoisonError::into_inner);
            let found = log.iter().find(|known| known.id == *entry && known.webhook_id == *id);
            let found = found.ok_or_else(|| Refusal::not_found("Log"))?;
            let (topic, payload) = (found.topic.clone(), found.payload.clone());
            drop(log);
            send_apart(sandbox, webhook, topic, payload);
            return Ok(Done::Empty(StatusCode::ACCEPTED));
        }
        _ => return Err(Refusal::not_found("Resource")),
    };
    Ok(Done::Body(whole))
}

/// Sends a message after the answer: the vendor does not let anybody wait for the receiver.
fn send_apart(sandbox: &Arc<Sandbox>, webhook: Webhook, topic: String, payload: String) {
    let sandbox = Arc::clone(sandbox);
    tokio::spawn(async move { sandbox.webhooks.send(&webhook, &topic, &payload).await });
}

/// `POST /sandbox/webhooks/deliver`: sends messages of a topic to every webhook that wants them, and says how many were
/// taken.
pub(super) async fn deliver(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    let order: Order = match read(&body) {
        Ok(order) => order,
        Err(refusal) => return refusal.as_psa(),
    };
    let webhooks = &sandbox.webhooks;
    let wanting =
        |webhook: &&Webhook| webhook.is_active && webhook.topics.iter().any(|known| known.topic == order.topic);
    let all: Vec<Webhook> = {
        let all = webhooks.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(wanting).cloned().collect()
    };
    let mut messages = Vec::new();
    for _ in 0..order.times.min(1000) {
        let payload = match &order.payload {
            Some(payload) => payload.get().to_owned(),
            None => payload_data(&sandbox.world, &order.topic, webhooks.next()),
        };
        for webhook in &all {
            let (sandbox, webhook) = (Arc::clone(&sandbox), webhook.clone());
            let (topic, payload) = (order.topic.clone(), payload.clone());
            messages.push(async move { sandbox.webhooks.send(&webhook, &topic, &payload).await });
        }
    }
    let total = messages.len();
    let sent: Vec<bool> = stream::iter(messages).buffer_unordered(8).collect().await;
    let taken = sent.into_iter().filter(|is_taken| *is_taken).count();
    let summary = Object::new().value("taken", taken).value("refused", total - taken).finish();
    reply::json(StatusCode::OK, summary)
}
