//! Takes records one at a time, from files or from storage, and seals them into an [`Input`].

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use thiserror::Error;

use super::amount::{Amount, Maybe};
use super::fingerprint;
use super::input::{
    AgreementLineRow, BookPrice, Commitment, CompanyRow, CompanyRule, CustomerRow, Cycle, ExclusionReason, Input,
    InvoiceStanding, ItemRow, LineKind, ListPrice, MappingRole, PeriodEnd, ProductRow, ProductRule, PsaInvoiceRow,
    PsaLine, Revision, Standing, SubscriptionRow, VendorInvoiceRow, VendorLine,
};
use super::intern::{
    AgreementLineRef, AgreementRef, CompanyRef, CustomerRef, ItemRef, ProductRef, PsaInvoiceRef, Renumbering,
    SubscriptionRef, Table, Texts, VendorInvoiceRef,
};
use crate::domain::id::ExternalId;
use crate::domain::money::OutOfRange;
use crate::domain::period::Period;
use crate::domain::record::{
    AgreementLine, BillCycle, BillingTerm, ChargeType, Company, Customer, Known, Pax8Product, PriceBookEntry,
    PsaInvoice, PsaInvoiceLine, PsaInvoiceStatus, PsaProduct, Subscription, SubscriptionStatus, VendorInvoice,
    VendorInvoiceLine, VendorInvoiceStatus, VendorLineKind, VendorPrice,
};

/// A record that cannot be taken in. Nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot take in {kind} `{id}`: {field} {source}")]
pub struct InputError {
    /// Kind of record.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Field that does not fit.
    pub field: &'static str,
    /// Why.
    pub source: OutOfRange,
}

/// Which customer a company is.
#[derive(Debug, Clone, Copy)]
pub struct CompanyMapping<'a> {
    /// Company at Pax8.
    pub company: &'a ExternalId,
    /// Customer at the PSA.
    pub customer: &'a ExternalId,
    /// Whether a person agreed.
    pub standing: Standing,
}

/// Which item a product is billed as.
#[derive(Debug, Clone, Copy)]
pub struct ProductMapping<'a> {
    /// Product at Pax8.
    pub product: &'a ExternalId,
    /// Billing term that the mapping is for; `None` for every term.
    pub billing_term: Option<BillingTerm>,
    /// Commitment that the mapping is for, as written (`1-Year`, `Monthly` for none); `None` for every commitment.
    pub commitment_term: Option<&'a str>,
    /// Customer that the mapping is limited to, and then wins for; `None` for every customer.
    pub customer: Option<&'a ExternalId>,
    /// Item at the PSA.
    pub item: &'a ExternalId,
    /// Units of the item for one unit of the product; normally 1.
    pub factor: Decimal,
    /// Whether it is billed or included in the item's price.
    pub role: MappingRole,
    /// Whether a person agreed.
    pub standing: Standing,
}

/// Collects records; the order does not matter, and a record may be named before it comes.
#[derive(Default)]
pub struct InputBuilder {
    companies: Table<CompanyRef, CompanyRow>,
    customers: Table<CustomerRef, CustomerRow>,
    products: Table<ProductRef, ProductRow>,
    items: Table<ItemRef, ItemRow>,
    subscriptions: Table<SubscriptionRef, Revision>,
    agreements: Table<AgreementRef, ()>,
    agreement_lines: Table<AgreementLineRef, AgreementLineRow>,
    vendor_invoices: Table<VendorInvoiceRef, VendorInvoiceRow>,
    psa_invoices: Table<PsaInvoiceRef, PsaInvoiceRow>,
    vendor_lines: Vec<VendorLine>,
    vendor_line_ids: Texts,
    psa_lines: Vec<PsaLine>,
    psa_line_ids: Texts,
    book_prices: Vec<BookPrice>,
    list_prices: Vec<ListPrice>,
    company_rules: Vec<CompanyRule>,
    product_rules: Vec<ProductRule>,
    excluded_companies: Vec<(CompanyRef, ExclusionReason)>,
    excluded_customers: Vec<(CustomerRef, ExclusionReason)>,
    excluded_products: Vec<(ProductRef, ExclusionReason)>,
}

