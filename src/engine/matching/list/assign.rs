//! From the evidence of all pairs to confidences and a choice: the distance to the rivals on both sides decides with it.

use super::super::explain::SignalKind;
use super::super::score::Confidence;
use super::model::{Feature, Weights};

/// Features of a pair among its rivals.
pub(super) const FEATURES: &[Feature] = &[
    Feature { name: "evidence", kind: SignalKind::Prior, knots: EVIDENCE },
    Feature { name: "nearer rival", kind: SignalKind::Prior, knots: MARGIN },
    Feature { name: "farther rival", kind: SignalKind::Prior, knots: MARGIN },
];

const EVIDENCE: &[f32] = &[-16.0, -10.0, -7.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0];

const MARGIN: &[f32] = &[-10.0, -5.0, -2.0, -0.5, 0.0, 0.5, 1.5, 3.0, 5.0, 8.0, 12.0];

/// Margin over a rival that is not there.
const NO_RIVAL: i32 = 12_000;

/// Two rows that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    pub left: u32,
    pub right: u32,
    /// Evidence in thousandths of a bit.
    pub total: i32,
}

/// Weights of a pair among its rivals, with what they were fitted on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rivals<'a> {
    pub weights: Weights<'a>,
    /// Share of right pairs among those chosen in the lists of the fit, in thousandths.
    pub right_share: u32,
}

/// A pair with its place among its rivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    pub left: u32,
    pub right: u32,
    /// Evidence in thousandths of a bit.
    pub total: i32,
    pub confidence: Confidence,
    /// Whether neither record has a better partner or one as good.
    pub is_mutual: bool,
    /// Best other partner of the left record.
    pub rival: Option<(u32, i32)>,
}

/// Best and second best evidence of one record, with the partners.
#[derive(Debug, Clone, Copy, Default)]
struct Best {
    first: Option<(i32, u32)>,
    second: Option<(i32, u32)>,
}

impl Best {
    fn see(&mut self, total: i32, other: u32) {
        if self.first.is_none_or(|(best, _)| total > best) {
            self.second = self.first;
            self.first = Some((total, other));
        } else if self.second.is_none_or(|(best, _)| total > best) {
            self.second = Some((total, other));
        }
    }

    fn rival(&self, of: u32) -> Option<(i32, u32)> {
        if self.first.is_some_and(|(_, other)| other == of) { self.second } else { self.first }
    }
}

/// The values of the features of each pair among its rivals.
pub(super) fn among_rivals(pairs: &[Compared]) -> Vec<[f32; 3]> {
    among(&best_of(pairs), pairs)
}

fn among((by_left, by_right): &(Vec<Best>, Vec<Best>), pairs: &[Compared]) -> Vec<[f32; 3]> {
    let margin = |best: &Best, total: i32, other: u32| {
        best.rival(other).map_or(NO_RIVAL, |(rival, _)| total.saturating_sub(rival)) as f32 / 1000.0
    };
    pairs
        .iter()
        .map(|&Compared { left, right, total }| {
            let (a, b) =
                (margin(&by_left[left as usize], total, right), margin(&by_right[right as usize], total, left));
            [total as f32 / 1000.0, a.min(b), a.max(b)]
        })
        .collect()
}

fn best_of(pairs: &[Compared]) -> (Vec<Best>, Vec<Best>) {
    let size = |row: fn(&Compared) -> u32| pairs.iter().map(row).max().map_or(0, |last| last as usize + 1);
    let mut by_left = vec![Best::default(); size(|pair| pair.left)];
    let mut by_right = vec![Best::default(); size(|pair| pair.right)];
    for &Compared { left, right, total } in pairs {
        by_left[left as usize].see(total, right);
        by_right[right as usize].see(total, left);
    }
    (by_left, by_right)
}

