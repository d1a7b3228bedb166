//! Fixed-point amounts of the engine: exact to twelve decimal places in 16 bytes, fast to add, compare and hash.
//!
//! Source figures are turned into this form once, when they enter the input; what has more than twelve decimal places
//! is refused there, never rounded.

use rust_decimal::Decimal;

use crate::domain::money::{self, Fraction, OutOfRange, RoundingMode};

/// Decimal places of an [`Amount`].
const SCALE: u32 = 12;
const TEN_POWERS: [i128; 25] = {
    let mut powers = [1_i128; 25];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// An exact amount or quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Amount(pub(super) i128);

impl Amount {
    pub(super) const ZERO: Self = Self(0);
    pub(super) const ONE: Self = Self(TEN_POWERS[SCALE as usize]);

    pub(super) fn from_decimal(value: Decimal) -> Result<Self, OutOfRange> {
        let (mantissa, scale) = (value.mantissa(), value.scale());
        if scale <= SCALE {
            return mantissa.checked_mul(TEN_POWERS[(SCALE - scale) as usize]).map(Self).ok_or(OutOfRange);
        }
        let value = value.normalize();
        let missing = SCALE.checked_sub(value.scale()).ok_or(OutOfRange)?;
        value.mantissa().checked_mul(TEN_POWERS[missing as usize]).map(Self).ok_or(OutOfRange)
    }

    /// The amount as a decimal without needless zeros.
    pub(super) fn to_decimal(self) -> Result<Decimal, OutOfRange> {
        // Most amounts have at most two decimal places: one division instead of ten.
        const TO_CENTS: i128 = TEN_POWERS[10];
        let (mut units, mut scale) = (self.0, SCALE);
        if units % TO_CENTS == 0 {
            (units, scale) = (units / TO_CENTS, 2);
        }
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Decimal::try_from_i128_with_scale(units, scale).map_err(|_| OutOfRange)
    }

    pub(super) fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_add(other.0).map(Self).ok_or(OutOfRange)
    }

    pub(super) fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_sub(other.0).map(Self).ok_or(OutOfRange)
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub(super) fn absolute(self) -> Self {
        Self(self.0.saturating_abs())
    }

    pub(super) fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// `self x rate x share`, exact until one rounding to `rounding.scale` decimal places.
    pub(super) fn extended(self, rate: Self, share: Fraction, rounding: Rounding) -> Result<Self, OutOfRange> {
        let scale = rounding.scale.min(SCALE);
        let product = self.0.checked_mul(rate.0).and_then(|product| product.checked_mul(i128::from(share.numerator)));
        let divisor = TEN_POWERS[(2 * SCALE - scale) as usize].checked_mul(i128::from(share.denominator));
        let (Some(product), Some(divisor)) = (product, divisor) else {
            let exact = money::extended(self.to_decimal()?, rate.to_decimal()?, share, scale, rounding.mode)?;
            return Self::from_decimal(exact);
        };
        let units = divide(product, divisor, rounding.mode).ok_or(OutOfRange)?;
        units.checked_mul(TEN_POWERS[(SCALE - scale) as usize]).map(Self).ok_or(OutOfRange)
    }

    /// The amount rounded to `rounding.scale` decimal places.
    pub(super) fn rounded(self, rounding: Rounding) -> Result<Self, OutOfRange> {
        self.extended(Self::ONE, Fraction::ONE, rounding)
    }

    /// `self x factor` where the result needs no more than twelve decimal places.
    pub(super) fn times(self, factor: Self) -> Result<Self, OutOfRange> {
        if factor == Self::ONE {
            return Ok(self);
        }
        self.extended(factor, Fraction::ONE, Rounding { scale: SCALE, mode: RoundingMode::HalfAwayFromZero })
    }
}

/// How and to how many decimal places a calculated amount is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rounding {
    pub(super) scale: u32,
    pub(super) mode: RoundingMode,
}

fn divide(dividend: i128, divisor: i128, mode: RoundingMode) -> Option<i128> {
    let quotient = dividend.checked_div(divisor)?;
    let remainder = dividend - quotient * divisor;
    if remainder == 0 {
        return Some(quotient);
    }
    let half = remainder.unsigned_abs().checked_mul(2)?.cmp(&divisor.unsigned_abs());
    let away = match mode {
        RoundingMode::TowardZero => false,
        RoundingMode::HalfAwayFromZero => half.is_ge(),
        RoundingMode::HalfToEven => half.is_gt() || (half.is_eq() && quotient % 2 != 0),
    };
    let step = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    if away { quotient.checked_add(step) } else { Some(quotient) }
}

/// An amount that may be unknown, in the same 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Maybe(i128);

impl Maybe {
    pub(super) const UNKNOWN: Self = Self(i128::MIN);

    pub(super) fn known(self) -> Option<Amount> {
        (self.0 != i128::MIN).then_some(Amount(self.0))
    }

    pub(super) fn from_decimal(value: Option<Decimal>) -> Result<Self, OutOfRange> {
        value.map_or(Ok(Self::UNKNOWN), |value| Amount::from_decimal(value).map(Self::from))
    }
}

impl From<Amount> for Maybe {
    fn from(amount: Amount) -> Self {
        Self(amount.0)
    }
}

impl From<Option<Amount>> for Maybe {
    fn from(amount: Option<Amount>) -> Self {
        amount.map_or(Self::UNKNOWN, Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::from_decimal(money::parse_decimal(text).unwrap()).unwrap()
    }

    #[test]
    fn products_are_rounded_once() {
        let cents = Rounding { scale: 2, mode: RoundingMode::HalfAwayFromZero };
        let share = Fraction { numerator: 5, denominator: 31 };
        let cases = [
            ("2", "9.6", share, "3.10"),
            ("-2", "9.6", share, "-3.10"),
            ("1", "0.005", Fraction::ONE, "0.01"),
            ("-1", "0.005", Fraction::ONE, "-0.01"),
            ("99999999999", "99999999.99", Fraction::ONE, "9999999998900000000.01"),
        ];
        for (quantity, rate, share, expected) in cases {
            let product = amount(quantity).extended(amount(rate), share, cents).unwrap();
            assert_eq!(product, amount(expected), "{quantity} x {rate}");
        }
    }

    #[test]
    fn amounts_come_back_as_they_went_in_or_are_refused() {
        for text in ["0", "12.5", "-0.000000000001", "9999999999999.99", "100"] {
            assert_eq!(amount(text).to_decimal().unwrap().to_string(), text);
        }
        let long = money::parse_decimal("0.0000000000001").unwrap();
        assert_eq!(Amount::from_decimal(long), Err(OutOfRange));
    }
}
