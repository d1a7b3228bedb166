//! What the decisions of an integration teach its matching: words that mean the same there, and how far each kind of
//! evidence is to be trusted.
//!
//! Lessons follow from the decisions and the records alone and are learned anew with every matching: the same decisions
//! teach the same, and a decision that is taken back is forgotten. They never lift a veto of plan, term or segment.

use std::collections::{BTreeMap, BTreeSet};

use super::abbreviation;
use super::assign::Scored;
use super::explain::{Signal, SignalKind};
use super::linear;
use super::product_family::EDITIONS;
use super::score::Weight;

/// Confirmed pairs of different records on both sides, less the rejected ones, from which on an alias is used.
const CONFIRMATIONS: usize = 2;

/// Words of one side of an alias.
const ALIAS_WORDS: usize = 3;

/// Pull of every factor towards the shipped weight: as much as two hundred decisions that each turn on ten bits of one
/// kind at even odds, in natural units: 200 x (10 x ln 2)^2 / 4.
const PRIOR_PRECISION: f64 = 2_400.0;

/// No kind of evidence is trusted less than half or more than half as much again.
const LARGEST_SHIFT: f64 = 0.5;

/// Decisions that factors are fitted on; more would hardly move them.
pub(super) const MAX_OBSERVATIONS: usize = 2_000;

/// Candidates of one decision; the further ones have no odds to speak of.
const MAX_CANDIDATES: usize = 8;

/// Rounds of the fit. It converges in a few; a fixed number keeps it the same everywhere.
const ROUNDS: usize = 12;

/// Words of the two sides that mean the same in an integration. One side may be empty: the words are then of no account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LearnedAlias {
    /// Words at Pax8.
    pub pax8: Vec<String>,
    /// Words at the PSA.
    pub psa: Vec<String>,
    /// Confirmed pairs that show it.
    pub confirmed: usize,
}

/// What the decisions of an integration taught. Empty until somebody decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Lessons {
    /// Aliases, in the order of their words.
    pub aliases: Vec<LearnedAlias>,
    /// Thousandths by which the evidence of a kind is multiplied; kinds that stay at 1000 are left out.
    pub factors: BTreeMap<SignalKind, i32>,
}

impl Lessons {
    /// Takes the words that mean the same out of the words left over on both sides, and says which those were.
    pub(super) fn excuse(&self, left: &mut Vec<String>, right: &mut Vec<String>) -> Vec<&LearnedAlias> {
        let mut used = Vec::new();
        for alias in &self.aliases {
            let has = |words: &[String], wanted: &[String]| wanted.iter().all(|word| words.contains(word));
            if has(left, &alias.pax8) && has(right, &alias.psa) {
                left.retain(|word| !alias.pax8.contains(word));
                right.retain(|word| !alias.psa.contains(word));
                used.push(alias);
            }
        }
        used
    }

    /// Multiplies the evidence of a pair by the factors.
    pub(super) fn weigh(&self, scored: &mut Scored) {
        if self.factors.is_empty() {
            return;
        }
        for signal in &mut scored.signals {
            let Some(factor) = self.factors.get(&signal.kind) else { continue };
            let bits = i64::from(signal.weight.millibits());
            let weighed = bits * i64::from(*factor) / 1000;
            let weighed = Weight::from_millibits(i32::try_from(weighed).expect("evidence is at most a thousand bits"));
            // What a cost says is not for everyone, and neither is what follows from it.
            if signal.kind != SignalKind::Cost {
                scored.learned += weighed - signal.weight;
            }
            signal.weight = weighed;
        }
    }
}

impl LearnedAlias {
    /// The alias as a reason. It contributes by the words that it no longer leaves over.
    pub(super) fn signal(&self) -> Signal {
        Signal {
            kind: SignalKind::LearnedWords,
            left: self.pax8.join(" "),
            right: self.psa.join(" "),
            weight: Weight::ZERO,
        }
    }
}

/// Counts what decided pairs leave over.
#[derive(Debug, Default)]
pub(super) struct AliasCounts {
    pairs: BTreeMap<(Vec<String>, Vec<String>), Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    left: BTreeSet<String>,
    right: BTreeSet<String>,
    /// Pairs of records, however many terms they were confirmed or rejected for.
    confirmed: BTreeSet<(String, String)>,
    rejected: BTreeSet<(String, String)>,
}

impl AliasCounts {
    /// Counts the words that a confirmed pair of these two records leaves over.
    pub fn confirmed(&mut self, left_over: &[String], right_over: &[String], left: &str, right: &str) {
        if is_teachable(left_over, right_over) {
            let shown = self.pairs.entry((left_over.to_vec(), right_over.to_vec())).or_default();
            shown.left.insert(left.to_owned());
            shown.right.insert(right.to_owned());
            shown.confirmed.insert((left.to_owned(), right.to_owned()));
        }
    }

    /// Counts the words that a rejected pair of these two records leaves over.
    pub fn rejected(&mut self, left_over: &[String], right_over: &[String], left: &str, right: &str) {
        if is_teachable(left_over, right_over) {
            let shown = self.pairs.entry((left_over.to_vec(), right_over.to_vec())).or_default();
            shown.rejected.insert((left.to_owned(), right.to_owned()));
        }
    }

