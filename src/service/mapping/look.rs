//! What a matching of the customers would show beside mappings: companies to leave out, and customers that are there
//! twice. Nothing is kept; a person decides.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::rematch::customer::Parties;
use super::{MappingService, Rematch, RematchError};
use crate::domain::access::{Caller, Role};
use crate::domain::id::{ExternalId, IntegrationId};
use crate::domain::mapping::{ExclusionReason, MappingKind};
use crate::engine::matching::{CustomerInput, CustomerMatches, match_customers};
use crate::service::{Internal, ReadError};
use crate::storage::exclusion;

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

/// Customers of the PSA that seem to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateCustomer {
    /// The record that counts (our id).
    pub counts: Uuid,
    /// The others (our ids), by their id at the PSA.
    pub others: Vec<Uuid>,
}

impl MappingService {
    /// Companies that look like the MSP's own, or that Pax8 bills itself, and are not left out yet.
    pub async fn exclusion_suggestions(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
    ) -> Result<Vec<ExclusionSuggestion>, ReadError> {
        caller.require(Role::Viewer)?;
        let suggested = self.find_exclusions(caller, integration_id).await;
        Ok(suggested.map_err(|error| Internal::log(&caller.correlation_id, &error))?)
    }

    /// Customers of the PSA that duplicate one to which a company belongs.
    pub async fn duplicate_customers(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
    ) -> Result<Vec<DuplicateCustomer>, ReadError> {
        caller.require(Role::Viewer)?;
        let looked = self.look_at_customers(caller, integration_id).await;
        let (parties, found) = looked.map_err(|error| Internal::log(&caller.correlation_id, &error))?;
        let id = |customer: &ExternalId| parties.customer_ids.get(customer).copied();
        let duplicate = found.duplicates.iter().filter_map(|duplicate| {
            let others = duplicate.others.iter().filter_map(id).collect();
            Some(DuplicateCustomer { counts: id(&duplicate.counts)?, others })
        });
        Ok(duplicate.collect())
    }

    async fn find_exclusions(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
    ) -> Result<Vec<ExclusionSuggestion>, RematchError> {
        let (parties, found) = self.look_at_customers(caller, integration_id).await?;
        let names: HashMap<&ExternalId, &String> =
            parties.companies.iter().map(|company| (&company.key, &company.name)).collect();
        let suggestion = found.matches.iter().filter_map(|found| {
            Some(ExclusionSuggestion {
                company_id: *parties.company_ids.get(&found.company)?,
                company_name: (*names.get(&found.company)?).clone(),
                reason: found.exclusion?.into(),
            })
        });
        let suggested: Vec<ExclusionSuggestion> = suggestion.collect();
        let ids: Vec<Uuid> = suggested.iter().map(|suggestion| suggestion.company_id).collect();
        let excluded = exclusion::of_records(self.core.store.read(), caller.organization_id, &ids).await?;
        let excluded: HashSet<Uuid> = excluded.into_iter().map(|exclusion| exclusion.record_id).collect();
        Ok(suggested.into_iter().filter(|suggestion| !excluded.contains(&suggestion.company_id)).collect())
    }

    async fn look_at_customers(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
    ) -> Result<(Parties, CustomerMatches), RematchError> {
        let permit = self.looks.clone().acquire_owned().await;
        let permit = permit.map_err(|error| RematchError::Engine(error.to_string()))?;
        let organization_id = caller.organization_id;
        let command = Rematch { organization_id, integration_id, run_id: None, claim: None };
        let scene = self.scene(command).await?;
        let standing = self.standing(command, MappingKind::Customer).await?;
        let parties = self.parties(command, &scene, &standing).await?;
        let policy = self.policy(&scene, MappingKind::Customer).await?;
        let looked = tokio::task::spawn_blocking(move || {
            // Whoever asked may have hung up; the work goes on until it is done.
            let _permit = permit;
            let Parties { companies, customers, decisions, .. } = &parties;
            let found = match_customers(&CustomerInput { companies, customers, decisions, policy: &policy });
            (parties, found)
        });
        looked.await.map_err(|error| RematchError::Engine(error.to_string()))
    }
}
