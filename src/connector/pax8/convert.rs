//! What we make of Pax8's records. The one place where a moment becomes a day of the account, where a word of Pax8
//! becomes one of ours, and where missing currencies and ids are filled in.

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire;
use crate::connector::json::{
    Field, NUL_NOTE, Reason, boolean, currency, day, decimal, id, instant, known, lenient, rejected, required_day,
    required_id, required_text, short, text, unknown_note, without_nul,
};
use crate::connector::{Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::money::Currency;
use crate::domain::record::{
    Address, BillingTerm, ChargeType, Company, CompanyStatus, Contact, Cost, Known, Pax8Product, Price, Subscription,
    SubscriptionStatus, UsageLine, UsageSummary, VendorInvoice, VendorInvoiceLine, VendorInvoiceStatus, VendorLineKind,
    VendorPrice,
};

/// What a conversion needs to know beside the record.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// Time zone of the account.
    pub zone: Tz,
}

/// What a line of an invoice gets from its invoice.
#[derive(Debug, Clone)]
pub struct LineOrigin {
    /// Invoice that the line is on, or a made-up id for a draft.
    pub invoice: ExternalId,
    /// Currency of the invoice.
    pub currency: Option<Currency>,
    /// Position of the line in the whole invoice, from 0.
    pub position: u64,
}

/// Converts one record, keeping its text; a failure takes only this record.
pub fn pulled<T>(
    json: &str,
    convert: impl FnOnce(&str, &mut Vec<String>) -> Result<T, Reason>,
) -> Result<Pulled<T>, Rejected> {
    let (raw, had_nul) = without_nul(json);
    let mut notes = Vec::new();
    if had_nul {
        notes.push(NUL_NOTE.to_owned());
    }
    match convert(&raw, &mut notes) {
        Ok(record) => Ok(Pulled { record, raw: raw.into_owned(), notes }),
        Err(reason) => Err(rejected(&raw, &["id"], reason)),
    }
}

fn parsed<'a, T: Deserialize<'a>>(what: &str, json: &'a str) -> Result<T, Reason> {
    // A list would be read too, value by value, as if it were the fields in their order.
    if !json.trim_start().starts_with('{') {
        return Err(format!("the row is not {what} but `{}`", short(json)));
    }
    serde_json::from_str(json).map_err(|error| format!("the row is not {what}: {error}"))
}

/// An object inside a record, or a record without fields where there is none.
fn nested<'a, T: Deserialize<'a>>(name: &str, field: Field<'a>) -> Result<T, Reason> {
    let json = field.map_or("{}", RawValue::get);
    if !json.starts_with('{') {
        return Err(format!("{name} is not an object but `{}`", short(json)));
    }
    serde_json::from_str(json).map_err(|error| format!("{name} cannot be read: {error}"))
}

/// A list inside a record.
fn elements<'a>(name: &str, field: Field<'a>) -> Result<Vec<&'a RawValue>, Reason> {
    let json = field.map_or("[]", RawValue::get);
    serde_json::from_str(json).map_err(|error| format!("{name} is not a list: {error}"))
}

/// Reads a term; an unknown one is kept and noted.
fn term(name: &str, field: Field<'_>, notes: &mut Vec<String>) -> Result<Option<Known<BillingTerm>>, Reason> {
    let Some(written) = text(name, field)? else { return Ok(None) };
    let term = BillingTerm::parse(&written);
    if term.known().is_none() {
        notes.push(unknown_note(name, &written));
    }
    Ok(Some(term))
}

fn charge_type(field: Field<'_>, notes: &mut Vec<String>) -> Result<Option<Known<ChargeType>>, Reason> {
    known("chargeType", field, notes, |word| match word {
        "per" | "perunit" => Some(ChargeType::PerUnit),
        "flat" | "flatrate" => Some(ChargeType::Flat),
        _ => None,
    })
}

fn cost(name: &str, field: Field<'_>) -> Result<Option<Cost>, Reason> {
    Ok(decimal(name, field)?.map(Cost))
}

fn price(name: &str, field: Field<'_>) -> Result<Option<Price>, Reason> {
    Ok(decimal(name, field)?.map(Price))
}

