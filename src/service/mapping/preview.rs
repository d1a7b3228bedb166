//! What another floor would do: the pairs that it would map or no longer map, and how it would have done on what people
//! have decided.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::explanation::evidence;
use super::rematch::product::{Goods, scope_of};
use super::rematch::{Standing, customer::Parties};
use super::{MACHINE, MappingService, Rematch, RematchError};
use crate::domain::access::{Caller, Role};
use crate::domain::id::{ExternalId, IntegrationId};
use crate::domain::mapping::{Evidence, Mapping, MappingKind, MappingScope, MappingState, MappingStatus};
use crate::engine::matching::{
    Confidence, CustomerInput, Decisions, Explanation, Lessons, MatchingPolicy, Outcome, ProductInput, match_customers,
    match_products, reviewed_precision,
};
use crate::service::{Internal, ReadError};

/// Most pairs of a list.
const MAX_PAIRS: usize = 100;

/// What another floor would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The floor that was asked about.
    pub floor: Confidence,
    /// The floor that holds.
    pub in_force: Confidence,
    /// Undecided pairs that the floor would map by itself.
    pub mapped: u64,
    /// Pairs that are not mapped by the floor in force and would be, the least sure first.
    pub gained: PreviewPairs,
    /// Pairs that are mapped by the floor in force and would not be, the least sure first.
    pub lost: PreviewPairs,
    /// What it would have done with what people decided.
    pub replay: Replay,
    /// What the decisions taught.
    pub lessons: Lessons,
}

/// Some pairs of a list, and how many it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPairs {
    /// At most a hundred of them.
    pub pairs: Vec<PreviewPair>,
    /// All.
    pub count: u64,
}

/// A pair of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPair {
    /// Company or product at Pax8 (our id).
    pub pax8_record_id: Uuid,
    /// Customer or item at the PSA (our id).
    pub psa_record_id: Uuid,
    /// Term.
    pub scope: MappingScope,
    /// How sure, and why.
    pub evidence: Evidence,
}

/// What a floor would have done with decided records, had nobody decided and nothing been taught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Records and terms with a confirmed pair that it would have mapped so.
    pub right: u64,
    /// Those with a confirmed pair that it would have mapped otherwise, and rejected pairs that it would have mapped.
    pub wrong: PreviewPairs,
    /// Those with a confirmed pair that it would have left to people.
    pub open: u64,
    /// Precision that this shows at least, with 95 % certainty; `None` where it would have mapped nothing.
    pub precision_at_least: Option<Confidence>,
}

/// What the engine says about one record and term.
struct Found {
    pax8_record_id: Uuid,
    scope: MappingScope,
    mapped: Option<(Uuid, Confidence, Box<Explanation>)>,
}

/// What the engine says with and without the decisions.
struct BothWays {
    present: Vec<Found>,
    replayed: Vec<Found>,
    lessons: Lessons,
    /// PSA records that there are; decisions about others cannot be replayed.
    psa: HashSet<Uuid>,
}

impl MappingService {
    /// What another floor would do for mappings of one kind; `None` where the caller has no such integration.
    pub async fn preview(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        kind: MappingKind,
        floor: Confidence,
    ) -> Result<Option<Preview>, ReadError> {
        caller.require(Role::Viewer)?;
        let organization_id = caller.organization_id;
        let command = Rematch { organization_id, integration_id, run_id: None, claim: None };
        match self.look_ahead(command, kind, floor).await {
            Ok(preview) => Ok(Some(preview)),
            Err(RematchError::NotFound(_)) => Ok(None),
            Err(error) => Err(Internal::log(&caller.correlation_id, &error).into()),
        }
    }

    async fn look_ahead(
        &self,
        command: Rematch<'_>,
        kind: MappingKind,
        floor: Confidence,
    ) -> Result<Preview, RematchError> {
        let permit = self.looks.clone().acquire_owned().await;
        let permit = permit.map_err(|error| RematchError::Engine(error.to_string()))?;
        let scene = self.scene(command).await?;
        let standing = self.standing(command, kind).await?;
        let in_force = self.policy(&scene, kind).await?.floor;
        // Both floors are read off one pass at the lower of them.
        let policy = MatchingPolicy { floor: floor.min(in_force), ..scene.policy.clone() };
        let both = match kind {
            MappingKind::Customer => {
                let parties = self.parties(command, &scene, &standing).await?;
                tokio::task::spawn_blocking(move || (permit, customers_both_ways(&parties, &policy))).await
            }
            MappingKind::Product => {
                let goods = self.goods(command, &scene, &standing).await?;
                tokio::task::spawn_blocking(move || (permit, products_both_ways(&goods, &policy))).await
            }
        };
        // The permit came with the work: whoever asked may have hung up, and the work goes on until it is done.
        let (_permit, both) = both.map_err(|error| RematchError::Engine(error.to_string()))?;
        Ok(compare(both, &standing, floor, in_force))
    }
}

fn customers_both_ways(parties: &Parties, policy: &MatchingPolicy) -> BothWays {
    let Parties { companies, customers, decisions, company_ids, customer_ids } = parties;
    let run = |decisions: &Decisions<ExternalId>| {
        let result = match_customers(&CustomerInput { companies, customers, decisions, policy });
        let found = result.matches.into_iter().filter_map(|found| {
            Some(Found {
                pax8_record_id: *company_ids.get(&found.company)?,
                scope: MappingScope::default(),
                mapped: mapped(found.outcome, customer_ids),
            })
        });
        (found.collect(), result.lessons)
    };
    let (present, lessons) = run(decisions);
    let psa = customer_ids.values().copied().collect();
    BothWays { present, lessons, replayed: run(&Decisions::default()).0, psa }
}

