//! What we make of Rev.io's records: neutral ones, joined where Rev.io spreads them over service, line and product.

use std::collections::HashMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use rust_decimal::Decimal;

use super::settings::Fields;
use super::wire::Record;
use crate::connector::json::{
    Field, NUL_NOTE, Reason, boolean, currency, day, decimal, folded, id, instant, known, lenient, rejected,
    required_id, required_text, text, unknown_note, without_nul,
};
use crate::connector::psa::words;
use crate::connector::{Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::money::Currency;
use crate::domain::record::{
    Address, AgreementLine, BillCycle, Contact, Cost, Customer, Known, Price, PsaInvoice, PsaInvoiceLine, PsaProduct,
};

/// What a conversion needs to know beside the record.
#[derive(Debug)]
pub struct Reading {
    /// Where the fields stand.
    pub fields: Fields,
    /// Time zone of the account.
    pub zone: Tz,
    /// What `FOLLOW_BILL_PROFILE` means.
    pub bill_profile_cycle: Option<BillCycle>,
}

/// Converts one record, keeping its text; a failure takes only this record.
pub fn pulled<T>(
    json: &str,
    id_pointers: &[String],
    convert: impl FnOnce(&Record<'_>, &mut Vec<String>) -> Result<T, Reason>,
) -> Result<Pulled<T>, Rejected> {
    let (raw, had_nul) = without_nul(json);
    let mut notes = Vec::new();
    if had_nul {
        notes.push(NUL_NOTE.to_owned());
    }
    match Record::parse(&raw).and_then(|record| convert(&record, &mut notes)) {
        Ok(record) => Ok(Pulled { record, raw: raw.into_owned(), notes }),
        Err(reason) => {
            let names: Vec<&str> = id_pointers.iter().map(|pointer| pointer.trim_start_matches('/')).collect();
            Err(rejected(&raw, &names, reason))
        }
    }
}

/// What the lines of an agreement take from it, or from their product.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Name of the agreement.
    pub name: Option<String>,
    /// Customer of the agreement.
    pub customer: Option<ExternalId>,
    /// Last day of the agreement.
    pub end: Option<NaiveDate>,
    /// Currency.
    pub currency: Option<Currency>,
    /// How often it is billed.
    pub bill_cycle: Option<Known<BillCycle>>,
    /// Whether it is billed after the service.
    pub bills_in_arrears: Option<bool>,
}

/// Agreements and products that lines are joined to.
#[derive(Debug, Default)]
pub struct Joins {
    /// Agreements by id.
    pub agreements: HashMap<ExternalId, Terms>,
    /// Products by id.
    pub products: HashMap<ExternalId, Terms>,
}

/// On which kind of list a line of an invoice stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// A charge keeps its signs.
    Charge,
    /// A credit takes away what it says.
    Credit,
}

impl Reading {
    /// A customer; a person's name stands in for a company's.
    pub fn customer(&self, record: &Record<'_>, notes: &mut Vec<String>) -> Result<Customer, Reason> {
        let fields = &self.fields.customer;
        let name = match text("name", record.get(&fields.name))? {
            Some(name) => name,
            None => {
                let first = text("first name", record.get(&fields.first_name))?;
                let last = text("last name", record.get(&fields.last_name))?;
                let parts: Vec<String> = [first, last].into_iter().flatten().collect();
                Some(parts.join(" ")).filter(|name| !name.is_empty()).ok_or_else(|| "name is missing".to_owned())?
            }
        };
        Ok(Customer {
            external_id: required_id("customer id", record.get(&fields.id))?,
            name,
            identifier: text("identifier", record.get(&fields.identifier))?,
            status: known("status", record.get(&fields.status), notes, words::customer_status)?,
            kind: text("type", record.get(&fields.kind))?,
            address: Address {
                street: text("street", record.get(&fields.street))?,
                street2: text("street2", record.get(&fields.street2))?,
                city: text("city", record.get(&fields.city))?,
                region: text("state", record.get(&fields.region))?,
                postal_code: text("postal code", record.get(&fields.postal_code))?,
                country: text("country", record.get(&fields.country))?,
            },
            phone: text("phone", record.get(&fields.phone))?,
            website: text("website", record.get(&fields.website))?,
            email: text("email", record.get(&fields.email))?,
            account_number: text("account number", record.get(&fields.account_number))?,
            currency: currency("currency", record.get(&fields.currency))?,
            parent_external_id: id("parent", record.get(&fields.parent))?,
            is_deleted: boolean("deleted", record.get(&fields.is_deleted))?.unwrap_or(false),
            updated_at: lenient(instant("modified date", record.get(&fields.updated_at), self.zone), notes),
        })
    }