/// A company.
pub fn company(json: &str, notes: &mut Vec<String>, account: Account) -> Result<Company, Reason> {
    let sent: wire::Company<'_> = parsed("a company", json)?;
    let address: wire::Address<'_> = nested("address", sent.address)?;
    Ok(Company {
        external_id: required_id("id", sent.id)?,
        name: required_text("name", sent.name)?,
        status: known("status", sent.status, notes, |word| match word {
            "active" => Some(CompanyStatus::Active),
            "inactive" => Some(CompanyStatus::Inactive),
            "deleted" => Some(CompanyStatus::Deleted),
            _ => None,
        })?,
        address: Address {
            street: text("street", address.street)?,
            street2: text("street2", address.street2)?,
            city: text("city", address.city)?,
            region: text("stateOrProvince", address.state_or_province)?,
            postal_code: text("postalCode", address.postal_code)?,
            country: text("country", address.country)?,
        },
        phone: text("phone", sent.phone)?,
        website: text("website", sent.website)?,
        partner_reference: text("externalId", sent.external_id)?,
        is_billed_by_pax8: boolean("billOnBehalfOfEnabled", sent.bill_on_behalf_of_enabled)?,
        is_self_service_allowed: boolean("selfServiceAllowed", sent.self_service_allowed)?,
        is_order_approval_required: boolean("orderApprovalRequired", sent.order_approval_required)?,
        updated_at: lenient(instant("updatedDate", sent.updated_date, account.zone), notes),
    })
}

/// A contact of a company.
pub fn contact(json: &str, company: &ExternalId) -> Result<Contact, Reason> {
    let sent: wire::Contact<'_> = parsed("a contact", json)?;
    let phone = match text("phone", sent.phone)? {
        Some(phone) => Some(phone),
        None => {
            let code = text("phoneCountryCallingCode", sent.phone_country_calling_code)?;
            let number = text("phoneNumber", sent.phone_number)?;
            number.map(|number| code.map(|code| format!("+{} {number}", code.trim_matches('+'))).unwrap_or(number))
        }
    };
    let mut roles = Vec::new();
    for element in elements("types", sent.types)? {
        let role = if element.get().starts_with('"') {
            (text("types", Some(element))?, false)
        } else {
            let role: wire::ContactType<'_> = nested("types", Some(element))?;
            (text("type", role.kind)?, boolean("primary", role.primary)?.unwrap_or(false))
        };
        if let (Some(name), is_primary) = role {
            roles.push((name, is_primary));
        }
    }
    Ok(Contact {
        external_id: id("id", sent.id)?,
        owner_external_id: company.clone(),
        first_name: text("firstName", sent.first_name)?,
        last_name: text("lastName", sent.last_name)?,
        email: text("email", sent.email)?,
        phone,
        roles,
    })
}

/// A product of the catalog.
pub fn product(json: &str) -> Result<Pax8Product, Reason> {
    let sent: wire::Product<'_> = parsed("a product", json)?;
    Ok(Pax8Product {
        external_id: required_id("id", sent.id)?,
        name: required_text("name", sent.name)?,
        vendor_name: text("vendorName", sent.vendor_name)?,
        sku: text("sku", sent.sku)?,
        // Plain, `productId:skuId`, or an object that was written as a text; an object proper is kept as its text.
        vendor_sku: match sent.vendor_sku {
            Some(raw) if raw.get().starts_with('{') => Some(raw.get().to_owned()),
            field => text("vendorSku", field)?,
        },
        short_description: text("shortDescription", sent.short_description)?,
        requires_commitment: boolean("requiresCommitment", sent.requires_commitment)?,
    })
}

/// The prices in one entry of a price reply: one for each range of quantities.
///
/// All of them come from one text, so that the entry is either read as a whole or rejected as a whole.
pub fn prices(json: &str, notes: &mut Vec<String>, product: Option<&ExternalId>) -> Result<Vec<VendorPrice>, Reason> {
    let sent: wire::Pricing<'_> = parsed("a price", json)?;
    let product = match (id("productId", sent.product_id)?, product) {
        (Some(own), _) => own,
        (None, Some(asked)) => asked.clone(),
        (None, None) => return Err("productId is missing".to_owned()),
    };
    let billing_term = term("billingTerm", sent.billing_term, notes)?;
    let commitment_term = text("commitmentTerm", sent.commitment_term)?;
    let currency = currency("currencyCode", sent.currency_code)?;
    let mut prices = Vec::new();
    for element in elements("rates", sent.rates)? {
        let rate: wire::Rate<'_> = nested("rates", Some(element))?;
        prices.push(VendorPrice {
            product_external_id: product.clone(),
            billing_term: billing_term.clone(),
            commitment_term: commitment_term.clone(),
            currency,
            range_start: decimal("startQuantityRange", rate.start_quantity_range)?,
            range_end: decimal("endQuantityRange", rate.end_quantity_range)?,
            cost: cost("partnerBuyRate", rate.partner_buy_rate)?,
            suggested_price: price("suggestedRetailPrice", rate.suggested_retail_price)?,
            charge_type: charge_type(rate.charge_type, notes)?,
        });
    }
    Ok(prices)
}

