//! Matching companies with customers.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::plan::{Standing, Verdict};
use super::{Ids, MappingService, Rematch, RematchError, Scene};
use crate::domain::access::{Caller, Role};
use crate::domain::id::{ExternalId, IntegrationId, OrganizationId};
use crate::domain::mapping::{ExclusionReason, MappingKind, MappingScope, MappingStatus};
use crate::domain::run::MatchCount;
use crate::engine::matching::{CustomerInput, CustomerMatch, Decisions, Outcome, PartyRecord, match_customers};
use crate::service::mapping::explanation::evidence;
use crate::service::{Internal, ReadError};
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::{self, Presence};
use crate::storage::{StorageError, exclusion, record};

/// Both sides as the engine wants them, with the ids of their rows.
pub(in crate::service::mapping) struct Parties {
    pub companies: Vec<PartyRecord>,
    pub customers: Vec<PartyRecord>,
    pub decisions: Decisions<ExternalId>,
    pub company_ids: Ids,
    pub customer_ids: Ids,
}

/// A company for which nothing should be billed, as far as the machine can see. A person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExclusionSuggestion {
    /// Company (our id).
    pub company_id: Uuid,
    /// Name of the company.
    pub company_name: String,
    /// Why.
    pub reason: ExclusionReason,
}

impl MappingService {
    pub(super) async fn rematch_customers(
        &self,
        command: Rematch<'_>,
        scene: &Scene,
    ) -> Result<MatchCount, RematchError> {
        let mut standing = self.standing(command, MappingKind::Customer).await?;
        let parties = self.parties(command, scene, &standing).await?;
        let Parties { companies, customers, decisions, company_ids, customer_ids } = parties;
        let policy = self.policy(scene, MappingKind::Customer).await?;
        let matches = self
            .run_engine(command, move || {
                let (companies, customers, decisions, policy) = (&companies, &customers, &decisions, &policy);
                match_customers(&CustomerInput { companies, customers, decisions, policy }).matches
            })
            .await?;
        let verdicts = matches.into_iter().filter_map(|found| verdict(found, &company_ids, &customer_ids));
        Ok(self.write(command, &mut standing, verdicts).await?)
    }

    /// Companies that look like the MSP's own, or that Pax8 bills itself, and are not left out yet.
    pub async fn exclusion_suggestions(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
    ) -> Result<Vec<ExclusionSuggestion>, ReadError> {
        caller.require(Role::Viewer)?;
        let suggested = self.find_exclusions(caller.organization_id, integration_id).await;
        Ok(suggested.map_err(|error| Internal::log(&caller.correlation_id, &error))?)
    }

    async fn find_exclusions(
        &self,
        organization_id: OrganizationId,
        integration_id: IntegrationId,
    ) -> Result<Vec<ExclusionSuggestion>, RematchError> {
        let _permit = self.looks.acquire().await.map_err(|error| RematchError::Engine(error.to_string()))?;
        let command = Rematch { organization_id, integration_id, run_id: None, claim: None };
        let scene = self.scene(command).await?;
        let standing = self.standing(command, MappingKind::Customer).await?;
        let Parties { companies, customers, decisions, company_ids, .. } =
            self.parties(command, &scene, &standing).await?;
        let names: HashMap<ExternalId, String> =
            companies.iter().map(|company| (company.key.clone(), company.name.clone())).collect();
        let policy = scene.policy.clone();
        let matches = tokio::task::spawn_blocking(move || {
            let (companies, customers, decisions, policy) = (&companies, &customers, &decisions, &policy);
            match_customers(&CustomerInput { companies, customers, decisions, policy }).matches
        })
        .await
        .map_err(|error| RematchError::Engine(error.to_string()))?;
        let suggested: Vec<ExclusionSuggestion> = matches
            .into_iter()
            .filter_map(|found| {
                Some(ExclusionSuggestion {
                    company_id: *company_ids.get(&found.company)?,
                    company_name: names.get(&found.company)?.clone(),
                    reason: found.exclusion?.into(),
                })
            })
            .collect();
        let ids: Vec<Uuid> = suggested.iter().map(|suggestion| suggestion.company_id).collect();
        let excluded = exclusion::of_records(self.core.store.read(), organization_id, &ids).await?;
        let excluded: HashSet<Uuid> = excluded.into_iter().map(|exclusion| exclusion.record_id).collect();
        Ok(suggested.into_iter().filter(|suggestion| !excluded.contains(&suggestion.company_id)).collect())
    }

    pub(in crate::service::mapping) async fn parties(
        &self,
        command: Rematch<'_>,
        scene: &Scene,
        standing: &Standing,
    ) -> Result<Parties, StorageError> {
        let (db, organization_id) = (self.core.store.read(), command.organization_id);
        let companies = source::all::<CompanyTable>(db, organization_id, scene.pax8.id, Presence::Present).await?;
        let customers = source::all::<CustomerTable>(db, organization_id, scene.psa.id, Presence::Present).await?;
        let with_agreements = record::customers_with_agreements(db, organization_id, scene.psa.id).await?;
        let with_agreements: HashSet<ExternalId> = with_agreements.into_iter().map(ExternalId::from).collect();
        let company_ids: Ids =
            companies.iter().map(|stored| (stored.record.external_id.clone(), stored.identity.id)).collect();
        let customer_ids: Ids =
            customers.iter().map(|stored| (stored.record.external_id.clone(), stored.identity.id)).collect();
        let decisions = decisions(standing, &company_ids, &customer_ids);
        let companies: Vec<PartyRecord> = companies.iter().map(|stored| PartyRecord::from(&stored.record)).collect();
        let customers = PartyRecord::of_customers(customers.iter().map(|stored| &stored.record), &with_agreements);
        Ok(Parties { companies, customers, decisions, company_ids, customer_ids })
    }
}

fn decisions(standing: &Standing, companies: &Ids, customers: &Ids) -> Decisions<ExternalId> {
    fn reversed(ids: &Ids) -> std::collections::HashMap<Uuid, &ExternalId> {
        ids.iter().map(|(external_id, id)| (*id, external_id)).collect()
    }
    let (companies, customers) = (reversed(companies), reversed(customers));
    let mut decisions = Decisions::default();
    for mapping in standing.mappings() {
        let pair = (companies.get(&mapping.pax8_record_id), customers.get(&mapping.psa_record_id));
        let (Some(company), Some(customer)) = pair else { continue };
        let pair = ((*company).clone(), (*customer).clone());
        match mapping.state.status() {
            MappingStatus::Confirmed => decisions.confirmed.push(pair),
            MappingStatus::Rejected => decisions.rejected.push(pair),
            MappingStatus::Suggested | MappingStatus::Removed => {}
        }
    }
    decisions
}

fn verdict(found: CustomerMatch, companies: &Ids, customers: &Ids) -> Option<Verdict> {
    let mapped = match &found.outcome {
        Outcome::Mapped { target, confidence, explanation } => {
            customers.get(target).map(|id| (*id, evidence(*confidence, explanation)))
        }
        Outcome::Confirmed { .. } | Outcome::Open { .. } => None,
    };
    let candidates = found
        .candidates
        .iter()
        .filter_map(|candidate| {
            let id = customers.get(&candidate.target)?;
            Some((*id, evidence(candidate.confidence, &candidate.explanation)))
        })
        .collect();
    Some(Verdict {
        pax8_record_id: *companies.get(&found.company)?,
        scope: MappingScope::default(),
        mapped,
        candidates,
    })
}
