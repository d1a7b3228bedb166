//! What Pax8 sends, by the partner OpenAPI document and by what was seen on the wire. Every field may be absent or
//! `null`, whatever the document says; unknown fields are ignored here and kept in the raw text.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connector::json::wire;

/// A list: `{content, page}`, `{content}`, `{page}` when it is empty, or a bare array.
#[derive(Debug)]
pub struct List<'a> {
    /// Records, each still as text, so that a bad one does not take its neighbours along.
    pub content: Vec<&'a RawValue>,
    /// Counters, where the list has pages.
    pub page: Option<PageInfo>,
}

/// Counters of a page.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// Records over all pages.
    #[serde(default)]
    pub total_elements: Option<u64>,
    /// Number of pages.
    #[serde(default)]
    pub total_pages: Option<u64>,
    /// This page, from 0.
    #[serde(default)]
    pub number: Option<u64>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    content: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    page: Option<PageInfo>,
}

impl<'a> List<'a> {
    /// Takes a reply apart; says what is wrong when it is no list.
    pub fn parse(body: &'a str) -> Result<Self, String> {
        if body.trim_start().starts_with('[') {
            let content = serde_json::from_str(body).map_err(|error| error.to_string())?;
            return Ok(Self { content, page: None });
        }
        let envelope: Envelope<'_> = serde_json::from_str(body).map_err(|error| error.to_string())?;
        if envelope.content.is_none() && envelope.page.is_none() {
            return Err("neither `content` nor `page` is there".to_owned());
        }
        Ok(Self { content: envelope.content.unwrap_or_default(), page: envelope.page })
    }
}

wire! {
    /// A customer of the partner.
    Company {
        id,
        name,
        address,
        phone,
        website,
        external_id,
        bill_on_behalf_of_enabled,
        self_service_allowed,
        order_approval_required,
        status,
        updated_date,
    }

    /// A postal address.
    Address { street, street2, city, state_or_province, postal_code, country }

    /// A contact; the older parts of the telephone number are read when `phone` is missing.
    Contact { id, first_name, last_name, email, phone, phone_number, phone_country_calling_code, types }

    /// A role of a contact.
    ContactType {
        #[serde(rename = "type")]
        kind,
        primary,
    }

    /// An entry of the catalog.
    Product { id, name, vendor_name, short_description, sku, vendor_sku, alt_vendor_sku, requires_commitment }

    /// The prices of a product as a file holds them: the reply, and the product that was asked for.
    ProductPricing { product_id, content }

    /// The prices of a product for one term and commitment.
    Pricing { product_id, billing_term, commitment_term, currency_code, rates }

    /// The price for a range of quantities.
    Rate { partner_buy_rate, suggested_retail_price, start_quantity_range, end_quantity_range, charge_type }

    /// A state of a subscription.
    Subscription {
        id,
        company_id,
        product_id,
        parent_subscription_id,
        quantity,
        start_date,
        end_date,
        created_date,
        updated_date,
        billing_start,
        status,
        price,
        partner_cost,
        currency_code,
        billing_term,
        /// As the document names it.
        commitment_term,
        /// As the wire names it.
        commitment,
    }

    /// A commitment of a subscription.
    Commitment { id, term, end_date }

    /// The head of an invoice.
    Invoice {
        id,
        invoice_date,
        due_date,
        status,
        total,
        balance,
        carried_balance,
        currency_code,
        partner_name,
        company_id,
    }

    /// A line of an invoice or of its draft.
    InvoiceItem {
        id,
        #[serde(rename = "type")]
        kind,
        company_id,
        company_name,
        subscription_id,
        product_id,
        product_name,
        sku,
        description,
        start_period,
        end_period,
        term,
        quantity,
        charge_type,
        price,
        sub_total,
        cost,
        cost_total,
        amount_due,
        sales_tax,
        currency_code,
        billed_by_pax8,
    }

    /// Metered use of one resource group.
    UsageSummary {
        id,
        company_id,
        subscription_id,
        product_id,
        resource_group,
        current_charges,
        partner_total,
        currency_code,
    }

    /// One metered use.
    UsageLine {
        usage_summary_id,
        usage_date,
        product_id,
        product_name,
        unit_of_measure,
        quantity,
        current_charges,
        partner_total,
        currency_code,
    }
}
