//! Which records are the same: as mapping files say, or as the engine finds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use rust_decimal::Decimal;

use super::records::Records;
use super::{OfflineError, text_of};
use crate::domain::id::ExternalId;
use crate::domain::mapping::{ExclusionReason, MappingRole, MappingScope};
use crate::domain::record::Known;
use crate::engine::billing::{CompanyMapping, Standing};
use crate::engine::matching::{
    Candidate, Confidence, CustomerInput, Decisions, ItemRecord, MatchingPolicy, Outcome, PartyRecord, ProductInput,
    ProductRecord, match_customers, match_products,
};
use crate::service::mapping::term_scope;
use crate::service::mapping_files::{
    CANDIDATE, CUSTOMERS, CustomerRow, PRODUCTS, ProductRow, UNDECIDED, read_customers, read_products, write_customers,
    write_matched_customers, write_matched_products, write_products,
};
use crate::service::reconciliation::intake::{ProductRule, exclusion_reason};

/// Mappings as files that can be read again, once somebody has looked them through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenMappings {
    /// Text of `customer_mapping.csv`.
    pub customers: String,
    /// Text of `product_mapping.csv`.
    pub products: String,
    /// Companies that were mapped, and all of them.
    pub mapped_companies: (usize, usize),
    /// Terms of products that were mapped, and all of them.
    pub mapped_terms: (usize, usize),
}

/// Takes the mappings of a directory. Rows that cannot be used are said in the report.
pub(super) fn take_files(records: &mut Records, directory: &Path) -> Result<(), OfflineError> {
    let unreadable =
        |error| OfflineError::Mappings(format!("The mappings in {} cannot be read: {error}.", directory.display()));
    let customers = text_of(directory, CUSTOMERS).map_err(unreadable)?;
    let products = text_of(directory, PRODUCTS).map_err(unreadable)?;
    if customers.is_none() && products.is_none() {
        let message = format!("The directory {} has neither {CUSTOMERS} nor {PRODUCTS}.", directory.display());
        return Err(OfflineError::Mappings(message));
    }
    if let Some(text) = customers {
        take_customers(records, &text)?;
    }
    if let Some(text) = products {
        take_products(records, &text)?;
    }
    Ok(())
}

fn take_customers(records: &mut Records, text: &str) -> Result<(), OfflineError> {
    let (lines, rejected) = read_customers(text)?;
    let known: HashSet<&str> = records.customers.iter().map(|customer| customer.external_id.as_str()).collect();
    let mut seen: HashMap<String, Option<String>> = HashMap::new();
    let intake = &mut records.intake;
    for row in rejected {
        intake.leave_out("row", format!("{}:{}", row.file, row.line), row.reason);
    }
    for line in lines {
        let (at, row) = (line.line, line.row);
        let mut refuse = |reason: String| intake.leave_out("row", format!("{CUSTOMERS}:{at}"), reason);
        if let Some(target) = row.customer.as_deref().filter(|customer| !known.contains(customer)) {
            refuse(format!("The PSA has no customer `{target}`."));
            continue;
        }
        match seen.get(&row.company) {
            Some(earlier) if *earlier == row.customer => continue,
            Some(_) => {
                refuse(format!("An earlier row says something else about company `{}`.", row.company));
                continue;
            }
            None => drop(seen.insert(row.company.clone(), row.customer.clone())),
        }
        let company = ExternalId::from(row.company.as_str());
        if let Some(reason) = exclusion_of(&row) {
            intake.builder.exclude_company(&company, exclusion_reason(reason));
        }
        if let Some(customer) = row.customer.as_deref().map(ExternalId::from) {
            let mapping = CompanyMapping { company: &company, customer: &customer, standing: Standing::Confirmed };
            intake.builder.map_company(mapping);
        }
    }
    Ok(())
}

/// Why nothing is expected of a company, as a row says.
fn exclusion_of(row: &CustomerRow) -> Option<ExclusionReason> {
    match (row.exclusion, row.is_billable) {
        (Some(reason), _) => Some(reason),
        (None, Some(false)) if row.relation == "bill_on_behalf" => Some(ExclusionReason::BilledByPax8),
        (None, Some(false)) => Some(ExclusionReason::InternalUse),
        (None, Some(true) | None) => None,
    }
}

