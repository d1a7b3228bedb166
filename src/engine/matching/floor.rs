//! The floor of automatic mapping, guarded by what people found when they reviewed mappings.
//!
//! A floor is a promise: at most one in a hundred pairs above it is wrong. A rejected automatic mapping breaks it until
//! reviews show otherwise, so the floor rises at once, step by step, to where none was wrong or where the lower bound of
//! the reviewed precision (exact binomial, one-sided, 95 %) is at least .99.

use super::score::Confidence;

/// Floors above the one that was chosen, ascending. Each step is about half of what may be wrong at the one before.
const STEPS: [Confidence; 7] = [
    Confidence::from_millionths(990_000),
    Confidence::from_millionths(995_000),
    Confidence::from_millionths(998_000),
    Confidence::from_millionths(999_000),
    Confidence::from_millionths(999_500),
    Confidence::from_millionths(999_900),
    Confidence::ONE,
];

/// Precision that mapped pairs should have.
const PROMISED: f64 = 0.99;

/// Mistakes among the surest mappings that may end automatic mapping.
const SEVERAL: u64 = 3;

/// How unlikely the opposite of a statement has to be.
const DOUBT: f64 = 0.05;

/// What people found about mappings that the machine had made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// Confidence at which they were mapped.
    pub confidence: Confidence,
    /// Whether the person agreed.
    pub is_right: bool,
    /// How many there are.
    pub times: u64,
}

/// The floor that holds, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingFloor {
    /// The floor that the integration chose.
    pub chosen: Confidence,
    /// The floor that holds; never below the chosen one.
    pub in_force: Confidence,
    /// Reviewed automatic mappings at or above the chosen floor.
    pub reviewed: u64,
    /// Those that were wrong.
    pub wrong: u64,
    /// Precision that the reviewed mappings at or above the floor in force show at least, with 95 % certainty; `None`
    /// where none was reviewed.
    pub precision_at_least: Option<Confidence>,
    /// Why it is above the chosen one; `None` while it is not.
    pub rise: Option<FloorRise>,
}

/// Why the floor rose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloorRise {
    /// No reviewed mapping above it was wrong.
    AboveMistakes,
    /// Enough reviewed mappings above it were right.
    Supported,
    /// The surest mappings were wrong too, and it went as high as it can without ending automatic mapping.
    Highest,
    /// Even the surest mappings were wrong too often: hardly anything is mapped by itself.
    Suspended,
}

/// The floor for these reviews; their order does not matter.
pub fn guarded_floor(chosen: Confidence, reviews: &[Review]) -> MappingFloor {
    // How many were reviewed from a floor on, and how many of them were wrong.
    let from = |floor: Confidence| {
        let above = reviews.iter().filter(|review| review.confidence >= floor);
        above.fold((0_u64, 0_u64), |(all, wrong), review| {
            (all + review.times, wrong + if review.is_right { 0 } else { review.times })
        })
    };
    let (reviewed, wrong) = from(chosen);
    let (in_force, rise) = if wrong == 0 { (chosen, None) } else { risen(chosen, from) };
    let (all, wrong_above) = from(in_force);
    MappingFloor { chosen, in_force, reviewed, wrong, precision_at_least: reviewed_precision(all, wrong_above), rise }
}

/// The precision that so many mistakes among so many reviewed mappings show at least, with 95 % certainty; `None` where
/// none was reviewed.
pub fn reviewed_precision(reviewed: u64, wrong: u64) -> Option<Confidence> {
    (reviewed > 0).then(|| Confidence::at_most(precision_at_least(reviewed, wrong)))
}

fn risen(chosen: Confidence, from: impl Fn(Confidence) -> (u64, u64)) -> (Confidence, Option<FloorRise>) {
    let steps = STEPS.into_iter().filter(|step| *step > chosen);
    let mut highest = chosen;
    for step in steps.filter(|step| *step < Confidence::ONE) {
        let (all, wrong) = from(step);
        if wrong == 0 {
            return (step, Some(FloorRise::AboveMistakes));
        }
        if precision_at_least(all, wrong) >= PROMISED {
            return (step, Some(FloorRise::Supported));
        }
        highest = step;
    }
    let (all, wrong) = from(highest);
    // One or two mistakes are no proof against the surest mappings; several among few are.
    if highest > chosen && !(wrong >= SEVERAL && at_least(wrong, all, 1.0 - PROMISED) < DOUBT) {
        return (highest, Some(FloorRise::Highest));
    }
    (Confidence::ONE, (chosen < Confidence::ONE).then_some(FloorRise::Suspended))
}