    /// The aliases that enough independent pairs show.
    pub fn learned(self) -> Vec<LearnedAlias> {
        let aliases = self.pairs.into_iter().filter_map(|((pax8, psa), shown)| {
            let confirmed = shown.left.len().min(shown.right.len());
            // Rejected at one term and confirmed at another: the words were not what was wrong.
            let rejected = shown.rejected.difference(&shown.confirmed).count();
            (confirmed >= CONFIRMATIONS + rejected).then_some(LearnedAlias { pax8, psa, confirmed })
        });
        aliases.collect()
    }
}

/// Whether words may become an alias: few, no numbers, and none that names a sister company or an edition.
fn is_teachable(left: &[String], right: &[String]) -> bool {
    let is_fit = |word: &String| {
        !word.chars().any(char::is_numeric)
            && !abbreviation::names_sibling(word)
            && !EDITIONS.contains(&word.as_str())
            && word.chars().count() > 1
    };
    let is_short = |words: &[String]| words.len() <= ALIAS_WORDS;
    !(left.is_empty() && right.is_empty()) && is_short(left) && is_short(right) && left.iter().chain(right).all(is_fit)
}

/// A decision and the candidates that there were, with the evidence as shipped.
#[derive(Debug)]
pub(super) struct Observation {
    /// Bits of each candidate by kind; at most one of them is right.
    candidates: Vec<BTreeMap<SignalKind, f64>>,
    /// The candidate that was decided about.
    subject: usize,
    is_right: bool,
}

impl Observation {
    /// The decision that `scored[subject]` is right or wrong.
    pub fn new(scored: &[Scored], subject: usize, is_right: bool) -> Self {
        let mut order: Vec<usize> = (0..scored.len()).filter(|at| *at != subject).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&scored[*a], &scored[*b]);
            b.total().cmp(&a.total()).then_with(|| a.target.cmp(&b.target))
        });
        order.truncate(MAX_CANDIDATES - 1);
        let bits = |at: usize| {
            let mut sums: BTreeMap<SignalKind, f64> = BTreeMap::new();
            for signal in &scored[at].signals {
                *sums.entry(signal.kind).or_default() += signal.weight.bits();
            }
            sums
        };
        let candidates = std::iter::once(subject).chain(order).map(bits).collect();
        Self { candidates, subject: 0, is_right }
    }
}

/// The factors that make the decisions likeliest under the model that gives the confidence (candidates share one
/// probability with "none of them"), pulled towards the shipped weights.
pub(super) fn factors(observations: &[Observation]) -> BTreeMap<SignalKind, i32> {
    let kinds: BTreeSet<SignalKind> = observations
        .iter()
        .flat_map(|observation| observation.candidates.iter().flat_map(BTreeMap::keys))
        .copied()
        .collect();
    let kinds: Vec<SignalKind> = kinds.into_iter().collect();
    let size = kinds.len();
    // Natural units; the last row stands for "none of them".
    let rows: Vec<Vec<Vec<f64>>> = observations
        .iter()
        .map(|observation| {
            let row = |sums: &BTreeMap<SignalKind, f64>| {
                kinds.iter().map(|kind| sums.get(kind).copied().unwrap_or(0.0) * std::f64::consts::LN_2).collect()
            };
            observation.candidates.iter().map(row).chain(std::iter::once(vec![0.0; size])).collect()
        })
        .collect();
    let mut shifts = vec![0.0; size];
    for _ in 0..ROUNDS {
        let mut gradient: Vec<f64> = shifts.iter().map(|shift| PRIOR_PRECISION * shift).collect();
        let mut hessian = vec![0.0; size * size];
        for at in 0..size {
            hessian[at * size + at] = PRIOR_PRECISION;
        }
        for (observation, rows) in observations.iter().zip(&rows) {
            add_decision(observation, rows, &shifts, &mut gradient, &mut hessian);
        }
        for (shift, step) in shifts.iter_mut().zip(linear::solve(hessian, gradient, size)) {
            *shift = (*shift - step).clamp(-LARGEST_SHIFT, LARGEST_SHIFT);
        }
    }
    kinds
        .into_iter()
        .zip(shifts)
        .map(|(kind, shift)| (kind, 1000 + (shift * 1000.0).round() as i32))
        .filter(|(_, factor)| *factor != 1000)
        .collect()
}

