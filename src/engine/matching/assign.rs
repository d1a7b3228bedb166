//! From scored candidates to an outcome: confidence among rivals, runner-up, floor and vetoes.

use super::explain::{Explanation, RunnerUp, Signal, SignalKind, Veto, summarize};
use super::score::{Confidence, Weight, rival_confidences};
use super::{Candidate, MatchingPolicy, OpenReason, Outcome, RULES_VERSION};
use crate::domain::id::ExternalId;

/// A candidate with its evidence, before its rivals are known.
#[derive(Debug, Clone)]
pub(super) struct Scored {
    /// PSA record that would be mapped.
    pub target: ExternalId,
    /// Evidence for and against.
    pub signals: Vec<Signal>,
    /// Contradiction.
    pub veto: Option<Veto>,
    /// Part of the evidence that comes from what people decided.
    pub learned: Weight,
}

impl Scored {
    /// All evidence together.
    pub fn total(&self) -> Weight {
        self.signals.iter().fold(Weight::ZERO, |sum, signal| sum + signal.weight)
    }
}

/// Confidence that a vetoed candidate cannot exceed.
const VETOED: Confidence = Confidence::from_millionths(900_000);

/// Rivals nearer than this leave the record open, whatever the confidence (law 8).
const AMBIGUOUS: Weight = Weight::from_millibits(3000);

/// Ranks the candidates of one record and decides whether the best is mapped.
pub(super) fn decide(mut scored: Vec<Scored>, policy: &MatchingPolicy) -> (Outcome, Vec<Candidate>) {
    scored.sort_by(|a, b| b.total().cmp(&a.total()).then_with(|| a.target.cmp(&b.target)));
    let totals: Vec<Weight> = scored.iter().map(Scored::total).collect();
    let mut confidences = rival_confidences(&totals);
    for (confidence, candidate) in confidences.iter_mut().zip(&scored) {
        if candidate.veto.is_some() {
            *confidence = (*confidence).min(VETOED);
        }
    }
    let targets: Vec<ExternalId> = scored.iter().map(|candidate| candidate.target.clone()).collect();
    let mut candidates: Vec<Candidate> = Vec::new();
    for (position, mut candidate) in scored.into_iter().enumerate().take(policy.candidates_per_record.max(1)) {
        let rival = if position == 0 { 1 } else { 0 };
        let runner_up = targets.get(rival).map(|target| RunnerUp {
            target: target.clone(),
            confidence: confidences[rival],
            distance: totals[position] - totals[rival],
        });
        // The prior is bookkeeping and comes last; the rest is ordered by what it contributed.
        candidate.signals.sort_by_key(|signal| {
            (signal.kind == SignalKind::Prior, -i64::from(signal.weight.millibits()).abs(), signal.kind)
        });
        let summary = summarize(&candidate.signals, candidate.veto.as_ref());
        candidates.push(Candidate {
            target: candidate.target,
            confidence: confidences[position],
            explanation: Explanation {
                summary,
                signals: candidate.signals,
                runner_up,
                veto: candidate.veto,
                learned: candidate.learned,
                rules_version: RULES_VERSION,
            },
        });
    }
    (outcome(&candidates, policy), candidates)
}

fn outcome(candidates: &[Candidate], policy: &MatchingPolicy) -> Outcome {
    let Some(best) = candidates.first() else {
        return Outcome::Open { reason: OpenReason::NoCandidate };
    };
    let is_ambiguous = best
        .explanation
        .runner_up
        .as_ref()
        .is_some_and(|rival| rival.distance < AMBIGUOUS && rival.confidence > Confidence::from_millionths(20_000));
    let reason = if best.explanation.veto.is_some() {
        OpenReason::Vetoed
    } else if is_ambiguous {
        OpenReason::Ambiguous
    } else if best.confidence < policy.floor {
        OpenReason::BelowFloor
    } else {
        return Outcome::Mapped {
            target: best.target.clone(),
            confidence: best.confidence,
            explanation: Box::new(best.explanation.clone()),
        };
    };
    Outcome::Open { reason }
}
