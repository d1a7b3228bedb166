//! A reconciliation as text a person can read: one statement per line, words and `name=value` pairs.
//!
//! Names stand for ids. What a line leaves out has a plain default: US dollars, monthly terms, whole months, an invoice
//! on each side for each month that is mentioned.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use concord::domain::id::ExternalId;
use concord::domain::money::{Currency, RoundingMode, parse_decimal, plain};
use concord::domain::period::Period;
use concord::domain::record::*;
use concord::engine::billing::*;
use rust_decimal::Decimal;

/// Words of a statement.
struct Words<'a> {
    plain: Vec<&'a str>,
    pairs: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    fn read(line: &'a str) -> Self {
        let mut words = Self { plain: Vec::new(), pairs: BTreeMap::new() };
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some((name, value)) => drop(words.pairs.insert(name, value)),
                None => words.plain.push(word),
            }
        }
        words
    }

    fn has(&self, word: &str) -> bool {
        self.plain.contains(&word)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.pairs.get(name).copied()
    }

    fn id(&self, name: &str) -> Option<ExternalId> {
        self.text(name).map(ExternalId::from)
    }

    fn decimal(&self, name: &str) -> Option<Decimal> {
        self.text(name).map(decimal)
    }

    fn day(&self, name: &str) -> Option<NaiveDate> {
        self.text(name).map(day)
    }

    fn currency(&self) -> Currency {
        self.text("currency").map_or(Currency::USD, |text| Currency::parse(text).unwrap())
    }

    fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        let (start, end) = self.text("days")?.split_once("..").expect("days=FROM..TO");
        Some((day(start), day(end)))
    }

    fn cycle(&self) -> Known<BillCycle> {
        Known::Known(match self.text("cycle").unwrap_or("monthly") {
            "monthly" => BillCycle::Monthly,
            "annual" => BillCycle::Annual,
            "one-time" => BillCycle::OneTime,
            "usage" => BillCycle::Usage,
            other => panic!("unknown cycle {other}"),
        })
    }
}

pub fn decimal(text: &str) -> Decimal {
    parse_decimal(text).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no day"))
}

fn moment(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(9, 0, 0).unwrap().and_utc()
}

struct SubscriptionFacts {
    company: ExternalId,
    product: ExternalId,
    term: BillingTerm,
    currency: Currency,
}

/// A case while it is read.
#[derive(Default)]
pub struct Case {
    pub policy: Policy,
    builder: InputBuilder,
    periods: Option<(Period, Period)>,
    as_of: Option<NaiveDate>,
    subscriptions: BTreeMap<String, SubscriptionFacts>,
    vendor_invoices: BTreeSet<(String, Currency)>,
    psa_invoices: BTreeSet<String>,
    lines: usize,
}

