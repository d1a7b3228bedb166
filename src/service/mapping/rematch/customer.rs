//! Matching companies with customers.

use std::collections::HashSet;

use uuid::Uuid;

use super::plan::{Standing, Verdict};
use super::{Ids, MappingService, Rematch, RematchError, Scene, by_id, reversed};
use crate::domain::id::ExternalId;
use crate::domain::mapping::{MappingKind, MappingScope, MappingStatus};
use crate::domain::run::MatchCount;
use crate::engine::matching::{
    CustomerInput, CustomerMatch, Decisions, Outcome, PartyRecord, customer_digests, digest, match_customers,
    match_touched_customers,
};
use crate::service::mapping::explanation::evidence;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::{self, Presence};
use crate::storage::{StorageError, record};

/// Both sides as the engine wants them, with the ids of their rows.
pub(in crate::service::mapping) struct Parties {
    pub companies: Vec<PartyRecord>,
    pub customers: Vec<PartyRecord>,
    pub decisions: Decisions<ExternalId>,
    pub company_ids: Ids,
    pub customer_ids: Ids,
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
        let company_digests = companies.iter().map(digest).collect();
        let records = by_id(companies.iter().map(|company| &company.key), company_digests, &company_ids)
            .chain(by_id(customers.iter().map(|customer| &customer.key), customer_digests(&customers), &customer_ids))
            .collect();
        let owner = command.owner(MappingKind::Customer);
        let mut seen = self.extent(owner, &policy, &standing, (&company_ids, &customer_ids), records).await?;
        let extent = seen.extent.clone();
        let (matches, lessons, is_all) = self
            .run_engine(command, move || {
                let (companies, customers, decisions, policy) = (&companies, &customers, &decisions, &policy);
                let input = CustomerInput { companies, customers, decisions, policy };
                extent.matched(
                    |touched| {
                        let found = match_touched_customers(&input, touched);
                        (found.matches, found.lessons)
                    },
                    || {
                        let found = match_customers(&input);
                        (found.matches, found.lessons)
                    },
                )
            })
            .await?;
        seen.note(lessons, is_all);
        let affected: HashSet<&ExternalId> = matches.iter().map(|found| &found.company).collect();
        let kept = company_ids.iter().filter(|(company, _)| !affected.contains(company));
        let kept: Vec<(Uuid, MappingScope)> = kept.map(|(_, id)| (*id, MappingScope::default())).collect();
        let verdicts = matches.into_iter().filter_map(|found| verdict(found, &company_ids, &customer_ids));
        Ok(self.write(command, &mut standing, verdicts, kept, seen).await?)
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
