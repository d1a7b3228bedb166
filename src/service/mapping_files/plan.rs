//! What has to be written so that mappings are as a file says. Pure.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::format::RejectedRow;
use crate::domain::id::{IntegrationId, MappingId};
use crate::domain::mapping::{
    Decision, Mapping, MappingKind, MappingOrigin, MappingRole, MappingScope, MappingState, MappingStatus,
};
use crate::environment::Ids;
use crate::storage::mapping::ACTIVE;

use rust_decimal::Decimal;

/// What wins when a file contradicts what a person confirmed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precedence {
    /// The earlier decision; the row is rejected.
    #[default]
    Earlier,
    /// The file; what it replaces is counted.
    File,
}

/// A row of a file with our ids in place of the providers'.
pub(super) struct WantedRow {
    pub line: u64,
    pub pax8_record_id: Uuid,
    pub scope: MappingScope,
    /// `None`: there is no counterpart.
    pub psa_record_id: Option<Uuid>,
    /// `None`: as it is, or 1.
    pub factor: Option<Decimal>,
    /// `None`: as it is, or BILLED.
    pub role: Option<MappingRole>,
    /// Words for messages: what the row is about.
    pub subject: String,
}

/// What has to be written.
#[derive(Default)]
pub(super) struct ImportPlan {
    /// Suggestions taken away because another pair was chosen, or none.
    pub removed: Vec<Uuid>,
    /// Suggestions that are confirmed as they are.
    pub adopted: Vec<Uuid>,
    /// Rows that change otherwise; removals come before confirmations.
    pub updated: Vec<Mapping>,
    /// New rows.
    pub inserted: Vec<Mapping>,
    pub confirmed: u64,
    pub unchanged: u64,
    pub replaced: u64,
    pub rejected: Vec<RejectedRow>,
}

/// Everything that a plan is made of beside the rows.
pub(super) struct Setting<'a> {
    pub file: &'static str,
    pub kind: MappingKind,
    pub integration_id: IntegrationId,
    pub organization_id: crate::domain::id::OrganizationId,
    pub precedence: Precedence,
    pub decision: Decision,
    pub ids: &'a dyn Ids,
}

type Slot = (Uuid, MappingScope);

/// Plans the import of rows into mappings of one kind, in whatever state they are.
pub(super) fn plan(setting: &Setting<'_>, mappings: Vec<Mapping>, rows: Vec<WantedRow>) -> ImportPlan {
    let mut by_slot: HashMap<Slot, Vec<Mapping>> = HashMap::new();
    for mapping in mappings {
        by_slot.entry((mapping.pax8_record_id, mapping.scope.clone())).or_default().push(mapping);
    }
    let mut seen: BTreeMap<(Uuid, MappingScope), (u64, Option<Uuid>)> = BTreeMap::new();
    let mut plan = ImportPlan::default();
    let (mut endings, mut confirmations) = (Vec::new(), Vec::new());
    for row in rows {
        let slot = (row.pax8_record_id, row.scope.clone());
        if let Some((line, target)) = seen.get(&slot) {
            if *target == row.psa_record_id {
                plan.unchanged += 1;
            } else {
                let reason = format!("Line {line} says something else about {}.", row.subject);
                plan.rejected.push(RejectedRow { file: setting.file, line: row.line, reason });
            }
            continue;
        }
        seen.insert(slot.clone(), (row.line, row.psa_record_id));
        let known = by_slot.get(&slot).map_or(&[][..], Vec::as_slice);
        let own = row.psa_record_id.and_then(|id| known.iter().find(|mapping| mapping.psa_record_id == id));
        let active = known.iter().find(|mapping| ACTIVE.contains(&mapping.state.status()));
        let rival = active.filter(|active| Some(active.psa_record_id) != row.psa_record_id);

        let mut is_replacing = false;
        if let Some(rival) = rival {
            match (rival.state.status(), setting.precedence) {
                (MappingStatus::Confirmed, Precedence::Earlier) => {
                    let by = rival.state.decision().map_or("somebody", |decision| decision.decided_by.as_str());
                    let reason = format!(
                        "{} is mapped to another record, which {by} confirmed. Remove that mapping first, or import \
                         with the file taking precedence.",
                        capitalized(&row.subject)
                    );
                    plan.rejected.push(RejectedRow { file: setting.file, line: row.line, reason });
                    continue;
                }
                (MappingStatus::Confirmed, Precedence::File) => {
                    is_replacing = true;
                    endings.push(changed(rival, rival.state.clone().replace(setting.decision.clone()), setting));
                }
                _ => plan.removed.push(rival.id.0),
            }
        }
        let Some(psa_record_id) = row.psa_record_id else {
            match rival {
                None => plan.unchanged += 1,
                Some(_) => plan.replaced += u64::from(is_replacing),
            }
            continue;
        };
        let factor = row.factor.or(own.map(|own| own.factor)).unwrap_or(Decimal::ONE);
        let role = row.role.or(own.map(|own| own.role)).unwrap_or(MappingRole::Billed);
        match own {
            Some(own) if own.state.status() == MappingStatus::Confirmed => {
                if (own.factor, own.role) == (factor, role) {
                    plan.unchanged += 1;
                    continue;
                }
                if setting.precedence == Precedence::Earlier {
                    let reason = format!(
                        "{} is mapped so already, with another factor or role. Remove that mapping first, or import \
                         with the file taking precedence.",
                        capitalized(&row.subject)
                    );
                    plan.rejected.push(RejectedRow { file: setting.file, line: row.line, reason });
                    continue;
                }
                is_replacing = true;
                let state = MappingState::Confirmed {
                    evidence: own.state.evidence().cloned(),
                    decision: setting.decision.clone(),
                };
                confirmations.push(Mapping { factor, role, ..changed(own, state, setting) });
            }
            Some(own) if own.state.status() == MappingStatus::Suggested && (own.factor, own.role) == (factor, role) => {
                plan.adopted.push(own.id.0);
            }
            Some(own) => {
                let state = own.state.clone().confirm(setting.decision.clone());
                let origin = MappingOrigin::Manual;
                confirmations.push(Mapping { factor, role, origin, ..changed(own, state, setting) });
            }
            None => plan.inserted.push(Mapping {
                id: MappingId(setting.ids.next()),
                organization_id: setting.organization_id,
                integration_id: setting.integration_id,
                kind: setting.kind,
                pax8_record_id: row.pax8_record_id,
                psa_record_id,
                scope: row.scope,
                state: MappingState::Confirmed { evidence: None, decision: setting.decision.clone() },
                origin: MappingOrigin::Manual,
                factor,
                role,
                version: 1,
                created_at: setting.decision.decided_at,
                updated_at: setting.decision.decided_at,
            }),
        }
        plan.confirmed += 1;
        plan.replaced += u64::from(is_replacing);
    }
    plan.updated = endings;
    plan.updated.append(&mut confirmations);
    plan
}

fn changed(old: &Mapping, state: MappingState, setting: &Setting<'_>) -> Mapping {
    Mapping { state, version: old.version + 1, updated_at: setting.decision.decided_at, ..old.clone() }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
