//! Fitting of the weights on labelled lists: penalized logistic regression by Newton's method, without any randomness.
//!
//! Neighbouring knots of a curve are drawn together, so that a table stays smooth where the data say little. The first
//! stage sees pairs alone, the second their place among rivals, by first stages that did not see them. [`fit`] also says how
//! well both do on records that they did not see: five folds by the left record's id.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::linear::solve;
use super::model::{Feature, Weights, place};
use super::vectors::hashed;
use super::{ListKind, ListRecord, Lists, Workers, assign, made};

/// Lists whose pairs are known.
#[derive(Debug, Clone)]
pub struct LabelledLists {
    /// Name, for the report.
    pub name: String,
    /// What the records are.
    pub kind: ListKind,
    /// One list.
    pub left: Vec<ListRecord>,
    /// The other.
    pub right: Vec<ListRecord>,
    /// Ids of the pairs; all other pairs are wrong.
    pub gold: Vec<(String, String)>,
}

/// What came of a fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// The tables as source text.
    pub source: String,
    /// Figures on records that were left out.
    pub report: String,
}

/// Where the made attributes come from.
const MADE_SEED: u64 = 7;
const FOLDS: u64 = 5;
/// Pull of neighbouring knots on each other, where pairs are compared and where they are set among rivals.
const SMOOTHNESS: [f64; 2] = [2.0, 1.0];
/// Pull of every weight towards nothing.
const SHRINKAGE: [f64; 2] = [0.05, 0.01];

/// The pairs of one set with their features.
struct Sample {
    name: String,
    pairs: Vec<(u32, u32)>,
    values: Vec<f32>,
    labels: Vec<bool>,
    folds: Vec<u64>,
    gold: usize,
}

/// A fitted stage: the prior and one curve for each feature, in natural units of log-odds.
struct Stage {
    features: &'static [Feature],
    weights: Vec<f64>,
}