fn products_both_ways(goods: &Goods, policy: &MatchingPolicy) -> BothWays {
    let Goods { products, items, decisions, product_ids, item_ids } = goods;
    let run = |decisions: &Decisions<_>| {
        let result = match_products(&ProductInput { products, items, decisions, policy });
        let found = result.matches.into_iter().filter_map(|found| {
            Some(Found {
                pax8_record_id: *product_ids.get(&found.term.product)?,
                scope: scope_of(found.term.billing_term, found.term.commitment_term.as_deref()),
                mapped: mapped(found.outcome, item_ids),
            })
        });
        (found.collect(), result.lessons)
    };
    let (present, lessons) = run(decisions);
    let psa = item_ids.values().copied().collect();
    BothWays { present, lessons, replayed: run(&Decisions::default()).0, psa }
}

fn mapped(outcome: Outcome, ids: &HashMap<ExternalId, Uuid>) -> Option<(Uuid, Confidence, Box<Explanation>)> {
    match outcome {
        Outcome::Mapped { target, confidence, explanation } => Some((*ids.get(&target)?, confidence, explanation)),
        Outcome::Confirmed { .. } | Outcome::Open { .. } => None,
    }
}

fn compare(both: BothWays, standing: &Standing, floor: Confidence, in_force: Confidence) -> Preview {
    let mut of_record: HashMap<Uuid, Vec<&Mapping>> = HashMap::new();
    for mapping in standing.mappings().iter().filter(|mapping| mapping.scope.customer.is_empty()) {
        of_record.entry(mapping.pax8_record_id).or_default().push(mapping);
    }
    let rows = |found: &Found| {
        let rows = of_record.get(&found.pax8_record_id).map_or(&[][..], Vec::as_slice);
        rows.iter().copied().filter(|mapping| mapping.scope.covers(&found.scope)).collect::<Vec<&Mapping>>()
    };
    let (mut mapped, mut gained, mut lost) = (0, Vec::new(), Vec::new());
    for found in both.present {
        let rows = rows(&found);
        let Some((psa_record_id, confidence, explanation)) = &found.mapped else { continue };
        // What somebody took away is offered, and not mapped again; what is settled is not looked at.
        let is_out = rows.iter().any(|row| match row.state.status() {
            MappingStatus::Confirmed => true,
            MappingStatus::Rejected => row.psa_record_id == *psa_record_id,
            MappingStatus::Removed => row.psa_record_id == *psa_record_id && was_taken_away(row),
            MappingStatus::Suggested => false,
        });
        if is_out {
            continue;
        }
        mapped += u64::from(*confidence >= floor);
        if (*confidence >= floor) != (*confidence >= in_force) {
            let list = if *confidence >= floor { &mut gained } else { &mut lost };
            list.push(pair(&found, *psa_record_id, *confidence, explanation));
        }
    }
    let (mut right, mut wrong, mut open) = (0, Vec::new(), 0);
    for found in both.replayed {
        let rows = rows(&found);
        let of_status = |status| {
            let present = rows.iter().filter(|mapping| both.psa.contains(&mapping.psa_record_id));
            present.filter(move |mapping| mapping.state.status() == status)
        };
        // The decision for the very term wins over the one for the whole product.
        let confirmed = of_status(MappingStatus::Confirmed).max_by_key(|mapping| mapping.scope == found.scope);
        let confirmed: HashSet<Uuid> = confirmed.map(|mapping| mapping.psa_record_id).into_iter().collect();
        let rejected: HashSet<Uuid> = of_status(MappingStatus::Rejected).map(|mapping| mapping.psa_record_id).collect();
        let now = found.mapped.as_ref().filter(|(_, confidence, _)| *confidence >= floor);
        match now {
            Some((target, _, _)) if confirmed.contains(target) => right += 1,
            Some((target, confidence, explanation)) if !confirmed.is_empty() || rejected.contains(target) => {
                wrong.push(pair(&found, *target, *confidence, explanation));
            }
            Some(_) => {}
            None => open += u64::from(!confirmed.is_empty()),
        }
    }
    let wrong = PreviewPairs::of(wrong);
    let precision_at_least = reviewed_precision(right + wrong.count, wrong.count);
    Preview {
        floor,
        in_force,
        mapped,
        gained: PreviewPairs::of(gained),
        lost: PreviewPairs::of(lost),
        replay: Replay { right, wrong, open, precision_at_least },
        lessons: both.lessons,
    }
}

fn was_taken_away(mapping: &Mapping) -> bool {
    matches!(&mapping.state, MappingState::Removed { decision, .. } if decision.decided_by != MACHINE)
}

fn pair(found: &Found, psa_record_id: Uuid, confidence: Confidence, explanation: &Explanation) -> PreviewPair {
    PreviewPair {
        pax8_record_id: found.pax8_record_id,
        psa_record_id,
        scope: found.scope.clone(),
        evidence: evidence(confidence, explanation),
    }
}

impl PreviewPairs {
    fn of(mut pairs: Vec<PreviewPair>) -> Self {
        let count = pairs.len() as u64;
        pairs.sort_by(|a, b| {
            let place = |pair: &PreviewPair| (pair.evidence.confidence, pair.pax8_record_id);
            place(a).cmp(&place(b)).then_with(|| a.scope.cmp(&b.scope))
        });
        pairs.truncate(MAX_PAIRS);
        Self { pairs, count }
    }
}