/// Says which record a number belongs to when it does not fit.
struct Fields<'a> {
    kind: &'static str,
    id: &'a ExternalId,
}

impl Fields<'_> {
    fn read(&self, field: &'static str, value: Option<Decimal>) -> Result<Maybe, InputError> {
        Maybe::from_decimal(value).map_err(|source| InputError {
            kind: self.kind,
            id: self.id.to_string(),
            field,
            source,
        })
    }

    fn read_known(&self, field: &'static str, value: Decimal) -> Result<Amount, InputError> {
        Amount::from_decimal(value).map_err(|source| InputError {
            kind: self.kind,
            id: self.id.to_string(),
            field,
            source,
        })
    }
}

fn known<T: Copy>(value: Option<&Known<T>>) -> Option<T> {
    value.and_then(Known::known).copied()
}

fn cycle(value: Option<&Known<BillCycle>>) -> Option<Cycle> {
    value.map(|value| match value {
        Known::Known(BillCycle::Monthly) => Cycle::Monthly,
        Known::Known(BillCycle::Annual) => Cycle::Annual,
        Known::Known(BillCycle::Usage) => Cycle::Usage,
        Known::Known(BillCycle::OneTime) | Known::Unrecognized(_) => Cycle::Other,
    })
}

impl InputBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a company of Pax8.
    pub fn add_company(&mut self, company: &Company) {
        self.companies.put(company.external_id.as_str(), CompanyRow { name: company.name.as_str().into() });
        if company.is_billed_by_pax8 == Some(true) {
            self.exclude_company(&company.external_id, ExclusionReason::BilledByPax8);
        }
    }

    /// Takes in a customer of the PSA.
    pub fn add_customer(&mut self, customer: &Customer) {
        let parent = customer.parent_external_id.as_ref().map(|parent| self.customers.name(parent.as_str()));
        self.customers.put(customer.external_id.as_str(), CustomerRow { name: customer.name.as_str().into(), parent });
    }

    /// Takes in a product of Pax8.
    pub fn add_pax8_product(&mut self, product: &Pax8Product) {
        self.products.put(product.external_id.as_str(), ProductRow { name: product.name.as_str().into() });
    }

    /// Takes in an item of the PSA.
    pub fn add_psa_product(&mut self, item: &PsaProduct) -> Result<(), InputError> {
        let fields = Fields { kind: "item", id: &item.external_id };
        let row = ItemRow {
            name: item.name.as_str().into(),
            unit_price: fields.read("unit price", item.unit_price.map(|price| price.0))?,
            currency: item.currency,
            cycle: cycle(item.bill_cycle.as_ref()),
            markup_percent: fields.read("markup percent", item.markup_percent)?,
        };
        self.items.put(item.external_id.as_str(), row);
        Ok(())
    }

    /// Takes in one state of a subscription, present or past. The same state twice counts once.
    pub fn add_subscription(&mut self, state: &Subscription) -> Result<(), InputError> {
        let fields = Fields { kind: "subscription", id: &state.external_id };
        let revision = Revision {
            updated_at: state.updated_at,
            billing_start: state.billing_start,
            start: state.start_date,
            end: state.end_date,
            is_canceled: known(state.status.as_ref()) == Some(SubscriptionStatus::Canceled),
            quantity: fields.read("quantity", state.quantity)?,
            price: fields.read("price", state.price.map(|price| price.0))?,
            currency: state.currency,
            term: known(state.billing_term.as_ref()),
            commitment: state.commitment_term.as_deref().map(Commitment::fold),
            company: self.companies.name(state.company_external_id.as_str()),
            product: self.products.name(state.product_external_id.as_str()),
        };
        self.subscriptions.put(state.external_id.as_str(), revision);
        Ok(())
    }

    /// Takes in the head of a vendor invoice.
    pub fn add_vendor_invoice(&mut self, invoice: &VendorInvoice) -> Result<(), InputError> {
        let fields = Fields { kind: "vendor invoice", id: &invoice.external_id };
        let row = VendorInvoiceRow {
            date: invoice.invoice_date,
            standing: match known(invoice.status.as_ref()) {
                Some(VendorInvoiceStatus::Void) => InvoiceStanding::Void,
                Some(VendorInvoiceStatus::Credited) => InvoiceStanding::Credited,
                Some(VendorInvoiceStatus::Draft) => InvoiceStanding::Draft,
                Some(
                    VendorInvoiceStatus::Unpaid
                    | VendorInvoiceStatus::Paid
                    | VendorInvoiceStatus::Carried
                    | VendorInvoiceStatus::NothingDue,
                )
                | None => InvoiceStanding::Counts,
            },
            total: fields.read("total", invoice.total)?,
            carried_balance: fields.read("carried balance", invoice.carried_balance)?,
            currency: invoice.currency,
        };
        self.vendor_invoices.put(invoice.external_id.as_str(), row);
        Ok(())
    }

    /// Takes in a line of a vendor invoice.
    pub fn add_vendor_line(&mut self, line: &VendorInvoiceLine) -> Result<(), InputError> {
        let fields = Fields { kind: "vendor line", id: &line.external_id };
        let row = VendorLine {
            quantity: fields.read("quantity", line.quantity)?,
            subtotal: fields.read("subtotal", line.subtotal.map(|price| price.0))?,
            cost: fields.read("cost", line.cost.map(|cost| cost.0))?,
            cost_total: fields.read("cost total", line.cost_total.map(|cost| cost.0))?,
            amount_due: fields.read("amount due", line.amount_due.map(|cost| cost.0))?,
            sales_tax: fields.read("sales tax", line.sales_tax.map(|cost| cost.0))?,
            invoice: self.vendor_invoices.name(line.invoice_external_id.as_str()),
            company: line.company_external_id.as_ref().map(|id| self.companies.name(id.as_str())),
            subscription: line.subscription_external_id.as_ref().map(|id| self.subscriptions.name(id.as_str())),
            product: line.product_external_id.as_ref().map(|id| self.products.name(id.as_str())),
            currency: line.currency,
            start: line.period_start,
            end: line.period_end,
            kind: match &line.kind {
                Known::Known(VendorLineKind::Subscription) => LineKind::Subscription,
                Known::Known(VendorLineKind::Prorate) => LineKind::Prorate,
                Known::Known(VendorLineKind::OneTime) => LineKind::OneTime,
                Known::Known(VendorLineKind::ServiceCredit) => LineKind::ServiceCredit,
                Known::Known(
                    VendorLineKind::Rebate
                    | VendorLineKind::ServiceCharge
                    | VendorLineKind::PaymentCredit
                    | VendorLineKind::InvoiceCredit,
                ) => LineKind::Account,
                Known::Unrecognized(_) => LineKind::Unrecognized,
            },
            term: known(line.term.as_ref()),
            is_flat: known(line.charge_type.as_ref()) == Some(ChargeType::Flat),
            is_billed_by_pax8: line.is_billed_by_pax8,
        };
        self.vendor_lines.push(row);
        self.vendor_line_ids.push(line.external_id.as_str());
        Ok(())
    }

    /// Takes in the head of a PSA invoice.
    pub fn add_psa_invoice(&mut self, invoice: &PsaInvoice) {
        let row = PsaInvoiceRow {
            date: invoice.invoice_date,
            customer: self.customers.name(invoice.customer_external_id.as_str()),
            standing: match known(invoice.status.as_ref()) {
                Some(PsaInvoiceStatus::Void) => InvoiceStanding::Void,
                Some(PsaInvoiceStatus::Credited) => InvoiceStanding::Credited,
                Some(PsaInvoiceStatus::Draft) => InvoiceStanding::Draft,
                Some(PsaInvoiceStatus::Open | PsaInvoiceStatus::Paid) | None => InvoiceStanding::Counts,
            },
            currency: invoice.currency,
        };
        self.psa_invoices.put(invoice.external_id.as_str(), row);
    }

    /// Takes in a line of a PSA invoice.
    pub fn add_psa_line(&mut self, line: &PsaInvoiceLine) -> Result<(), InputError> {
        let fields = Fields { kind: "PSA line", id: &line.external_id };
        let row = PsaLine {
            quantity: fields.read("quantity", line.quantity)?,
            unit_price: fields.read("unit price", line.unit_price.map(|price| price.0))?,
            amount: fields.read("amount", line.amount.map(|price| price.0))?,
            invoice: self.psa_invoices.name(line.invoice_external_id.as_str()),
            agreement_line: line.agreement_line_external_id.as_ref().map(|id| self.agreement_lines.name(id.as_str())),
            item: line.product_external_id.as_ref().map(|id| self.items.name(id.as_str())),
            start: line.period_start,
            end: line.period_end,
        };
        self.psa_lines.push(row);
        self.psa_line_ids.push(line.external_id.as_str());
        Ok(())
    }

    /// Takes in a recurring line of an agreement.
    pub fn add_agreement_line(&mut self, line: &AgreementLine) -> Result<(), InputError> {
        let fields = Fields { kind: "agreement line", id: &line.external_id };
        let row = AgreementLineRow {
            quantity: fields.read("quantity", line.quantity)?,
            included: fields.read("included quantity", line.included_quantity)?,
            unit_price: fields.read("unit price", line.unit_price.map(|price| price.0))?,
            agreement: self.agreements.name(line.agreement_external_id.as_str()),
            customer: self.customers.name(line.customer_external_id.as_str()),
            item: line.product_external_id.as_ref().map(|id| self.items.name(id.as_str())),
            currency: line.currency,
            bills_in_arrears: line.bills_in_arrears,
            from: line.effective_from,
            to: line.effective_to,
        };
        self.agreement_lines.put(line.external_id.as_str(), row);
        Ok(())
    }

    /// Takes in a dated price of an item.
    pub fn add_book_price(&mut self, entry: &PriceBookEntry) -> Result<(), InputError> {
        let fields = Fields { kind: "price of item", id: &entry.product_external_id };
        let price = fields.read_known("unit price", entry.unit_price.0)?;
        let row = BookPrice {
            item: self.items.name(entry.product_external_id.as_str()),
            customer: entry.customer_external_id.as_ref().map(|id| self.customers.name(id.as_str())),
            currency: entry.currency,
            from: entry.effective_from,
            to: entry.effective_to,
            price,
        };
        self.book_prices.push(row);
        Ok(())
    }

    /// Takes in a price that Pax8 suggests. One without a suggested price says nothing and is passed over.
    pub fn add_vendor_price(&mut self, entry: &VendorPrice) -> Result<(), InputError> {
        let Some(price) = entry.suggested_price else { return Ok(()) };
        let fields = Fields { kind: "vendor price of product", id: &entry.product_external_id };
        let row = ListPrice {
            price: fields.read_known("suggested price", price.0)?,
            range_start: fields.read("range start", entry.range_start)?,
            range_end: fields.read("range end", entry.range_end)?,
            product: self.products.name(entry.product_external_id.as_str()),
            term: known(entry.billing_term.as_ref()),
            commitment: Commitment::fold(entry.commitment_term.as_deref().unwrap_or_default()),
            currency: entry.currency,
        };
        self.list_prices.push(row);
        Ok(())
    }

    /// States which customer a company is. A company that is not mapped has no PSA customer.
    pub fn map_company(&mut self, mapping: CompanyMapping<'_>) {
        let rule = CompanyRule {
            company: self.companies.name(mapping.company.as_str()),
            customer: self.customers.name(mapping.customer.as_str()),
            standing: mapping.standing,
        };
        self.company_rules.push(rule);
    }

    /// States which item a product is billed as. A product that is not mapped has no PSA item.
    pub fn map_product(&mut self, mapping: ProductMapping<'_>) -> Result<(), InputError> {
        let fields = Fields { kind: "mapping of product", id: mapping.product };
        let rule = ProductRule {
            factor: fields.read_known("factor", mapping.factor)?,
            product: self.products.name(mapping.product.as_str()),
            customer: mapping.customer.map(|id| self.customers.name(id.as_str())),
            term: mapping.billing_term,
            commitment: mapping.commitment_term.map(Commitment::fold),
            item: self.items.name(mapping.item.as_str()),
            role: mapping.role,
            standing: mapping.standing,
        };
        self.product_rules.push(rule);
        Ok(())
    }

    /// Expects no billing for a company.
    pub fn exclude_company(&mut self, company: &ExternalId, reason: ExclusionReason) {
        let company = self.companies.name(company.as_str());
        self.excluded_companies.push((company, reason));
    }

    /// Leaves a customer's PSA lines out.
    pub fn exclude_customer(&mut self, customer: &ExternalId, reason: ExclusionReason) {
        let customer = self.customers.name(customer.as_str());
        self.excluded_customers.push((customer, reason));
    }

    /// Expects no billing for a product.
    pub fn exclude_product(&mut self, product: &ExternalId, reason: ExclusionReason) {
        let product = self.products.name(product.as_str());
        self.excluded_products.push((product, reason));
    }

    /// Puts everything into canonical order. `first` and `last` are the periods to reconcile, both included.
    pub fn build(self, first: Period, last: Period, as_of: NaiveDate) -> Input {
        let (companies, company_numbers) = self.companies.numbered();
        let (mut customers, customer_numbers) = self.customers.numbered();
        let (products, product_numbers) = self.products.numbered();
        let (items, item_numbers) = self.items.numbered();
        let (mut subscriptions, subscription_numbers) = self.subscriptions.numbered();
        let (agreements, agreement_numbers) = self.agreements.numbered();
        let (mut agreement_lines, agreement_line_numbers) = self.agreement_lines.numbered();
        let (vendor_invoices, vendor_invoice_numbers) = self.vendor_invoices.numbered();
        let (mut psa_invoices, psa_invoice_numbers) = self.psa_invoices.numbered();

        for customer in customers.records() {
            customer_numbers.apply_to_some(&mut customer.parent);
        }
        for revision in subscriptions.records() {
            company_numbers.apply_to(&mut revision.company);
            product_numbers.apply_to(&mut revision.product);
        }
        for line in agreement_lines.records() {
            agreement_numbers.apply_to(&mut line.agreement);
            customer_numbers.apply_to(&mut line.customer);
            item_numbers.apply_to_some(&mut line.item);
        }
        for invoice in psa_invoices.records() {
            customer_numbers.apply_to(&mut invoice.customer);
        }
        let mut vendor_lines = self.vendor_lines;
        for line in &mut vendor_lines {
            vendor_invoice_numbers.apply_to(&mut line.invoice);
            company_numbers.apply_to_some(&mut line.company);
            subscription_numbers.apply_to_some(&mut line.subscription);
            product_numbers.apply_to_some(&mut line.product);
        }
        let mut psa_lines = self.psa_lines;
        for line in &mut psa_lines {
            psa_invoice_numbers.apply_to(&mut line.invoice);
            agreement_line_numbers.apply_to_some(&mut line.agreement_line);
            item_numbers.apply_to_some(&mut line.item);
        }
        let (vendor_lines, vendor_line_ids) = in_order(vendor_lines, self.vendor_line_ids);
        let (psa_lines, psa_line_ids) = in_order(psa_lines, self.psa_line_ids);

        let mut book_prices = self.book_prices;
        for price in &mut book_prices {
            item_numbers.apply_to(&mut price.item);
            customer_numbers.apply_to_some(&mut price.customer);
        }
        let mut list_prices = self.list_prices;
        for price in &mut list_prices {
            product_numbers.apply_to(&mut price.product);
        }
        let mut company_rules = self.company_rules;
        for rule in &mut company_rules {
            company_numbers.apply_to(&mut rule.company);
            customer_numbers.apply_to(&mut rule.customer);
        }
        let mut product_rules = self.product_rules;
        for rule in &mut product_rules {
            product_numbers.apply_to(&mut rule.product);
            customer_numbers.apply_to_some(&mut rule.customer);
            item_numbers.apply_to(&mut rule.item);
        }
        let mut input = Input {
            first,
            last,
            as_of,
            period_end: period_end(&vendor_lines),
            companies: companies.settle(),
            customers: customers.settle(),
            products: products.settle(),
            items: items.settle(),
            subscriptions: subscriptions.gather(|revisions| SubscriptionRow { revisions }),
            agreements: agreements.settle(),
            agreement_lines: agreement_lines.settle(),
            vendor_invoices: vendor_invoices.settle(),
            psa_invoices: psa_invoices.settle(),
            vendor_lines,
            vendor_line_ids,
            psa_lines,
            psa_line_ids,
            book_prices: sorted(book_prices),
            list_prices: sorted(list_prices),
            company_rules: sorted(company_rules),
            product_rules: sorted(product_rules),
            excluded_companies: renumbered(self.excluded_companies, &company_numbers),
            excluded_customers: renumbered(self.excluded_customers, &customer_numbers),
            excluded_products: renumbered(self.excluded_products, &product_numbers),
            digest: [0; 32],
        };
        input.digest = fingerprint::of_input(&input);
        input
    }
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn renumbered<R: super::intern::Reference + Ord>(
    mut rows: Vec<(R, ExclusionReason)>,
    numbers: &Renumbering,
) -> Vec<(R, ExclusionReason)> {
    for (reference, _) in &mut rows {
        numbers.apply_to(reference);
    }
    sorted(rows)
}