/// Fits all models whose kind of list occurs.
pub fn fit(sets: &[LabelledLists], workers: &dyn Workers) -> Fitted {
    let has_attributes = |set: &&LabelledLists| set.left.iter().any(|record| record.address.city.is_some());
    let named = sets.iter().filter(|set| set.kind == ListKind::Customers && !has_attributes(set));
    let made: Vec<LabelledLists> = named
        .flat_map(|set| {
            [made::Made::Places, made::Made::Attributes].map(|made_are| made::with_attributes(set, made_are, MADE_SEED))
        })
        .collect();
    let sets: Vec<&LabelledLists> = sets.iter().chain(&made).collect();
    let mut fitted = Fitted { source: HEADER.to_owned(), report: String::new() };
    for (kind, name) in [("company", "COMPANY"), ("goods", "GOODS"), ("licenses", "LICENSES")] {
        let samples: Vec<(Sample, &'static [Feature])> = sets
            .iter()
            .filter_map(|set| {
                let lists = Lists::new(set.kind, &set.left, &set.right, workers);
                (lists.kind_name() == kind).then(|| (sample(set, &lists, workers), lists.model().0))
            })
            .collect();
        let Some(features) = samples.first().map(|(_, features)| *features) else { continue };
        let samples: Vec<Sample> = samples.into_iter().map(|(sample, _)| sample).collect();
        let first = stage_one(features, &samples, |_, _| true);
        let (second, share) = stage_two(features, &samples, |_, _| true);
        let _ = writeln!(fitted.source, "\n{}", first.source(name, &format!("Two records of kind `{kind}`.")));
        let rivals = second.source(&format!("{name}_AMONG_RIVALS"), "Such a pair among its rivals.");
        let _ = writeln!(fitted.source, "\n{rivals}");
        let _ = writeln!(
            fitted.source,
            "\n/// The same with what it was fitted on.\npub(super) const {name}_RIVALS: Rivals<'static> =\n    Rivals {{ weights: {name}_AMONG_RIVALS, right_share: {share} }};"
        );
        report(features, &samples, &mut fitted.report);
    }
    fitted
}

const HEADER: &str = "//! Weights, in thousandths of a bit, as `concord bench match --fit` prints them; see docs/matching.md. Not edited by hand.\n\nuse super::assign::Rivals;\nuse super::model::Weights;\n";

fn sample(set: &LabelledLists, lists: &Lists<'_>, workers: &dyn Workers) -> Sample {
    let gold: BTreeSet<(&str, &str)> = set.gold.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let pairs = lists.candidates(workers);
    let (mut values, mut one) = (Vec::new(), Vec::new());
    let (mut labels, mut folds) = (Vec::new(), Vec::new());
    for &pair in &pairs {
        lists.features(pair, &mut one);
        values.extend_from_slice(&one);
        let (left, right) = (&lists.left[pair.0 as usize].key, &lists.right[pair.1 as usize].key);
        labels.push(gold.contains(&(left.as_str(), right.as_str())));
        folds.push((hashed(left) >> 7) % FOLDS);
    }
    Sample { name: set.name.clone(), pairs, values, labels, folds, gold: set.gold.len() }
}

fn stage_one(features: &'static [Feature], samples: &[Sample], is_seen: impl Fn(usize, usize) -> bool) -> Stage {
    let mut rows: Vec<(&[f32], bool)> = Vec::new();
    for (set, sample) in samples.iter().enumerate() {
        for (at, values) in sample.values.chunks(features.len()).enumerate() {
            if is_seen(set, at) {
                rows.push((values, sample.labels[at]));
            }
        }
    }
    regress(features, &rows, 0)
}

/// The second stage learns from evidence as a first stage finds it on records that it has not seen: what a stage says of
/// the very pairs that it was fitted on is too good.
fn stage_two(features: &'static [Feature], samples: &[Sample], is_seen: impl Fn(usize, usize) -> bool) -> (Stage, u32) {
    let firsts: Vec<Stage> = (0..FOLDS)
        .map(|fold| stage_one(features, samples, |set, at| is_seen(set, at) && samples[set].folds[at] != fold))
        .collect();
    let held: Vec<HeldOut> =
        samples.iter().enumerate().map(|(set, sample)| HeldOut::new(&firsts, sample, |at| is_seen(set, at))).collect();
    let rows: Vec<(&[f32], bool)> = held.iter().flat_map(HeldOut::rows).collect();
    let stage = regress(assign::FEATURES, &rows, 1);
    // What share of the chosen pairs is right, by the very confidences from which the share of other lists is estimated.
    let (mut right, mut all) = (0_usize, 0_usize);
    for held in &held {
        let chosen = assign::choose(&held.judged(&stage));
        all += chosen.len();
        right += chosen.into_iter().filter(|at| held.labels[*at]).count();
    }
    (stage, (right * 1000 / all.max(1)) as u32)
}

/// Seen pairs of one set, each placed among its rivals by a first stage that has not seen its left record.
struct HeldOut {
    pairs: Vec<assign::Compared>,
    placed: Vec<[f32; 3]>,
    labels: Vec<bool>,
}

impl HeldOut {
    /// One first stage for each fold, fitted without it.
    fn new(firsts: &[Stage], sample: &Sample, is_seen: impl Fn(usize) -> bool) -> Self {
        let mut held = Self { pairs: Vec::new(), placed: Vec::new(), labels: Vec::new() };
        let compared: Vec<Vec<assign::Compared>> = firsts.iter().map(|first| first.compared(sample)).collect();
        let placed: Vec<Vec<[f32; 3]>> = compared.iter().map(|pairs| assign::among_rivals(pairs)).collect();
        for at in (0..sample.pairs.len()).filter(|at| is_seen(*at)) {
            let fold = sample.folds[at] as usize;
            held.pairs.push(compared[fold][at]);
            held.placed.push(placed[fold][at]);
            held.labels.push(sample.labels[at]);
        }
        held
    }

    fn rows(&self) -> impl Iterator<Item = (&[f32], bool)> {
        self.placed.iter().map(<[f32; 3]>::as_slice).zip(self.labels.iter().copied())
    }

    /// Confidences without any shift for the overlap of the lists.
    fn judged(&self, stage: &Stage) -> Vec<assign::Judged> {
        let judged = |weights: &Weights<'_>| {
            let pairs = self.pairs.iter().zip(&self.placed);
            pairs
                .map(|(pair, values)| assign::Judged {
                    left: pair.left,
                    right: pair.right,
                    total: pair.total,
                    confidence: assign::probability(weights.total(assign::FEATURES, values)),
                    is_mutual: values[1] > 0.0,
                    rival: None,
                })
                .collect()
        };
        stage.with_weights(judged)
    }
}

