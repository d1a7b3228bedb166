//! The reference price of an item for a customer on a day.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

use super::amount::Amount;
use super::input::{Change, Commitment, Input};
use super::intern::{CustomerRef, ItemRef, NumberMap, ProductRef};
use super::policy::PriceSource;
use crate::domain::money::Currency;
use crate::domain::record::BillingTerm;

/// What a price is asked for.
#[derive(Clone, Copy)]
pub(super) struct PriceQuestion<'a> {
    pub(super) customer: Option<CustomerRef>,
    pub(super) item: ItemRef,
    pub(super) currency: Currency,
    pub(super) day: NaiveDate,
    pub(super) quantity: Amount,
    /// Product, term and commitment, where a vendor's list price may be asked for.
    pub(super) product: Option<(ProductRef, BillingTerm, &'a Commitment)>,
    /// Price noted on the subscription.
    pub(super) subscription_price: Option<Amount>,
}

/// Prices by what they are for.
pub(super) struct Prices<'a> {
    input: &'a Input,
    source: PriceSource,
    book: NumberMap<(u32, u32), Vec<u32>>,
    contracts: NumberMap<(u32, u32), Vec<u32>>,
    list: HashMap<ProductRef, Vec<u32>>,
}

/// Stands for "every customer" in the index of the price book.
const EVERYONE: u32 = u32::MAX;

impl<'a> Prices<'a> {
    pub(super) fn new(input: &'a Input, source: PriceSource) -> Self {
        let mut book: NumberMap<(u32, u32), Vec<u32>> = NumberMap::default();
        for (at, price) in (0_u32..).zip(&input.book_prices) {
            let customer = price.customer.map_or(EVERYONE, |customer| input.counting_customer(customer).0);
            book.entry((price.item.0, customer)).or_default().push(at);
        }
        let mut contracts: NumberMap<(u32, u32), Vec<u32>> = NumberMap::default();
        let mut list: HashMap<ProductRef, Vec<u32>> = HashMap::new();
        match source {
            PriceSource::AgreementLine => {
                for (at, line) in (0_u32..).zip(&input.agreement_lines.rows) {
                    if let Some((line, item)) = line.as_ref().and_then(|line| Some((line, line.item?))) {
                        let customer = input.counting_customer(line.customer);
                        contracts.entry((item.0, customer.0)).or_default().push(at);
                    }
                }
            }
            PriceSource::VendorSuggested => {
                for (at, price) in (0_u32..).zip(&input.list_prices) {
                    list.entry(price.product).or_default().push(at);
                }
            }
            PriceSource::PriceBook | PriceSource::ItemPrice | PriceSource::CostPlus(_) => {}
        }
        Self { input, source, book, contracts, list }
    }

    /// The price, or `None` where nobody wrote one down.
    pub(super) fn of(&self, question: &PriceQuestion<'_>) -> Option<Amount> {
        match self.source {
            PriceSource::PriceBook | PriceSource::CostPlus(_) => self.by_book(question),
            PriceSource::AgreementLine => self.by_contract(question).or_else(|| self.by_book(question)),
            PriceSource::ItemPrice => self.by_item(question),
            PriceSource::VendorSuggested => self.by_list(question).or(question.subscription_price),
        }
    }

    /// The days up to that of a question from which another dated price holds, the oldest first. Only a price book has
    /// such days.
    pub(super) fn changes(&self, question: &PriceQuestion<'_>) -> Vec<Change> {
        if self.source != PriceSource::PriceBook {
            return Vec::new();
        }
        let customers = [question.customer.map(|customer| customer.0), Some(EVERYONE)].into_iter().flatten();
        let rows = customers.filter_map(|customer| self.book.get(&(question.item.0, customer))).flatten();
        let mut days: Vec<NaiveDate> = rows
            .map(|at| &self.input.book_prices[*at as usize])
            .flat_map(|row| [row.from, row.to.and_then(|to| to.checked_add_days(Days::new(1)))])
            .flatten()
            .filter(|day| *day <= question.day)
            .collect();
        days.sort_unstable();
        days.dedup();
        let on = |day: NaiveDate| self.of(&PriceQuestion { day, ..*question });
        days.into_iter()
            .filter_map(|day| {
                let before = on(day.checked_sub_days(Days::new(1))?)?;
                Some(Change { day, before, after: on(day)? })
            })
            .filter(|change| change.before != change.after)
            .collect()
    }

    fn by_book(&self, question: &PriceQuestion<'_>) -> Option<Amount> {
        question
            .customer
            .and_then(|customer| self.in_book(question, customer.0))
            .or_else(|| self.in_book(question, EVERYONE))
            .or_else(|| self.by_item(question))
    }

    fn in_book(&self, question: &PriceQuestion<'_>, customer: u32) -> Option<Amount> {
        let rows = self.book.get(&(question.item.0, customer))?;
        rows.iter()
            .map(|at| &self.input.book_prices[*at as usize])
            .filter(|row| {
                row.currency == question.currency
                    && row.from.is_none_or(|from| from <= question.day)
                    && row.to.is_none_or(|to| question.day <= to)
            })
            // Where rows overlap, the one that began last says what holds.
            .max_by_key(|row| (row.from, row.price))
            .map(|row| row.price)
    }

    fn by_item(&self, question: &PriceQuestion<'_>) -> Option<Amount> {
        let item = self.input.items.get(question.item)?;
        item.currency.is_none_or(|currency| currency == question.currency).then(|| item.unit_price.known())?
    }

    fn by_contract(&self, question: &PriceQuestion<'_>) -> Option<Amount> {
        let rows = self.contracts.get(&(question.item.0, question.customer?.0))?;
        rows.iter()
            .filter_map(|at| self.input.agreement_lines.rows[*at as usize].as_ref())
            .filter(|line| line.is_active_on(question.day))
            .filter(|line| line.currency.is_none_or(|currency| currency == question.currency))
            .filter_map(|line| Some((line.from, line.unit_price.known()?)))
            .max()
            .map(|(_, price)| price)
    }

    fn by_list(&self, question: &PriceQuestion<'_>) -> Option<Amount> {
        let (product, term, commitment) = question.product?;
        self.list
            .get(&product)?
            .iter()
            .map(|at| &self.input.list_prices[*at as usize])
            .filter(|row| row.term == Some(term) && row.commitment == *commitment)
            .filter(|row| row.currency.is_none_or(|currency| currency == question.currency))
            .filter(|row| row.range_start.known().is_none_or(|start| start <= question.quantity))
            .filter(|row| row.range_end.known().is_none_or(|end| question.quantity <= end))
            // The price of the highest range that fits, when ranges overlap.
            .max_by_key(|row| (row.currency.is_some(), row.range_start, row.price))
            .map(|row| row.price)
    }
}