/// Confidences of all pairs.
pub(super) fn judge(pairs: &[Compared], rivals: &Rivals<'_>) -> Vec<Judged> {
    let best = best_of(pairs);
    let mut bits = Vec::with_capacity(pairs.len());
    let mut judged: Vec<Judged> = pairs
        .iter()
        .zip(among(&best, pairs))
        .map(|(&Compared { left, right, total }, values)| {
            let own = rivals.weights.total(FEATURES, &values);
            bits.push(own);
            Judged {
                left,
                right,
                total,
                confidence: probability(own),
                is_mutual: values[1] > 0.0,
                rival: best.0[left as usize].rival(right).map(|(rival, row)| (row, rival)),
            }
        })
        .collect();
    let shift = prior_shift(&judged, rivals.right_share);
    for (one, bits) in judged.iter_mut().zip(bits) {
        one.confidence = probability(bits.saturating_add(shift));
    }
    judged
}

/// What so many thousandths of a bit of evidence amount to.
pub(super) fn probability(millibits: i32) -> Confidence {
    let bits = f64::from(millibits) / 1000.0;
    Confidence::of_probability(1.0 / (1.0 + (-bits.clamp(-40.0, 40.0)).exp2()))
}

/// How much more or less likely a chosen pair is right in these lists than in those of the fit, in thousandths of a bit.
///
/// Some lists name the same things, others hardly overlap. The share of right pairs is estimated from the confidences
/// themselves (expectation and maximization, after Saerens) and drawn towards the share of the fit where there are few.
/// What an estimate may be wrong by does not count, and the rest is rounded, so that a single record changes nothing.
fn prior_shift(judged: &[Judged], right_share: u32) -> i32 {
    let chosen: Vec<f64> =
        choose(judged).into_iter().map(|at| f64::from(judged[at].confidence.millionths()) / 1e6).collect();
    let known = f64::from(right_share) / 1000.0;
    let mut share = known;
    for _ in 0..50 {
        let (for_it, against) = (share / known, (1.0 - share) / (1.0 - known));
        let sum: f64 =
            chosen.iter().map(|p| p * for_it / (p * for_it + (1.0 - p) * against).max(f64::MIN_POSITIVE)).sum();
        share = ((sum + FIT_COUNTS_AS * known) / (chosen.len() as f64 + FIT_COUNTS_AS)).clamp(0.01, 0.99);
    }
    let bits = (share / (1.0 - share)).log2() - (known / (1.0 - known)).log2();
    let beyond = bits - bits.clamp(-UNREMARKABLE, 0.0);
    (beyond * 4.0).round() as i32 * 250
}

/// Chosen pairs that what is known from the fit counts as.
const FIT_COUNTS_AS: f64 = 10.0;

/// Bits by which lists may differ from those of the fit before it counts.
const UNREMARKABLE: f64 = 0.75;

/// The surest pairs first, each record once; equal ones by row.
pub(super) fn choose(judged: &[Judged]) -> Vec<usize> {
    let size = |row: fn(&Judged) -> u32| judged.iter().map(row).max().map_or(0, |last| last as usize + 1);
    let (mut left, mut right) = (vec![false; size(|one| one.left)], vec![false; size(|one| one.right)]);
    let mut order: Vec<usize> =
        (0..judged.len()).filter(|at| judged[*at].confidence >= Confidence::from_millionths(LEAST)).collect();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (&judged[*a], &judged[*b]);
        (b.confidence, b.total).cmp(&(a.confidence, a.total)).then((a.left, a.right).cmp(&(b.left, b.right)))
    });
    order.retain(|at| {
        let one = &judged[*at];
        let is_free = !left[one.left as usize] && !right[one.right as usize];
        if is_free {
            (left[one.left as usize], right[one.right as usize]) = (true, true);
        }
        is_free
    });
    order
}

/// Confidence below which a pair is not worth showing, in millionths.
const LEAST: u32 = 20_000;

/// The confidence of another pair of the same left record.
pub(super) fn confidence_of(judged: &[Judged], left: u32, right: u32) -> Confidence {
    judged
        .binary_search_by(|one| (one.left, one.right).cmp(&(left, right)))
        .map_or(Confidence::ZERO, |at| judged[at].confidence)
}
