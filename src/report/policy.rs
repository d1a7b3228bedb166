//! The policy of a report as named switches with values: how reports name it, how it is stored, and how people write it.
//! [`parse`] reads what [`switches`] writes.

use rust_decimal::Decimal;
use thiserror::Error;

use super::Audience;
use crate::domain::money::{Micros, RoundingMode, parse_decimal, plain};
use crate::engine::billing::{Credits, PeriodBasis, PeriodRule, Policy, PriceSource, Proration, QuantitySource};

/// A switch that cannot be read. The text is a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PolicyError {
    /// Switch.
    pub switch: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// The policy of some switches; what is not named is as by default. No switch may be named twice.
pub fn parse<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Policy, PolicyError> {
    changed(Policy::default(), given)
}

/// A policy with some switches set; the others stay as they are. No switch may be named twice.
pub fn changed<'a>(
    mut policy: Policy,
    given: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Policy, PolicyError> {
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in given {
        let fail = |message: String| Err(PolicyError { switch: name.to_owned(), message });
        if seen.contains(&name) {
            return fail(format!("`{name}` is named twice."));
        }
        seen.push(name);
        if let Err(expected) = set(&mut policy, name, value.trim()) {
            return fail(match expected {
                Some(expected) => format!("`{name}` is `{value}`. Write {expected}."),
                None => {
                    let known: Vec<&str> = switches(&policy).iter().map(|(name, _)| *name).collect();
                    format!("`{name}` is no switch of a policy. The switches are {}.", known.join(", "))
                }
            });
        }
    }
    if policy.severity.critical < policy.severity.warning {
        return Err(PolicyError {
            switch: "severityCriticalFrom".to_owned(),
            message: "`severityCriticalFrom` must not be less than `severityWarningFrom`.".to_owned(),
        });
    }
    Ok(policy)
}

/// Sets one switch. The error says what the value may be; `None` when there is no such switch.
fn set(policy: &mut Policy, name: &str, value: &str) -> Result<(), Option<&'static str>> {
    const AMOUNT: &str = "an amount such as 0.05, not below zero";
    const RULE: &str = "INVOICE_DATE or SERVICE_START, and months to add if any, such as INVOICE_DATE -1";
    let amount = |expected| not_negative(value).ok_or(Some(expected));
    match name {
        "priceSource" => policy.price_source = parse_price_source(value).ok_or(Some(PRICE_SOURCES))?,
        "quantitySource" => {
            policy.quantity_source = match value {
                "SUBSCRIPTION_HISTORY" => QuantitySource::SubscriptionHistory,
                "VENDOR_INVOICE" => QuantitySource::VendorInvoice,
                _ => return Err(Some("SUBSCRIPTION_HISTORY or VENDOR_INVOICE")),
            }
        }
        "proration" => {
            policy.proration = match value {
                "PASS_THROUGH" => Proration::PassThrough,
                "ABSORB" => Proration::Absorb,
                _ => return Err(Some("PASS_THROUGH or ABSORB")),
            }
        }
        "credits" => {
            policy.credits = match value {
                "PASS_THROUGH" => Credits::PassThrough,
                "KEEP" => Credits::Keep,
                _ => return Err(Some("PASS_THROUGH or KEEP")),
            }
        }
        "roundingMode" => {
            policy.rounding_mode = match value {
                "HALF_AWAY_FROM_ZERO" => RoundingMode::HalfAwayFromZero,
                "HALF_TO_EVEN" => RoundingMode::HalfToEven,
                "TOWARD_ZERO" => RoundingMode::TowardZero,
                _ => return Err(Some("HALF_AWAY_FROM_ZERO, HALF_TO_EVEN or TOWARD_ZERO")),
            }
        }
        "roundingScale" => {
            policy.rounding_scale = match value {
                "MINOR_UNIT" => None,
                places => Some(whole(places, 0..=6).ok_or(Some("MINOR_UNIT, or a number of places from 0 to 6"))?),
            }
        }
        "toleranceAbsolute" => policy.tolerance.absolute = amount(AMOUNT)?,
        "tolerancePercent" => {
            const PERCENT: &str = "a percentage from 0 to 100";
            policy.tolerance.percent =
                amount(PERCENT).ok().filter(|percent| *percent <= Decimal::ONE_HUNDRED).ok_or(Some(PERCENT))?;
        }
        "missingInvoiceCountsFromDay" => {
            policy.missing_invoice_counts_from_day = whole(value, 1..=31).ok_or(Some("a day from 1 to 31"))?;
        }
        "severityWarningFrom" => policy.severity.warning = amount(AMOUNT)?,
        "severityCriticalFrom" => policy.severity.critical = amount(AMOUNT)?,
        "marginFloor" => {
            const FLOOR: &str = "NONE, or a fraction from -1 to 1 such as 0.15";
            policy.margin_floor = match value {
                "NONE" => None,
                floor => Some(calculable(floor).filter(|floor| floor.abs() <= Decimal::ONE).ok_or(Some(FLOOR))?),
            }
        }
        "vendorPeriod" => policy.vendor_period = parse_period_rule(value).ok_or(Some(RULE))?,
        "psaPeriod" => policy.psa_period = parse_period_rule(value).ok_or(Some(RULE))?,
        "arrearsShiftMonths" => policy.arrears_shift_months = shift(value).ok_or(Some("a number from -12 to 12"))?,
        _ => return Err(None),
    }
    Ok(())
}

