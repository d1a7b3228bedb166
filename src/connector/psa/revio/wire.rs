//! What the Rev.io surfaces send: endpoints, parameters, envelopes and field names that this connector reads.
//!
//! Field names are settings (`RevioSettings::fields`): ordered lists of JSON pointers per neutral field, the first
//! that holds a value other than `null` and `""` wins. The tables show the defaults in that order; names in *italics*
//! are not in any public description of Rev.io and are read where a tenant (or the sandbox) has them.
//! Numbers may be JSON numbers or texts; ids likewise. Dates are `YYYY-MM-DD`, with or without a time behind them.
//!
//! # PSA surface (default base `https://api.psarev.io`)
//!
//! | call | request | reply |
//! |---|---|---|
//! | `POST /api/v1/auth/api-key/exchange` | JSON `{"apiKey": "..."}`, header `X-Revio-Host: <tenant>.psarev.io` | `{"data": {"token": "<JWT>"}}`; `exp` of the JWT's payload (seconds) ends it; 401 with `{"message": "..."}` for a bad key |
//! | `GET /billing/api/v1/customers` | `page` (from 1), `perPage` (100) | `{"data": [customer]}`, or the list under `/data/items`, `/data/records`, `/data/results`, `/items`, `/records` |
//! | `GET /billing/api/v1/contacts` | `customerId`, `page`, `perPage` | the same with contacts |
//!
//! Every call but the exchange: `Authorization: Bearer <JWT>`, `X-Revio-Host: <tenant>.psarev.io`. The last page is the
//! first that holds fewer than `perPage` records. 401 makes the connector exchange the key once more.
//! Errors: `{"message": "..."}`, `{"error": "..."}` or `{"errors": [...]}`.
//!
//! | customer | pointers |
//! |---|---|
//! | id | `/customerId` `/id` `/customer_id` |
//! | name | `/customerName` `/companyName` `/name` `/businessName` `/accountName` `/displayName` `/billing_address/company_name` `/service_address/company_name` `/listing_address/company_name` |
//! | first and last name, where there is no name | `/firstName` `/billing_address/first_name`; `/lastName` `/billing_address/last_name` |
//! | identifier | *`/identifier`* *`/customerCode`* |
//! | status | `/status` *`/customerStatus`*: Open or Active; Pending; Prospect; Closed or Inactive |
//! | kind | `/type` *`/types`* *`/customerType`* |
//! | street, street2 | `/address1` *`/addressLine1`* `/billing_address/line_1`; `/address2` *`/addressLine2`* `/billing_address/line_2` |
//! | city, region | `/city` `/billing_address/city`; `/state` `/billing_address/state_or_province` |
//! | postal code, country | `/postalCode` *`/zip`* `/billing_address/postal_code`; `/country` |
//! | phone, web site, e-mail | `/primaryPhone` *`/phoneNumber`* *`/phone`*; `/website`; `/billingEmail` `/email` |
//! | account number | `/accountNumber` `/account_number` |
//! | currency | *`/currencyCode`* *`/currency`* |
//! | parent | *`/parentCustomerId`* *`/parentId`* `/parent_customer_id` |
//! | deleted | *`/deletedFlag`* *`/isDeleted`* |
//! | changed at | `/modifiedDate` |
//!
//! | contact | pointers |
//! |---|---|
//! | id | `/contactId` `/id` `/contact_id` |
//! | first, last, whole name | `/firstName` `/first_name`; `/lastName` `/last_name`; `/name` *`/contactName`* |
//! | e-mail, phone | `/email`; `/phone` |
//! | primary | `/primary` *`/isPrimary`* |
//!
//! # Billing surface (default base `https://restapi.rev.io/v1`)
//!
//! HTTP Basic `username@clientcode` and password; optional header `Ocp-Apim-Subscription-Key`. Lists take
//! `search.page` (from 1) and `search.page_size` (500, at most 500) and answer
//! `{"ok": true, "has_more": bool, "record_count": n, "records": [...]}`; the last page has `has_more` false.
//! Errors: `{"ok": false, "message": "..."}` or an array of such objects; 401 for bad credentials.
//!
//! | call | meaning |
//! |---|---|
//! | `GET /Products` | items of the catalog |
//! | `GET /Services` | agreements |
//! | `GET /ServiceProduct` | recurring lines; joined to the service by `service_id` and to the product by `product_id` |
//! | `GET /Bills` | invoices |
//! | `GET /Charges`, `GET /Credits` | lines of invoices; with `search.bill_id=<id>`, repeated for up to 50 bills (any of them) |
//! | `GET /Customers`, `GET /Contacts` (`search.customer_id`) | only when the setting moves customers to this surface; same fields as above |
//!
//! | product | pointers |
//! |---|---|
//! | id, name | `/product_id` `/id`; `/description` `/name` |
//! | identifier | `/code_1` *`/identifier`* |
//! | stock keeping unit | *`/sku`* |
//! | vendor's part number | `/code_2` *`/manufacturer_part_number`* |
//! | vendor | *`/provider_name`* *`/vendor_name`* |
//! | category | *`/product_type`* *`/category`* |
//! | price, cost, currency | `/rate`; `/cost` `/buy_rate`; `/currency_code` |
//! | bill cycle | *`/bill_cycle`* (Monthly, Annual, OneTime, Usage), then `/bill_every` (`FOLLOW_BILL_PROFILE` is the cycle of the setting `bill_profile_cycle`, Monthly by default; `ONE_YEAR` is Annual). The extension comes first because `bill_every` cannot say one-time or usage. |
//! | markup | *`/markup_percent`* |
//! | active, in arrears | `/active`; `/bills_in_arrears` |
//! | changed at | *`/modified_date`* |
//!
//! | service | pointers |
//! |---|---|
//! | id, customer | `/service_id` `/id`; `/customer_id` |
//! | agreement's name | `/description` `/number` *`/name`* |
//! | last day | `/disconnected_date` *`/end_date`*; ends lines that have no earlier end of their own |
//! | currency, bill cycle, in arrears | *`/currency_code`*; *`/bill_cycle`* *`/bill_every`*; *`/bills_in_arrears`* |
//!
//! | service product | pointers |
//! |---|---|
//! | id | `/service_product_id` `/id` |
//! | service, product, customer | `/service_id`; `/product_id`; `/customer_id` (else the service's) |
//! | description | `/description` |
//! | quantity, included quantity | `/quantity`; *`/included_quantity`* *`/less_included`* |
//! | price, cost | `/rate`; `/cost` |
//! | currency | *`/currency_code`*, else the service's, else the product's |
//! | bill cycle | *`/bill_cycle`* *`/bill_every`*, else the service's, else the product's |
//! | in arrears | *`/bills_in_arrears`*, else the service's, else the product's |
//! | first, last day (both included) | `/activated_date`; `/canceled_date` |
//! | status | `/status`: PENDING and DENIED are not billed; DISCONNECTED without `/canceled_date` ends on `/status_date` |
//! | billable | *`/billable`* (boolean), *`/bill_customer`* (`Billable`, `DoNotBill`, `NoCharge`); else yes |
//!
//! | bill | pointers |
//! |---|---|
//! | id, number, customer | `/bill_id` `/id`; `/bill_number` *`/number`*; `/customer_id` |
//! | date | *`/bill_date`* `/cycle_date` `/created_date` |
//! | total | *`/total`* `/amount_due` `/amount` |
//! | currency | *`/currency_code`* |
//! | status | *`/status`*: Draft; Open, Sent or Unpaid; Paid; Void; Credited |
//!
//! | charge or credit | pointers |
//! |---|---|
//! | id | `/charge_id` `/credit_id` `/id` (a credit's id is kept as `credit-<id>`) |
//! | bill | `/bill_id`; 0 or absent means not billed yet and the line is left out |
//! | recurring line | *`/service_product_id`* |
//! | product, description | `/product_id`; `/description` |
//! | quantity, price, amount | `/quantity`; `/rate`; `/amount` `/product_amount` |
//! | first, last day | `/start_date`; `/end_date` |
//!
//! A charge keeps its signs, so that a charge may be negative. A credit is written as a positive amount and takes
//! away: its quantity and amount become negative. (The sandbox may serve negative lines either way.)

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connector::json::{Field, Reason, object};