    /// A contact of a customer.
    pub fn contact(&self, record: &Record<'_>, customer: &ExternalId) -> Result<Contact, Reason> {
        let fields = &self.fields.contact;
        let mut first_name = text("first name", record.get(&fields.first_name))?;
        let mut last_name = text("last name", record.get(&fields.last_name))?;
        if let (None, None, Some(name)) = (&first_name, &last_name, text("name", record.get(&fields.name))?) {
            // One text for both; the last word is the family name, as in the PSA's own lists.
            let (first, last) = name.trim().rsplit_once(' ').unwrap_or(("", name.trim()));
            first_name = Some(first.trim().to_owned()).filter(|first| !first.is_empty());
            last_name = Some(last.to_owned());
        }
        let is_primary = boolean("primary", record.get(&fields.is_primary))?;
        Ok(Contact {
            external_id: id("contact id", record.get(&fields.id))?,
            owner_external_id: customer.clone(),
            first_name,
            last_name,
            email: text("email", record.get(&fields.email))?,
            phone: text("phone", record.get(&fields.phone))?,
            roles: is_primary
                .filter(|is_primary| *is_primary)
                .map(|_| ("Primary".to_owned(), true))
                .into_iter()
                .collect(),
        })
    }

    /// An item of the catalog.
    pub fn product(&self, record: &Record<'_>, notes: &mut Vec<String>) -> Result<PsaProduct, Reason> {
        let fields = &self.fields.product;
        Ok(PsaProduct {
            external_id: required_id("product id", record.get(&fields.id))?,
            name: required_text("description", record.get(&fields.name))?,
            identifier: text("code", record.get(&fields.identifier))?,
            vendor_name: text("provider", record.get(&fields.vendor_name))?,
            sku: text("sku", record.get(&fields.sku))?,
            vendor_sku: text("part number", record.get(&fields.vendor_sku))?,
            category: text("category", record.get(&fields.category))?,
            unit_price: decimal("rate", record.get(&fields.unit_price))?.map(Price),
            unit_cost: decimal("cost", record.get(&fields.unit_cost))?.map(Cost),
            currency: currency("currency", record.get(&fields.currency))?,
            bill_cycle: self.bill_cycle(record.get(&fields.bill_cycle), notes)?,
            markup_percent: decimal("markup", record.get(&fields.markup_percent))?,
            is_active: boolean("active", record.get(&fields.is_active))?.unwrap_or(true),
            updated_at: lenient(instant("modified date", record.get(&fields.updated_at), self.zone), notes),
        })
    }

    /// What a product tells the lines that it is on.
    pub fn product_terms(&self, record: &Record<'_>) -> Result<(ExternalId, Terms), Reason> {
        let fields = &self.fields.product;
        let terms = Terms {
            currency: currency("currency", record.get(&fields.currency))?,
            bill_cycle: self.bill_cycle(record.get(&fields.bill_cycle), &mut Vec::new())?,
            bills_in_arrears: said(record.get(&fields.bills_in_arrears), words::is_arrears, &mut Vec::new())?,
            ..Terms::default()
        };
        Ok((required_id("product id", record.get(&fields.id))?, terms))
    }

    /// What an agreement tells its lines.
    pub fn agreement(&self, record: &Record<'_>, notes: &mut Vec<String>) -> Result<(ExternalId, Terms), Reason> {
        let fields = &self.fields.agreement;
        let terms = Terms {
            name: text("description", record.get(&fields.name))?,
            customer: id("customer id", record.get(&fields.customer))?,
            end: day("disconnected date", record.get(&fields.end), self.zone)?,
            currency: currency("currency", record.get(&fields.currency))?,
            bill_cycle: self.bill_cycle(record.get(&fields.bill_cycle), notes)?,
            bills_in_arrears: said(record.get(&fields.bills_in_arrears), words::is_arrears, notes)?,
        };
        Ok((required_id("service id", record.get(&fields.id))?, terms))
    }