/// A subscription, in its present or in a past state.
pub fn subscription(json: &str, notes: &mut Vec<String>, account: Account) -> Result<Subscription, Reason> {
    let sent: wire::Subscription<'_> = parsed("a subscription", json)?;
    // The document says `commitmentTerm`, the wire says `commitment`; a bare text is the term itself.
    let (commitment_term, commitment_end) = match sent.commitment.or(sent.commitment_term) {
        Some(raw) if raw.get().starts_with('{') => {
            let commitment: wire::Commitment<'_> = nested("commitment", Some(raw))?;
            (text("term", commitment.term)?, lenient(day("endDate", commitment.end_date, account.zone), notes))
        }
        field => (text("commitmentTerm", field)?, None),
    };
    Ok(Subscription {
        external_id: required_id("id", sent.id)?,
        company_external_id: required_id("companyId", sent.company_id)?,
        product_external_id: required_id("productId", sent.product_id)?,
        parent_external_id: id("parentSubscriptionId", sent.parent_subscription_id)?,
        quantity: decimal("quantity", sent.quantity)?,
        start_date: day("startDate", sent.start_date, account.zone)?,
        end_date: day("endDate", sent.end_date, account.zone)?,
        created_at: lenient(instant("createdDate", sent.created_date, account.zone), notes),
        updated_at: lenient(instant("updatedDate", sent.updated_date, account.zone), notes),
        billing_start: day("billingStart", sent.billing_start, account.zone)?,
        status: known("status", sent.status, notes, subscription_status)?,
        price: price("price", sent.price)?,
        cost: cost("partnerCost", sent.partner_cost)?,
        currency: currency("currencyCode", sent.currency_code)?,
        billing_term: term("billingTerm", sent.billing_term, notes)?,
        commitment_term,
        commitment_end,
    })
}

fn subscription_status(word: &str) -> Option<SubscriptionStatus> {
    Some(match word {
        "active" => SubscriptionStatus::Active,
        "cancelled" | "canceled" => SubscriptionStatus::Canceled,
        "pendingmanual" => SubscriptionStatus::PendingManual,
        "pendingautomated" => SubscriptionStatus::PendingAutomated,
        "pendingcancel" => SubscriptionStatus::PendingCancel,
        "waitingfordetails" => SubscriptionStatus::WaitingForDetails,
        "trial" => SubscriptionStatus::Trial,
        "converted" => SubscriptionStatus::Converted,
        "pendingactivation" => SubscriptionStatus::PendingActivation,
        "activated" => SubscriptionStatus::Activated,
        _ => return None,
    })
}

/// The head of an invoice.
pub fn invoice(json: &str, notes: &mut Vec<String>, account: Account) -> Result<VendorInvoice, Reason> {
    let sent: wire::Invoice<'_> = parsed("an invoice", json)?;
    Ok(VendorInvoice {
        external_id: required_id("id", sent.id)?,
        invoice_date: required_day("invoiceDate", sent.invoice_date, account.zone)?,
        due_date: lenient(day("dueDate", sent.due_date, account.zone), notes),
        status: known("status", sent.status, notes, |word| match word {
            "unpaid" => Some(VendorInvoiceStatus::Unpaid),
            "paid" => Some(VendorInvoiceStatus::Paid),
            "void" | "voided" => Some(VendorInvoiceStatus::Void),
            "carried" => Some(VendorInvoiceStatus::Carried),
            "nothingdue" => Some(VendorInvoiceStatus::NothingDue),
            "credited" => Some(VendorInvoiceStatus::Credited),
            "draft" => Some(VendorInvoiceStatus::Draft),
            _ => None,
        })?,
        total: decimal("total", sent.total)?,
        balance: decimal("balance", sent.balance)?,
        carried_balance: decimal("carriedBalance", sent.carried_balance)?,
        currency: currency("currencyCode", sent.currency_code)?,
        company_external_id: id("companyId", sent.company_id)?,
    })
}

/// The name of the partner that an invoice is for.
pub fn partner_name(json: &str) -> Option<String> {
    let sent: wire::Invoice<'_> = parsed("an invoice", json).ok()?;
    text("partnerName", sent.partner_name).ok().flatten()
}