/// One record as it was sent, read by pointers.
pub struct Record<'a>(HashMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Record<'a> {
    /// Takes the text of a record apart.
    pub fn parse(json: &'a str) -> Result<Self, Reason> {
        Ok(Self(object(json)?))
    }

    /// The value at the first of several pointers that says something.
    pub fn get(&self, pointers: &[String]) -> Field<'a> {
        pointers
            .iter()
            .filter_map(|pointer| {
                let (first, rest) = split(pointer)?;
                at(self.0.get(first.as_ref()).copied()?, rest)
            })
            .find(|raw| !matches!(raw.get(), "null" | "\"\""))
    }
}

/// The first part of a pointer, unescaped, and the pointer behind it.
fn split(pointer: &str) -> Option<(Cow<'_, str>, &str)> {
    let path = pointer.strip_prefix('/')?;
    let (first, rest) = path.find('/').map_or((path, ""), |end| path.split_at(end));
    let is_escaped = first.contains('~');
    Some((if is_escaped { first.replace("~1", "/").replace("~0", "~").into() } else { first.into() }, rest))
}

/// The value at a pointer below a value; the values stay text, so that no number passes a float.
fn at<'a>(raw: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    if pointer.is_empty() {
        return Some(raw);
    }
    let (first, rest) = split(pointer)?;
    let inner = if raw.get().starts_with('[') {
        let elements: Vec<&'a RawValue> = serde_json::from_str(raw.get()).ok()?;
        *elements.get(first.parse::<usize>().ok()?)?
    } else {
        let mut fields: HashMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(raw.get()).ok()?;
        fields.remove(first.as_ref())?
    };
    at(inner, rest)
}

