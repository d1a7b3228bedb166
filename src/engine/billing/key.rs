//! The key of a comparison as one number, and which lines have which key.

use std::collections::BTreeSet;

use chrono::{Datelike, Months, NaiveDate};

use super::input::{
    Commitment, ExclusionReason, Input, InvoiceStanding, LineKind, MappingRole, ProductRule, Standing, VendorLine,
};
use super::intern::{CompanyRef, CustomerRef, ItemRef, ProductRef, Reference, SubscriptionRef};
use super::policy::{PeriodBasis, PeriodRule, Policy};
use super::provisional;
use super::quantity::default_commitment;
use super::report::{Class, KeyCustomer, KeyItem, Reason};
use crate::domain::money::Currency;
use crate::domain::period::Period;
use crate::domain::record::BillingTerm;

/// Marks a customer or item that is missing in the PSA; such keys sort after the others.
const MISSING: u32 = 1 << 31;

/// Customer, item and currency in one number that sorts by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AccountKey(pub(super) u128);

/// An account, a period and a line or subscription in one number that sorts by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u128);

impl AccountKey {
    pub(super) fn new(customer: KeyCustomer, item: KeyItem, currency: Currency) -> Self {
        let customer = match customer {
            KeyCustomer::Customer(customer) => customer.0,
            KeyCustomer::Missing(company) => company.0 | MISSING,
        };
        let item = match item {
            KeyItem::Item(item) => item.0,
            KeyItem::Missing(product) => product.0 | MISSING,
        };
        Self(u128::from(customer) << 96 | u128::from(item) << 64 | u128::from(currency.number()) << 48)
    }

    /// An account without a customer, for charges that name no company. It sorts after every other.
    pub(super) fn nobody(item: KeyItem, currency: Currency) -> Self {
        Self::new(KeyCustomer::Missing(CompanyRef(!MISSING)), item, currency)
    }

    pub(super) fn is_nobody(self) -> bool {
        self.customer() == KeyCustomer::Missing(CompanyRef(!MISSING))
    }

    pub(super) fn customer(self) -> KeyCustomer {
        let code = (self.0 >> 96) as u32;
        if code & MISSING == 0 {
            KeyCustomer::Customer(CustomerRef(code))
        } else {
            KeyCustomer::Missing(CompanyRef(code & !MISSING))
        }
    }

    pub(super) fn item(self) -> KeyItem {
        let code = (self.0 >> 64) as u32;
        if code & MISSING == 0 { KeyItem::Item(ItemRef(code)) } else { KeyItem::Missing(ProductRef(code & !MISSING)) }
    }

    pub(super) fn currency(self) -> Currency {
        Currency::of_number((self.0 >> 48) as u16)
    }

    pub(super) fn known_customer(self) -> Option<CustomerRef> {
        match self.customer() {
            KeyCustomer::Customer(customer) => Some(customer),
            KeyCustomer::Missing(_) => None,
        }
    }

    pub(super) fn known_item(self) -> Option<ItemRef> {
        match self.item() {
            KeyItem::Item(item) => Some(item),
            KeyItem::Missing(_) => None,
        }
    }

    pub(super) fn at(self, period: u16, line: u32) -> Place {
        Place(self.0 | u128::from(period) << 32 | u128::from(line))
    }
}

impl Place {
    pub(super) fn account(self) -> AccountKey {
        AccountKey(self.0 >> 48 << 48)
    }

    pub(super) fn period(self) -> u16 {
        (self.0 >> 32) as u16
    }

    pub(super) fn line(self) -> u32 {
        self.0 as u32
    }
}

/// What happens to a source line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Placement {
    /// It is compared on a key.
    Keyed(Place),
    /// It has a verdict of its own.
    Aside(Class, Reason, Option<Currency>),
    /// It belongs to no period of the run.
    Outside,
}

/// What a product is billed as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) item: KeyItem,
    pub(super) rule: Option<&'a ProductRule>,
}

