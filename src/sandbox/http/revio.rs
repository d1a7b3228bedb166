//! The PSA surface (Rev.io PSA): customers and their contacts.

use super::query::Query;
use super::reply::Refusal;
use crate::sandbox::json::{Members, Object, array, text};
use crate::sandbox::world::{Record, World};

/// Answers a read; the segments are those behind the base address.
pub fn read(world: &World, segments: &[&str], query: &Query) -> Result<String, Refusal> {
    match segments {
        ["billing", "api", "v1", "customers"] => list(world.customers.all().iter().map(customer), query),
        ["billing", "api", "v1", "customers", id] => {
            let record = world.customers.get(id).ok_or_else(|| Refusal::not_found("customer"))?;
            Ok(Object::new().raw("data", &customer(record)).finish())
        }
        ["billing", "api", "v1", "contacts"] => match query.get("customerId") {
            Some(id) => list(world.customer_contacts.group(id).into_iter().map(contact), query),
            None => list(world.customer_contacts.all().iter().map(contact), query),
        },
        ["billing", "api", "v1", "contacts", id] => {
            let record = world.customer_contacts.get(id).ok_or_else(|| Refusal::not_found("contact"))?;
            Ok(Object::new().raw("data", &contact(record)).finish())
        }
        _ => Err(Refusal::not_found("path")),
    }
}

fn list(rows: impl Iterator<Item = String>, query: &Query) -> Result<String, Refusal> {
    let page = query.number("page", 1, (1, 1_000_000))?;
    let size = query.number("perPage", 100, (1, 500))?;
    let rows: Vec<String> = rows.skip((page - 1) * size).take(size).collect();
    Ok(Object::new().raw("data", &array(rows.iter().map(String::as_str))).finish())
}

/// Adds the members of the world's record under the names of this surface; what is absent stays absent.
pub fn renamed(members: &Members<'_>, names: &[(&str, &str)]) -> Object {
    names.iter().fold(Object::new(), |object, (name, from)| match members.get(*from) {
        Some(value) => object.raw(name, value.get()),
        None => object,
    })
}

/// The PSA's own word for a state.
pub fn status(members: &Members<'_>) -> Option<String> {
    let status = text(members, "status")?;
    Some(match status.as_str() {
        "Active" => "Open".to_owned(),
        "Inactive" => "Closed".to_owned(),
        _ => status,
    })
}

fn customer(record: &Record) -> String {
    let members = record.members();
    let names = [
        ("customerId", "id"),
        ("customerName", "name"),
        ("identifier", "identifier"),
        ("type", "types"),
        ("address1", "addressLine1"),
        ("address2", "addressLine2"),
        ("city", "city"),
        ("state", "state"),
        ("postalCode", "zip"),
        ("country", "country"),
        ("primaryPhone", "phoneNumber"),
        ("website", "website"),
        ("billingEmail", "email"),
        ("accountNumber", "accountNumber"),
        ("currencyCode", "currency"),
        ("parentCustomerId", "parentId"),
        ("deletedFlag", "deletedFlag"),
        ("modifiedDate", "lastUpdated"),
    ];
    renamed(&members, &names).text_or_null("status", status(&members).as_deref()).finish()
}

fn contact(record: &Record) -> String {
    let names = [
        ("contactId", "id"),
        ("customerId", "customerId"),
        ("firstName", "firstName"),
        ("lastName", "lastName"),
        ("email", "email"),
        ("phone", "phone"),
        ("primary", "primary"),
    ];
    renamed(&record.members(), &names).finish()
}
