//! Exact amounts: parsing, currencies, rounding and sums. Knows nothing about billing rules.
//!
//! `rust_decimal` rounds silently when a result has more than 28 digits, so every calculation here goes through
//! integers and reports what does not fit. Nothing in this module, or anywhere on the way of an amount, is a float.

use std::fmt;

use rust_decimal::Decimal;
use thiserror::Error;

/// The text is not a decimal number, or has more digits than can be kept exactly (28 significant ones).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a decimal number of at most 28 digits")]
pub struct NotADecimal(pub String);

/// A result that cannot be represented exactly within the range of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the amount is out of range or has more decimal places than can be kept")]
pub struct OutOfRange;

/// Two amounts of different currencies met where only one currency makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an amount in {left} cannot be combined with one in {right}")]
pub struct CurrencyMismatch {
    /// Currency of the first amount.
    pub left: Currency,
    /// Currency of the second amount.
    pub right: Currency,
}

/// The text is not a three-letter ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a three-letter currency code")]
pub struct NotACurrency(pub String);

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// Reads a code in any case, with surrounding blanks.
    pub fn parse(text: &str) -> Result<Self, NotACurrency> {
        let bytes = text.trim().as_bytes();
        match bytes {
            [a, b, c] if bytes.iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase(), c.to_ascii_uppercase()]))
            }
            _ => Err(NotACurrency(text.to_owned())),
        }
    }

    /// The code in capitals.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency holds three ASCII letters")
    }

    /// The code as a number that sorts like it.
    pub fn number(self) -> u16 {
        self.0.into_iter().fold(0, |number, letter| number * 26 + u16::from(letter - b'A'))
    }

    /// The currency of a number; numbers that belong to no code repeat those that do.
    pub fn of_number(number: u16) -> Self {
        Self([number / 676, number / 26, number].map(|part| b'A' + (part % 26) as u8))
    }

    /// Digits of the minor unit (ISO 4217): 2 for most, 0 for yen, 3 for dinars.
    pub fn minor_digits(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a decimal number exactly: sign, digits, point and exponent (`-12.50`, `1e3`, `2.5E-3`).
/// A number that would need more than 28 significant digits is refused, never rounded.
pub fn parse_decimal(text: &str) -> Result<Decimal, NotADecimal> {
    let refuse = || NotADecimal(text.chars().take(64).collect());
    let trimmed = text.trim();
    let (mantissa, exponent) = match trimmed.find(['e', 'E']) {
        None => (trimmed, 0_i32),
        Some(at) => (&trimmed[..at], trimmed[at + 1..].parse::<i32>().map_err(|_| refuse())?),
    };
    // `from_str_exact` accepts underscores and a lone point, which no provider means.
    let digits = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let well_formed = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().any(|b| b.is_ascii_digit());
    if !well_formed {
        return Err(refuse());
    }
    let number = Decimal::from_str_exact(mantissa).map_err(|_| refuse())?;
    if exponent == 0 {
        return Ok(number);
    }
    let number = number.normalize();
    let scale = i64::from(number.scale()) - i64::from(exponent);
    if number.is_zero() {
        return Ok(Decimal::ZERO);
    }
    let shifted = if scale >= 0 {
        u32::try_from(scale).ok().and_then(|scale| Decimal::try_from_i128_with_scale(number.mantissa(), scale).ok())
    } else {
        u32::try_from(-scale)
            .ok()
            .and_then(|power| 10_i128.checked_pow(power))
            .and_then(|factor| number.mantissa().checked_mul(factor))
            .and_then(|mantissa| Decimal::try_from_i128_with_scale(mantissa, 0).ok())
    };
    shifted.ok_or_else(refuse)
}

/// How a calculated amount becomes one of the minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RoundingMode {
    /// 0.005 becomes 0.01 and -0.005 becomes -0.01. The default.
    #[default]
    HalfAwayFromZero,
    /// 0.005 becomes 0.00 and 0.015 becomes 0.02.
    HalfToEven,
    /// Cuts the digits off.
    TowardZero,
}

/// A share of a whole, such as 14 of 31 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    /// Part.
    pub numerator: i64,
    /// Whole; positive.
    pub denominator: i64,
}

impl Fraction {
    /// The whole.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };
}

