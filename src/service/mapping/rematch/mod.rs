//! Matching again after a sync: what the engine finds becomes suggestions and candidates, what it no longer finds is
//! taken back, and what people decided stays as it is.
//!
//! Written in batches of records, each in a transaction of its own that first makes sure that the job still holds its
//! claim. Killed anywhere and repeated, it ends in the same rows.

pub(super) mod customer;
mod extent;
mod plan;
pub(super) mod product;

use std::collections::HashMap;
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use self::extent::Seen;
pub(super) use self::plan::Standing;
use self::plan::{RecordPlan, Verdict};
use super::{MappingService, floor, withdrawal};
use crate::domain::access::{Actor, Caller};
use crate::domain::audit::Change;
use crate::domain::id::{ExternalId, IntegrationId, OrganizationId, SyncRunId};
use crate::domain::integration::Integration;
use crate::domain::mapping::{Mapping, MappingKind, MappingScope, MappingStatus};
use crate::domain::provider::ProviderAccount;
use crate::domain::run::MatchCount;
use crate::engine::matching::{Confidence, MatchingPolicy};
use crate::storage::candidate::{self, Owner};
use crate::storage::job::{self, Claim};
use crate::storage::mapping::Withdrawal;
use crate::storage::{StorageError, Tx, account, integration, mapping};

/// Records of one transaction.
const BATCH: usize = 500;

/// How often the claim is renewed while the engine works, well within its lease.
const RENEWAL: Duration = Duration::from_secs(5);

/// What is matched, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Rematch<'a> {
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// Run that asks for it; `None` by hand.
    pub run_id: Option<SyncRunId>,
    /// Claim that every transaction checks; `None` by hand.
    pub claim: Option<&'a Claim>,
}

/// Why the matching did not finish.
#[derive(Debug, Error)]
pub enum RematchError {
    /// No such integration.
    #[error("there is no integration `{0}`")]
    NotFound(IntegrationId),
    /// The engine broke off.
    #[error("the matching broke off: {0}")]
    Engine(String),
    /// The database failed, or the claim was lost.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// An integration with its accounts, as the matching sees it.
pub(super) struct Scene {
    pub integration: Integration,
    pax8: ProviderAccount,
    psa: ProviderAccount,
    /// What the integration wants, with the floor that it chose.
    pub policy: MatchingPolicy,
}

impl Rematch<'_> {
    fn owner(&self, kind: MappingKind) -> Owner {
        Owner { organization_id: self.organization_id, integration_id: self.integration_id, kind }
    }
}

impl MappingService {
    /// Matches customers and products again, each when the integration syncs it, and says what was found.
    pub async fn rematch(&self, command: Rematch<'_>) -> Result<(MatchCount, MatchCount), RematchError> {
        let scene = self.scene(command).await?;
        let (mut customers, mut products) = (MatchCount::default(), MatchCount::default());
        if scene.integration.settings.syncs_customers {
            customers = self.rematch_customers(command, &scene).await?;
        }
        if scene.integration.settings.syncs_products {
            products = self.rematch_products(command, &scene).await?;
        }
        Ok((customers, products))
    }

    /// What an integration wants, with the floor that holds.
    pub(super) async fn policy(&self, scene: &Scene, kind: MappingKind) -> Result<MatchingPolicy, StorageError> {
        let Integration { id: integration_id, organization_id, ref settings, .. } = scene.integration;
        let owner = Owner { organization_id, integration_id, kind };
        let floor = floor::in_force(self.core.store.read(), owner, settings.mapping_floor).await?;
        Ok(MatchingPolicy { floor: floor.in_force, ..scene.policy.clone() })
    }

    pub(super) async fn scene(&self, command: Rematch<'_>) -> Result<Scene, RematchError> {
        let db = self.core.store.read();
        let found = integration::find(db, command.organization_id, command.integration_id).await?;
        let integration = found.ok_or(RematchError::NotFound(command.integration_id))?;
        let (pax8, psa) = account::pair(db, command.organization_id, command.integration_id).await?;
        let policy = MatchingPolicy {
            floor: Confidence::from_millionths(integration.settings.mapping_floor),
            own_names: [&pax8, &psa].into_iter().filter_map(|account| account.display_name.clone()).collect(),
            ..MatchingPolicy::default()
        };
        Ok(Scene { integration, pax8, psa, policy })
    }