/// The value at a pointer in a whole reply.
pub fn lookup<'a>(body: &'a str, pointer: &str) -> Option<&'a RawValue> {
    at(serde_json::from_str(body).ok()?, pointer)
}

/// The records of a reply of the PSA surface: the first pointer that leads to a list, or the reply itself.
pub fn psa_records(body: &str, pointers: &[String]) -> Option<Vec<Box<RawValue>>> {
    let whole: &RawValue = serde_json::from_str(body).ok()?;
    if whole.get().starts_with('[') {
        return serde_json::from_str(whole.get()).ok();
    }
    pointers
        .iter()
        .filter_map(|pointer| at(whole, pointer))
        .find(|raw| raw.get().starts_with('['))
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// A list of the Billing surface.
#[derive(Deserialize)]
pub struct BillingList {
    /// Whether the request was carried out; a reply that says no with status 200 is no list.
    #[serde(default)]
    pub ok: Option<bool>,
    /// Whether there are more pages.
    #[serde(default)]
    pub has_more: Option<bool>,
    /// Records, each still as text.
    pub records: Vec<Box<RawValue>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_find_the_first_value_that_says_something_in_its_own_digits() {
        let record = Record::parse(r#"{"a":null,"b":"","c":{"d":[{"e":1.10}]},"f/g":"x"}"#).unwrap();
        let find = |pointers: &[&str]| {
            let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
            record.get(&pointers).map(|raw| raw.get().to_owned())
        };
        assert_eq!(find(&["/a", "/b", "/c/d/0/e"]).as_deref(), Some("1.10"));
        assert_eq!(find(&["/f~1g"]).as_deref(), Some("\"x\""));
        assert_eq!(find(&["/a", "/c/d/7", "/nothing", "no-pointer"]), None);
    }
}
