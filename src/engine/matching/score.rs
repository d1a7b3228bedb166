//! Fixed-point numbers of the engine: evidence in thousandths of a bit, confidence in millionths.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// How sure a pair is, from 0 to 1, in millionths, so that it is compared and printed exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Confidence(u32);

impl Confidence {
    /// Nothing speaks for it.
    pub const ZERO: Self = Self(0);
    /// As sure as can be.
    pub const ONE: Self = Self(1_000_000);

    /// A confidence in millionths; more than a million counts as one million.
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(if millionths > 1_000_000 { 1_000_000 } else { millionths })
    }

    /// The confidence in millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// A probability, rounded; what is not a number counts as nothing.
    pub(super) fn of_probability(probability: f64) -> Self {
        if probability.is_nan() {
            return Self::ZERO;
        }
        // The value is between 0 and 1,000,000 here, so the conversion is exact.
        Self((probability.clamp(0.0, 1.0) * 1_000_000.0).round() as u32)
    }

    /// The largest confidence that is not above a probability; what is not a number bounds nothing.
    pub(super) fn at_most(probability: f64) -> Self {
        if probability.is_nan() { Self::ZERO } else { Self((probability.clamp(0.0, 1.0) * 1_000_000.0).floor() as u32) }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Evidence for (positive) or against (negative) a pair, in thousandths of a bit of log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Weight(i32);

impl Weight {
    /// No evidence.
    pub const ZERO: Self = Self(0);

    /// A number of thousandths of a bit.
    pub const fn from_millibits(millibits: i32) -> Self {
        Self(millibits)
    }

    /// The weight in thousandths of a bit.
    pub const fn millibits(self) -> i32 {
        self.0
    }

    /// A number of bits, rounded to thousandths and limited to a thousand.
    pub(super) fn of_bits(bits: f64) -> Self {
        if bits.is_nan() { Self::ZERO } else { Self((bits.clamp(-1000.0, 1000.0) * 1000.0).round() as i32) }
    }

    /// The weight in bits.
    pub(super) fn bits(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl Add for Weight {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Weight {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let size = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03}", size / 1000, size % 1000)
    }
}

/// Nothing that is reckoned is certain, so that a floor of one lets nothing pass.
const SUREST: Confidence = Confidence::from_millionths(999_999);

/// The confidence of each of several rivals, of which at most one is right; "none of them" weighs zero bits.
///
/// The rivals' odds are summed in the order given, which must not depend on the order of the input.
pub(super) fn rival_confidences(totals: &[Weight]) -> Vec<Confidence> {
    // Beyond forty bits nothing changes in six digits, and the sum stays finite.
    let odds: Vec<f64> = totals.iter().map(|total| total.bits().clamp(-40.0, 40.0).exp2()).collect();
    let sum: f64 = 1.0 + odds.iter().sum::<f64>();
    odds.iter().map(|odds| Confidence::of_probability(odds / sum).min(SUREST)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_prints_six_digits_and_is_never_more_than_one() {
        assert_eq!(Confidence::from_millionths(980_000).to_string(), "0.980000");
        assert_eq!(Confidence::from_millionths(2_000_000), Confidence::ONE);
        assert_eq!(Confidence::of_probability(f64::NAN), Confidence::ZERO);
    }

    #[test]
    fn two_equal_rivals_share_the_confidence() {
        let strong = Weight::of_bits(12.0);
        let alone = rival_confidences(&[strong])[0];
        let shared = rival_confidences(&[strong, strong]);
        assert!(alone > Confidence::from_millionths(999_000), "{alone}");
        assert!(shared[0] < Confidence::from_millionths(500_000) && shared[0] == shared[1], "{shared:?}");
    }

    #[test]
    fn weights_print_their_sign() {
        assert_eq!(
            [Weight::of_bits(3.25), Weight::of_bits(-0.5)].map(|weight| weight.to_string()),
            ["+3.250", "-0.500"]
        );
    }
}