/// The weights that make the labels likeliest, less the penalties.
fn regress(features: &'static [Feature], rows: &[(&[f32], bool)], stage: usize) -> Stage {
    let (smoothness, shrinkage) = (SMOOTHNESS[stage], SHRINKAGE[stage]);
    let starts: Vec<usize> = features
        .iter()
        .scan(1, |at, feature| {
            let start = *at;
            *at += feature.knots.len();
            Some(start)
        })
        .collect();
    let size = 1 + features.iter().map(|feature| feature.knots.len()).sum::<usize>();
    let basis: Vec<Vec<(usize, f64)>> = rows
        .iter()
        .map(|(values, _)| {
            let mut terms = vec![(0, 1.0)];
            for ((feature, start), value) in features.iter().zip(&starts).zip(*values) {
                let (at, share) = place(feature.knots, *value);
                terms.push((start + at, 1.0 - f64::from(share)));
                if share > 0.0 {
                    terms.push((start + at + 1, f64::from(share)));
                }
            }
            terms
        })
        .collect();
    let mut weights = vec![0.0; size];
    let mut last = f64::INFINITY;
    for _ in 0..40 {
        let mut gradient = vec![0.0; size];
        let mut hessian = vec![0.0; size * size];
        let mut loss = 0.0;
        for (terms, (_, label)) in basis.iter().zip(rows) {
            let score: f64 = terms.iter().map(|(at, share)| weights[*at] * share).sum();
            let probability = 1.0 / (1.0 + (-score).exp());
            let error = probability - f64::from(u8::from(*label));
            loss -= if *label { probability.max(1e-12).ln() } else { (1.0 - probability).max(1e-12).ln() };
            let curvature = (probability * (1.0 - probability)).max(1e-9);
            for &(i, a) in terms {
                gradient[i] += error * a;
                for &(j, b) in terms {
                    hessian[i * size + j] += curvature * a * b;
                }
            }
        }
        for at in 1..size {
            loss += 0.5 * shrinkage * weights[at] * weights[at];
            gradient[at] += shrinkage * weights[at];
            hessian[at * size + at] += shrinkage;
        }
        hessian[0] += 1e-6;
        for (feature, start) in features.iter().zip(&starts) {
            for at in *start..start + feature.knots.len() - 1 {
                let step = weights[at + 1] - weights[at];
                loss += 0.5 * smoothness * step * step;
                gradient[at + 1] += smoothness * step;
                gradient[at] -= smoothness * step;
                for (i, j, sign) in [(at, at, 1.0), (at + 1, at + 1, 1.0), (at, at + 1, -1.0), (at + 1, at, -1.0)] {
                    hessian[i * size + j] += sign * smoothness;
                }
            }
        }
        let step = solve(hessian, gradient, size);
        let longest = step.iter().fold(0.0_f64, |most, part| most.max(part.abs()));
        let scale = if longest > 2.0 { 2.0 / longest } else { 1.0 };
        for (weight, part) in weights.iter_mut().zip(&step) {
            *weight -= scale * part;
        }
        if (last - loss).abs() < 1e-6 * loss.max(1.0) && scale >= 1.0 {
            break;
        }
        last = loss;
    }
    Stage { features, weights }
}

impl Stage {
    /// Weights in thousandths of a bit: the prior and the curves.
    fn millibits(&self) -> (i32, Vec<Vec<i32>>) {
        let rounded = |weight: f64| (weight / std::f64::consts::LN_2 * 1000.0).round() as i32;
        let mut at = 1;
        let curves = self
            .features
            .iter()
            .map(|feature| {
                let curve = self.weights[at..at + feature.knots.len()].iter().map(|weight| rounded(*weight)).collect();
                at += feature.knots.len();
                curve
            })
            .collect();
        (rounded(self.weights[0]), curves)
    }