/// `quantity x rate x share`, rounded once to `scale` decimal places.
///
/// The product is exact until that one rounding, whatever the number of digits, so that a half is always seen as one.
pub fn extended(
    quantity: Decimal,
    rate: Decimal,
    share: Fraction,
    scale: u32,
    mode: RoundingMode,
) -> Result<Decimal, OutOfRange> {
    let (quantity, rate) = (quantity.normalize(), rate.normalize());
    let product = quantity
        .mantissa()
        .checked_mul(rate.mantissa())
        .and_then(|product| product.checked_mul(i128::from(share.numerator)))
        .ok_or(OutOfRange)?;
    let places = quantity.scale() + rate.scale();
    let (product, divisor) = if places >= scale {
        (product, 10_i128.checked_pow(places - scale).ok_or(OutOfRange)?)
    } else {
        let factor = 10_i128.checked_pow(scale - places).ok_or(OutOfRange)?;
        (product.checked_mul(factor).ok_or(OutOfRange)?, 1)
    };
    let divisor = divisor.checked_mul(i128::from(share.denominator)).ok_or(OutOfRange)?;
    let units = divide_rounded(product, divisor, mode).ok_or(OutOfRange)?;
    Decimal::try_from_i128_with_scale(units, scale).map_err(|_| OutOfRange)
}

/// Rounds an amount to `scale` decimal places.
pub fn rounded(amount: Decimal, scale: u32, mode: RoundingMode) -> Result<Decimal, OutOfRange> {
    extended(Decimal::ONE, amount, Fraction::ONE, scale, mode)
}

fn divide_rounded(dividend: i128, divisor: i128, mode: RoundingMode) -> Option<i128> {
    let quotient = dividend.checked_div(divisor)?;
    let remainder = dividend.checked_rem(divisor)?;
    if remainder == 0 {
        return Some(quotient);
    }
    let twice = remainder.unsigned_abs().checked_mul(2)?;
    let half = twice.cmp(&divisor.unsigned_abs());
    let away = match mode {
        RoundingMode::TowardZero => false,
        RoundingMode::HalfAwayFromZero => half.is_ge(),
        RoundingMode::HalfToEven => half.is_gt() || (half.is_eq() && quotient % 2 != 0),
    };
    let step = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    if away { quotient.checked_add(step) } else { Some(quotient) }
}

/// An exact amount in one currency. Adding different currencies is an error, never a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Amount in major units.
    pub amount: Decimal,
    /// Currency of the amount.
    pub currency: Currency,
}

impl Money {
    /// An amount of a currency.
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Rounds half away from zero to the minor unit of the currency.
    pub fn rounded(self) -> Result<Self, OutOfRange> {
        let amount = rounded(self.amount, self.currency.minor_digits(), RoundingMode::HalfAwayFromZero)?;
        Ok(Self { amount, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", plain(self.amount, self.currency.minor_digits()), self.currency)
    }
}

/// The digits of an amount with at least `places` decimals and no needless zeros beyond them.
pub fn plain(amount: Decimal, places: u32) -> String {
    let mut text = amount.normalize().to_string();
    let have = text.find('.').map_or(0, |point| text.len() - point - 1);
    if have < places as usize {
        if have == 0 {
            text.push('.');
        }
        text.extend(std::iter::repeat_n('0', places as usize - have));
    }
    if text.starts_with('-') && text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.')) {
        text.remove(0);
    }
    text
}

/// Decimal places of an [`ExactSum`].
const SUM_SCALE: u32 = 12;

/// A running total that is exact to twelve decimal places and says when a value does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ExactSum(i128);

impl ExactSum {
    /// Adds one amount.
    pub fn add(&mut self, amount: Decimal) -> Result<(), OutOfRange> {
        self.0 = self.0.checked_add(Self::units(amount)?).ok_or(OutOfRange)?;
        Ok(())
    }

    /// Takes one amount away.
    pub fn subtract(&mut self, amount: Decimal) -> Result<(), OutOfRange> {
        self.0 = self.0.checked_sub(Self::units(amount)?).ok_or(OutOfRange)?;
        Ok(())
    }

    /// The total of several amounts.
    pub fn of(amounts: impl IntoIterator<Item = Decimal>) -> Result<Self, OutOfRange> {
        let mut sum = Self::default();
        for amount in amounts {
            sum.add(amount)?;
        }
        Ok(sum)
    }

    /// Adds another total.
    pub fn merge(&mut self, other: Self) -> Result<(), OutOfRange> {
        self.0 = self.0.checked_add(other.0).ok_or(OutOfRange)?;
        Ok(())
    }

    /// The total as a decimal.
    pub fn total(self) -> Result<Decimal, OutOfRange> {
        let (mut units, mut scale) = (self.0, SUM_SCALE);
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Decimal::try_from_i128_with_scale(units, scale).map_err(|_| OutOfRange)
    }