const PRICE_SOURCES: &str = "PRICE_BOOK, AGREEMENT_LINE, ITEM_PRICE, VENDOR_SUGGESTED, or COST_PLUS and a percentage, \
                             such as COST_PLUS 20";

fn parse_price_source(value: &str) -> Option<PriceSource> {
    Some(match value {
        "PRICE_BOOK" => PriceSource::PriceBook,
        "AGREEMENT_LINE" => PriceSource::AgreementLine,
        "ITEM_PRICE" => PriceSource::ItemPrice,
        "VENDOR_SUGGESTED" => PriceSource::VendorSuggested,
        other => {
            let percent = calculable(other.strip_prefix("COST_PLUS ")?.trim())?;
            let is_sensible = percent >= -Decimal::ONE_HUNDRED && percent <= Decimal::from(10_000);
            PriceSource::CostPlus(is_sensible.then_some(percent)?)
        }
    })
}

fn parse_period_rule(value: &str) -> Option<PeriodRule> {
    let (basis, months) = value.split_once(' ').unwrap_or((value, "0"));
    let basis = match basis {
        "INVOICE_DATE" => PeriodBasis::InvoiceDate,
        "SERVICE_START" => PeriodBasis::ServiceStart,
        _ => return None,
    };
    Some(PeriodRule { basis, shift_months: shift(months.trim())? })
}

fn not_negative(value: &str) -> Option<Decimal> {
    calculable(value).filter(|amount| !amount.is_sign_negative() || amount.is_zero())
}

/// A number with which the engine can calculate, whatever the amounts are that it meets: at most six decimal places.
fn calculable(value: &str) -> Option<Decimal> {
    parse_decimal(value).ok().filter(|number| Micros::from_decimal(*number).is_ok())
}

fn whole(value: &str, allowed: std::ops::RangeInclusive<u32>) -> Option<u32> {
    value.parse().ok().filter(|number| allowed.contains(number))
}

fn shift(value: &str) -> Option<i32> {
    value.parse().ok().filter(|months| (-12..=12).contains(months))
}

/// Every switch of a policy with its value, in a fixed order.
pub fn switches(policy: &Policy) -> Vec<(&'static str, String)> {
    // Taken apart by name, so that a new switch stops the compiler here.
    let Policy {
        price_source,
        quantity_source,
        proration,
        credits,
        rounding_mode,
        rounding_scale,
        tolerance,
        missing_invoice_counts_from_day,
        severity,
        margin_floor,
        vendor_period,
        psa_period,
        arrears_shift_months,
    } = policy;
    vec![
        ("priceSource", price_source_word(price_source)),
        ("quantitySource", quantity_source_word(*quantity_source).to_owned()),
        ("proration", proration_word(*proration).to_owned()),
        ("credits", credits_word(*credits).to_owned()),
        ("roundingMode", rounding_word(*rounding_mode).to_owned()),
        ("roundingScale", rounding_scale.map_or_else(|| "MINOR_UNIT".to_owned(), |scale| scale.to_string())),
        ("toleranceAbsolute", plain(tolerance.absolute, 0)),
        ("tolerancePercent", plain(tolerance.percent, 0)),
        ("missingInvoiceCountsFromDay", missing_invoice_counts_from_day.to_string()),
        ("severityWarningFrom", plain(severity.warning, 0)),
        ("severityCriticalFrom", plain(severity.critical, 0)),
        ("marginFloor", margin_floor.map_or_else(|| "NONE".to_owned(), |floor| plain(floor, 0))),
        ("vendorPeriod", period_rule(*vendor_period)),
        ("psaPeriod", period_rule(*psa_period)),
        ("arrearsShiftMonths", arrears_shift_months.to_string()),
    ]
}