fn take_products(records: &mut Records, text: &str) -> Result<(), OfflineError> {
    let (lines, rejected) = read_products(text)?;
    let known: HashSet<String> = records.items.iter().map(|item| item.external_id.to_string()).collect();
    let mut seen: HashMap<(String, MappingScope), String> = HashMap::new();
    for row in rejected {
        records.intake.leave_out("row", format!("{}:{}", row.file, row.line), row.reason);
    }
    for line in lines {
        let (at, row) = (line.line, line.row);
        let intake = &mut records.intake;
        let mut refuse = |reason: String| intake.leave_out("row", format!("{PRODUCTS}:{at}"), reason);
        let product = ExternalId::from(row.product.as_str());
        let mut scope = match term_scope(Some(&row.billing_term), Some(&row.commitment_term)) {
            Ok(scope) => scope,
            Err((_, sentence)) => {
                refuse(sentence);
                continue;
            }
        };
        scope.customer.clone_from(&row.customer_scope);
        let Some(item) = row.item else {
            if let Some(reason) = row.exclusion {
                intake.builder.exclude_product(&product, exclusion_reason(reason));
            }
            continue;
        };
        if !known.contains(&item) {
            refuse(format!("The PSA has no product `{item}`."));
            continue;
        }
        match seen.get(&(row.product.clone(), scope.clone())) {
            Some(earlier) if *earlier == item => continue,
            Some(_) => {
                refuse(format!("An earlier row says something else about product `{}`.", row.product));
                continue;
            }
            None => drop(seen.insert((row.product.clone(), scope.clone()), item.clone())),
        }
        if let Some(reason) = row.exclusion {
            intake.builder.exclude_product(&product, exclusion_reason(reason));
        }
        let rule = ProductRule {
            product: &product,
            scope: &scope,
            item: &ExternalId::from(item.as_str()),
            factor: row.factor.unwrap_or(Decimal::ONE),
            role: row.role.unwrap_or(MappingRole::Billed),
            standing: Standing::Confirmed,
        };
        if let Err(reason) = intake.map_product(&rule) {
            intake.leave_out("row", format!("{PRODUCTS}:{at}"), reason);
        }
    }
    Ok(())
}

/// Maps by the engine, takes what it is sure of as suggestions, and writes all of it down.
pub(super) fn make(records: &mut Records) -> WrittenMappings {
    let policy = MatchingPolicy::default();
    let (customers, mapped_companies) = make_customers(records, &policy);
    let (products, mapped_terms) = make_products(records, &policy);
    WrittenMappings {
        customers: write_customers(without_candidates(customers, |row| (&mut row.band, &mut row.customer))),
        products: write_products(without_candidates(products, |row| (&mut row.band, &mut row.item))),
        mapped_companies,
        mapped_terms,
    }
}

/// The same with the best candidate where the engine is not sure, and with confidences.
pub(super) fn make_with_candidates(records: &mut Records) -> WrittenMappings {
    let policy = MatchingPolicy::default();
    let (customers, mapped_companies) = make_customers(records, &policy);
    let (products, mapped_terms) = make_products(records, &policy);
    WrittenMappings {
        customers: write_matched_customers(customers),
        products: write_matched_products(products),
        mapped_companies,
        mapped_terms,
    }
}

fn without_candidates<T>(
    mut rows: Vec<T>,
    band_and_target: impl Fn(&mut T) -> (&mut String, &mut Option<String>),
) -> Vec<T> {
    for row in &mut rows {
        let (band, target) = band_and_target(row);
        if band == CANDIDATE {
            *target = None;
        }
    }
    rows
}

/// The record that a row names, with confidence and band: the one that is mapped, else the best candidate.
fn named<'a>(outcome: &'a Outcome, candidates: &'a [Candidate]) -> Option<(&'a ExternalId, String, &'static str)> {
    match outcome {
        Outcome::Confirmed { target } => Some((target, "1.000000".to_owned(), MAP)),
        Outcome::Mapped { target, confidence, .. } => Some((target, confidence.to_string(), MAP)),
        Outcome::Open { .. } => {
            let best = candidates.first().filter(|best| best.confidence >= LEAST)?;
            Some((&best.target, best.confidence.to_string(), CANDIDATE))
        }
    }
}

/// The band of what the engine is sure of.
const MAP: &str = "map";

/// Confidence below which a candidate is not worth a row.
const LEAST: Confidence = Confidence::from_millionths(20_000);

