//! The invoice download of Pax8's portal: its headings as the API's names, and the invoices, companies and products
//! that can be told from its lines when there is no other file about them.

use std::collections::HashSet;
use std::path::Path;

use chrono::NaiveDate;

use super::fields::Fields;
use super::table::{Format, TableFile};
use crate::connector::ConnectorError;
use crate::connector::json::{Reason, folded, text};
use crate::domain::period::Period;

/// The API's name of a heading: `cost_total` and `Cost Total` are `costTotal`; unknown headings stay as they are.
fn api_name(heading: &str) -> String {
    let name = match folded(heading).as_str() {
        "lineid" | "id" => "id",
        "invoiceid" => "invoiceId",
        "type" => "type",
        "companyid" => "companyId",
        "companyname" => "companyName",
        "externalid" => "externalId",
        "sku" => "sku",
        "productid" => "productId",
        "productname" => "productName",
        "vendorname" => "vendorName",
        "description" => "description",
        "details" => "details",
        "subscriptionid" => "subscriptionId",
        "startperiod" => "startPeriod",
        "endperiod" => "endPeriod",
        "term" => "term",
        "quantity" => "quantity",
        "unitofmeasure" => "unitOfMeasure",
        "chargetype" => "chargeType",
        "ratetype" => "rateType",
        "price" => "price",
        "subtotal" => "subTotal",
        "cost" => "cost",
        "costtotal" => "costTotal",
        "billingfee" => "billingFee",
        "salestax" => "salesTax",
        "total" => "total",
        "amountdue" => "amountDue",
        "currencycode" | "currency" => "currencyCode",
        "billedbypax8" => "billedByPax8",
        _ => heading,
    };
    name.to_owned()
}

/// The downloads in a folder, in the order of their names.
pub fn downloads(folder: &Path) -> Result<Vec<TableFile>, ConnectorError> {
    let directory = folder.join("invoice_csv");
    let Ok(entries) = std::fs::read_dir(&directory) else { return Ok(Vec::new()) };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.to_ascii_lowercase().ends_with(".csv"))
        .collect();
    names.sort();
    let file = |name: String| TableFile {
        path: directory.join(&name),
        name: format!("invoice_csv/{name}"),
        format: Format::Csv,
        heading: api_name,
    };
    Ok(names.into_iter().map(file).collect())
}

/// What the downloads tell about records that have no file of their own, each as an object in the API's form.
#[derive(Debug, Default)]
pub struct Told {
    /// Invoices with their month.
    pub invoices: Vec<String>,
    /// Companies by id and name.
    pub companies: Vec<String>,
    /// Products by id, name and stock keeping unit.
    pub products: Vec<String>,
}

/// Gathers what the lines tell. Rows that cannot be read are left to the list of lines, which reports them.
pub fn gather(files: &[TableFile]) -> Result<Told, ConnectorError> {
    let mut told = Told::default();
    let (mut companies, mut products) = (HashSet::new(), HashSet::new());
    for file in files {
        let mut invoices: Vec<(String, Option<String>, Option<NaiveDate>)> = Vec::new();
        let mut rows = file.rows()?;
        while let Some(row) = rows.next_row()? {
            let Ok(row) = row else { continue };
            let Ok(line) = Line::parse(&row.json) else { continue };
            if let Some(id) = line.company_id.filter(|id| companies.insert(id.clone())) {
                let name = line.company_name.unwrap_or_else(|| id.clone());
                told.companies.push(object(&[
                    ("id", Some(id)),
                    ("name", Some(name)),
                    ("externalId", line.external_id),
                ]));
            }
            if let Some(id) = line.product_id.filter(|id| products.insert(id.clone())) {
                let name = line.product_name.unwrap_or_else(|| id.clone());
                let rest = [("sku", line.sku), ("vendorName", line.vendor_name)];
                told.products.push(object(&[&[("id", Some(id)), ("name", Some(name))], &rest[..]].concat()));
            }
            let Some(id) = line.invoice_id else { continue };
            match invoices.iter_mut().find(|(known, ..)| *known == id) {
                Some((_, _, latest)) => *latest = (*latest).max(line.start),
                None => invoices.push((id, line.currency, line.start)),
            }
        }
        let named = month_in(&file.name);
        for (id, currency, latest) in invoices {
            // The download does not say its date, only its month matters, and the latest service period lies in it.
            let date = named.or(latest.map(Period::of)).map(|month| month.first_day().to_string());
            told.invoices.push(object(&[("id", Some(id)), ("invoiceDate", date), ("currencyCode", currency)]));
        }
    }
    Ok(told)
}

/// What is gathered from one line.
struct Line {
    invoice_id: Option<String>,
    company_id: Option<String>,
    company_name: Option<String>,
    external_id: Option<String>,
    product_id: Option<String>,
    product_name: Option<String>,
    sku: Option<String>,
    vendor_name: Option<String>,
    currency: Option<String>,
    start: Option<NaiveDate>,
}

impl Line {
    fn parse(json: &str) -> Result<Self, Reason> {
        let fields = Fields::parse(json)?;
        let field = |name: &str| text(name, fields.get(&[name]));
        Ok(Self {
            invoice_id: field("invoiceid")?,
            company_id: field("companyid")?,
            company_name: field("companyname")?,
            external_id: field("externalid")?,
            product_id: field("productid")?,
            product_name: field("productname")?,
            sku: field("sku")?,
            vendor_name: field("vendorname")?,
            currency: field("currencycode")?,
            start: field("startperiod")?.and_then(|day| day.parse().ok()),
        })
    }
}

/// The month in a name such as `invoice-2026-09-USD.csv`.
fn month_in(name: &str) -> Option<Period> {
    name.as_bytes().windows(7).find_map(|window| Period::parse(std::str::from_utf8(window).ok()?).ok())
}

fn object(fields: &[(&str, Option<String>)]) -> String {
    let present: serde_json::Map<String, serde_json::Value> =
        fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?.into()))).collect();
    serde_json::Value::Object(present).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_is_read_from_the_name() {
        let month = |name| month_in(name).map(|period| period.first_day().to_string());
        assert_eq!(month("invoice_csv/invoice-2026-09-USD.csv").as_deref(), Some("2026-09-01"));
        assert_eq!(month("invoice_csv/invoice2026-12.csv").as_deref(), Some("2026-12-01"));
        assert_eq!(month("invoice_csv/september.csv"), None);
    }

    #[test]
    fn headings_are_known_in_any_spelling() {
        assert_eq!(api_name("cost_total"), "costTotal");
        assert_eq!(api_name("Subtotal"), "subTotal");
        assert_eq!(api_name("line_id"), "id");
        assert_eq!(api_name("Margin"), "Margin");
    }
}
