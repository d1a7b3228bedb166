//! What has to be written so that the rows say what the engine found, without touching what people decided. Pure.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::MACHINE;
use crate::domain::id::{IntegrationId, MappingId, OrganizationId};
use crate::domain::mapping::{
    Evidence, Mapping, MappingKind, MappingOrigin, MappingRole, MappingScope, MappingState, MappingStatus,
};
use crate::domain::run::MatchCount;
use crate::environment::Ids;
use crate::storage::candidate::Candidate;

/// What the engine found for one record and term.
pub(super) struct Verdict {
    pub pax8_record_id: Uuid,
    pub scope: MappingScope,
    /// PSA record that it maps by itself.
    pub mapped: Option<(Uuid, Evidence)>,
    /// Possible PSA records, best first.
    pub candidates: Vec<(Uuid, Evidence)>,
}

/// What has to be written for one Pax8 record.
pub(super) struct RecordPlan {
    pub pax8_record_id: Uuid,
    /// New suggestions.
    pub inserted: Vec<Mapping>,
    /// Suggestions that come back.
    pub proposed: Vec<Mapping>,
    /// Suggestions with new reasons.
    pub refreshed: Vec<Mapping>,
    /// Suggestions that are taken back.
    pub withdrawn: Vec<Uuid>,
    /// Candidates as they shall be.
    pub candidates: Vec<Candidate>,
}

impl RecordPlan {
    pub fn new(pax8_record_id: Uuid) -> Self {
        Self {
            pax8_record_id,
            inserted: Vec::new(),
            proposed: Vec::new(),
            refreshed: Vec::new(),
            withdrawn: Vec::new(),
            candidates: Vec::new(),
        }
    }
}

/// The mappings that there are.
pub(in crate::service::mapping) struct Standing {
    pub kind: MappingKind,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    mappings: Vec<Mapping>,
    by_record: HashMap<Uuid, Vec<usize>>,
    judged: HashSet<Uuid>,
}

impl Standing {
    pub fn new(
        organization_id: OrganizationId,
        integration_id: IntegrationId,
        kind: MappingKind,
        mappings: Vec<Mapping>,
    ) -> Self {
        let mut by_record: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for (at, mapping) in mappings.iter().enumerate() {
            by_record.entry(mapping.pax8_record_id).or_default().push(at);
        }
        Self { kind, organization_id, integration_id, mappings, by_record, judged: HashSet::new() }
    }

    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// The sum of all versions. Mappings are never deleted and versions only grow, so it grows with every change.
    pub(super) fn versions(&self) -> u64 {
        self.mappings.iter().map(|mapping| mapping.version.unsigned_abs()).sum()
    }

    /// Suggestions that no verdict was about. One that is limited to a customer came from a person, who took a decision
    /// back; the machine does not judge it.
    pub fn unjudged_suggestions(&self) -> Vec<Uuid> {
        self.mappings
            .iter()
            .filter(|mapping| mapping.state.status() == MappingStatus::Suggested && mapping.scope.customer.is_empty())
            .map(|mapping| mapping.id.0)
            .filter(|id| !self.judged.contains(id))
            .collect()
    }

    /// Counts a record and term that was not matched again; `offered` are those that have candidates.
    pub(super) fn keep(
        &mut self,
        record: Uuid,
        scope: &MappingScope,
        offered: &HashSet<(Uuid, MappingScope)>,
        count: &mut MatchCount,
    ) {
        let rows = self.by_record.get(&record).map_or(&[][..], Vec::as_slice);
        let mut holds = false;
        for mapping in rows.iter().map(|row| &self.mappings[*row]) {
            match mapping.state.status() {
                MappingStatus::Suggested if mapping.scope == *scope => {
                    self.judged.insert(mapping.id.0);
                    holds = true;
                }
                MappingStatus::Confirmed => holds |= mapping.scope.covers(scope),
                MappingStatus::Suggested | MappingStatus::Rejected | MappingStatus::Removed => {}
            }
        }
        if holds {
            count.kept += 1;
        } else if offered.contains(&(record, scope.clone())) {
            count.with_candidates += 1;
        } else {
            count.unmatched += 1;
        }
    }

