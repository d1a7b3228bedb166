//! Scalars: exact decimals as text, days, months, currencies and time zones. A number where a decimal is due is refused,
//! because it may have lost digits before it reached us.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use chrono::NaiveDate;
use rust_decimal::Decimal as Number;

use crate::domain::money::{Currency, Money as Amount, parse_decimal, plain};
use crate::domain::period::Period;

/// The text of a scalar that travels as a string, or a sentence that says how to write it.
fn text(value: Value, what: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Err(format!("{what} is written as a string: \"{number}\" instead of {number}")),
        other => Err(format!("{what} is written as a string, not as {other}")),
    }
}

/// An exact decimal number, written as a string such as `"12.50"`. Numbers are refused, because JSON numbers lose digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(pub Number);

impl Decimal {
    /// Millionths, as confidences are kept, without zeros at the end.
    pub fn of_millionths(millionths: u32) -> Self {
        Self(Number::new(i64::from(millionths), 6).normalize())
    }
}

/// An exact decimal number, written as a string such as `"12.50"`. Numbers are refused, because JSON numbers lose digits.
#[Scalar(specified_by_url = "https://speleotrove.com/decimal/daconvs.html")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value, "a decimal").map_err(InputValueError::custom)?;
        parse_decimal(&text).map(Self).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        // A zero has no sign, and an amount keeps the digits that it was given.
        Value::String(plain(self.0, self.0.scale()))
    }
}

/// A calendar day in ISO 8601 form, such as `2026-09-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A calendar day in ISO 8601 form, such as `2026-09-01`.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value, "a day").map_err(InputValueError::custom)?;
        NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| InputValueError::custom(format!("`{text}` is not a day such as 2026-09-01")))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A calendar month, such as `2026-09`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month(pub Period);

/// A calendar month, such as `2026-09`.
#[Scalar]
impl ScalarType for Month {
    fn parse(value: Value) -> InputValueResult<Self> {
        Period::parse(&text(value, "a month").map_err(InputValueError::custom)?)
            .map(Self)
            .map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A three-letter ISO 4217 currency code in capitals, such as `USD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyCode(pub Currency);

/// A three-letter ISO 4217 currency code in capitals, such as `USD`.
#[Scalar]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        Currency::parse(&text(value, "a currency").map_err(InputValueError::custom)?)
            .map(Self)
            .map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An IANA time zone, such as `Europe/Berlin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(pub chrono_tz::Tz);

/// An IANA time zone, such as `Europe/Berlin`.
#[Scalar]
impl ScalarType for TimeZone {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value, "a time zone").map_err(InputValueError::custom)?;
        text.parse()
            .map(Self)
            .map_err(|_| InputValueError::custom(format!("`{text}` is not an IANA time zone such as Europe/Berlin")))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.name().to_owned())
    }
}

/// An exact amount in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct Money {
    /// Amount in major units of the currency.
    pub amount: Decimal,
    /// Currency of the amount.
    pub currency_code: CurrencyCode,
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        let mut digits = amount.amount.normalize();
        // `927.2` dollars read as a slip; an amount shows its minor unit.
        if digits.scale() < amount.currency.minor_digits() {
            digits.rescale(amount.currency.minor_digits());
        }
        Self { amount: Decimal(digits), currency_code: CurrencyCode(amount.currency) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_text_and_keeps_its_digits() {
        let text = "1234567890123.45678901";
        let parsed = Decimal::parse(Value::String(text.into())).expect("a good decimal");
        assert_eq!(parsed.to_value(), Value::String(text.into()));
        assert!(Decimal::parse(Value::Number(12.into())).is_err());
        assert!(Decimal::parse(Value::String("12,50".into())).is_err());
        assert!(Decimal::parse(Value::Null).is_err());
    }
}
