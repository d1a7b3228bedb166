//! Reads Pax8's partner API: one method per list, paging, and the credentials behind it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use secrecy::SecretString;
use url::Url;

use super::PROVIDER;
use super::convert::{self, Account, LineOrigin};
use super::paging::{Following, Place};
use super::settings::{Pax8Proof, Pax8Settings};
use super::webhook::webhook_base;
use super::wire::List;
use crate::connector::http::{Authorization, ClientSettings, ProviderClient, Recorder, parse_base_url};
use crate::connector::json::{Reason, parse_zone};
use crate::connector::oauth::TokenSource;
use crate::connector::oauth::client_credentials::ClientCredentials;
use crate::connector::{AccountCheck, ConnectorError, Cursor, Marketplace, Page, Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::provider::{Capability, CapabilityKind, CapabilityState};
use crate::domain::record::{
    Company, Contact, Pax8Product, Subscription, UsageLine, UsageSummary, VendorInvoice, VendorInvoiceLine, VendorPrice,
};
use crate::environment::Clock;

/// Draft items are the one list that is declared to time out; a smaller page is Pax8's own advice for slow lists.
const DRAFT_PAGE_SIZE: u32 = 50;

/// Lists that a verification looks into, and what is lost without each.
const PROBED: [(CapabilityKind, &str, &str); 3] = [
    (CapabilityKind::Customers, "companies", "no company can be mapped"),
    (CapabilityKind::Subscriptions, "subscriptions", "quantities cannot be compared"),
    (CapabilityKind::Invoices, "invoices", "nothing can be reconciled"),
];

/// Companies that a verification reads: enough that some of them were there before.
const RECOGNIZED_BY: u8 = 50;

/// A Pax8 account.
#[derive(Debug)]
pub struct Pax8 {
    pub(super) client: ProviderClient,
    pub(super) webhook_base: Url,
    pub(super) webhook_integration_id: Option<String>,
    page_size: u32,
    account: Account,
}

/// A list to read and how.
struct Listing<'a> {
    segments: &'a [&'a str],
    query: Vec<(&'static str, String)>,
    size: u32,
}

fn manners(settings: &Pax8Settings) -> Result<ClientSettings, ConnectorError> {
    Ok(ClientSettings {
        concurrency: settings.concurrency,
        timeout: Duration::from_secs(settings.timeout_seconds),
        max_tries: settings.max_tries,
        first_delay: Duration::from_millis(settings.first_delay_milliseconds),
        max_retry_after: Duration::from_secs(settings.max_retry_after_seconds),
        network: settings.network,
        ..ClientSettings::new(PROVIDER, parse_base_url("base_url", &settings.base_url)?, settings.requests_per_minute)
    })
}

/// What fetches tokens for the keys of an account; nothing is sent yet.
pub fn client_credentials(
    settings: &Pax8Settings,
    client_secret: SecretString,
    clock: Arc<dyn Clock>,
    recorder: Option<Arc<dyn Recorder>>,
) -> Result<ClientCredentials, ConnectorError> {
    Ok(ClientCredentials {
        client: ProviderClient::new(manners(settings)?, Arc::clone(&clock))?.with_recorder(recorder),
        token_url: parse_base_url("token_url", &settings.token_url)?,
        audience: settings.audience.clone(),
        client_id: settings.client_id.clone(),
        client_secret,
        clock,
    })
}

impl Pax8 {
    /// Prepares the account; nothing is sent yet.
    pub fn connect(
        settings: &Pax8Settings,
        proof: Pax8Proof,
        clock: Arc<dyn Clock>,
        recorder: Option<Arc<dyn Recorder>>,
    ) -> Result<Self, ConnectorError> {
        let manners = manners(settings)?;
        let client = ProviderClient::new(manners, Arc::clone(&clock))?.with_recorder(recorder.clone());
        let authorization: Arc<dyn Authorization> = match proof {
            Pax8Proof::ClientSecret(client_secret) => {
                let credentials = client_credentials(settings, client_secret, Arc::clone(&clock), recorder)?;
                Arc::new(TokenSource::new(Box::new(credentials), clock, settings.token_skew()))
            }
            Pax8Proof::Kept(keeper) => Arc::new(TokenSource::over(keeper, clock, settings.token_skew())),
        };
        let client = client.with_authorization(authorization);
        let account = Account { zone: parse_zone(&settings.time_zone)? };
        let webhook_base = webhook_base(settings)?;
        let webhook_integration_id = settings.webhook_integration_id.clone();
        Ok(Self { client, webhook_base, webhook_integration_id, page_size: settings.bounded_page_size(), account })
    }