/// The value of a switch for a reader. With the markup on cost or the lowest margin, prices would tell cost.
pub fn shown<'a>(name: &str, value: &'a str, audience: Audience) -> &'a str {
    match (name, audience) {
        (_, Audience::WithCost) => value,
        ("priceSource", Audience::WithoutCost) if value.starts_with("COST_PLUS") => "COST_PLUS",
        ("marginFloor", Audience::WithoutCost) if value != "NONE" => "SET",
        (_, Audience::WithoutCost) => value,
    }
}

/// What a switch decides and which values it takes, as a sentence; empty for a name that is none.
pub fn meaning(name: &str) -> &'static str {
    match name {
        "priceSource" => {
            "Where the reference price comes from: PRICE_BOOK (dated prices, else the item's), AGREEMENT_LINE (the \
             customer's agreement), ITEM_PRICE, VENDOR_SUGGESTED, or COST_PLUS and a percentage, such as COST_PLUS 20."
        }
        "quantitySource" => {
            "Which quantity a recurring charge should be billed with: SUBSCRIPTION_HISTORY (what was subscribed on the \
             first day of the charge) or VENDOR_INVOICE (what Pax8 charged)."
        }
        "proration" => "Whether changes inside a month are billed: PASS_THROUGH, or ABSORB.",
        "credits" => "Whether credits from Pax8 are given to the customer: PASS_THROUGH, or KEEP.",
        "roundingMode" => {
            "How an expected amount is rounded, once for each charge: HALF_AWAY_FROM_ZERO, HALF_TO_EVEN or TOWARD_ZERO."
        }
        "roundingScale" => "To how many decimal places: MINOR_UNIT (cents), or a number from 0 to 6.",
        "toleranceAbsolute" => {
            "Largest difference of a line that is accepted, in major units; the larger of both tolerances counts."
        }
        "tolerancePercent" => {
            "Largest difference of a line that is accepted, in percent of the expected amount, from 0 to 100."
        }
        "missingInvoiceCountsFromDay" => {
            "Day of the month, from 1 to 31, from which a customer without any PSA invoice counts as not billed; before \
             it the invoice is expected later."
        }
        "severityWarningFrom" => "From how much on a discrepancy is a WARNING, in major units.",
        "severityCriticalFrom" => "From how much on a discrepancy is CRITICAL, in major units.",
        "marginFloor" => {
            "Lowest margin that is accepted, as a fraction of what is billed such as 0.15; NONE asks for none."
        }
        "vendorPeriod" => {
            "Which date decides the month of a charge from Pax8: INVOICE_DATE or SERVICE_START, and months to add if any, \
             such as INVOICE_DATE -1."
        }
        "psaPeriod" => {
            "Which date decides the month of a line of the PSA: INVOICE_DATE or SERVICE_START, and months to add if any."
        }
        "arrearsShiftMonths" => {
            "Months to add besides for agreement lines that bill in arrears, from -12 to 12: with -1 the invoice of \
             November is compared with October."
        }
        _ => "",
    }
}

fn price_source_word(source: &PriceSource) -> String {
    match source {
        PriceSource::PriceBook => "PRICE_BOOK".to_owned(),
        PriceSource::AgreementLine => "AGREEMENT_LINE".to_owned(),
        PriceSource::ItemPrice => "ITEM_PRICE".to_owned(),
        PriceSource::VendorSuggested => "VENDOR_SUGGESTED".to_owned(),
        PriceSource::CostPlus(percent) => format!("COST_PLUS {}", plain(*percent, 0)),
    }
}

fn quantity_source_word(source: QuantitySource) -> &'static str {
    match source {
        QuantitySource::SubscriptionHistory => "SUBSCRIPTION_HISTORY",
        QuantitySource::VendorInvoice => "VENDOR_INVOICE",
    }
}

