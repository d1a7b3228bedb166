//! One sentence for each discrepancy: what happened and what to do. The first form never shows a cost; where cost is
//! the point, a second form does.

use super::amount::{Amount, Maybe};
use super::finding::{Counterpart, Finding};
use super::input::Input;
use super::report::{KeyCustomer, KeyItem};
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::{Currency, OutOfRange, plain};
use crate::domain::period::Period;

/// What happened and what to do, without cost and, where cost plays a part, with it.
pub(super) struct Words {
    pub(super) sentence: String,
    pub(super) cost_sentence: Option<String>,
}

struct Names<'a> {
    input: &'a Input,
    finding: &'a Finding,
    currency: Currency,
    period: Period,
}

/// Puts a finding into words.
pub(super) fn of(input: &Input, finding: &Finding, period: Period) -> Result<Words, OutOfRange> {
    let names = Names { input, finding, currency: finding.account.currency(), period };
    let sentence = names.sentence()?;
    let cost_sentence = names.cost_sentence(&sentence)?;
    Ok(Words { sentence, cost_sentence })
}

impl Names<'_> {
    fn customer(&self) -> String {
        self.customer_of(self.finding.account.customer())
    }

    fn customer_of(&self, customer: KeyCustomer) -> String {
        match customer {
            KeyCustomer::Customer(customer) => self.input.customer_name(customer).to_owned(),
            KeyCustomer::Missing(_) if self.finding.account.is_nobody() => "nobody".to_owned(),
            KeyCustomer::Missing(company) => self.input.company_name(company).to_owned(),
        }
    }

    fn item(&self) -> String {
        self.item_of(self.finding.account.item())
    }

    fn item_of(&self, item: KeyItem) -> String {
        match item {
            KeyItem::Item(item) => self.input.item_name(item).to_owned(),
            KeyItem::Missing(product) => self.input.product_name(product).to_owned(),
        }
    }

    fn product(&self) -> String {
        self.finding.product.map_or_else(|| self.item(), |product| self.input.product_name(product).to_owned())
    }

    fn other(&self) -> String {
        match self.finding.counterpart {
            Some(Counterpart::Customer(customer)) => self.customer_of(customer),
            Some(Counterpart::Item(item)) => self.item_of(item),
            Some(Counterpart::Currency(currency)) => currency.to_string(),
            None => "another record".to_owned(),
        }
    }

    fn money(&self, amount: Amount) -> Result<String, OutOfRange> {
        Ok(format!("{} {}", plain(amount.to_decimal()?, self.currency.minor_digits()), self.currency))
    }

    fn price(&self, price: Maybe) -> Result<String, OutOfRange> {
        price.known().map_or_else(|| Ok("an unknown price".to_owned()), |price| self.money(price))
    }

    fn quantity(quantity: Maybe) -> Result<String, OutOfRange> {
        let Some(quantity) = quantity.known() else { return Ok("an unknown number of".to_owned()) };
        Ok(plain(quantity.to_decimal()?, 0))
    }

    /// What is missing or too much, without a sign.
    fn off(&self) -> Result<String, OutOfRange> {
        self.money(self.finding.actual.minus(self.finding.expected)?.absolute())
    }

    /// "billed 4.00 USD too little" or "too much".
    fn balance(&self) -> Result<String, OutOfRange> {
        let direction = if self.finding.actual < self.finding.expected { "little" } else { "much" };
        Ok(format!("{} too {direction}", self.off()?))
    }

    /// The remedy for a wrong amount already billed, in the right direction.
    fn correction(&self) -> Result<String, OutOfRange> {
        let verb = if self.finding.actual < self.finding.expected { "bill" } else { "credit" };
        Ok(format!("{verb} {}", self.off()?))
    }

    fn sentence(&self) -> Result<String, OutOfRange> {
        let (finding, period) = (self.finding, self.period);
        let (customer, item, product) = (self.customer(), self.item(), self.product());
        let wanted = Self::quantity(finding.expected_quantity)?;
        let found = Self::quantity(finding.actual_quantity)?;
        let (expected, actual) = (self.money(finding.expected)?, self.money(finding.actual)?);
        let other = self.other();
        Ok(match finding.kind {
            Type::QuantityUnder | Type::QuantityOver => format!(
                "{customer} was billed for {found} {item} in {period}, but {wanted} are due: {}; set the agreement \
                 line to {wanted} and {}.",
                self.balance()?,
                self.correction()?
            ),
            Type::WrongPrice => format!(
                "{customer} was billed {} for each of {found} {item} in {period}, but the reference price is {}: {}; \
                 correct the price on the agreement line, or the price list if the agreement is right, and {}.",
                self.price(finding.actual_price)?,
                self.price(finding.expected_price)?,
                self.balance()?,
                self.correction()?
            ),
            Type::Rounding => format!(
                "The price of {item} for {customer} was rounded from {} to {} before it was multiplied by {found} in \
                 {period}: {}; enter the full price on the agreement line.",
                self.price(finding.expected_price)?,
                self.price(finding.actual_price)?,
                self.balance()?
            ),
            Type::NeverBilled | Type::NewNotBilled | Type::ProductMissingInPsa | Type::CustomerMissingInPsa
                if finding.expected.is_negative() =>
            {
                let taken = Self::quantity(finding.expected_quantity.known().map(Amount::absolute).into())?;
                format!(
                    "Pax8 took back {taken} {product} of {customer}, which nothing in the PSA bills, and gave credit for \
                     it in {period}: take {} off what is billed for the rest.",
                    self.off()?
                )
            }
            Type::NeverBilled => format!(
                "{customer} has {wanted} {product} since before the months looked at and no PSA line bills them: \
                 {expected} missing in {period}; add {item} to an agreement and bill {expected}."
            ),
            Type::NewNotBilled => format!(
                "{customer} recently got {wanted} {product} and no PSA line bills them yet: {expected} missing in \
                 {period}; add {item} to an agreement and bill {expected}."
            ),
            Type::ProductMissingInPsa => format!(
                "{product}, which {customer} uses, has no item in the PSA, so nothing was billed in {period}: \
                 {expected} missing by the price that Pax8 suggests; create or map an item and bill it."
            ),
            Type::CustomerMissingInPsa => format!(
                "{customer} buys {product} at Pax8, but has no customer in the PSA, so nothing was billed in \
                 {period}: {expected} missing; create or map a customer and bill it."
            ),
            Type::CanceledStillBilled => format!(
                "{customer} was billed for {found} {item} in {period}, but the subscription has ended: {} too much; \
                 end the agreement line and credit {}.",
                self.off()?,
                self.off()?
            ),
            Type::ProrationNotBilled => format!(
                "{customer} got {wanted} more {product} within a month and this part was not billed in {period}: bill \
                 {expected} for the days used."
            ),
            Type::CreditNotPassed => format!(
                "Pax8 took back {} {product} of {customer} and gave credit for it, but no credit reached the customer \
                 in {period}: credit {}.",
                Self::quantity(finding.expected_quantity.known().map(Amount::absolute).into())?,
                self.off()?
            ),
            Type::UsageNotBilled => {
                format!("The use of {product} by {customer} was not billed in {period}: bill {expected}.")
            }
            Type::UsageStaleAmount => format!(
                "{customer} was billed {actual} for the use of {product} in {period}, but the use comes to {expected}: \
                 {}; bill by use instead of a fixed amount, and {}.",
                self.balance()?,
                self.correction()?
            ),
            Type::OneTimeNotBilled => {
                format!("The purchase of {wanted} {product} by {customer} was not billed in {period}: bill {expected}.")
            }
            Type::DuplicateBilling => format!(
                "{customer} was billed twice for {wanted} {item} in {period}, on two agreements: end one of the \
                 lines and credit {}.",
                self.off()?
            ),
            Type::WrongBillingCycle => format!(
                "{customer} is billed a twelfth of {item} every month, but the item is billed once a year: {actual} \
                 billed in {period} where {expected} was due; change the agreement line to a yearly cycle and settle \
                 what was billed so far."
            ),
            Type::WrongProduct if finding.actual.is_zero() => format!(
                "{wanted} {item} of {customer} were billed as {other} in {period}: move the agreement line to {item}, \
                 where {expected} is due."
            ),
            Type::WrongProduct => format!(
                "{customer} was billed {actual} for {found} {item} in {period}, which are in truth {other}: move the \
                 agreement line to {other}."
            ),
            Type::WrongCustomer if finding.actual.is_zero() => format!(
                "{wanted} {item} of {customer} were billed to {other} in {period}: bill {expected} to {customer}."
            ),
            Type::WrongCustomer => format!(
                "{customer} was billed {actual} for {found} {item} in {period} that belong to {other}: credit \
                 {actual} and move the agreement line to {other}."
            ),
            Type::Pax8DuplicateCharge => format!(
                "Pax8 charged {product} of {customer} twice for the same dates in {period}: ask Pax8 to credit the \
                 second line; the customer is not affected."
            ),
            Type::Pax8QuantityMismatch => format!(
                "Pax8 charged {found} {product} for {customer} in {period}, but its own history says {wanted}: \
                 {}.",
                self.mismatch_remedy()
            ),
            Type::OrphanedBilling => format!(
                "{customer} was billed {actual} for {found} {item} in {period}, and nothing at Pax8 explains it: check \
                 whether the seats exist, then end the line or map what it bills."
            ),
            Type::CostIncrease => format!(
                "What Pax8 charges for {product} of {customer} rose in {period}: check whether the price of {item} \
                 should follow."
            ),
            Type::BelowMarginFloor => format!(
                "{item} for {customer} earned less than the margin that the policy asks for in {period}: review its \
                 price."
            ),
            Type::CurrencyMismatch => format!(
                "{item} of {customer} is charged and billed in different currencies ({} and {other}) in {period}: \
                 correct the currency of the agreement, or of the subscription.",
                self.currency
            ),
            Type::UsageUnassigned => format!(
                "Pax8 charged use of {product} in {period} without naming a company, so nobody is billed for it: link \
                 the use to a company at Pax8."
            ),
        })
    }

    fn mismatch_remedy(&self) -> &'static str {
        // Never ask for a credit when the vendor charged too little.
        if self.finding.actual_quantity > self.finding.expected_quantity {
            "find out which is right, and ask Pax8 for a credit if it is the history"
        } else {
            "find out which is right; nothing was charged too much"
        }
    }

    fn cost_sentence(&self, sentence: &str) -> Result<Option<String>, OutOfRange> {
        let finding = self.finding;
        Ok(match finding.kind {
            Type::Pax8DuplicateCharge | Type::Pax8QuantityMismatch if !finding.cost_effect.is_zero() => {
                let direction = if finding.cost_effect.is_negative() { "little" } else { "much" };
                let amount = self.money(finding.cost_effect.absolute())?;
                Some(format!("{sentence} By that Pax8 charged {amount} too {direction}."))
            }
            Type::CostIncrease => Some(format!(
                "{sentence} The unit cost went from {} to {}.",
                self.price(finding.expected_price)?,
                self.price(finding.actual_price)?
            )),
            Type::BelowMarginFloor => Some(format!(
                "{sentence} It cost {} and was billed {}.",
                self.price(finding.expected_price)?,
                self.price(finding.actual_price)?
            )),
            _ => None,
        })
    }
}