    /// Adds to a plan what a verdict asks for.
    pub(super) fn judge(
        &mut self,
        verdict: Verdict,
        plan: &mut RecordPlan,
        count: &mut MatchCount,
        now: DateTime<Utc>,
        ids: &dyn Ids,
    ) {
        let rows: Vec<usize> = self.by_record.get(&verdict.pax8_record_id).cloned().unwrap_or_default();
        let rows = || rows.iter().map(|row| &self.mappings[*row]);
        let is_settled = rows()
            .any(|mapping| mapping.state.status() == MappingStatus::Confirmed && mapping.scope.covers(&verdict.scope));
        // What was rejected for every term stays rejected for each.
        let is_refused = |psa_record_id: Uuid| {
            rows().any(|mapping| {
                mapping.psa_record_id == psa_record_id
                    && mapping.state.status() == MappingStatus::Rejected
                    && mapping.scope.covers(&verdict.scope)
            })
        };
        let found = verdict.mapped.clone().filter(|(psa_record_id, _)| !is_settled && !is_refused(*psa_record_id));
        let mut mapped = None;
        if let Some((psa_record_id, evidence)) = found {
            let known = rows()
                .find(|mapping| mapping.scope == verdict.scope && mapping.psa_record_id == psa_record_id)
                .cloned();
            mapped = match known {
                None => {
                    count.suggested += 1;
                    plan.inserted.push(Mapping {
                        id: MappingId(ids.next()),
                        organization_id: self.organization_id,
                        integration_id: self.integration_id,
                        kind: self.kind,
                        pax8_record_id: verdict.pax8_record_id,
                        psa_record_id,
                        scope: verdict.scope.clone(),
                        state: MappingState::Suggested { evidence },
                        origin: MappingOrigin::Automatic,
                        factor: Decimal::ONE,
                        role: MappingRole::Billed,
                        version: 1,
                        created_at: now,
                        updated_at: now,
                    });
                    Some(psa_record_id)
                }
                Some(known) => match &known.state {
                    MappingState::Suggested { evidence: old } => {
                        count.kept += 1;
                        if *old != evidence {
                            plan.refreshed.push(Mapping { state: known.state.clone().propose(evidence), ..known });
                        }
                        Some(psa_record_id)
                    }
                    MappingState::Removed { decision, .. } if decision.decided_by == MACHINE => {
                        count.suggested += 1;
                        plan.proposed.push(Mapping {
                            state: known.state.clone().propose(evidence),
                            version: known.version + 1,
                            updated_at: now,
                            ..known
                        });
                        Some(psa_record_id)
                    }
                    // A person said no, or took it away.
                    MappingState::Removed { .. } | MappingState::Rejected { .. } | MappingState::Confirmed { .. } => {
                        None
                    }
                },
            };
        }
        let mut judged = Vec::new();
        for mapping in rows() {
            if mapping.scope == verdict.scope && mapping.state.status() == MappingStatus::Suggested {
                judged.push(mapping.id.0);
                if Some(mapping.psa_record_id) != mapped {
                    plan.withdrawn.push(mapping.id.0);
                }
            }
        }
        let rejected: HashSet<Uuid> = rows()
            .filter(|mapping| mapping.state.status() == MappingStatus::Rejected && mapping.scope.covers(&verdict.scope))
            .map(|mapping| mapping.psa_record_id)
            .collect();
        self.judged.extend(judged);
        if is_settled {
            count.kept += 1;
            return;
        }
        let offered = verdict
            .candidates
            .into_iter()
            .filter(|(psa_record_id, _)| Some(*psa_record_id) != mapped && !rejected.contains(psa_record_id));
        let before = plan.candidates.len();
        plan.candidates.extend(offered.zip(0..).map(|((psa_record_id, evidence), position)| Candidate {
            pax8_record_id: verdict.pax8_record_id,
            psa_record_id,
            scope: verdict.scope.clone(),
            position,
            evidence,
        }));
        match (mapped, plan.candidates.len() > before) {
            (Some(_), _) => {}
            (None, true) => count.with_candidates += 1,
            (None, false) => count.unmatched += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mapping::Decision;
    use crate::environment::CountingIds;

    const RECORD: Uuid = Uuid::from_u128(1);

    fn evidence(confidence: u32) -> Evidence {
        Evidence { confidence, explanation: "{}".into() }
    }

    fn by(name: &str) -> Decision {
        Decision { decided_by: name.into(), decided_at: DateTime::UNIX_EPOCH, reason: None }
    }

    fn mapping(psa: u128, state: MappingState) -> Mapping {
        Mapping {
            id: MappingId(Uuid::from_u128(100 + psa)),
            organization_id: OrganizationId(Uuid::nil()),
            integration_id: IntegrationId(Uuid::nil()),
            kind: MappingKind::Customer,
            pax8_record_id: RECORD,
            psa_record_id: Uuid::from_u128(psa),
            scope: MappingScope::default(),
            state,
            origin: MappingOrigin::Automatic,
            factor: Decimal::ONE,
            role: MappingRole::Billed,
            version: 4,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    /// What happens to a record with this mapping to customer 2 when the engine says `mapped` and offers 2 and 3: new,
    /// brought back, withdrawn, offered.
    #[track_caller]
    fn check(old: Option<MappingState>, mapped: Option<u128>, expected: (usize, usize, usize, usize), kept: u64) {
        let mappings = old.into_iter().map(|state| mapping(2, state)).collect();
        let (organization, integration) = (OrganizationId(Uuid::nil()), IntegrationId(Uuid::nil()));
        let mut standing = Standing::new(organization, integration, MappingKind::Customer, mappings);
        let mut plan = RecordPlan::new(RECORD);
        let mut count = MatchCount::default();
        let verdict = Verdict {
            pax8_record_id: RECORD,
            scope: MappingScope::default(),
            mapped: mapped.map(|psa| (Uuid::from_u128(psa), evidence(990_000))),
            candidates: [2, 3].map(|psa| (Uuid::from_u128(psa), evidence(500_000))).into(),
        };
        standing.judge(verdict, &mut plan, &mut count, DateTime::UNIX_EPOCH, &CountingIds::default());
        let found = (plan.inserted.len(), plan.proposed.len(), plan.withdrawn.len(), plan.candidates.len());
        assert_eq!((found, count.kept), (expected, kept));
        assert_eq!(count.suggested + count.kept + count.with_candidates + count.unmatched, 1, "counted once");
        assert!(standing.unjudged_suggestions().is_empty());
    }

    #[test]
    fn people_outrank_the_machine() {
        let suggested = MappingState::Suggested { evidence: evidence(990_000) };
        check(None, Some(2), (1, 0, 0, 1), 0);
        check(None, None, (0, 0, 0, 2), 0);
        check(Some(suggested.clone()), Some(2), (0, 0, 0, 1), 1);
        check(Some(suggested.clone()), None, (0, 0, 1, 2), 0);
        check(Some(suggested.clone()), Some(3), (1, 0, 1, 1), 0);
        check(Some(suggested.clone().confirm(by("Ann"))), Some(3), (0, 0, 0, 0), 1);
        check(Some(suggested.clone().reject(by("Ann"))), Some(2), (0, 0, 0, 1), 0);
        check(Some(suggested.clone().remove(by("Ann"))), Some(2), (0, 0, 0, 2), 0);
        check(Some(suggested.remove(by(MACHINE))), Some(2), (0, 1, 0, 1), 0);
    }

    #[test]
    fn what_was_rejected_for_every_commitment_is_not_proposed_for_one() {
        let yearly = |commitment: &str| MappingScope {
            billing_term: "Annual".into(),
            commitment_term: commitment.into(),
            customer: String::new(),
        };
        let rejected = MappingState::Rejected { evidence: None, decision: by("Ann") };
        let old = Mapping { scope: yearly(""), kind: MappingKind::Product, ..mapping(2, rejected) };
        let (organization, integration) = (OrganizationId(Uuid::nil()), IntegrationId(Uuid::nil()));
        let mut standing = Standing::new(organization, integration, MappingKind::Product, vec![old]);
        let (mut plan, mut count) = (RecordPlan::new(RECORD), MatchCount::default());
        let verdict = Verdict {
            pax8_record_id: RECORD,
            scope: yearly("1-Year"),
            mapped: Some((Uuid::from_u128(2), evidence(990_000))),
            candidates: vec![(Uuid::from_u128(2), evidence(990_000))],
        };
        standing.judge(verdict, &mut plan, &mut count, DateTime::UNIX_EPOCH, &CountingIds::default());
        assert!(plan.inserted.is_empty() && plan.candidates.is_empty());
    }
}