fn proration_word(proration: Proration) -> &'static str {
    match proration {
        Proration::PassThrough => "PASS_THROUGH",
        Proration::Absorb => "ABSORB",
    }
}

fn credits_word(credits: Credits) -> &'static str {
    match credits {
        Credits::PassThrough => "PASS_THROUGH",
        Credits::Keep => "KEEP",
    }
}

fn rounding_word(mode: RoundingMode) -> &'static str {
    match mode {
        RoundingMode::HalfAwayFromZero => "HALF_AWAY_FROM_ZERO",
        RoundingMode::HalfToEven => "HALF_TO_EVEN",
        RoundingMode::TowardZero => "TOWARD_ZERO",
    }
}

fn period_rule(rule: PeriodRule) -> String {
    let basis = match rule.basis {
        PeriodBasis::InvoiceDate => "INVOICE_DATE",
        PeriodBasis::ServiceStart => "SERVICE_START",
    };
    if rule.shift_months == 0 { basis.to_owned() } else { format!("{basis} {:+}", rule.shift_months) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::billing::{SeverityLimits, Tolerance};

    fn read(text: &str) -> Result<Policy, PolicyError> {
        parse(text.lines().filter_map(|line| line.split_once(" = ")))
    }

    #[test]
    fn a_policy_is_its_switches() {
        assert_eq!(parse([]), Ok(Policy::default()));
        let policy = read(
            "priceSource = COST_PLUS 12.5\nmarginFloor = 0.1\npsaPeriod = SERVICE_START -1\ntoleranceAbsolute = 0.05",
        )
        .expect("every switch is right");
        assert_eq!(policy.price_source, PriceSource::CostPlus(Decimal::new(125, 1)));
        assert_eq!(policy.psa_period, PeriodRule { basis: PeriodBasis::ServiceStart, shift_months: -1 });
        let written = switches(&policy);
        assert_eq!(parse(written.iter().map(|(name, value)| (*name, value.as_str()))), Ok(policy));
    }

    #[test]
    fn what_cannot_be_read_is_said_with_what_to_write() {
        for (text, expected) in [
            ("colour = RED", "`colour` is no switch of a policy. The switches are priceSource, "),
            ("proration = SOMETIMES", "`proration` is `SOMETIMES`. Write PASS_THROUGH or ABSORB."),
            ("toleranceAbsolute = -1", "Write an amount such as 0.05, not below zero."),
            ("roundingScale = 7", "Write MINOR_UNIT, or a number of places from 0 to 6."),
            ("priceSource = COST_PLUS", "or COST_PLUS and a percentage"),
            ("credits = KEEP\ncredits = KEEP", "`credits` is named twice."),
            ("severityWarningFrom = 500", "must not be less than"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.message.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_policy_is_read_back(
            source in prop_oneof![
                Just(PriceSource::PriceBook), Just(PriceSource::AgreementLine), Just(PriceSource::ItemPrice),
                Just(PriceSource::VendorSuggested), (0_i64..100_000).prop_map(|n| PriceSource::CostPlus(Decimal::new(n, 2))),
            ],
            (scale, day, floor) in (proptest::option::of(0_u32..=6), 1_u32..=31, proptest::option::of(-100_i64..=100)),
            (absolute, percent, warning) in (0_i64..10_000, 0_i64..=10_000, 0_i64..10_000),
            (vendor, psa, arrears) in (-12_i32..=12, -12_i32..=12, -12_i32..=12),
        ) {
            let policy = Policy {
                price_source: source,
                rounding_scale: scale,
                missing_invoice_counts_from_day: day,
                margin_floor: floor.map(|floor| Decimal::new(floor, 2)),
                tolerance: Tolerance { absolute: Decimal::new(absolute, 2), percent: Decimal::new(percent, 2) },
                severity: SeverityLimits { warning: Decimal::new(warning, 2), critical: Decimal::ONE_HUNDRED },
                vendor_period: PeriodRule { basis: PeriodBasis::ServiceStart, shift_months: vendor },
                psa_period: PeriodRule { basis: PeriodBasis::InvoiceDate, shift_months: psa },
                arrears_shift_months: arrears,
                ..Policy::default()
            };
            let written = switches(&policy);
            prop_assert_eq!(parse(written.iter().map(|(name, value)| (*name, value.as_str()))), Ok(policy));
        }
    }
}