impl Case {
    pub fn read(text: &str) -> Self {
        let mut case = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some((verb, rest)) = line.split_once(' ') {
                case.statement(verb, &Words::read(rest));
            }
        }
        case
    }

    pub fn input(self) -> Input {
        let (first, last) = self.periods.expect("a case says its period");
        self.builder.build(first, last, self.as_of.unwrap_or(last.last_day()))
    }

    fn statement(&mut self, verb: &str, words: &Words<'_>) {
        match verb {
            "period" => {
                let (first, last) = words.plain[0].split_once("..").unwrap_or((words.plain[0], words.plain[0]));
                self.periods = Some((Period::parse(first).unwrap(), Period::parse(last).unwrap()));
                self.as_of = words.day("as-of");
            }
            "policy" => self.policy(words),
            "company" => self.company(words),
            "customer" => self.customer(words),
            "item" => self.item(words),
            "product" => self.product(words),
            "price" => self.price(words),
            "list" => self.list_price(words),
            "exclude" => self.exclude(words),
            "subscription" => self.subscription(words),
            "invoice" => self.invoice(words),
            "pax8" => self.vendor_line(words),
            "agreement" => self.agreement_line(words),
            "psa" => self.psa_line(words),
            other => panic!("unknown statement {other}"),
        }
    }

    fn policy(&mut self, words: &Words<'_>) {
        let policy = &mut self.policy;
        for (name, value) in &words.pairs {
            match (*name, *value) {
                ("price", "agreement-line") => policy.price_source = PriceSource::AgreementLine,
                ("price", "item-price") => policy.price_source = PriceSource::ItemPrice,
                ("price", "vendor-suggested") => policy.price_source = PriceSource::VendorSuggested,
                ("price", plus) if plus.starts_with("cost+") => {
                    policy.price_source = PriceSource::CostPlus(decimal(&plus[5..]));
                }
                ("quantity", "vendor-invoice") => policy.quantity_source = QuantitySource::VendorInvoice,
                ("proration", "absorb") => policy.proration = Proration::Absorb,
                ("credits", "keep") => policy.credits = Credits::Keep,
                ("tolerance", value) => policy.tolerance.absolute = decimal(value),
                ("tolerance-percent", value) => policy.tolerance.percent = decimal(value),
                ("margin-floor", value) => policy.margin_floor = Some(decimal(value)),
                ("scale", value) => policy.rounding_scale = Some(value.parse().unwrap()),
                ("psa-shift", value) => policy.psa_period.shift_months = value.parse().unwrap(),
                ("arrears-shift", value) => policy.arrears_shift_months = value.parse().unwrap(),
                ("psa-basis", "service-start") => policy.psa_period.basis = PeriodBasis::ServiceStart,
                ("pax8-basis", "service-start") => policy.vendor_period.basis = PeriodBasis::ServiceStart,
                ("pax8-shift", value) => policy.vendor_period.shift_months = value.parse().unwrap(),
                ("due-day", value) => policy.missing_invoice_counts_from_day = value.parse().unwrap(),
                ("warning", value) => policy.severity.warning = decimal(value),
                ("critical", value) => policy.severity.critical = decimal(value),
                ("rounding", "half-to-even") => policy.rounding_mode = RoundingMode::HalfToEven,
                ("rounding", "toward-zero") => policy.rounding_mode = RoundingMode::TowardZero,
                (name, value) => panic!("unknown policy {name}={value}"),
            }
        }
    }

    fn company(&mut self, words: &Words<'_>) {
        let name = words.plain[0];
        let id = ExternalId::from(name);
        self.builder.add_company(&Company {
            external_id: id.clone(),
            name: words.text("name").unwrap_or(name).to_owned(),
            status: None,
            address: Address::default(),
            phone: None,
            website: None,
            partner_reference: None,
            is_billed_by_pax8: Some(words.has("billed-by-pax8")),
            is_self_service_allowed: None,
            is_order_approval_required: None,
            updated_at: None,
        });
        if words.has("internal") {
            self.builder.exclude_company(&id, ExclusionReason::InternalUse);
        }
        let standing = if words.has("suggested") { Standing::Suggested } else { Standing::Confirmed };
        let customer = words.text("customer").unwrap_or(name);
        if customer != "none" {
            let customer = ExternalId::from(customer);
            self.builder.map_company(CompanyMapping { company: &id, customer: &customer, standing });
        }
    }

    fn customer(&mut self, words: &Words<'_>) {
        self.builder.add_customer(&Customer {
            external_id: ExternalId::from(words.plain[0]),
            name: words.text("name").unwrap_or(words.plain[0]).to_owned(),
            identifier: None,
            status: None,
            kind: None,
            address: Address::default(),
            phone: None,
            website: None,
            email: None,
            account_number: None,
            currency: None,
            parent_external_id: words.id("parent"),
            is_deleted: false,
            updated_at: None,
        });
    }

    fn item(&mut self, words: &Words<'_>) {
        let item = PsaProduct {
            external_id: ExternalId::from(words.plain[0]),
            name: words.text("name").unwrap_or(words.plain[0]).to_owned(),
            identifier: None,
            vendor_name: None,
            sku: None,
            vendor_sku: None,
            category: None,
            unit_price: words.decimal("price").map(Price),
            unit_cost: None,
            currency: Some(words.currency()),
            bill_cycle: Some(words.cycle()),
            markup_percent: words.decimal("markup"),
            is_active: true,
            updated_at: None,
        };
        self.builder.add_psa_product(&item).unwrap();
    }

    fn product(&mut self, words: &Words<'_>) {
        let name = words.plain[0];
        self.builder.add_pax8_product(&Pax8Product {
            external_id: ExternalId::from(name),
            name: name.to_owned(),
            vendor_name: None,
            sku: None,
            vendor_sku: None,
            short_description: None,
            requires_commitment: None,
        });
        let Some(item) = words.id("item") else { return };
        let customer = words.id("customer");
        let mapping = ProductMapping {
            product: &ExternalId::from(name),
            billing_term: words.text("term").map(|term| *BillingTerm::parse(term).known().unwrap()),
            commitment_term: words.text("commitment"),
            customer: customer.as_ref(),
            item: &item,
            factor: words.decimal("factor").unwrap_or(Decimal::ONE),
            role: if words.has("included") { MappingRole::Included } else { MappingRole::Billed },
            standing: if words.has("suggested") { Standing::Suggested } else { Standing::Confirmed },
        };
        self.builder.map_product(mapping).unwrap();
    }

    fn price(&mut self, words: &Words<'_>) {
        let entry = PriceBookEntry {
            product_external_id: ExternalId::from(words.plain[0]),
            customer_external_id: words.id("customer"),
            currency: words.currency(),
            unit_price: Price(decimal(words.plain[1])),
            effective_from: words.day("from"),
            effective_to: words.day("to"),
        };
        self.builder.add_book_price(&entry).unwrap();
    }

    /// `list PRODUCT PRICE [term=] [commitment=] [from-units=] [to-units=] [currency=]`: a price that Pax8 suggests.
    fn list_price(&mut self, words: &Words<'_>) {
        let term = words.text("term").map_or(BillingTerm::Monthly, |term| *BillingTerm::parse(term).known().unwrap());
        let entry = VendorPrice {
            product_external_id: ExternalId::from(words.plain[0]),
            billing_term: Some(Known::Known(term)),
            commitment_term: words.text("commitment").map(str::to_owned),
            currency: Some(words.currency()),
            range_start: words.decimal("from-units"),
            range_end: words.decimal("to-units"),
            cost: None,
            suggested_price: Some(Price(decimal(words.plain[1]))),
            charge_type: None,
        };
        self.builder.add_vendor_price(&entry).unwrap();
    }

    /// `exclude customer NAME` or `exclude product NAME`.
    fn exclude(&mut self, words: &Words<'_>) {
        let record = ExternalId::from(words.plain[1]);
        match words.plain[0] {
            "customer" => self.builder.exclude_customer(&record, ExclusionReason::Other),
            "product" => self.builder.exclude_product(&record, ExclusionReason::NotResold),
            other => panic!("nothing excludes a {other}"),
        }
    }

    /// `subscription NAME company= product= 10 12@2026-09-15 start= [end=] [term=] [commitment=] [status=]`. A state that
    /// was made on one day and counts from another is `14@2026-09-20/2026-10-01`.
    fn subscription(&mut self, words: &Words<'_>) {
        let name = words.plain[0];
        let start = words.day("start").unwrap_or(day("2025-01-01"));
        let term = words.text("term").map_or(BillingTerm::Monthly, |term| *BillingTerm::parse(term).known().unwrap());
        let facts = SubscriptionFacts {
            company: words.id("company").expect("a subscription has a company"),
            product: words.id("product").expect("a subscription has a product"),
            term,
            currency: words.currency(),
        };
        let mut states: Vec<(&str, NaiveDate, NaiveDate, Option<NaiveDate>)> = words.plain[1..]
            .iter()
            .map(|state| match state.split_once('@') {
                Some((quantity, days)) => match days.split_once('/') {
                    Some((made, counts)) => (quantity, day(made), day(counts), None),
                    None => (quantity, day(days), start, None),
                },
                None => (*state, start, start, None),
            })
            .collect();
        if let (Some(end), Some((quantity, _, counts, _))) = (words.day("end"), states.last().copied()) {
            // Whoever cancels early does so on another day than the last one.
            states.push((quantity, words.day("canceled").unwrap_or(end), counts, Some(end)));
        }
        let status = words.text("status").map(|status| match status {
            "canceled" => Known::Known(SubscriptionStatus::Canceled),
            "pending-cancel" => Known::Known(SubscriptionStatus::PendingCancel),
            "pending-manual" => Known::Known(SubscriptionStatus::PendingManual),
            other => Known::Unrecognized(other.to_owned()),
        });
        for (quantity, since, billing_start, end) in states {
            let state = Subscription {
                external_id: ExternalId::from(name),
                company_external_id: facts.company.clone(),
                product_external_id: facts.product.clone(),
                parent_external_id: None,
                quantity: Some(decimal(quantity)),
                start_date: Some(start),
                end_date: end,
                created_at: None,
                updated_at: Some(moment(since)),
                billing_start: Some(billing_start),
                status: status.clone(),
                price: words.decimal("price").map(Price),
                cost: None,
                currency: Some(facts.currency),
                billing_term: Some(Known::Known(term)),
                commitment_term: words.text("commitment").map(str::to_owned),
                commitment_end: None,
            };
            self.builder.add_subscription(&state).unwrap();
        }
        self.subscriptions.insert(name.to_owned(), facts);
    }

    /// `invoice NAME date= total= [status=]`: a head of a vendor invoice that is not the month's plain one.
    fn invoice(&mut self, words: &Words<'_>) {
        let name = words.plain[0];
        self.vendor_invoices.insert((name.to_owned(), words.currency()));
        let invoice = VendorInvoice {
            external_id: ExternalId::from(name),
            invoice_date: words.day("date").expect("an invoice has a date"),
            due_date: None,
            status: words.text("status").map(|status| match status {
                "void" => Known::Known(VendorInvoiceStatus::Void),
                "credited" => Known::Known(VendorInvoiceStatus::Credited),
                "draft" => Known::Known(VendorInvoiceStatus::Draft),
                other => Known::Unrecognized(other.to_owned()),
            }),
            total: words.decimal("total"),
            balance: None,
            carried_balance: words.decimal("carried"),
            currency: Some(words.currency()),
            company_external_id: None,
        };
        self.builder.add_vendor_invoice(&invoice).unwrap();
    }

    /// `pax8 2026-10 SUBSCRIPTION [prorate|...] qty= cost= [total=] [days=] [flat]`.
    fn vendor_line(&mut self, words: &Words<'_>) {
        let (month, subject) = (words.plain[0], words.plain[1]);
        let period = Period::parse(month).unwrap();
        let facts = self.subscriptions.get(subject);
        let currency = facts.map_or(words.currency(), |facts| facts.currency);
        let invoice = words.text("invoice").map_or_else(|| format!("V-{month}-{currency}"), str::to_owned);
        let company = words.id("company").or_else(|| facts.map(|facts| facts.company.clone()));
        let product = words.id("product").or_else(|| facts.map(|facts| facts.product.clone()));
        let kind = words
            .plain
            .get(2)
            .copied()
            .filter(|word| !matches!(*word, "flat" | "billed-by-pax8"))
            .unwrap_or("subscription");
        let term = words
            .text("term")
            .map(|term| *BillingTerm::parse(term).known().unwrap())
            .or_else(|| (kind == "one-time").then_some(BillingTerm::OneTime))
            .or_else(|| facts.map(|facts| facts.term));
        let (start, end) = words.days().unwrap_or((period.first_day(), period.last_day()));
        let quantity = words.decimal("qty").unwrap_or(Decimal::ONE);
        let cost = words.decimal("cost");
        let total = words.decimal("total").or_else(|| cost.map(|cost| cost * quantity));
        let is_subscription = facts.is_some();
        self.lines += 1;
        if self.vendor_invoices.insert((invoice.clone(), currency)) {
            let head = VendorInvoice {
                external_id: ExternalId::from(invoice.as_str()),
                invoice_date: day(&format!("{month}-05")),
                due_date: None,
                status: None,
                total: None,
                balance: None,
                carried_balance: None,
                currency: Some(currency),
                company_external_id: None,
            };
            self.builder.add_vendor_invoice(&head).unwrap();
        }
        let line = VendorInvoiceLine {
            external_id: ExternalId::from(format!("v{}", self.lines)),
            invoice_external_id: ExternalId::from(invoice),
            kind: match kind {
                "subscription" => Known::Known(VendorLineKind::Subscription),
                "prorate" => Known::Known(VendorLineKind::Prorate),
                "one-time" => Known::Known(VendorLineKind::OneTime),
                "service-credit" => Known::Known(VendorLineKind::ServiceCredit),
                "rebate" => Known::Known(VendorLineKind::Rebate),
                other => Known::Unrecognized(other.to_owned()),
            },
            company_external_id: company,
            company_name: None,
            subscription_external_id: is_subscription.then(|| ExternalId::from(subject)),
            product_external_id: product,
            product_name: None,
            sku: None,
            description: None,
            period_start: Some(start),
            period_end: Some(end),
            term: term.map(Known::Known),
            quantity: Some(quantity),
            charge_type: words.has("flat").then_some(Known::Known(ChargeType::Flat)),
            price: None,
            subtotal: words.decimal("subtotal").map(Price),
            cost: cost.map(Cost),
            cost_total: total.map(Cost),
            amount_due: words.decimal("due").or(total).map(Cost),
            sales_tax: words.decimal("tax").map(Cost),
            currency: Some(currency),
            is_billed_by_pax8: words.has("billed-by-pax8"),
        };
        self.builder.add_vendor_line(&line).unwrap();
    }

    /// `agreement LINE agreement= customer= item= qty= price= from= [to=] [included=] [cycle=]`.
    fn agreement_line(&mut self, words: &Words<'_>) {
        let line = AgreementLine {
            external_id: ExternalId::from(words.plain[0]),
            agreement_external_id: words.id("agreement").unwrap_or(ExternalId::from("A")),
            agreement_name: None,
            customer_external_id: words.id("customer").expect("an agreement has a customer"),
            product_external_id: words.id("item"),
            description: None,
            quantity: words.decimal("qty"),
            included_quantity: words.decimal("included"),
            unit_price: words.decimal("price").map(Price),
            unit_cost: None,
            currency: None,
            bill_cycle: Some(words.cycle()),
            bills_in_arrears: words.has("in-arrears"),
            is_billable: true,
            effective_from: words.day("from"),
            effective_to: words.day("to"),
        };
        self.builder.add_agreement_line(&line).unwrap();
    }

    /// `psa 2026-10 CUSTOMER ITEM [line=] qty= price= [amount=] [days=] [dated=] [status=]`. Another date or status is
    /// another invoice.
    fn psa_line(&mut self, words: &Words<'_>) {
        let (month, customer, item) = (words.plain[0], words.plain[1], words.plain[2]);
        let period = Period::parse(month).unwrap();
        let currency = words.currency();
        let (dated, status) = (words.day("dated").unwrap_or(period.first_day()), words.text("status"));
        let invoice = format!("P-{dated}-{}-{customer}-{currency}", status.unwrap_or("open"));
        self.lines += 1;
        if self.psa_invoices.insert(invoice.clone()) {
            self.builder.add_psa_invoice(&PsaInvoice {
                external_id: ExternalId::from(invoice.as_str()),
                number: None,
                customer_external_id: ExternalId::from(customer),
                invoice_date: dated,
                currency: Some(currency),
                total: None,
                status: status.map(|status| match status {
                    "draft" => Known::Known(PsaInvoiceStatus::Draft),
                    "void" => Known::Known(PsaInvoiceStatus::Void),
                    "credited" => Known::Known(PsaInvoiceStatus::Credited),
                    other => Known::Unrecognized(other.to_owned()),
                }),
            });
        }
        let (start, end) = words.days().unwrap_or((period.first_day(), period.last_day()));
        let quantity = words.decimal("qty").unwrap_or(Decimal::ONE);
        let price = words.decimal("price");
        let line = PsaInvoiceLine {
            external_id: ExternalId::from(format!("p{}", self.lines)),
            invoice_external_id: ExternalId::from(invoice),
            agreement_line_external_id: words.id("line"),
            product_external_id: (item != "none").then(|| ExternalId::from(item)),
            description: None,
            quantity: Some(quantity),
            unit_price: price.map(Price),
            amount: words.decimal("amount").or_else(|| price.map(|price| price * quantity)).map(Price),
            period_start: Some(start),
            period_end: Some(end),
        };
        self.builder.add_psa_line(&line).unwrap();
    }
}