    /// A recurring line with what its agreement and its product say.
    pub fn agreement_line(
        &self,
        record: &Record<'_>,
        notes: &mut Vec<String>,
        joins: &Joins,
    ) -> Result<AgreementLine, Reason> {
        let fields = &self.fields.agreement_line;
        let agreement_id = required_id("service id", record.get(&fields.agreement))?;
        let product_id = id("product id", record.get(&fields.product))?;
        let agreement = joins.agreements.get(&agreement_id);
        let product = product_id.as_ref().and_then(|id| joins.products.get(id));
        let sources = || [agreement, product].into_iter().flatten();
        let customer = id("customer id", record.get(&fields.customer))?
            .or_else(|| agreement?.customer.clone())
            .ok_or_else(|| format!("neither the line nor service `{agreement_id}` names a customer"))?;
        let status = text("status", record.get(&fields.status))?;
        let mut own_end = day("canceled date", record.get(&fields.effective_to), self.zone)?;
        // A line that was asked for or refused is not on any bill.
        let is_running = match status.as_deref().map(folded).as_deref() {
            Some("pending" | "denied") => false,
            Some("disconnected" | "canceled" | "cancelled") => {
                own_end = own_end.or(day("status date", record.get(&fields.status_date), self.zone)?);
                true
            }
            None | Some("active") => true,
            Some(_) => {
                notes.push(unknown_note("status", status.as_deref().unwrap_or_default()));
                true
            }
        };
        let is_billable = said(record.get(&fields.is_billable), words::is_billable, notes)?.unwrap_or(true);
        Ok(AgreementLine {
            external_id: required_id("service product id", record.get(&fields.id))?,
            agreement_external_id: agreement_id,
            agreement_name: agreement.and_then(|agreement| agreement.name.clone()),
            customer_external_id: customer,
            product_external_id: product_id,
            description: text("description", record.get(&fields.description))?,
            quantity: decimal("quantity", record.get(&fields.quantity))?,
            included_quantity: decimal("included quantity", record.get(&fields.included_quantity))?,
            unit_price: decimal("rate", record.get(&fields.unit_price))?.map(Price),
            unit_cost: decimal("cost", record.get(&fields.unit_cost))?.map(Cost),
            currency: currency("currency", record.get(&fields.currency))?
                .or_else(|| sources().find_map(|terms| terms.currency)),
            bill_cycle: self
                .bill_cycle(record.get(&fields.bill_cycle), notes)?
                .or_else(|| sources().find_map(|terms| terms.bill_cycle.clone())),
            bills_in_arrears: said(record.get(&fields.bills_in_arrears), words::is_arrears, notes)?
                .or_else(|| sources().find_map(|terms| terms.bills_in_arrears))
                .unwrap_or(false),
            is_billable: is_billable && is_running,
            effective_from: day("activated date", record.get(&fields.effective_from), self.zone)?,
            // A line cannot outlive its agreement.
            effective_to: own_end.into_iter().chain(agreement.and_then(|agreement| agreement.end)).min(),
        })
    }

    /// The head of an invoice.
    pub fn invoice(&self, record: &Record<'_>, notes: &mut Vec<String>) -> Result<PsaInvoice, Reason> {
        let fields = &self.fields.invoice;
        let date = day("bill date", record.get(&fields.date), self.zone)?;
        Ok(PsaInvoice {
            external_id: required_id("bill id", record.get(&fields.id))?,
            number: text("bill number", record.get(&fields.number))?,
            customer_external_id: required_id("customer id", record.get(&fields.customer))?,
            invoice_date: date.ok_or_else(|| "bill date is missing".to_owned())?,
            currency: currency("currency", record.get(&fields.currency))?,
            total: decimal("total", record.get(&fields.total))?.map(Price),
            status: known("status", record.get(&fields.status), notes, words::invoice_status)?,
        })
    }

    /// The invoice that a line says it is on; 0 stands for none yet.
    pub fn invoice_of(&self, record: &Record<'_>) -> Result<Option<ExternalId>, Reason> {
        Ok(id("bill id", record.get(&self.fields.invoice_line.invoice))?.filter(|id| id.as_str() != "0"))
    }

    /// A line of an invoice.
    pub fn invoice_line(
        &self,
        record: &Record<'_>,
        invoice: &ExternalId,
        kind: LineKind,
    ) -> Result<PsaInvoiceLine, Reason> {
        let fields = &self.fields.invoice_line;
        let own_id = required_id("charge id", record.get(&fields.id))?;
        let signed = |amount: Decimal| match kind {
            LineKind::Charge => amount,
            LineKind::Credit => -amount.abs(),
        };
        Ok(PsaInvoiceLine {
            // Charges and credits are numbered apart from each other.
            external_id: match kind {
                LineKind::Charge => own_id,
                LineKind::Credit => ExternalId::from(format!("credit-{own_id}")),
            },
            invoice_external_id: invoice.clone(),
            agreement_line_external_id: id("service product id", record.get(&fields.agreement_line))?,
            product_external_id: id("product id", record.get(&fields.product))?,
            description: text("description", record.get(&fields.description))?,
            quantity: decimal("quantity", record.get(&fields.quantity))?.map(signed),
            unit_price: decimal("rate", record.get(&fields.unit_price))?.map(Price),
            amount: decimal("amount", record.get(&fields.amount))?.map(signed).map(Price),
            period_start: day("start date", record.get(&fields.period_start), self.zone)?,
            period_end: day("end date", record.get(&fields.period_end), self.zone)?,
        })
    }

    fn bill_cycle(&self, field: Field<'_>, notes: &mut Vec<String>) -> Result<Option<Known<BillCycle>>, Reason> {
        known("bill cycle", field, notes, |word| match word {
            "followbillprofile" => self.bill_profile_cycle,
            _ => words::bill_cycle(word),
        })
    }
}

/// A truth that is said by a word; an unknown word is noted and left out.
fn said(
    field: Field<'_>,
    recognize: fn(&str) -> Option<bool>,
    notes: &mut Vec<String>,
) -> Result<Option<bool>, Reason> {
    let Some(word) = text("flag", field)? else { return Ok(None) };
    let meaning = recognize(&folded(&word));
    if meaning.is_none() {
        notes.push(unknown_note("flag", &word));
    }
    Ok(meaning)
}