/// The least precision under which so few mistakes among so many would not be unlikely (Clopper and Pearson).
fn precision_at_least(all: u64, wrong: u64) -> f64 {
    if wrong >= all {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    // Each round halves the interval; fifty are more than six digits need.
    for _ in 0..50 {
        let precision = f64::midpoint(low, high);
        if 1.0 - at_least(wrong + 1, all, 1.0 - precision) < DOUBT {
            low = precision;
        } else {
            high = precision;
        }
    }
    low
}

/// The probability of at least `count` mistakes among `all`, each with probability `rate`.
fn at_least(count: u64, all: u64, rate: f64) -> f64 {
    if rate <= 0.0 {
        return if count == 0 { 1.0 } else { 0.0 };
    }
    if rate >= 1.0 {
        return 1.0;
    }
    // The terms below `count`, each from the one before, in logarithms so that many reviews do not vanish.
    let mut term = all as f64 * (1.0 - rate).ln();
    let mut below = 0.0;
    for mistakes in 0..count {
        below += term.exp();
        term += ((all - mistakes) as f64 / (mistakes + 1) as f64).ln() + (rate / (1.0 - rate)).ln();
    }
    (1.0 - below).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOSEN: Confidence = Confidence::from_millionths(980_000);

    /// The floor after so many right reviews at each of these confidences and these wrong ones, in millionths.
    fn floor(right: &[(u32, u64)], wrong: &[u32]) -> MappingFloor {
        let review = |millionths, is_right, times| {
            let confidence = Confidence::from_millionths(millionths);
            Review { confidence, is_right, times }
        };
        let right = right.iter().map(|(millionths, times)| review(*millionths, true, *times));
        let wrong = wrong.iter().map(|millionths| review(*millionths, false, 1));
        guarded_floor(CHOSEN, &right.chain(wrong).collect::<Vec<_>>())
    }

    #[test]
    fn a_rejected_mapping_raises_the_floor_above_it_at_once() {
        let before = floor(&[(985_000, 20), (999_990, 20)], &[]);
        assert_eq!((before.in_force, before.rise), (CHOSEN, None));
        let after = floor(&[(985_000, 20), (999_990, 20)], &[985_000]);
        assert_eq!((after.in_force.millionths(), after.rise), (990_000, Some(FloorRise::AboveMistakes)));
        assert_eq!((after.reviewed, after.wrong), (41, 1));
        assert_eq!(floor(&[], &[991_000, 996_000]).in_force.millionths(), 998_000);
    }

    #[test]
    fn many_right_ones_hold_the_floor_down_but_never_where_it_was() {
        let known = floor(&[(999_990, 2_000)], &[999_000]);
        assert_eq!((known.in_force.millionths(), known.rise), (990_000, Some(FloorRise::Supported)));
        assert!(known.precision_at_least.is_some_and(|precision| precision >= Confidence::from_millionths(990_000)));
    }

    #[test]
    fn one_mistake_among_the_surest_does_not_end_automatic_mapping_but_several_do() {
        let one = floor(&[(999_990, 10)], &[999_999]);
        assert_eq!((one.in_force.millionths(), one.rise), (999_900, Some(FloorRise::Highest)));
        let three = floor(&[(999_990, 10)], &[999_999; 3]);
        assert_eq!((three.in_force, three.rise), (Confidence::ONE, Some(FloorRise::Suspended)));
        assert_eq!(floor(&[(999_990, 2_000)], &[999_999; 3]).in_force.millionths(), 990_000);
    }

    #[test]
    fn what_was_never_mapped_by_itself_says_nothing_about_the_floor() {
        assert_eq!(floor(&[], &[970_000]).in_force, CHOSEN);
    }

    #[test]
    fn the_bound_is_that_of_clopper_and_pearson() {
        // Three hundred without a mistake are just enough for .99 (0.05 ^ (1 / 300)); one mistake needs 473.
        assert!((precision_at_least(300, 0) - 0.990_064).abs() < 1e-6, "{}", precision_at_least(300, 0));
        assert!(precision_at_least(298, 0) < 0.99);
        assert!(precision_at_least(472, 1) < 0.99 && precision_at_least(473, 1) >= 0.99);
        assert!((precision_at_least(10, 2) - 0.493_1).abs() < 1e-4, "{}", precision_at_least(10, 2));
        assert!(precision_at_least(3, 3) < 1e-9);
    }

    #[test]
    fn a_chosen_floor_of_one_stays() {
        let review = Review { confidence: Confidence::ONE, is_right: false, times: 2 };
        let floor = guarded_floor(Confidence::ONE, &[review]);
        assert_eq!((floor.in_force, floor.rise), (Confidence::ONE, None));
    }
}
