//! The model of a pair: every feature has a curve from its value to bits of evidence, and the bits are added.
//!
//! A curve is given by its knots and straight between them, so a table of weights can be read, checked and printed in an
//! explanation. Bits are rounded to thousandths before they are added: the sum is the same on every machine.

use super::super::explain::SignalKind;

/// A feature: what it is called, what it is explained as, and where its curve may bend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feature {
    /// Name, for tables.
    pub name: &'static str,
    /// What an explanation calls it.
    pub kind: SignalKind,
    /// Values at which the curve may bend, ascending.
    pub knots: &'static [f32],
}

/// Weights in thousandths of a bit, at each knot of each feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights<'a> {
    /// Evidence before anything is compared.
    pub prior: i32,
    /// One row for each feature.
    pub curves: &'a [&'a [i32]],
}

/// The knot below a value and how far the value is on the way to the next one.
pub(super) fn place(knots: &[f32], value: f32) -> (usize, f32) {
    let last = knots.len() - 1;
    let at = knots.partition_point(|knot| *knot <= value).saturating_sub(1).min(last);
    if at == last || value <= knots[0] {
        return (at, 0.0);
    }
    (at, (value - knots[at]) / (knots[at + 1] - knots[at]))
}

/// The value of a feature by its name.
pub(super) fn value(features: &[Feature], values: &[f32], name: &str) -> f32 {
    features.iter().position(|feature| feature.name == name).map_or(0.0, |at| values[at])
}

impl Weights<'_> {
    /// What one feature contributes, in thousandths of a bit.
    pub fn contribution(&self, features: &[Feature], feature: usize, value: f32) -> i32 {
        let curve = self.curves[feature];
        let (at, share) = place(features[feature].knots, value);
        let next = curve.get(at + 1).copied().unwrap_or(curve[at]);
        (f64::from(curve[at]) + f64::from(share) * f64::from(next - curve[at])).round() as i32
    }

    /// All evidence together, in thousandths of a bit.
    pub fn total(&self, features: &[Feature], values: &[f32]) -> i32 {
        values
            .iter()
            .enumerate()
            .fold(self.prior, |sum, (feature, value)| sum.saturating_add(self.contribution(features, feature, *value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_straight_between_knots_and_level_outside() {
        const FEATURES: &[Feature] = &[Feature { name: "x", kind: SignalKind::Name, knots: &[0.0, 1.0, 3.0] }];
        let weights = Weights { prior: -500, curves: &[&[-1000, 0, 4000]] };
        let at = |value: f32| weights.total(FEATURES, &[value]) + 500;
        assert_eq!([-9.0, 0.0, 0.5, 1.0, 2.0, 3.0, 99.0].map(at), [-1000, -1000, -500, 0, 2000, 4000, 4000]);
    }
}