fn make_customers(records: &mut Records, policy: &MatchingPolicy) -> (Vec<CustomerRow>, (usize, usize)) {
    let companies: Vec<PartyRecord> = records.companies.iter().map(PartyRecord::from).collect();
    let customers = PartyRecord::of_customers(&records.customers, &records.customers_with_agreements);
    let decisions = Decisions::default();
    let found =
        match_customers(&CustomerInput { companies: &companies, customers: &customers, decisions: &decisions, policy });
    let company_names: HashMap<&ExternalId, &str> =
        records.companies.iter().map(|company| (&company.external_id, company.name.as_str())).collect();
    let customer_names: HashMap<&ExternalId, &str> =
        records.customers.iter().map(|customer| (&customer.external_id, customer.name.as_str())).collect();
    let name = |names: &HashMap<&ExternalId, &str>, id: &ExternalId| names.get(id).map_or("", |name| name).to_owned();
    let mut shares: BTreeMap<ExternalId, usize> = BTreeMap::new();
    for target in found.matches.iter().filter_map(|verdict| verdict.outcome.target()) {
        *shares.entry(target.clone()).or_default() += 1;
    }
    let (mut rows, mut mapped) = (Vec::with_capacity(found.matches.len()), 0);
    let all = found.matches.len();
    for verdict in found.matches {
        let target = verdict.outcome.target();
        let exclusion = verdict.exclusion.map(ExclusionReason::from);
        let relation = match (target, exclusion) {
            (_, Some(ExclusionReason::BilledByPax8)) => "bill_on_behalf",
            (_, Some(_)) => "internal",
            (None, None) => UNDECIDED,
            (Some(target), None) if shares[target] > 1 => "two_pax8",
            (Some(_), None) => "one_to_one",
        };
        if let Some(reason) = exclusion {
            records.intake.builder.exclude_company(&verdict.company, exclusion_reason(reason));
        }
        if let Some(customer) = target {
            mapped += 1;
            let mapping = CompanyMapping { company: &verdict.company, customer, standing: Standing::Suggested };
            records.intake.builder.map_company(mapping);
        }
        let named = named(&verdict.outcome, &verdict.candidates);
        rows.push(CustomerRow {
            company: verdict.company.to_string(),
            company_name: name(&company_names, &verdict.company),
            customer: named.as_ref().map(|(target, ..)| target.to_string()),
            customer_name: target.map(|target| name(&customer_names, target)).unwrap_or_default(),
            relation: relation.to_owned(),
            is_billable: Some(exclusion.is_none()),
            exclusion,
            confidence: named.as_ref().map(|(_, confidence, _)| confidence.clone()).unwrap_or_default(),
            band: named.map(|(.., band)| band.to_owned()).unwrap_or_default(),
        });
    }
    (rows, (mapped, all))
}

fn make_products(records: &mut Records, policy: &MatchingPolicy) -> (Vec<ProductRow>, (usize, usize)) {
    let products = ProductRecord::of_catalog(&records.products, &records.vendor_prices, &records.subscriptions);
    let items: Vec<ItemRecord> = records.items.iter().map(ItemRecord::from).collect();
    let decisions = Decisions::default();
    let found = match_products(&ProductInput { products: &products, items: &items, decisions: &decisions, policy });
    let products: HashMap<&ExternalId, _> =
        records.products.iter().map(|product| (&product.external_id, product)).collect();
    let items: HashMap<&ExternalId, _> = records.items.iter().map(|item| (&item.external_id, item)).collect();
    let mut users: BTreeMap<&ExternalId, HashSet<&ExternalId>> = BTreeMap::new();
    for verdict in &found.matches {
        if let Some(target) = verdict.outcome.target() {
            users.entry(target).or_default().insert(&verdict.term.product);
        }
    }
    let (mut rows, mut mapped) = (Vec::with_capacity(found.matches.len()), 0);
    for verdict in &found.matches {
        let term = &verdict.term;
        let scope =
            MappingScope::of_term(term.billing_term.map(Known::Known).as_ref(), term.commitment_term.as_deref());
        let (product, target) = (products.get(&term.product), verdict.outcome.target());
        let item = target.and_then(|target| items.get(target));
        if let (Some(target), Outcome::Mapped { .. }) = (target, &verdict.outcome) {
            mapped += 1;
            let rule = ProductRule {
                product: &term.product,
                scope: &scope,
                item: target,
                factor: Decimal::ONE,
                role: MappingRole::Billed,
                standing: Standing::Suggested,
            };
            if let Err(reason) = records.intake.map_product(&rule) {
                records.intake.leave_out("mapping", term.product.to_string(), reason);
            }
        }
        let relation = match target {
            None => UNDECIDED,
            Some(target) if users[target].len() > 1 => "group",
            Some(_) => "one_item",
        };
        let named = named(&verdict.outcome, &verdict.candidates);
        rows.push(ProductRow {
            product: term.product.to_string(),
            product_name: product.map(|product| product.name.clone()).unwrap_or_default(),
            sku: product.and_then(|product| product.sku.clone()).unwrap_or_default(),
            billing_term: scope.billing_term,
            commitment_term: scope.commitment_term,
            item: named.as_ref().map(|(target, ..)| target.to_string()),
            identifier: item.and_then(|item| item.identifier.clone()).unwrap_or_default(),
            item_name: item.map(|item| item.name.clone()).unwrap_or_default(),
            relation: relation.to_owned(),
            confidence: named.as_ref().map(|(_, confidence, _)| confidence.clone()).unwrap_or_default(),
            band: named.map(|(.., band)| band.to_owned()).unwrap_or_default(),
            ..ProductRow::default()
        });
    }
    let all = rows.len();
    (rows, (mapped, all))
}