    fn listing<'a>(&self, segments: &'a [&'a str], sort: Option<&str>) -> Listing<'a> {
        let query = sort.map(|sort| ("sort", sort.to_owned())).into_iter().collect();
        Listing { segments, query, size: self.page_size }
    }

    /// Reads one page of a list. `convert` gets the text of a record and its position in the whole list.
    async fn page<T>(
        &self,
        listing: Listing<'_>,
        after: Option<&Cursor>,
        convert: impl Fn(&str, &mut Vec<String>, u64) -> Result<T, Reason>,
    ) -> Result<Page<T>, ConnectorError> {
        let place = Place::read(after)?;
        let mut query = listing.query;
        query.push(("page", place.number.to_string()));
        query.push(("size", listing.size.to_string()));
        let body = self.client.get(listing.segments, &query).await?;
        let list = parse_list(&body, listing.segments)?;
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: place.total(&list) };
        match place.following(&list, listing.size) {
            Following::Page(cursor) => page.next = Some(cursor),
            Following::End => {}
            Following::Unknown => {
                // As a row that could not be read, it keeps records that did not come from being taken for gone.
                let reason = format!(
                    "page {} of the list brought the records of page {} again, so that what follows could not be read",
                    place.number.saturating_add(1),
                    place.number
                );
                page.rejected.push(Rejected { external_id: None, location: None, reason });
                return Ok(page);
            }
        }
        let first = place.number.saturating_mul(u64::from(listing.size));
        for (index, element) in (0_u64..).zip(&list.content) {
            let position = first.saturating_add(index);
            match convert::pulled(element.get(), |json, notes| convert(json, notes, position)) {
                Ok(pulled) => page.records.push(pulled),
                Err(rejected) => page.rejected.push(rejected),
            }
        }
        Ok(page)
    }
}

fn parse_list<'a>(body: &'a str, segments: &[&str]) -> Result<List<'a>, ConnectorError> {
    List::parse(body).map_err(|reason| ConnectorError::Malformed {
        provider: PROVIDER,
        message: format!("the list `/{}` cannot be read: {reason}", segments.join("/")),
    })
}

#[async_trait]
impl Marketplace for Pax8 {
    async fn verify(&self) -> Result<AccountCheck, ConnectorError> {
        let mut check = AccountCheck::default();
        let mut refusals = Vec::new();
        for (kind, list, consequence) in PROBED {
            let size = if kind == CapabilityKind::Customers { RECOGNIZED_BY } else { 1 };
            let mut page = vec![("page", "0".to_owned()), ("size", size.to_string())];
            if kind == CapabilityKind::Customers {
                // As a sync begins, so that one that broke off has read these.
                page.push(("sort", "name".to_owned()));
            }
            let (state, advice) = match self.client.get(&[list], &page).await {
                Ok(body) => {
                    let read = parse_list(&body, &[list])?;
                    if kind == CapabilityKind::Customers {
                        let companies = read.content.iter();
                        let companies = companies
                            .filter_map(|sent| convert::company(sent.get(), &mut Vec::new(), self.account).ok());
                        check.companies = companies.map(|company| company.external_id).collect();
                    }
                    if kind == CapabilityKind::Invoices {
                        let first = read.content.first();
                        check.display_name = first.and_then(|first| convert::partner_name(first.get()));
                    }
                    match read.content.first() {
                        Some(_) => (CapabilityState::Available, None),
                        None => (
                            CapabilityState::Empty,
                            Some(format!(
                                "Pax8 shows no {list} to this login. Check that it is the right partner account."
                            )),
                        ),
                    }
                }
                Err(ConnectorError::Forbidden { message, .. } | ConnectorError::NotFound { what: message, .. }) => {
                    let advice = format!(
                        "The account may not read {list} ({message}), so {consequence}. Ask a partner administrator at Pax8 \
                         for this permission, then verify again."
                    );
                    refusals.push(message);
                    (CapabilityState::Forbidden, Some(advice))
                }
                Err(error) => return Err(error),
            };
            check.capabilities.push(Capability { kind, state, advice });
        }
        if refusals.len() == PROBED.len() {
            // Whoever may read nothing of a partner is somebody else's customer or a vendor; more permissions do not help.
            let words = refusals.swap_remove(0);
            let message = format!(
                "this login may read no companies, no subscriptions and no invoices, as a vendor login does; a login of \
                 the partner is needed ({words})"
            );
            return Err(ConnectorError::Forbidden { provider: PROVIDER, message });
        }
        let is_missing = |capability: &&Capability| capability.state == CapabilityState::Forbidden;
        check.remarks = check.capabilities.iter().filter(is_missing).filter_map(|found| found.advice.clone()).collect();
        Ok(check)
    }

    async fn companies(&self, after: Option<Cursor>) -> Result<Page<Company>, ConnectorError> {
        let listing = self.listing(&["companies"], Some("name"));
        self.page(listing, after.as_ref(), |json, notes, _| convert::company(json, notes, self.account)).await
    }

