//! What we make of a PSA's rows. The names of fields are those of the JSON Lines layout, of its CSV form and of the
//! neutral CSV form together; the first that says something counts.

use std::collections::HashMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::fields::Fields;
use crate::connector::json::{
    Field, NUL_NOTE, Reason, boolean, currency, day, decimal, folded, id, instant, known, lenient, rejected,
    required_id, required_text, text, unknown_note, without_nul,
};
use crate::connector::psa::words;
use crate::connector::{Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::money::Currency;
use crate::domain::record::{
    Address, AgreementLine, BillCycle, Cost, Customer, Known, Price, PsaInvoice, PsaInvoiceLine, PsaProduct,
};

/// Converts one row, keeping its text.
pub fn pulled<T>(
    json: &str,
    convert: impl FnOnce(&Fields<'_>, &mut Vec<String>) -> Result<T, Reason>,
) -> Result<Pulled<T>, Rejected> {
    let (raw, had_nul) = without_nul(json);
    let mut notes = Vec::new();
    if had_nul {
        notes.push(NUL_NOTE.to_owned());
    }
    match Fields::parse(&raw).and_then(|fields| convert(&fields, &mut notes)) {
        Ok(record) => Ok(Pulled { record, raw: raw.into_owned(), notes }),
        Err(reason) => Err(rejected(&raw, &["id", "external_id", "line_id", "lineId"], reason)),
    }
}

/// The id of a record, under any of its names.
const ID: [&str; 2] = ["id", "externalid"];
const CUSTOMER_ID: [&str; 2] = ["customerid", "customerexternalid"];
const PRODUCT_ID: [&str; 2] = ["productid", "productexternalid"];
const PRODUCT_IDENTIFIER: [&str; 2] = ["productidentifier", "sku"];

fn bill_cycle(name: &str, field: Field<'_>, notes: &mut Vec<String>) -> Result<Option<Known<BillCycle>>, Reason> {
    known(name, field, notes, words::bill_cycle)
}

/// A truth that is said by a word; an unknown word is noted and left out.
fn said(
    name: &str,
    field: Field<'_>,
    recognize: fn(&str) -> Option<bool>,
    notes: &mut Vec<String>,
) -> Result<Option<bool>, Reason> {
    let Some(word) = text(name, field)? else { return Ok(None) };
    let meaning = recognize(&folded(&word));
    if meaning.is_none() {
        notes.push(unknown_note(name, &word));
    }
    Ok(meaning)
}

/// A customer.
pub fn customer(fields: &Fields<'_>, notes: &mut Vec<String>) -> Result<Customer, Reason> {
    Ok(Customer {
        external_id: required_id("id", fields.get(&ID))?,
        name: required_text("name", fields.get(&["name", "customername", "companyname"]))?,
        identifier: text("identifier", fields.get(&["identifier"]))?,
        status: known("status", fields.get(&["status"]), notes, words::customer_status)?,
        kind: text("types", fields.get(&["types", "type"]))?,
        address: Address {
            street: text("addressLine1", fields.get(&["addressline1", "address1", "street"]))?,
            street2: text("addressLine2", fields.get(&["addressline2", "address2", "street2"]))?,
            city: text("city", fields.get(&["city"]))?,
            region: text("state", fields.get(&["state", "region", "stateorprovince"]))?,
            postal_code: text("zip", fields.get(&["zip", "postalcode"]))?,
            country: text("country", fields.get(&["country"]))?,
        },
        phone: text("phoneNumber", fields.get(&["phonenumber", "phone"]))?,
        website: text("website", fields.get(&["website"]))?,
        email: text("email", fields.get(&["billingemail", "email"]))?,
        account_number: text("accountNumber", fields.get(&["accountnumber"]))?,
        currency: currency("currency", fields.get(&["currency", "currencycode"]))?,
        parent_external_id: id("parentId", fields.get(&["parentid", "parentexternalid"]))?,
        is_deleted: boolean("deletedFlag", fields.get(&["deletedflag", "deleted"]))?.unwrap_or(false),
        updated_at: lenient(
            instant("updatedAt", fields.get(&["updatedat", "updateddate", "modifieddate"]), Tz::UTC),
            notes,
        ),
    })
}

/// An item of the catalog.
pub fn product(fields: &Fields<'_>, notes: &mut Vec<String>) -> Result<PsaProduct, Reason> {
    let cycle = bill_cycle("billCycle", fields.get(&["billcycle", "billingperiod"]), notes)?;
    let is_recurring = boolean("recurring", fields.get(&["recurringflag", "recurring"]))?;
    let is_inactive = boolean("inactiveFlag", fields.get(&["inactiveflag"]))?;
    Ok(PsaProduct {
        external_id: required_id("id", fields.get(&ID))?,
        name: required_text("name", fields.get(&["name", "description"]))?,
        identifier: text("identifier", fields.get(&["identifier"]))?,
        vendor_name: text("vendorName", fields.get(&["vendorname", "manufacturer"]))?,
        sku: text("sku", fields.get(&["sku"]))?,
        vendor_sku: text("manufacturerPartNumber", fields.get(&["manufacturerpartnumber", "vendorsku"]))?,
        category: text("category", fields.get(&["category"]))?,
        unit_price: decimal("unitPrice", fields.get(&["unitprice", "price"]))?.map(Price),
        unit_cost: decimal("unitCost", fields.get(&["unitcost", "cost"]))?.map(Cost),
        currency: currency("currency", fields.get(&["currency", "currencycode"]))?,
        // An item that does not recur and names no cycle is sold once.
        bill_cycle: cycle.or((is_recurring == Some(false)).then_some(Known::Known(BillCycle::OneTime))),
        markup_percent: decimal("markupPercent", fields.get(&["markuppercent"]))?,
        is_active: boolean("active", fields.get(&["active"]))?.unwrap_or(is_inactive != Some(true)),
        updated_at: lenient(
            instant("updatedAt", fields.get(&["updatedat", "updateddate", "modifieddate"]), Tz::UTC),
            notes,
        ),
    })
}

/// What the lines of an agreement take from it.
#[derive(Debug, Clone)]
pub struct Agreement {
    name: Option<String>,
    customer: Option<ExternalId>,
    currency: Option<Currency>,
    bill_cycle: Option<Known<BillCycle>>,
    bills_in_arrears: Option<bool>,
    end: Option<NaiveDate>,
}

/// An agreement with its id.
pub fn agreement(fields: &Fields<'_>, notes: &mut Vec<String>) -> Result<(ExternalId, Agreement), Reason> {
    let agreement = Agreement {
        name: text("name", fields.get(&["name", "agreementname"]))?,
        customer: id("customerId", fields.get(&CUSTOMER_ID))?,
        currency: currency("currency", fields.get(&["currency", "currencycode"]))?,
        bill_cycle: bill_cycle("billCycle", fields.get(&["billcycle", "billingperiod"]), notes)?,
        bills_in_arrears: said("billTime", fields.get(&["billtime", "billsinarrears"]), words::is_arrears, notes)?,
        end: day("endDate", fields.get(&["enddate", "canceldate", "cancelleddate"]), Tz::UTC)?,
    };
    Ok((required_id("id", fields.get(&["id", "externalid", "agreementid"]))?, agreement))
}

/// Items by their short codes, for rows that name an item only so.
pub type Identifiers = HashMap<String, ExternalId>;

fn product_id(fields: &Fields<'_>, identifiers: &Identifiers) -> Result<Option<ExternalId>, Reason> {
    if let Some(id) = id("productId", fields.get(&PRODUCT_ID))? {
        return Ok(Some(id));
    }
    let identifier = text("productIdentifier", fields.get(&PRODUCT_IDENTIFIER))?;
    Ok(identifier.and_then(|identifier| identifiers.get(identifier.trim()).cloned()))
}

/// A recurring line, with what its agreement says.
pub fn agreement_line(
    fields: &Fields<'_>,
    notes: &mut Vec<String>,
    agreements: &HashMap<ExternalId, Agreement>,
    identifiers: &Identifiers,
) -> Result<AgreementLine, Reason> {
    let agreement_id = required_id("agreementId", fields.get(&["agreementid"]))?;
    let agreement = agreements.get(&agreement_id);
    let customer = id("customerId", fields.get(&CUSTOMER_ID))?
        .or_else(|| agreement?.customer.clone())
        .ok_or_else(|| format!("neither the line nor agreement `{agreement_id}` names a customer"))?;
    let own_end =
        day("cancelledDate", fields.get(&["cancelleddate", "canceleddate", "canceldate", "enddate"]), Tz::UTC)?;
    let agreement_end = agreement.and_then(|agreement| agreement.end);
    let arrears = said("billTime", fields.get(&["billtime", "billsinarrears"]), words::is_arrears, notes)?;
    let billable = said("billCustomer", fields.get(&["billcustomer", "billable"]), words::is_billable, notes)?;
    Ok(AgreementLine {
        external_id: required_id("id", fields.get(&["id", "lineid"]))?,
        agreement_name: text("agreementName", fields.get(&["agreementname"]))?.or_else(|| agreement?.name.clone()),
        agreement_external_id: agreement_id,
        customer_external_id: customer,
        product_external_id: product_id(fields, identifiers)?,
        description: text("description", fields.get(&["description"]))?,
        quantity: decimal("quantity", fields.get(&["quantity"]))?,
        included_quantity: decimal("lessIncluded", fields.get(&["lessincluded", "includedquantity"]))?,
        unit_price: decimal("unitPrice", fields.get(&["unitprice", "price"]))?.map(Price),
        unit_cost: decimal("unitCost", fields.get(&["unitcost", "cost"]))?.map(Cost),
        currency: currency("currency", fields.get(&["currency", "currencycode"]))?.or_else(|| agreement?.currency),
        bill_cycle: bill_cycle("billCycle", fields.get(&["billcycle", "billingperiod"]), notes)?
            .or_else(|| agreement?.bill_cycle.clone()),
        bills_in_arrears: arrears.or_else(|| agreement?.bills_in_arrears).unwrap_or(false),
        is_billable: billable.unwrap_or(true),
        effective_from: day("effectiveDate", fields.get(&["effectivedate", "startdate"]), Tz::UTC)?,
        // A line cannot outlive its agreement.
        effective_to: own_end.into_iter().chain(agreement_end).min(),
    })
}

/// The head of an invoice; in CSV every line repeats it.
pub fn invoice(fields: &Fields<'_>, notes: &mut Vec<String>) -> Result<PsaInvoice, Reason> {
    let number = text("invoiceNumber", fields.get(&["invoicenumber", "number"]))?;
    let own_id = id("invoiceId", fields.get(&["invoiceid", "id", "externalid"]))?;
    let external_id = own_id
        .or_else(|| number.as_deref().map(|number| ExternalId::from(number.trim())))
        .ok_or_else(|| "id is missing".to_owned())?;
    let date = day("date", fields.get(&["date", "invoicedate"]), Tz::UTC)?;
    Ok(PsaInvoice {
        external_id,
        number,
        customer_external_id: required_id("customerId", fields.get(&CUSTOMER_ID))?,
        invoice_date: date.ok_or_else(|| "date is missing".to_owned())?,
        currency: currency("currency", fields.get(&["currency", "currencycode"]))?,
        total: None,
        status: known("status", fields.get(&["status"]), notes, words::invoice_status)?,
    })
}

/// A line of an invoice at its position. Lines are often numbered per invoice, so that the invoice is part of the id.
pub fn invoice_line(
    fields: &Fields<'_>,
    invoice: &ExternalId,
    position: usize,
    identifiers: &Identifiers,
) -> Result<PsaInvoiceLine, Reason> {
    let own_id = text("id", fields.get(&["lineid", "id"]))?.unwrap_or_else(|| format!("line-{}", position + 1));
    Ok(PsaInvoiceLine {
        external_id: ExternalId::from(format!("{invoice}/{}", own_id.trim())),
        invoice_external_id: invoice.clone(),
        agreement_line_external_id: id("agreementLineId", fields.get(&["agreementlineid"]))?,
        product_external_id: product_id(fields, identifiers)?,
        description: text("description", fields.get(&["description"]))?,
        quantity: decimal("quantity", fields.get(&["quantity"]))?,
        unit_price: decimal("unitPrice", fields.get(&["unitprice", "price"]))?.map(Price),
        amount: decimal("amount", fields.get(&["amount", "total"]))?.map(Price),
        period_start: day("servicePeriodStart", fields.get(&["serviceperiodstart", "periodstart"]), Tz::UTC)?,
        period_end: day("servicePeriodEnd", fields.get(&["serviceperiodend", "periodend"]), Tz::UTC)?,
    })
}