/// Lines in the order of their ids; equal ids in the order of what the lines say.
fn in_order<L: Ord + Copy>(lines: Vec<L>, ids: Texts) -> (Vec<L>, Texts) {
    let mut order: Vec<(u128, u32)> = (0_u32..).take(lines.len()).map(|at| (ids.prefix(at as usize), at)).collect();
    order.sort_unstable_by(|(left_prefix, left), (right_prefix, right)| {
        let (left, right) = (*left as usize, *right as usize);
        left_prefix
            .cmp(right_prefix)
            .then_with(|| ids.get(left).cmp(ids.get(right)))
            .then_with(|| lines[left].cmp(&lines[right]))
    });
    // A database gives them in this order.
    if order.is_sorted_by_key(|(_, at)| *at) {
        return (lines, ids);
    }
    let mut ordered_ids = Texts::default();
    let mut ordered = Vec::with_capacity(lines.len());
    for (_, at) in order {
        ordered.push(lines[at as usize]);
        ordered_ids.push(ids.get(at as usize));
    }
    (ordered, ordered_ids)
}

/// Whole-month lines show how the account writes the end of a period.
fn period_end(lines: &[VendorLine]) -> PeriodEnd {
    let (mut inclusive, mut exclusive) = (0_u64, 0_u64);
    for line in lines {
        let (LineKind::Subscription, Some(BillingTerm::Monthly), Some(start), Some(end)) =
            (line.kind, line.term, line.start, line.end)
        else {
            continue;
        };
        if start.day() == 1 {
            inclusive += u64::from(end == Period::of(start).last_day());
            exclusive += u64::from(end == Period::of(start).next().first_day());
        }
    }
    if exclusive > inclusive { PeriodEnd::Exclusive } else { PeriodEnd::Inclusive }
}
