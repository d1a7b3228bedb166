//! The floor of automatic mapping as reviews leave it: read at any time, and kept at once when somebody decides.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{MappingService, explanation, withdrawal};
use crate::domain::access::{Caller, Role};
use crate::domain::audit::Change;
use crate::domain::id::IntegrationId;
use crate::domain::mapping::{Mapping, MappingKind};
use crate::engine::matching::{Confidence, FloorRise, MappingFloor, Review, guarded_floor};
use crate::service::{Core, OrInternal as _, ReadError};
use crate::storage::candidate::{self, Candidate, Owner};
use crate::storage::mapping::Withdrawal;
use crate::storage::text::Word as _;
use crate::storage::{StorageError, Tx, integration, mapping};

/// The floor that holds for mappings of one kind, and the mapping that raised it most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedFloor {
    /// The floor.
    pub floor: MappingFloor,
    /// The wrong mapping that the machine was surest of; `None` while none was wrong.
    pub mistake: Option<Mapping>,
}

impl GuardedFloor {
    /// The floor and its reason, for people.
    pub fn sentence(&self) -> String {
        let MappingFloor { chosen, in_force, reviewed, wrong, .. } = self.floor;
        let reviews = format!(
            "{wrong} of {reviewed} reviewed automatic {} {} wrong",
            if reviewed == 1 { "mapping" } else { "mappings" },
            if wrong == 1 { "was" } else { "were" }
        );
        let Some(rise) = self.floor.rise else {
            return match reviewed {
                0 => "No automatic mapping has been reviewed yet.".to_owned(),
                _ => format!("{reviews}, so the floor stays where it was chosen."),
            };
        };
        let until = match rise {
            FloorRise::AboveMistakes => format!("from {} on none was", short(in_force)),
            FloorRise::Supported => format!("from {} on enough others were right", short(in_force)),
            FloorRise::Highest => "the surest were among them".to_owned(),
            FloorRise::Suspended => "even the surest were wrong too often, so nothing is mapped by itself".into(),
        };
        let led_by = self.mistake.as_ref().and_then(|mistake| mistake.state.evidence()).and_then(explanation::read);
        let led_by = led_by.and_then(|reasons| reasons.led_by()).map(|kinds| format!(" What spoke for it: {kinds}."));
        format!(
            "Raised from {} to {}: {reviews}; {until}.{} It falls again when reviews support it.",
            short(chosen),
            short(in_force),
            led_by.unwrap_or_default()
        )
    }
}

