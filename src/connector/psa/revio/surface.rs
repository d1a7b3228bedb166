//! The two surfaces of Rev.io as lists of raw records: how each is addressed, taken apart and read page by page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use url::Url;

use super::auth::{BasicUser, KeyExchange};
use super::settings::{BillingSettings, Paging, RevioSecrets, RevioSettings};
use super::wire::{BillingList, psa_records};
use super::{BILLING, PROVIDER};
use crate::connector::http::{
    Authorization, ClientSettings, ProviderClient, Recorder, extended, parse_base_url, secret_header,
};
use crate::connector::json::fingerprint;
use crate::connector::oauth::TokenSource;
use crate::connector::oauth::kept::TokenKeeper;
use crate::connector::{ConnectorError, Cursor};
use crate::environment::Clock;

/// Records of one page, each still as text.
#[derive(Debug)]
pub struct Listed {
    /// Records.
    pub records: Vec<Box<RawValue>>,
    /// Next page; `None` on the last one.
    pub next: Option<Cursor>,
}

/// What both surfaces are made with.
pub struct Parts<'a> {
    /// Settings of the account.
    pub settings: &'a RevioSettings,
    /// Its secrets.
    pub secrets: &'a RevioSecrets,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Receives traffic.
    pub recorder: Option<Arc<dyn Recorder>>,
}

impl Parts<'_> {
    fn manners(&self, provider: &'static str, base_url: Url, headers: HeaderMap) -> ClientSettings {
        let limits = &self.settings.limits;
        ClientSettings {
            concurrency: limits.concurrency,
            timeout: Duration::from_secs(limits.timeout_seconds),
            max_tries: limits.max_tries,
            first_delay: Duration::from_millis(limits.first_delay_milliseconds),
            max_retry_after: Duration::from_secs(limits.max_retry_after_seconds),
            headers,
            network: self.settings.network,
            ..ClientSettings::new(provider, base_url, limits.requests_per_minute)
        }
    }

    fn client(
        &self,
        provider: &'static str,
        base_url: Url,
        headers: HeaderMap,
    ) -> Result<ProviderClient, ConnectorError> {
        let client = ProviderClient::new(self.manners(provider, base_url, headers), Arc::clone(&self.clock))?;
        Ok(client.with_recorder(self.recorder.clone()))
    }
}

/// What proves to the PSA surface that we may act.
enum Proof<'a> {
    Consent(&'a Arc<dyn TokenKeeper>),
    Key(&'a SecretString),
}

/// The PSA surface.
#[derive(Debug)]
pub struct PsaSurface {
    client: ProviderClient,
    base: Url,
    base_by_prefix: BTreeMap<String, Url>,
    list_pointers: Vec<String>,
    paging: Paging,
}

impl PsaSurface {
    /// Prepares the surface when there is a consent or a key for it.
    pub fn connect(parts: &Parts<'_>) -> Result<Option<Self>, ConnectorError> {
        let (settings, secrets) = (parts.settings, parts.secrets);
        let proof = match (&secrets.consent, &secrets.api_key) {
            (Some(consent), _) => Proof::Consent(consent),
            (None, Some(api_key)) => Proof::Key(api_key),
            (None, None) => return Ok(None),
        };
        if settings.tenant.trim().is_empty() {
            return Err(ConnectorError::Unsupported(
                "the setting `tenant` is empty; it is the web domain of the PSA, such as `acme.psarev.io`".to_owned(),
            ));
        }
        let mut headers = HeaderMap::new();
        let tenant = BTreeMap::from([(settings.tenant_header.clone(), settings.tenant.trim().to_owned())]);
        for (name, value) in settings.extra_headers.iter().chain(&tenant) {
            let wrong = || ConnectorError::Unsupported(format!("the header `{name}` of the settings cannot be sent"));
            let name = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| wrong())?);
        }
        let base = parse_base_url("api_base", &settings.api_base)?;
        let base_by_prefix = settings
            .api_base_by_prefix
            .iter()
            .map(|(prefix, base)| Ok((prefix.clone(), parse_base_url("api_base_by_prefix", base)?)))
            .collect::<Result<_, ConnectorError>>()?;
        let client = parts.client(PROVIDER, base.clone(), headers.clone())?;
        let skew = Duration::from_secs(settings.token_skew_seconds);
        let clock = Arc::clone(&parts.clock);
        let authorization: Arc<dyn Authorization> = match proof {
            Proof::Consent(keeper) => Arc::new(TokenSource::over(Arc::clone(keeper), clock, skew)),
            Proof::Key(api_key) => {
                let exchange = KeyExchange {
                    client: parts.client(PROVIDER, base.clone(), headers)?.sharing_budget_of(&client),
                    url: parse_base_url("auth_url", &settings.auth_url)?,
                    request_field: settings.auth_request_field.clone(),
                    token_pointer: settings.auth_token_pointer.clone(),
                    api_key: api_key.clone(),
                };
                Arc::new(TokenSource::new(Box::new(exchange), clock, skew))
            }
        };
        Ok(Some(Self {
            client: client.with_authorization(authorization),
            base,
            base_by_prefix,
            list_pointers: settings.list_pointers.clone(),
            paging: settings.paging.clone(),
        }))
    }

    /// Reads one page of the list at a path.
    pub async fn page(
        &self,
        path: &str,
        customer: Option<&str>,
        after: Option<&Cursor>,
        size: Option<u32>,
    ) -> Result<Listed, ConnectorError> {
        let (number, before) = match after {
            None => (self.paging.first_page, None),
            Some(cursor) => parse_cursor(cursor)?,
        };
        let size = size.unwrap_or(self.paging.size).max(1);
        let mut query = vec![
            (self.paging.page_param.as_str(), number.to_string()),
            (self.paging.size_param.as_str(), size.to_string()),
        ];
        query.extend(customer.map(|customer| (self.paging.customer_param.as_str(), customer.to_owned())));
        let base = self.base_by_prefix.iter().find(|(prefix, _)| path.starts_with(prefix.as_str()));
        let base = base.map_or(&self.base, |(_, base)| base);
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let body = self.client.get_url(extended(base, &segments), &query).await?;
        let records = psa_records(&body, &self.list_pointers).ok_or_else(|| ConnectorError::Malformed {
            provider: PROVIDER,
            message: format!("`{path}` holds no list at any of the `list_pointers` of the settings"),
        })?;
        let first = records.first().map(|first| fingerprint(std::iter::once(first.get())));
        // A list that knows no pages answers every page with the same records; one that begins like the page before
        // is that page again.
        if first.is_some() && first == before {
            return Ok(Listed { records: Vec::new(), next: None });
        }
        let is_full = records.len() == size as usize;
        let next = first.filter(|_| is_full).map(|first| Cursor(format!("{}:{first:x}", number + 1)));
        Ok(Listed { records, next })
    }
}