    /// Runs the engine where it does not hold up other tasks, and renews the claim meanwhile.
    async fn run_engine<T: Send + 'static>(
        &self,
        command: Rematch<'_>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RematchError> {
        let mut task = tokio::task::spawn_blocking(work);
        loop {
            match tokio::time::timeout(RENEWAL, &mut task).await {
                Ok(finished) => return finished.map_err(|error| RematchError::Engine(error.to_string())),
                Err(_) => self.begin(command).await?.commit().await?,
            }
        }
    }

    /// A transaction of the job; the claim is checked first. It holds the integration, as decisions do.
    async fn begin(&self, command: Rematch<'_>) -> Result<Tx, StorageError> {
        let tx = self.core.store.begin().await?;
        integration::hold(&tx, command.organization_id, command.integration_id).await?;
        if let Some(claim) = command.claim {
            job::hold(&tx, claim, self.core.clock.now()).await?;
        }
        Ok(tx)
    }

    pub(super) async fn standing(&self, command: Rematch<'_>, kind: MappingKind) -> Result<Standing, StorageError> {
        let all = [MappingStatus::Suggested, MappingStatus::Confirmed, MappingStatus::Rejected, MappingStatus::Removed];
        let (db, organization) = (self.core.store.read(), command.organization_id);
        let mappings = mapping::all(db, organization, command.integration_id, kind, &all).await?;
        Ok(Standing::new(command.organization_id, command.integration_id, kind, mappings))
    }

    /// Writes verdicts batch by batch; all verdicts on one record follow each other. What was not matched again stays as
    /// it is.
    async fn write(
        &self,
        command: Rematch<'_>,
        standing: &mut Standing,
        verdicts: impl Iterator<Item = Verdict> + Send,
        kept: Vec<(Uuid, MappingScope)>,
        mut seen: Seen,
    ) -> Result<MatchCount, StorageError> {
        let owner = command.owner(standing.kind);
        let mut count = MatchCount::default();
        let mut batch: Vec<RecordPlan> = Vec::with_capacity(BATCH);
        let mut judged: Vec<Uuid> = Vec::new();
        let mut own_changes = 0;
        let now = self.core.clock.now();
        for verdict in verdicts {
            if batch.last().is_none_or(|plan| plan.pax8_record_id != verdict.pax8_record_id) {
                if batch.len() >= BATCH {
                    own_changes += self.write_batch(command, owner, std::mem::take(&mut batch)).await?;
                }
                judged.push(verdict.pax8_record_id);
                batch.push(RecordPlan::new(verdict.pax8_record_id));
            }
            let plan = batch.last_mut().expect("a plan was pushed for the record");
            standing.judge(verdict, plan, &mut count, now, &*self.core.ids);
        }
        own_changes += self.write_batch(command, owner, batch).await?;
        if !kept.is_empty() {
            let offered = candidate::terms(self.core.store.read(), owner).await?;
            for (record, scope) in kept {
                judged.push(record);
                standing.keep(record, &scope, &offered, &mut count);
            }
        }
        // What nobody judged any more: records that are gone, and terms that are no longer sold.
        let orphaned = standing.unjudged_suggestions();
        for ids in orphaned.chunks(BATCH) {
            let tx = self.begin(command).await?;
            let withdrawal = withdrawal(now, "The record or its term is gone.");
            let withdrawn =
                mapping::withdraw_suggestions(&tx, command.organization_id, ids, Withdrawal::Reconsidered, &withdrawal)
                    .await?;
            self.audit_rematch(command, &tx, 0, withdrawn).await?;
            tx.commit().await?;
            own_changes += withdrawn;
        }
        judged.sort_unstable();
        let owners = candidate::owners(self.core.store.read(), owner).await?;
        let gone: Vec<Uuid> = owners.into_iter().filter(|id| judged.binary_search(id).is_err()).collect();
        for ids in gone.chunks(BATCH) {
            let tx = self.begin(command).await?;
            candidate::replace(&tx, owner, ids, &[]).await?;
            tx.commit().await?;
        }
        let tx = self.begin(command).await?;
        seen.save(&tx, owner, own_changes).await?;
        tx.commit().await?;
        Ok(count)
    }

    /// Writes a batch and says how many mappings that changed.
    async fn write_batch(
        &self,
        command: Rematch<'_>,
        owner: Owner,
        batch: Vec<RecordPlan>,
    ) -> Result<u64, StorageError> {
        let mut changes = 0;
        let records: Vec<Uuid> = batch.iter().map(|plan| plan.pax8_record_id).collect();
        let db = self.core.store.read();
        let mut present: HashMap<Uuid, Vec<candidate::Candidate>> = HashMap::new();
        for candidate in candidate::of_pax8_records(db, command.organization_id, &records).await? {
            present.entry(candidate.pax8_record_id).or_default().push(candidate);
        }
        let (mut stale, mut candidates) = (Vec::new(), Vec::new());
        let (mut inserted, mut proposed, mut refreshed, mut withdrawn) = (vec![], vec![], vec![], vec![]);
        for mut plan in batch {
            plan.candidates.sort_by(|a, b| (&a.scope, a.position).cmp(&(&b.scope, b.position)));
            if present.get(&plan.pax8_record_id).map_or(&[][..], Vec::as_slice) != plan.candidates {
                stale.push(plan.pax8_record_id);
                candidates.append(&mut plan.candidates);
            }
            inserted.append(&mut plan.inserted);
            proposed.append(&mut plan.proposed);
            refreshed.append(&mut plan.refreshed);
            withdrawn.append(&mut plan.withdrawn);
        }
        let nothing = stale.is_empty() && inserted.is_empty() && refreshed.is_empty() && withdrawn.is_empty();
        if !nothing {
            let tx = self.begin(command).await?;
            self.keep_above_floor(owner, &tx, &mut inserted).await?;
            let decision = withdrawal(self.core.clock.now(), "The matching no longer finds the pair.");
            let why = Withdrawal::Reconsidered;
            let withdrawn =
                mapping::withdraw_suggestions(&tx, command.organization_id, &withdrawn, why, &decision).await?;
            let suggested = mapping::insert_suggestions(&tx, &inserted).await?;
            mapping::refresh_evidence(&tx, &refreshed).await?;
            candidate::replace(&tx, owner, &stale, &candidates).await?;
            self.audit_rematch(command, &tx, suggested, withdrawn).await?;
            tx.commit().await?;
            changes += suggested + withdrawn;
        }
        // Few pairs come back, and each may meet a decision made a moment ago, which then stays.
        for mapping in proposed {
            let tx = self.begin(command).await?;
            let mut proposed = vec![mapping];
            self.keep_above_floor(owner, &tx, &mut proposed).await?;
            let Some(mapping) = proposed.pop() else { continue };
            match mapping::propose_again(&tx, &mapping).await {
                Ok(true) => {
                    self.audit_rematch(command, &tx, 1, 0).await?;
                    tx.commit().await?;
                    changes += 1;
                }
                Ok(false) | Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(changes)
    }

    /// Drops suggestions below the floor that holds now: somebody may have raised it since the matching began.
    async fn keep_above_floor(
        &self,
        owner: Owner,
        tx: &Tx,
        suggestions: &mut Vec<Mapping>,
    ) -> Result<(), StorageError> {
        if suggestions.is_empty() {
            return Ok(());
        }
        let chosen = floor::chosen(&**tx, owner).await?.unwrap_or_default();
        let in_force = floor::in_force(&**tx, owner, chosen).await?.in_force.millionths();
        suggestions.retain(|mapping| mapping.state.evidence().is_some_and(|evidence| evidence.confidence >= in_force));
        Ok(())
    }

    /// Says in the audit chain what a transaction changes, last in it: a run that is killed has said what it did.
    async fn audit_rematch(
        &self,
        command: Rematch<'_>,
        tx: &Tx,
        suggested: u64,
        withdrawn: u64,
    ) -> Result<(), StorageError> {
        if suggested == 0 && withdrawn == 0 {
            return Ok(());
        }
        let run = command.run_id.map(|run| run.to_string());
        let correlation_id = run.clone().unwrap_or_else(|| command.integration_id.to_string());
        let caller = Caller::server(command.organization_id, Actor::Job, correlation_id);
        let after = serde_json::json!({
            "syncRunId": run,
            "suggested": suggested,
            "withdrawn": withdrawn,
        });
        let change = Change {
            action: "mapping.match",
            subject_kind: "integration",
            subject_id: Some(command.integration_id.0),
            before: None,
            after: Some(after.to_string()),
            reason: None,
        };
        self.core.audit(tx, &caller, change).await
    }
}

/// Digests by our ids, for records with these keys.
fn by_id<'a>(
    keys: impl Iterator<Item = &'a ExternalId>,
    digests: Vec<u64>,
    ids: &Ids,
) -> impl Iterator<Item = (Uuid, u64)> {
    keys.zip(digests).filter_map(|(key, digest)| Some((*ids.get(key)?, digest)))
}

/// The provider's ids of records by ours.
fn reversed(ids: &Ids) -> HashMap<Uuid, &ExternalId> {
    ids.iter().map(|(external_id, id)| (*id, external_id)).collect()
}

/// Our ids of records by the provider's.
pub(super) type Ids = HashMap<ExternalId, Uuid>;
