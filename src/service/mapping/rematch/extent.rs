//! What has to be matched again: everything, or only what a change may have touched. A sync that brought nothing new
//! matches nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::plan::Standing;
use super::{Ids, MappingService};
use crate::domain::mapping::MappingStatus;
use crate::engine::matching::{Lessons, MatchingPolicy, RULES_VERSION, Touched, digest};
use crate::storage::candidate::{self, Owner};
use crate::storage::memory::{self, Memory};
use crate::storage::{StorageError, Tx};

/// Records that may be matched alone before all are, so that how often words occur is counted anew now and then: a
/// tenth of all, or so many.
const FEW: u64 = 50;

/// What has to be matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every record: the first time, and after a decision, another policy or many changes.
    All,
    /// What these changes may have touched; nothing where there are none. Where they change the lessons too, whose digest
    /// is beside them, everything is matched after all.
    Touched(Touched, u64),
}

/// What the engine found, and what the decisions taught it.
pub(super) type Matched<M> = (Vec<M>, Lessons);

impl Extent {
    /// Matches what has to be. Gives the verdicts, the digest of what the decisions taught, and whether that was
    /// everything.
    pub(super) fn matched<M>(
        &self,
        only: impl FnOnce(&Touched) -> Matched<M>,
        all: impl FnOnce() -> Matched<M>,
    ) -> (Vec<M>, u64, bool) {
        if let Self::Touched(touched, lessons) = self {
            if *touched == Touched::default() {
                return (Vec::new(), *lessons, false);
            }
            let (verdicts, learned) = only(touched);
            if digest(&learned) == *lessons {
                return (verdicts, *lessons, false);
            }
        }
        let (verdicts, learned) = all();
        (verdicts, digest(&learned), true)
    }
}

/// What will be remembered when the matching is done.
#[derive(Debug)]
pub(super) struct Seen {
    pub extent: Extent,
    memory: Memory,
}

/// The rules and the policy that the verdicts depend on.
fn context(policy: &MatchingPolicy) -> String {
    let program = (env!("CARGO_PKG_VERSION"), RULES_VERSION);
    let wanted = (policy.floor.millionths(), policy.candidates_per_record, &policy.own_names);
    format!("{:016x}", digest(&(program, wanted)))
}

impl MappingService {
    /// Compares what there is with what was seen last.
    pub(super) async fn extent(
        &self,
        owner: Owner,
        policy: &MatchingPolicy,
        standing: &Standing,
        (pax8, psa): (&Ids, &Ids),
        records: HashMap<Uuid, u64>,
    ) -> Result<Seen, StorageError> {
        let db = self.core.store.read();
        let mut memory =
            Memory { context: context(policy), mapping_versions: standing.versions(), records, ..Memory::default() };
        let is_like = |old: &Memory| old.context == memory.context && old.mapping_versions == memory.mapping_versions;
        let old = memory::find(db, owner).await?.filter(is_like);
        let Some(old) = old else { return Ok(Seen { extent: Extent::All, memory }) };
        let is_new = |id: &Uuid| memory.records.get(id) != old.records.get(id);
        let changed: HashSet<Uuid> =
            memory.records.keys().chain(old.records.keys()).filter(|id| is_new(id)).copied().collect();
        let alone = old.matched_alone + changed.len() as u64;
        if alone > FEW.max(memory.records.len() as u64 / 10) {
            return Ok(Seen { extent: Extent::All, memory });
        }
        memory.matched_alone = alone;
        let named = {
            let changed: Vec<Uuid> = changed.iter().copied().collect();
            let candidates = candidate::naming(db, owner, &changed).await?;
            let suggested = standing.mappings().iter().filter(|mapping| {
                mapping.state.status() == MappingStatus::Suggested && changed.contains(&mapping.psa_record_id)
            });
            suggested.map(|mapping| mapping.pax8_record_id).chain(candidates).collect::<HashSet<Uuid>>()
        };
        let of = |ids: &Ids, wanted: &HashSet<Uuid>| -> BTreeSet<_> {
            ids.iter().filter(|(_, id)| wanted.contains(id)).map(|(external_id, _)| external_id.clone()).collect()
        };
        let touched = Touched { pax8: of(pax8, &changed), psa: of(psa, &changed), named: of(pax8, &named) };
        memory.lessons = old.lessons;
        Ok(Seen { extent: Extent::Touched(touched, old.lessons), memory })
    }
}

impl Seen {
    /// Notes what the decisions taught; where everything was matched although little had changed, that too.
    pub fn note(&mut self, lessons: u64, is_all: bool) {
        self.memory.lessons = lessons;
        if is_all {
            self.memory.matched_alone = 0;
        }
    }

    /// Remembers it, in the transaction that ends the matching, which made so many changes to mappings. What anybody else
    /// changed meanwhile is not among them, so that the next matching looks at everything.
    pub async fn save(&mut self, tx: &Tx, owner: Owner, own_changes: u64) -> Result<(), StorageError> {
        self.memory.mapping_versions += own_changes;
        memory::save(tx, owner, &self.memory).await
    }
}