    fn with_weights<T>(&self, use_them: impl FnOnce(&Weights<'_>) -> T) -> T {
        let (prior, curves) = self.millibits();
        let curves: Vec<&[i32]> = curves.iter().map(Vec::as_slice).collect();
        use_them(&Weights { prior, curves: &curves })
    }

    fn judge(&self, right_share: u32, pairs: &[assign::Compared]) -> Vec<assign::Judged> {
        self.with_weights(|weights| assign::judge(pairs, &assign::Rivals { weights: *weights, right_share }))
    }

    fn compared(&self, sample: &Sample) -> Vec<assign::Compared> {
        self.with_weights(|weights| {
            let values = sample.values.chunks(self.features.len());
            let pairs = sample.pairs.iter().zip(values);
            pairs
                .map(|(&(left, right), values)| assign::Compared {
                    left,
                    right,
                    total: weights.total(self.features, values),
                })
                .collect()
        })
    }

    fn source(&self, name: &str, description: &str) -> String {
        let (prior, curves) = self.millibits();
        let mut text = format!("/// {description}\npub(super) const {name}: Weights<'static> = Weights {{\n");
        let _ = writeln!(text, "    prior: {prior},\n    curves: &[");
        for (feature, curve) in self.features.iter().zip(curves) {
            let _ = writeln!(text, "        // {}\n        &{curve:?},", feature.name);
        }
        text.push_str("    ],\n};");
        text
    }
}

/// Figures of every set: five folds, and all of a set left out where there are several.
fn report(features: &'static [Feature], samples: &[Sample], report: &mut String) {
    let mut pooled: Vec<(f64, bool)> = Vec::new();
    let mut held: Vec<Vec<assign::Judged>> = samples.iter().map(|_| Vec::new()).collect();
    for fold in 0..FOLDS {
        let is_seen = |set: usize, at: usize| samples[set].folds[at] != fold;
        let first = stage_one(features, samples, is_seen);
        let (second, share) = stage_two(features, samples, is_seen);
        for (sample, held) in samples.iter().zip(&mut held) {
            let judged = second.judge(share, &first.compared(sample));
            held.extend(judged.into_iter().zip(&sample.folds).filter(|(_, of)| **of == fold).map(|(one, _)| one));
        }
    }
    for (sample, judged) in samples.iter().zip(&mut held) {
        judged.sort_by_key(|one| (one.left, one.right));
        let chosen = figures(sample, judged);
        let _ = writeln!(report, "{:24} five folds   {}", sample.name, chosen.0);
        pooled.extend(chosen.1);
    }
    let _ = writeln!(report, "calibration, five folds: {}", calibration(&pooled));
    for (left_out, sample) in samples.iter().enumerate().filter(|_| samples.len() > 1) {
        let first = stage_one(features, samples, |set, _| set != left_out);
        let (second, share) = stage_two(features, samples, |set, _| set != left_out);
        let judged = second.judge(share, &first.compared(sample));
        let _ = writeln!(report, "{:24} left out     {}", sample.name, figures(sample, &judged).0);
    }
}

/// Best F1, recall at two precisions, and the choice with its truth.
fn figures(sample: &Sample, judged: &[assign::Judged]) -> (String, Vec<(f64, bool)>) {
    let chosen: Vec<(f64, bool)> = assign::choose(judged)
        .into_iter()
        .map(|at| (f64::from(judged[at].confidence.millionths()) / 1e6, sample.labels[at]))
        .collect();
    let (mut right, mut best, mut at_99, mut at_95) = (0, 0.0_f64, 0.0_f64, 0.0_f64);
    let (mut mapped, mut mapped_right) = (0, 0);
    for (count, (confidence, label)) in chosen.iter().enumerate() {
        right += usize::from(*label);
        if *confidence >= 0.98 {
            (mapped, mapped_right) = (count + 1, right);
        }
        if chosen.get(count + 1).is_some_and(|next| next.0 == *confidence) {
            continue;
        }
        let (precision, recall) = (right as f64 / (count + 1) as f64, right as f64 / sample.gold as f64);
        best = best.max(2.0 * precision * recall / (precision + recall).max(1e-9));
        at_99 = if precision >= 0.99 { at_99.max(recall) } else { at_99 };
        at_95 = if precision >= 0.95 { at_95.max(recall) } else { at_95 };
    }
    let reach = sample.labels.iter().filter(|label| **label).count();
    let text = format!(
        "F1 {best:.4}  recall at .99 {at_99:.4}, at .95 {at_95:.4}  map {mapped_right}/{mapped} of {}  candidates {reach} in {}",
        sample.gold,
        sample.pairs.len()
    );
    (text, chosen)
}

fn calibration(pairs: &[(f64, bool)]) -> String {
    let bands = [(0.5, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 0.98), (0.98, 0.99), (0.99, 1.1)];
    let mut text = String::new();
    for (low, high) in bands {
        let band: Vec<&(f64, bool)> = pairs.iter().filter(|(score, _)| (low..high).contains(score)).collect();
        let mean = band.iter().map(|(score, _)| score).sum::<f64>() / band.len().max(1) as f64;
        let share = band.iter().filter(|(_, label)| *label).count() as f64 / band.len().max(1) as f64;
        let _ = write!(text, " {low:.2}: {} mean {mean:.3} right {share:.3};", band.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::explain::SignalKind;
    use super::*;

    #[test]
    fn a_curve_follows_the_labels() {
        const FEATURES: &[Feature] = &[Feature { name: "x", kind: SignalKind::Name, knots: &[0.0, 1.0] }];
        let rows: Vec<([f32; 1], bool)> = (0..400).map(|at| ([(at % 2) as f32], at % 2 == 1 && at % 20 != 1)).collect();
        let rows: Vec<(&[f32], bool)> = rows.iter().map(|(values, label)| (values.as_slice(), *label)).collect();
        let stage = regress(FEATURES, &rows, 1);
        let (prior, curves) = stage.millibits();
        let odds = f64::from(prior + curves[0][1]) / 1000.0;
        assert!((odds - 9.0_f64.log2()).abs() < 0.5, "{odds}");
        assert!(prior + curves[0][0] < -3000);
    }
}