    async fn contacts(&self, company: &ExternalId, after: Option<Cursor>) -> Result<Page<Contact>, ConnectorError> {
        let segments = ["companies", company.as_str(), "contacts"];
        let listing = self.listing(&segments, None);
        self.page(listing, after.as_ref(), |json, _, _| convert::contact(json, company)).await
    }

    async fn products(&self, after: Option<Cursor>) -> Result<Page<Pax8Product>, ConnectorError> {
        let listing = self.listing(&["products"], Some("name"));
        self.page(listing, after.as_ref(), |json, _, _| convert::product(json)).await
    }

    async fn prices(
        &self,
        product: &ExternalId,
        company: Option<&ExternalId>,
    ) -> Result<Page<VendorPrice>, ConnectorError> {
        let segments = ["products", product.as_str(), "pricing"];
        let query: Vec<_> = company.map(|company| ("companyId", company.as_str().to_owned())).into_iter().collect();
        let body = self.client.get(&segments, &query).await?;
        let list = parse_list(&body, &segments)?;
        Ok(price_page(list.content.iter().map(|element| element.get()), product))
    }

    async fn subscriptions(&self, after: Option<Cursor>) -> Result<Page<Subscription>, ConnectorError> {
        let listing = self.listing(&["subscriptions"], Some("createdDate,asc"));
        self.page(listing, after.as_ref(), |json, notes, _| convert::subscription(json, notes, self.account)).await
    }

    async fn subscription_history(&self, subscription: &ExternalId) -> Result<Page<Subscription>, ConnectorError> {
        let segments = ["subscriptions", subscription.as_str(), "history"];
        let body = self.client.get(&segments, &[]).await?;
        let list = parse_list(&body, &segments)?;
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
        for element in list.content {
            match convert::pulled(element.get(), |json, notes| convert::subscription(json, notes, self.account)) {
                Ok(pulled) => page.records.push(pulled),
                Err(rejected) => page.rejected.push(rejected),
            }
        }
        Ok(page)
    }

    async fn invoices(
        &self,
        since: Option<NaiveDate>,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoice>, ConnectorError> {
        let mut listing = self.listing(&["invoices"], Some("invoiceDate"));
        listing.query.extend(since.map(|since| ("invoiceDateRangeStart", since.to_string())));
        self.page(listing, after.as_ref(), |json, notes, _| convert::invoice(json, notes, self.account)).await
    }

    async fn invoice_lines(
        &self,
        invoice: &VendorInvoice,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoiceLine>, ConnectorError> {
        let segments = ["invoices", invoice.external_id.as_str(), "items"];
        let listing = self.listing(&segments, None);
        self.page(listing, after.as_ref(), |json, notes, position| {
            let origin = LineOrigin { invoice: invoice.external_id.clone(), currency: invoice.currency, position };
            convert::invoice_line(json, notes, self.account, &origin)
        })
        .await
    }

    async fn draft_lines(
        &self,
        month_offset: u8,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoiceLine>, ConnectorError> {
        let mut listing = self.listing(&["invoices", "draftItems"], None);
        listing.size = listing.size.min(DRAFT_PAGE_SIZE);
        listing.query.push(("monthOffset", month_offset.to_string()));
        self.page(listing, after.as_ref(), |json, notes, position| {
            let invoice = ExternalId::from(format!("draft-{month_offset}"));
            convert::invoice_line(json, notes, self.account, &LineOrigin { invoice, currency: None, position })
        })
        .await
    }

    async fn usage_summaries(
        &self,
        subscription: &ExternalId,
        after: Option<Cursor>,
    ) -> Result<Page<UsageSummary>, ConnectorError> {
        let segments = ["subscriptions", subscription.as_str(), "usage-summaries"];
        let listing = self.listing(&segments, Some("resourceGroup"));
        self.page(listing, after.as_ref(), |json, _, _| convert::usage_summary(json, subscription)).await
    }

    async fn usage_lines(
        &self,
        summary: &ExternalId,
        usage_date: NaiveDate,
        after: Option<Cursor>,
    ) -> Result<Page<UsageLine>, ConnectorError> {
        let segments = ["usage-summaries", summary.as_str(), "usage-lines"];
        let mut listing = self.listing(&segments, None);
        listing.query.push(("usageDate", usage_date.to_string()));
        self.page(listing, after.as_ref(), |json, _, _| convert::usage_line(json, summary, self.account)).await
    }
}

/// The prices of a product, each beside the text of the entry that it is part of.
pub fn price_page<'a>(entries: impl Iterator<Item = &'a str>, product: &ExternalId) -> Page<VendorPrice> {
    let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
    for entry in entries {
        match convert::pulled(entry, |json, notes| convert::prices(json, notes, Some(product))) {
            Ok(Pulled { record: prices, raw, notes }) => page.records.extend(prices.into_iter().map(|record| Pulled {
                record,
                raw: raw.clone(),
                notes: notes.clone(),
            })),
            Err(rejected) => page.rejected.push(rejected),
        }
    }
    page
}