fn parse_cursor(cursor: &Cursor) -> Result<(u64, Option<u64>), ConnectorError> {
    let parsed = cursor
        .0
        .split_once(':')
        .and_then(|(number, hash)| Some((number.parse().ok()?, Some(u64::from_str_radix(hash, 16).ok()?))));
    parsed.ok_or_else(|| wrong_cursor(cursor))
}

fn wrong_cursor(cursor: &Cursor) -> ConnectorError {
    ConnectorError::Unsupported(format!("`{}` is not a page of a list of Rev.io", cursor.0))
}

/// The Billing surface.
#[derive(Debug)]
pub struct BillingSurface {
    client: ProviderClient,
    page_size: u32,
    /// Bills whose lines are asked for in one request.
    pub bills_per_request: usize,
}

impl BillingSurface {
    /// Prepares the surface when it is configured; it lives on the account's one rate budget.
    pub fn connect(parts: &Parts<'_>, psa: Option<&PsaSurface>) -> Result<Option<Self>, ConnectorError> {
        let Some(BillingSettings { base_url, user, page_size, bills_per_request }) = &parts.settings.billing else {
            return Ok(None);
        };
        let Some(password) = &parts.secrets.billing_password else {
            return Err(ConnectorError::Unsupported("the password of the Billing surface is not set".to_owned()));
        };
        let mut headers = HeaderMap::new();
        if let Some(key) = &parts.secrets.subscription_key {
            let key = secret_header(BILLING, key.expose_secret())?;
            headers.insert(HeaderName::from_static("ocp-apim-subscription-key"), key);
        }
        let client = parts.client(BILLING, parse_base_url("billing.base_url", base_url)?, headers)?;
        let client = match psa {
            Some(psa) => client.sharing_budget_of(&psa.client),
            None => client,
        };
        Ok(Some(Self {
            client: client.with_authorization(BasicUser::new(user, password)?),
            page_size: (*page_size).clamp(1, 500),
            bills_per_request: (*bills_per_request).max(1),
        }))
    }

    /// Reads one page of a list, filtered.
    pub async fn page(
        &self,
        list: &str,
        filter: &[(&'static str, String)],
        after: Option<&Cursor>,
        size: Option<u32>,
    ) -> Result<Listed, ConnectorError> {
        let number: u64 = match after {
            None => 1,
            Some(cursor) => cursor.0.parse().map_err(|_| wrong_cursor(cursor))?,
        };
        let mut query = filter.to_vec();
        query.push(("search.page", number.to_string()));
        query.push(("search.page_size", size.unwrap_or(self.page_size).to_string()));
        let body = self.client.get(&[list], &query).await?;
        let malformed = |message| ConnectorError::Malformed { provider: BILLING, message };
        let list: BillingList = serde_json::from_str(&body)
            .map_err(|error| malformed(format!("the list `{list}` cannot be read: {error}")))?;
        if list.ok == Some(false) {
            return Err(malformed("a list says that it is not ok".to_owned()));
        }
        let has_more = list.has_more.unwrap_or(false) && !list.records.is_empty();
        Ok(Listed { next: has_more.then(|| Cursor((number + 1).to_string())), records: list.records })
    }
}