/// A confidence without zeros at its end.
fn short(confidence: Confidence) -> String {
    let text = confidence.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The floor for one kind; `chosen` is that of the integration, in millionths.
pub(super) async fn in_force(
    db: &impl ConnectionTrait,
    owner: Owner,
    chosen: u32,
) -> Result<MappingFloor, StorageError> {
    let Owner { organization_id, integration_id, kind } = owner;
    let reviews = mapping::reviews(db, organization_id, integration_id, kind).await?;
    let review =
        |(confidence, is_right, times)| Review { confidence: Confidence::from_millionths(confidence), is_right, times };
    let reviews: Vec<Review> = reviews.into_iter().map(review).collect();
    Ok(guarded_floor(Confidence::from_millionths(chosen), &reviews))
}

/// The floor that the integration chose, in millionths; `None` where there is no such integration.
pub(super) async fn chosen(db: &impl ConnectionTrait, owner: Owner) -> Result<Option<u32>, StorageError> {
    let found = integration::find(db, owner.organization_id, owner.integration_id).await?;
    Ok(found.map(|integration| integration.settings.mapping_floor))
}

/// Takes suggestions below the floor back, so that they are offered as candidates. A decision calls it in its own
/// transaction, which holds the integration, because the floor rises at once and not with the next sync; the answer is for
/// the audit chain, whose head is locked last.
pub(in crate::service) async fn keep(
    tx: &Tx,
    core: &Core,
    caller: &Caller,
    integration_id: IntegrationId,
    kind: MappingKind,
) -> Result<Option<Change>, StorageError> {
    let organization_id = caller.organization_id;
    let owner = Owner { organization_id, integration_id, kind };
    let Some(chosen) = chosen(&**tx, owner).await? else { return Ok(None) };
    // Most decisions find nothing wrong, and need not count them all.
    let mistake = mapping::surest_mistake(&**tx, organization_id, integration_id, kind, chosen).await?;
    if mistake.is_none() {
        return Ok(None);
    }
    let guarded = GuardedFloor { floor: in_force(&**tx, owner, chosen).await?, mistake };
    // Without a mistake nothing rose; a floor that was chosen anew acts with the next matching.
    if guarded.floor.rise.is_none() {
        return Ok(None);
    }
    let in_force = guarded.floor.in_force.millionths();
    let below = mapping::suggestions_below(&**tx, organization_id, integration_id, kind, in_force).await?;
    if below.is_empty() {
        return Ok(None);
    }
    let now = core.clock.now();
    let ids: Vec<Uuid> = below.iter().map(|mapping| mapping.id.0).collect();
    let decision = withdrawal(now, &guarded.sentence());
    let why = Withdrawal::Reconsidered;
    let withdrawn = mapping::withdraw_suggestions(tx, organization_id, &ids, why, &decision).await?;
    let records: Vec<Uuid> = below.iter().map(|mapping| mapping.pax8_record_id).collect();
    let present = candidate::of_pax8_records(&**tx, organization_id, &records).await?;
    candidate::replace(tx, owner, &records, &with_first(below, present)).await?;
    Ok(Some(Change {
        action: "mapping.floor_rise",
        subject_kind: "integration",
        subject_id: Some(integration_id.0),
        before: Some(serde_json::json!({ "kind": kind.word(), "floor": guarded.floor.chosen.to_string() }).to_string()),
        after: Some(
            serde_json::json!({
                "kind": kind.word(),
                "floor": guarded.floor.in_force.to_string(),
                "withdrawn": withdrawn,
            })
            .to_string(),
        ),
        reason: Some(guarded.sentence()),
    }))
}

/// The candidates of records, each former suggestion before the others of its term.
fn with_first(suggestions: Vec<Mapping>, present: Vec<Candidate>) -> Vec<Candidate> {
    let mut by_term: BTreeMap<_, Vec<Candidate>> = BTreeMap::new();
    let former = suggestions.into_iter().filter_map(|mapping| {
        Some(Candidate {
            pax8_record_id: mapping.pax8_record_id,
            psa_record_id: mapping.psa_record_id,
            evidence: mapping.state.evidence()?.clone(),
            scope: mapping.scope,
            position: 0,
        })
    });
    for candidate in former.chain(present) {
        let of_term = by_term.entry((candidate.pax8_record_id, candidate.scope.clone())).or_default();
        if of_term.iter().all(|known| known.psa_record_id != candidate.psa_record_id) {
            of_term.push(candidate);
        }
    }
    let numbered = by_term.into_values().flat_map(|of_term| {
        of_term.into_iter().zip(0..).map(|(candidate, position)| Candidate { position, ..candidate })
    });
    numbered.collect()
}

impl MappingService {
    /// The floor that holds for mappings of one kind of an integration; `None` where the caller has no such integration.
    pub async fn floor(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        kind: MappingKind,
    ) -> Result<Option<GuardedFloor>, ReadError> {
        caller.require(Role::Viewer)?;
        let (db, organization_id) = (self.core.store.read(), caller.organization_id);
        let owner = Owner { organization_id, integration_id, kind };
        let Some(chosen) = chosen(db, owner).await.internal(caller)? else { return Ok(None) };
        let floor = in_force(db, owner, chosen).await.internal(caller)?;
        let mistake = match floor.wrong {
            0 => None,
            _ => {
                let surest = mapping::surest_mistake(db, organization_id, integration_id, kind, chosen);
                surest.await.internal(caller)?
            }
        };
        Ok(Some(GuardedFloor { floor, mistake }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(in_force: u32, reviewed: u64, wrong: u64, rise: Option<FloorRise>) -> String {
        let floor = MappingFloor {
            chosen: Confidence::from_millionths(980_000),
            in_force: Confidence::from_millionths(in_force),
            reviewed,
            wrong,
            precision_at_least: None,
            rise,
        };
        GuardedFloor { floor, mistake: None }.sentence()
    }

    #[test]
    fn the_sentence_says_where_the_floor_is_and_why() {
        assert_eq!(floor(980_000, 0, 0, None), "No automatic mapping has been reviewed yet.");
        assert_eq!(
            floor(980_000, 40, 0, None),
            "0 of 40 reviewed automatic mappings were wrong, so the floor stays where it was chosen."
        );
        assert_eq!(
            floor(995_000, 41, 1, Some(FloorRise::AboveMistakes)),
            "Raised from 0.98 to 0.995: 1 of 41 reviewed automatic mappings was wrong; from 0.995 on none was. It falls \
             again when reviews support it."
        );
    }
}
