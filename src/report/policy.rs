//! The policy of a report as named switches, for people and for the stored report.

use crate::domain::money::{RoundingMode, plain};
use crate::engine::billing::{Credits, PeriodBasis, PeriodRule, Policy, PriceSource, Proration, QuantitySource};

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