/// Customers, items and periods of lines.
pub(super) struct Resolver<'a> {
    pub(super) input: &'a Input,
    pub(super) policy: &'a Policy,
    customers: Vec<Option<(CustomerRef, Standing)>>,
    pub(super) excluded_companies: Vec<Option<ExclusionReason>>,
    excluded_customers: Vec<bool>,
    pub(super) excluded_products: Vec<bool>,
    /// Whether a product is mapped to the item.
    targets: Vec<bool>,
    /// First rule of each product; one more at the end.
    rule_starts: Vec<u32>,
    /// Months and currencies in which drafts of Pax8 no longer count.
    superseded: BTreeSet<(Period, Currency)>,
    periods: u16,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(input: &'a Input, policy: &'a Policy, periods: u16) -> Self {
        let mut customers = vec![None; input.companies.ids.len()];
        for rule in &input.company_rules {
            let slot: &mut Option<(CustomerRef, Standing)> = &mut customers[rule.company.index()];
            // Rules are sorted: of several for one company a confirmed one wins, else the first.
            if slot.is_none_or(|(_, standing)| rule.standing < standing) {
                *slot = Some((input.counting_customer(rule.customer), rule.standing));
            }
        }
        let mut excluded_companies = vec![None; input.companies.ids.len()];
        for (company, reason) in &input.excluded_companies {
            excluded_companies[company.index()] = Some(*reason);
        }
        let mut excluded_customers = vec![false; input.customers.ids.len()];
        for (customer, _) in &input.excluded_customers {
            excluded_customers[customer.index()] = true;
        }
        let mut excluded_products = vec![false; input.products.ids.len()];
        for (product, _) in &input.excluded_products {
            excluded_products[product.index()] = true;
        }
        let mut targets = vec![false; input.items.ids.len()];
        let mut rule_starts = vec![0_u32; input.products.ids.len() + 1];
        for rule in &input.product_rules {
            targets[rule.item.index()] = true;
            rule_starts[rule.product.index() + 1] += 1;
        }
        for at in 1..rule_starts.len() {
            rule_starts[at] += rule_starts[at - 1];
        }
        Self {
            input,
            policy,
            customers,
            excluded_companies,
            excluded_customers,
            excluded_products,
            targets,
            rule_starts,
            superseded: provisional::superseded(input),
            periods,
        }
    }

    pub(super) fn customer(&self, company: CompanyRef) -> KeyCustomer {
        match self.customers[company.index()] {
            Some((customer, _)) => KeyCustomer::Customer(customer),
            None => KeyCustomer::Missing(company),
        }
    }

    pub(super) fn customer_is_suggested(&self, company: CompanyRef) -> bool {
        matches!(self.customers[company.index()], Some((_, Standing::Suggested)))
    }

    /// The item of a product: the customer's own mapping first, then the exact term and commitment, then the term,
    /// then the whole product. A confirmed mapping goes before a suggested one that is as exact.
    pub(super) fn target(
        &self,
        product: ProductRef,
        term: BillingTerm,
        commitment: Option<&Commitment>,
        customer: KeyCustomer,
    ) -> Target<'a> {
        let range = self.rule_starts[product.index()] as usize..self.rule_starts[product.index() + 1] as usize;
        let mut best: Option<(u8, &ProductRule)> = None;
        let mut rival = false;
        for rule in &self.input.product_rules[range] {
            let scope = match rule.customer {
                None => 0,
                Some(scope) if KeyCustomer::Customer(self.input.counting_customer(scope)) == customer => 16,
                Some(_) => continue,
            };
            let fit = match (rule.term, &rule.commitment, commitment) {
                (Some(rule_term), _, _) if rule_term != term => continue,
                (_, Some(wanted), Some(commitment)) if wanted != commitment => continue,
                (Some(_), Some(_), Some(_)) => 8,
                (Some(_), None, _) => 6,
                (None, Some(_), Some(_)) => 4,
                (None, None, _) => 2,
                // Without a subscription the commitment is unknown: the mapping counts if it is the only one.
                (_, Some(_), None) => 0,
            };
            let rank = scope + fit + u8::from(rule.standing == Standing::Confirmed);
            match best {
                Some((held, other)) if held >= rank => rival |= fit == 0 && other.item != rule.item,
                Some((_, other)) => {
                    rival = fit == 0 && other.item != rule.item;
                    best = Some((rank, rule));
                }
                None => best = Some((rank, rule)),
            }
        }
        match best {
            Some((_, rule)) if !rival => Target { item: KeyItem::Item(rule.item), rule: Some(rule) },
            _ => Target { item: KeyItem::Missing(product), rule: None },
        }
    }

    /// Term by which a line's product is mapped. Use is charged in arrears, but sold by its subscription's term.
    pub(super) fn mapping_term(&self, line: &VendorLine, day: NaiveDate) -> BillingTerm {
        match line.term {
            Some(
                term @ (BillingTerm::Monthly
                | BillingTerm::Annual
                | BillingTerm::TwoYear
                | BillingTerm::ThreeYear
                | BillingTerm::OneTime),
            ) => term,
            _ if line.kind == LineKind::OneTime => BillingTerm::OneTime,
            _ => line
                .subscription
                .and_then(|subscription| self.input.subscriptions.get(subscription)?.state_near(day)?.term)
                .unwrap_or(BillingTerm::Monthly),
        }
    }

    pub(super) fn line_target(&self, line: &VendorLine, product: ProductRef, customer: KeyCustomer) -> Target<'a> {
        let day = line.start.unwrap_or(self.input.first.first_day());
        let term = self.mapping_term(line, day);
        let commitment = match line.subscription.and_then(|subscription| self.input.subscriptions.get(subscription)) {
            Some(subscription) => subscription.commitment_on(day, term),
            None if term == BillingTerm::OneTime => Some(default_commitment(term)),
            None => None,
        };
        self.target(product, term, commitment.as_ref(), customer)
    }

    pub(super) fn period_of(&self, rule: PeriodRule, invoiced: NaiveDate, start: Option<NaiveDate>) -> Option<u16> {
        let day = match rule.basis {
            PeriodBasis::InvoiceDate => invoiced,
            PeriodBasis::ServiceStart => start.unwrap_or(invoiced),
        };
        let day = day.with_day(1)?;
        let months = Months::new(rule.shift_months.unsigned_abs());
        let day = if rule.shift_months < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) }?;
        self.index_of(Period::of(day))
    }

    /// Position of a period in the run.
    pub(super) fn index_of(&self, period: Period) -> Option<u16> {
        let months = |period: Period| {
            let day = period.first_day();
            i64::from(day.year()) * 12 + i64::from(day.month0())
        };
        let at = u16::try_from(months(period) - months(self.input.first)).ok()?;
        (at < self.periods).then_some(at)
    }

    pub(super) fn place_vendor_line(&self, at: u32) -> Placement {
        let line = &self.input.vendor_lines[at as usize];
        let Some(invoice) = self.input.vendor_invoices.get(line.invoice) else {
            return Placement::Aside(Class::NotCompared, Reason::NoInvoice, line.currency);
        };
        let Some(period) = self.period_of(self.policy.vendor_period, invoice.date, line.start) else {
            return Placement::Outside;
        };
        let currency = line.currency.or(invoice.currency);
        let aside = |class, reason| Placement::Aside(class, reason, currency);
        match invoice.standing {
            InvoiceStanding::Credited => return aside(Class::Excluded, Reason::CreditedInvoice),
            InvoiceStanding::Void => return aside(Class::Excluded, Reason::VoidInvoice),
            InvoiceStanding::Draft => {
                let month = Period::of(invoice.date);
                if currency.is_some_and(|currency| self.superseded.contains(&(month, currency))) {
                    return aside(Class::Excluded, Reason::DraftSuperseded);
                }
            }
            InvoiceStanding::Counts => {}
        }
        let Some(company) = line.company else {
            return match line.kind {
                LineKind::Account => aside(Class::Excluded, Reason::AccountLevel),
                _ => aside(Class::Unmapped, Reason::NoCompany),
            };
        };
        let Some(product) = line.product else { return aside(Class::Unmapped, Reason::NoProduct) };
        let Some(currency) = currency else { return aside(Class::NotCompared, Reason::NoCurrency) };
        match line.kind {
            LineKind::Subscription | LineKind::Prorate | LineKind::OneTime | LineKind::ServiceCredit => {}
            LineKind::Account => return aside(Class::Excluded, Reason::AccountLevel),
            LineKind::Unrecognized => return aside(Class::NotCompared, Reason::UnknownKind),
        }
        let customer = self.customer(company);
        let target = self.line_target(line, product, customer);
        Placement::Keyed(AccountKey::new(customer, target.item, currency).at(period, at))
    }

    pub(super) fn place_psa_line(&self, at: u32) -> Placement {
        let line = &self.input.psa_lines[at as usize];
        let Some(invoice) = self.input.psa_invoices.get(line.invoice) else {
            return Placement::Aside(Class::NotCompared, Reason::NoInvoice, None);
        };
        let agreement_line = line.agreement_line.and_then(|line| self.input.agreement_lines.get(line));
        let mut rule = self.policy.psa_period;
        if agreement_line.is_some_and(|line| line.bills_in_arrears) {
            rule.shift_months = rule.shift_months.saturating_add(self.policy.arrears_shift_months);
        }
        let Some(period) = self.period_of(rule, invoice.date, line.start) else {
            return Placement::Outside;
        };
        let aside = |class, reason| Placement::Aside(class, reason, invoice.currency);
        match invoice.standing {
            InvoiceStanding::Credited => return aside(Class::Excluded, Reason::CreditedInvoice),
            InvoiceStanding::Void => return aside(Class::Excluded, Reason::VoidInvoice),
            InvoiceStanding::Draft | InvoiceStanding::Counts => {}
        }
        let customer = self.input.counting_customer(invoice.customer);
        if self.excluded_customers[customer.index()] || self.excluded_customers[invoice.customer.index()] {
            return aside(Class::Excluded, Reason::ExcludedRecord);
        }
        let Some(item) = line.item else { return aside(Class::Unmapped, Reason::NoProduct) };
        if !self.targets[item.index()] {
            return aside(Class::Excluded, Reason::OwnItem);
        }
        let Some(currency) = invoice.currency else { return aside(Class::NotCompared, Reason::NoCurrency) };
        let key = AccountKey::new(KeyCustomer::Customer(customer), KeyItem::Item(item), currency);
        Placement::Keyed(key.at(period, at))
    }

    /// The accounts that a subscription is on, by each of its states.
    pub(super) fn subscription_accounts(&self, subscription: SubscriptionRef) -> Vec<AccountKey> {
        let Some(row) = self.input.subscriptions.get(subscription) else { return Vec::new() };
        let mut accounts = Vec::with_capacity(1);
        for state in &row.revisions {
            let customer = self.customer(state.company);
            let term = state.term.unwrap_or(BillingTerm::Monthly);
            let commitment = state.commitment.clone().unwrap_or_else(|| default_commitment(term));
            let target = self.target(state.product, term, Some(&commitment), customer);
            if let Some(currency) = state.currency {
                let account = AccountKey::new(customer, target.item, currency);
                if !accounts.contains(&account) {
                    accounts.push(account);
                }
            }
        }
        accounts
    }
}

/// A period some months later, or earlier.
pub(super) fn shifted(period: Period, months: i32) -> Option<Period> {
    let count = Months::new(months.unsigned_abs());
    let day = period.first_day();
    let day = if months < 0 { day.checked_sub_months(count) } else { day.checked_add_months(count) };
    day.map(Period::of)
}

impl Target<'_> {
    pub(super) fn is_included(&self) -> bool {
        self.rule.is_some_and(|rule| rule.role == MappingRole::Included)
    }

    pub(super) fn is_suggested(&self) -> bool {
        self.rule.is_some_and(|rule| rule.standing == Standing::Suggested)
    }
}