/// A line of an invoice, or of a draft.
pub fn invoice_line(
    json: &str,
    notes: &mut Vec<String>,
    account: Account,
    origin: &LineOrigin,
) -> Result<VendorInvoiceLine, Reason> {
    let sent: wire::InvoiceItem<'_> = parsed("an invoice item", json)?;
    // An approved invoice never changes, so that a position in it is as good as an id.
    let external_id =
        id("id", sent.id)?.unwrap_or_else(|| ExternalId::from(format!("{}/item-{}", origin.invoice, origin.position)));
    let kind = known("type", sent.kind, notes, line_kind)?.unwrap_or_else(|| {
        notes.push("type is missing".to_owned());
        Known::Unrecognized(String::new())
    });
    Ok(VendorInvoiceLine {
        external_id,
        invoice_external_id: origin.invoice.clone(),
        kind,
        company_external_id: id("companyId", sent.company_id)?,
        company_name: text("companyName", sent.company_name)?,
        subscription_external_id: id("subscriptionId", sent.subscription_id)?,
        product_external_id: id("productId", sent.product_id)?,
        product_name: text("productName", sent.product_name)?,
        sku: text("sku", sent.sku)?,
        description: text("description", sent.description)?,
        period_start: day("startPeriod", sent.start_period, account.zone)?,
        period_end: day("endPeriod", sent.end_period, account.zone)?,
        term: term("term", sent.term, notes)?,
        quantity: decimal("quantity", sent.quantity)?,
        charge_type: charge_type(sent.charge_type, notes)?,
        price: price("price", sent.price)?,
        subtotal: price("subTotal", sent.sub_total)?,
        cost: cost("cost", sent.cost)?,
        cost_total: cost("costTotal", sent.cost_total)?,
        amount_due: cost("amountDue", sent.amount_due)?,
        sales_tax: cost("salesTax", sent.sales_tax)?,
        currency: currency("currencyCode", sent.currency_code)?.or(origin.currency),
        is_billed_by_pax8: boolean("billedByPax8", sent.billed_by_pax8)?.unwrap_or(false),
    })
}

fn line_kind(word: &str) -> Option<VendorLineKind> {
    Some(match word {
        "subscription" => VendorLineKind::Subscription,
        "prorate" => VendorLineKind::Prorate,
        "onetime" => VendorLineKind::OneTime,
        "rebate" => VendorLineKind::Rebate,
        "servicecharge" => VendorLineKind::ServiceCharge,
        "servicecredit" => VendorLineKind::ServiceCredit,
        "paymentcredit" => VendorLineKind::PaymentCredit,
        "invoicecredit" => VendorLineKind::InvoiceCredit,
        _ => return None,
    })
}

/// A summary of metered use; the list below a subscription may leave out whose use it is.
pub fn usage_summary(json: &str, subscription: &ExternalId) -> Result<UsageSummary, Reason> {
    let sent: wire::UsageSummary<'_> = parsed("a usage summary", json)?;
    Ok(UsageSummary {
        external_id: required_id("id", sent.id)?,
        company_external_id: id("companyId", sent.company_id)?,
        subscription_external_id: Some(
            id("subscriptionId", sent.subscription_id)?.unwrap_or_else(|| subscription.clone()),
        ),
        product_external_id: id("productId", sent.product_id)?,
        resource_group: text("resourceGroup", sent.resource_group)?,
        cost: cost("partnerTotal", sent.partner_total)?,
        charges: price("currentCharges", sent.current_charges)?,
        currency: currency("currencyCode", sent.currency_code)?,
    })
}

/// A line of metered use.
pub fn usage_line(json: &str, summary: &ExternalId, account: Account) -> Result<UsageLine, Reason> {
    let sent: wire::UsageLine<'_> = parsed("a usage line", json)?;
    Ok(UsageLine {
        summary_external_id: id("usageSummaryId", sent.usage_summary_id)?.unwrap_or_else(|| summary.clone()),
        usage_date: day("usageDate", sent.usage_date, account.zone)?,
        product_external_id: id("productId", sent.product_id)?,
        product_name: text("productName", sent.product_name)?,
        unit: text("unitOfMeasure", sent.unit_of_measure)?,
        quantity: decimal("quantity", sent.quantity)?,
        cost: cost("partnerTotal", sent.partner_total)?,
        charges: price("currentCharges", sent.current_charges)?,
        currency: currency("currencyCode", sent.currency_code)?,
    })
}