/// Adds the slope of one decision's surprise and an upper bound of its curvature, so that every round makes the
/// decisions likelier.
fn add_decision(
    observation: &Observation,
    rows: &[Vec<f64>],
    shifts: &[f64],
    gradient: &mut [f64],
    hessian: &mut [f64],
) {
    let size = shifts.len();
    let odds: Vec<f64> = rows
        .iter()
        .map(|row| {
            let total: f64 = row.iter().zip(shifts).map(|(value, shift)| value * (1.0 + shift)).sum();
            total.clamp(-28.0, 28.0).exp()
        })
        .collect();
    let sum: f64 = odds.iter().sum();
    let mean = |weights: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..size).map(|kind| rows.iter().enumerate().map(|(at, row)| weights(at) * row[kind]).sum()).collect()
    };
    let expected = mean(&|at| odds[at] / sum);
    let subject = observation.subject;
    let wanted = if observation.is_right {
        rows[subject].clone()
    } else {
        let others = sum - odds[subject];
        mean(&|at| if at == subject { 0.0 } else { odds[at] / others })
    };
    for kind in 0..size {
        gradient[kind] += expected[kind] - wanted[kind];
    }
    for (row, odds) in rows.iter().zip(&odds) {
        let probability = odds / sum;
        if probability < 1e-9 {
            continue;
        }
        for i in 0..size {
            let a = row[i] - expected[i];
            for j in 0..size {
                hessian[i * size + j] += probability * a * (row[j] - expected[j]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ExternalId;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn scored(target: &str, signals: &[(SignalKind, f64)]) -> Scored {
        let signals = signals.iter().map(|(kind, bits)| Signal {
            kind: *kind,
            left: String::new(),
            right: String::new(),
            weight: Weight::of_bits(*bits),
        });
        Scored { target: ExternalId::from(target), signals: signals.collect(), veto: None, learned: Weight::ZERO }
    }

    #[test]
    fn two_independent_pairs_make_an_alias_and_a_rejected_one_asks_for_another() {
        let learned = |confirmed: &[(&str, &str)], rejected: usize| {
            let mut counts = AliasCounts::default();
            for (left, right) in confirmed {
                counts.confirmed(&words("orthopedics"), &words("bones"), left, right);
            }
            for left in ["7", "8"].into_iter().take(rejected) {
                counts.rejected(&words("orthopedics"), &words("bones"), left, "z");
                counts.rejected(&words("orthopedics"), &words("bones"), left, "z");
            }
            counts.learned().len()
        };
        assert_eq!(learned(&[("1", "a")], 0), 0);
        assert_eq!(learned(&[("1", "a"), ("2", "b")], 0), 1);
        assert_eq!(learned(&[("1", "a"), ("2", "a")], 0), 0, "one customer twice shows it once");
        assert_eq!(learned(&[("1", "a"), ("2", "b")], 1), 0);
        assert_eq!(learned(&[("1", "a"), ("2", "b"), ("3", "c")], 1), 1);
    }

    #[test]
    fn numbers_sister_companies_and_editions_are_never_taught() {
        assert!(is_teachable(&words("managed"), &[]));
        for (left, right) in [("", ""), ("66", "67"), ("holdings", ""), ("premium", "basic"), ("a b c d", "x")] {
            assert!(!is_teachable(&words(left), &words(right)), "{left} / {right}");
        }
    }

    #[test]
    fn an_alias_takes_its_words_out_of_both_sides() {
        let alias = LearnedAlias { pax8: words("orthopedics"), psa: words("bones"), confirmed: 2 };
        let lessons = Lessons { aliases: vec![alias], factors: BTreeMap::new() };
        let (mut left, mut right) = (words("orthopedics north"), words("bones"));
        assert_eq!(lessons.excuse(&mut left, &mut right).len(), 1);
        assert_eq!((left, right), (words("north"), Vec::new()));
        let (mut left, mut right) = (words("orthopedics"), words("teeth"));
        assert!(lessons.excuse(&mut left, &mut right).is_empty());
    }

    /// Pairs that agree in their telephone and nothing else are rejected so many times, those that agree in their
    /// domain confirmed.
    fn taught(times: usize) -> BTreeMap<SignalKind, i32> {
        let by_phone = [scored("a", &[(SignalKind::Prior, -10.0), (SignalKind::Phone, 12.0)])];
        let by_domain = [scored("b", &[(SignalKind::Prior, -10.0), (SignalKind::Domain, 12.0)])];
        let observations: Vec<Observation> = (0..times)
            .flat_map(|_| [Observation::new(&by_phone, 0, false), Observation::new(&by_domain, 0, true)])
            .collect();
        factors(&observations)
    }

    #[test]
    fn what_misled_weighs_less_and_what_was_right_more() {
        assert!(taught(0).is_empty());
        let (few, many) = (taught(20), taught(400));
        assert!(few[&SignalKind::Phone] < 1000 && few[&SignalKind::Phone] > 900, "{few:?}");
        assert!(many[&SignalKind::Phone] < few[&SignalKind::Phone], "{many:?}");
        assert!(many[&SignalKind::Domain] > 1000, "{many:?}");
        assert!(many.values().all(|factor| (500..=1500).contains(factor)), "{many:?}");
    }

    #[test]
    fn factors_change_the_evidence_and_say_by_how_much() {
        let lessons = Lessons { aliases: Vec::new(), factors: BTreeMap::from([(SignalKind::Phone, 900)]) };
        let mut pair = scored("a", &[(SignalKind::Phone, 10.0), (SignalKind::City, 1.0)]);
        lessons.weigh(&mut pair);
        assert_eq!(pair.total(), Weight::of_bits(10.0));
        assert_eq!(pair.learned, Weight::of_bits(-1.0));
    }
}