/// A report as text: keys with their figures, discrepancies below, then what was not compared.
pub fn render(input: &Input, report: &Report) -> String {
    let amount = |amount: Option<Decimal>| amount.map_or("?".to_owned(), |amount| plain(amount, 2));
    let count = |quantity: Option<Decimal>| quantity.map_or("?".to_owned(), |quantity| plain(quantity, 0));
    let mut text = String::new();
    for key in &report.keys {
        let customer = match key.customer {
            KeyCustomer::Customer(customer) => input.customer_id(customer).to_owned(),
            KeyCustomer::Missing(company) => format!("pax8:{}", input.company_id(company)),
        };
        let item = match key.item {
            KeyItem::Item(item) => input.item_id(item).to_owned(),
            KeyItem::Missing(product) => format!("pax8:{}", input.product_id(product)),
        };
        let suggested = if key.rests_on_suggested { " (suggested)" } else { "" };
        let provisional = if key.is_provisional { " (provisional)" } else { "" };
        writeln!(
            text,
            "{} {customer} {item} {} {}: cost {} expected {} billed {}{suggested}{provisional}",
            key.class.as_str(),
            key.period,
            key.currency,
            amount(key.cost),
            amount(key.expected),
            amount(key.billed)
        )
        .unwrap();
        for at in &key.discrepancies {
            render_discrepancy(&mut text, input, &report.discrepancies[*at as usize], count);
        }
    }
    for discrepancy in report.discrepancies.iter().filter(|discrepancy| discrepancy.customer.is_none()) {
        render_discrepancy(&mut text, input, discrepancy, count);
    }
    for row in report.coverage.iter().filter(|row| row.reason.is_some()) {
        let side = if row.side == Side::Vendor { "vendor" } else { "psa" };
        let currency = row.currency.map_or("?".to_owned(), |currency| currency.to_string());
        let reason = row.reason.map_or("", Reason::as_str);
        let (class, lines, sum) = (row.class.as_str(), row.count, plain(row.amount, 2));
        writeln!(text, "{class} {reason} {side}: {lines} lines, {sum} {currency}").unwrap();
    }
    for row in report.tie_out.iter().filter(|row| row.total.is_some() || row.ignored.is_some()) {
        let (id, residue) = (input.vendor_invoice_id(row.invoice), amount(row.residue));
        match (row.ignored, row.ties) {
            (Some(reason), _) => {
                let other = row.replacement.map_or("nothing", |other| input.vendor_invoice_id(other));
                writeln!(text, "invoice {id} is ignored: {}, replaced by {other}", reason.as_str()).unwrap();
            }
            (None, Some(basis)) => writeln!(text, "invoice {id} ties out by {basis:?}, residue {residue}").unwrap(),
            (None, None) => writeln!(text, "invoice {id} does not tie out, residue {residue}").unwrap(),
        }
    }
    for row in &report.provisional {
        let side = if row.side == Side::Vendor { "vendor" } else { "psa" };
        let (period, currency, lines, sum) = (row.period, row.currency, row.count, plain(row.amount, 2));
        writeln!(text, "provisional {period} {currency} {side}: {lines} lines, {sum}").unwrap();
    }
    if report.period_end == PeriodEnd::Exclusive {
        writeln!(text, "service periods end on the day after the last one").unwrap();
    }
    writeln!(text, "{}", report.verdict.as_str()).unwrap();
    text
}

fn render_discrepancy(
    text: &mut String,
    input: &Input,
    discrepancy: &Discrepancy,
    count: impl Fn(Option<Decimal>) -> String,
) {
    let subscription = discrepancy.subscription.map_or("-", |subscription| input.subscription_id(subscription));
    write!(
        text,
        "  {} {} {subscription} {} -> {} effect {}",
        discrepancy.severity,
        discrepancy.kind,
        count(discrepancy.expected_quantity),
        count(discrepancy.actual_quantity),
        plain(discrepancy.effect, 2)
    )
    .unwrap();
    if !discrepancy.cost_effect.is_zero() {
        write!(text, " cost effect {}", plain(discrepancy.cost_effect, 2)).unwrap();
    }
    if let Some(pair) = discrepancy.pair {
        write!(text, " pair {pair}").unwrap();
    }
    writeln!(text, "\n    {}", discrepancy.cost_sentence.as_ref().unwrap_or(&discrepancy.sentence)).unwrap();
    if let Some(cause) = &discrepancy.root_cause {
        writeln!(text, "    why: {cause}").unwrap();
    }
}