    fn units(amount: Decimal) -> Result<i128, OutOfRange> {
        let amount = amount.normalize();
        let missing = SUM_SCALE.checked_sub(amount.scale()).ok_or(OutOfRange)?;
        10_i128.checked_pow(missing).and_then(|factor| amount.mantissa().checked_mul(factor)).ok_or(OutOfRange)
    }
}

/// The exact difference of two amounts.
pub fn difference(left: Decimal, right: Decimal) -> Result<Decimal, OutOfRange> {
    let mut sum = ExactSum::default();
    sum.add(left)?;
    sum.subtract(right)?;
    sum.total()
}

/// A computed amount in millionths of the major unit, so that both databases sort, compare and add it exactly.
/// Range: +/- 9,223,372,036,854.775807.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

impl Micros {
    /// Decimal places.
    pub const SCALE: u32 = 6;

    /// The amount, when it has at most six decimal places and is in range; it is never rounded here.
    pub fn from_decimal(amount: Decimal) -> Result<Self, OutOfRange> {
        let amount = amount.normalize();
        let missing = Self::SCALE.checked_sub(amount.scale()).ok_or(OutOfRange)?;
        let units = 10_i128.checked_pow(missing).and_then(|factor| amount.mantissa().checked_mul(factor));
        units.and_then(|units| i64::try_from(units).ok()).map(Self).ok_or(OutOfRange)
    }

    /// The amount as a decimal without needless zeros.
    pub fn to_decimal(self) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(self.0), Self::SCALE).normalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        parse_decimal(text).expect("a test writes good numbers")
    }

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        let cases = [
            ("12.50", "12.50"),
            ("-0.005", "-0.005"),
            ("1e3", "1000"),
            ("2.5E-3", "0.0025"),
            ("0e9", "0"),
            ("9007199254740993", "9007199254740993"),
            ("1234567890123.4567", "1234567890123.4567"),
            ("0.0000000012345678901234567", "0.0000000012345678901234567"),
        ];
        for (text, expected) in cases {
            assert_eq!(decimal(text).to_string(), expected, "{text}");
        }
        for text in
            ["", ".", "-", "12,50", "1_000", "NaN", "1e", "0x10", "1e40", "12345678901234567890123456789.1", "1 2"]
        {
            assert!(parse_decimal(text).is_err(), "`{text}` was accepted");
        }
    }

    #[test]
    fn products_are_rounded_once_and_halves_go_away_from_zero() {
        let cents = |q: &str, r: &str, n, d| {
            let share = Fraction { numerator: n, denominator: d };
            extended(decimal(q), decimal(r), share, 2, RoundingMode::HalfAwayFromZero).map(|v| v.to_string())
        };
        assert_eq!(cents("1", "0.005", 1, 1), Ok("0.01".into()));
        assert_eq!(cents("-1", "0.005", 1, 1), Ok("-0.01".into()));
        assert_eq!(cents("3", "22.00", 14, 31), Ok("29.81".into()));
        // 2/3 of a cent and a half: two roundings would say 0.02.
        assert_eq!(cents("1", "0.0149999999999999999999", 1, 1), Ok("0.01".into()));
        assert_eq!(cents("79228162514264337593543950335", "79228162514264337593543950335", 1, 1), Err(OutOfRange));
    }

    #[test]
    fn even_and_truncated_rounding_differ_only_at_and_below_the_half() {
        let round = |text, mode| rounded(decimal(text), 2, mode).expect("in range").to_string();
        assert_eq!(round("0.025", RoundingMode::HalfToEven), "0.02");
        assert_eq!(round("0.035", RoundingMode::HalfToEven), "0.04");
        assert_eq!(round("-0.0251", RoundingMode::HalfToEven), "-0.03");
        assert_eq!(round("0.029", RoundingMode::TowardZero), "0.02");
    }

    #[test]
    fn sums_keep_small_digits_beside_large_ones() {
        let sum = ExactSum::of(["9999999999999.999", "0.0001", "1e-8"].map(decimal)).and_then(ExactSum::total);
        assert_eq!(sum, Ok(decimal("9999999999999.99910001")));
        assert_eq!(ExactSum::of([decimal("1e-13")]), Err(OutOfRange));
    }

    #[test]
    fn micros_hold_their_whole_range_and_refuse_a_seventh_place() {
        for units in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(Micros::from_decimal(Micros(units).to_decimal()), Ok(Micros(units)));
        }
        assert_eq!(Micros::from_decimal(decimal("0.0000001")), Err(OutOfRange));
        assert_eq!(Micros::from_decimal(decimal("9223372036854.775808")), Err(OutOfRange));
    }

    #[test]
    fn amounts_print_with_the_digits_of_their_currency() {
        assert_eq!(Money::new(decimal("12.5"), Currency::USD).to_string(), "12.50 USD");
        assert_eq!(Money::new(decimal("-0.00"), Currency::USD).to_string(), "0.00 USD");
        assert_eq!(plain(decimal("1.23456"), 2), "1.23456");
        assert_eq!(plain(decimal("7"), 0), "7");
    }
}
