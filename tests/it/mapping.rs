//! Mapping through the services and the schema: people outrank the machine, rivals meet, tenants are apart.

use concord::domain::access::Role;
use concord::domain::id::{JobId, MappingId};
use concord::domain::mapping::{Mapping, MappingKind, MappingStatus};
use concord::domain::run::JobKind;
use concord::service::mapping::{
    ConfirmAll, ConfirmAllError, CreateCustomerMapping, CreateMappingError, Decide, DecideError, Rematch, RematchError,
    Verdict,
};
use concord::storage::StorageError;
use concord::storage::job::Claim;
use concord::storage::source::company::CompanyTable;
use concord::storage::source::customer::CustomerTable;
use uuid::Uuid;

use crate::mapping_world::{World, caller};
use crate::postgres::databases;

const COMPANIES: &[(&str, &str, &str)] = &[
    ("c1", "Copper Kettle Bakery LLC", "copperkettle.example"),
    ("c2", "Ocotillo Veterinary Clinic", "ocotillovet.example"),
    ("c3", "Saguaro Dental Partners", "saguarodental.example"),
    ("c4", "Quartz Ridge Surveying", "quartzridge.example"),
];

const CUSTOMERS: &[(&str, &str, &str)] = &[
    ("101", "Copper Kettle Bakery", "copperkettle.example"),
    ("102", "Ocotillo Veterinary Clinic Inc", "ocotillovet.example"),
    ("103", "Saguaro Dental Partners", "saguarodental.example"),
    ("109", "Blue Mesa Plumbing", "bluemesa.example"),
];

/// Worlds in which three of four companies were mapped by the machine, one on each database.
async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for database in databases().await {
        let world = World::open(database).await;
        world.companies(COMPANIES).await;
        world.customers(CUSTOMERS).await;
        world.rematch().await.expect("the matching ends");
        assert_eq!(world.told().await, ["c1 Suggested 101", "c2 Suggested 102", "c3 Suggested 103"]);
        worlds.push(world);
    }
    worlds
}

fn decide(mapping: &Mapping) -> Decide {
    Decide { mapping_id: mapping.id, expected_version: Some(mapping.version), reason: None }
}

#[tokio::test]
async fn a_rematch_keeps_what_people_decided() {
    for world in worlds().await {
        let (service, ann) = (&world.services.mapping, &world.caller);
        let rejected = service.reject(ann, decide(&world.mapping_of("c1").await)).await.expect("rejected");
        let confirmed = service.confirm(ann, decide(&world.mapping_of("c2").await)).await.expect("confirmed");
        let removed = service.remove(ann, decide(&world.mapping_of("c3").await)).await.expect("removed");
        // The customer of the confirmed pair now looks like nobody, and the one of the rejected pair as before.
        world.companies(&[("c2", "Entirely Different Holdings", "elsewhere.example")]).await;
        let before = world.mappings(MappingKind::Customer).await;
        for _ in 0..2 {
            world.rematch().await.expect("the matching ends");
            assert_eq!(world.mappings(MappingKind::Customer).await, before);
        }
        let by = |mapping: &Mapping| mapping.state.decision().map(|decision| decision.decided_by.clone());
        assert_eq!(
            [by(&rejected), by(&confirmed), by(&removed)],
            [const { Some("Ann") }; 3].map(|by| by.map(str::to_owned))
        );
    }
}

#[tokio::test]
async fn what_the_machine_no_longer_finds_is_taken_back_and_may_return() {
    for world in worlds().await {
        let first = world.mapping_of("c1").await;
        world.companies(&[("c1", "Entirely Different Holdings", "elsewhere.example")]).await;
        world.rematch().await.expect("the matching ends");
        let withdrawn = world.mapping_of("c1").await;
        assert_eq!((withdrawn.state.status(), withdrawn.version), (MappingStatus::Removed, first.version + 1));
        world.companies(&[("c1", "Copper Kettle Bakery LLC", "copperkettle.example")]).await;
        world.rematch().await.expect("the matching ends");
        let returned = world.mapping_of("c1").await;
        assert_eq!((returned.id, returned.state.status()), (first.id, MappingStatus::Suggested));
    }
}

#[tokio::test]
async fn a_decision_on_an_old_version_is_stale_and_a_repeated_one_harmless() {
    for world in worlds().await {
        let (service, ann) = (&world.services.mapping, &world.caller);
        let read = world.mapping_of("c1").await;
        let confirmed = service.confirm(ann, decide(&read)).await.expect("confirmed");
        match service.reject(ann, decide(&read)).await {
            Err(DecideError::Stale(current)) => assert_eq!(*current, confirmed),
            other => panic!("a decision on an old version was answered by {other:?}"),
        }
        let again = service.confirm(ann, decide(&confirmed)).await.expect("repeated");
        assert_eq!(again, confirmed);
        let reopened = service.reopen(ann, decide(&confirmed)).await.expect("reopened");
        assert_eq!(reopened.state.status(), MappingStatus::Suggested);
    }
}

#[tokio::test]
async fn of_two_rival_confirmations_at_once_one_wins() {
    for world in worlds().await {
        let (service, ann) = (&world.services.mapping, &world.caller);
        let company_id = world.id::<CompanyTable>(&world.pax8, "c4").await;
        let mut rivals = Vec::new();
        for customer in ["101", "109"] {
            let customer_id = world.id::<CustomerTable>(&world.psa, customer).await;
            let command = CreateCustomerMapping { company_id, customer_id };
            let made = service.create_customer_mapping(ann, command).await.expect("mapped by hand");
            rivals.push(service.remove(ann, decide(&made)).await.expect("removed"));
        }
        let bob = caller(ann.organization_id, "Bob", Role::Operator);
        let (first, second) =
            tokio::join!(service.confirm(ann, decide(&rivals[0])), service.confirm(&bob, decide(&rivals[1])));
        let (winner, loser) = match (first, second) {
            (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
            other => panic!("two rivals were answered by {other:?}"),
        };
        match loser {
            DecideError::Conflict(Some(rival)) => assert_eq!(*rival, winner),
            other => panic!("the second confirmation was answered by {other:?}"),
        }
        let active = world.mappings(MappingKind::Customer).await;
        let active = active.iter().filter(|mapping| {
            mapping.pax8_record_id == company_id && mapping.state.status() == MappingStatus::Confirmed
        });
        assert_eq!(active.count(), 1);
    }
}

#[tokio::test]
async fn a_chosen_pair_ends_the_suggestion_and_replaces_no_decision() {
    for world in worlds().await {
        let (service, ann) = (&world.services.mapping, &world.caller);
        let company_id = world.id::<CompanyTable>(&world.pax8, "c1").await;
        let other = world.id::<CustomerTable>(&world.psa, "109").await;
        let command = CreateCustomerMapping { company_id, customer_id: other };
        let chosen = service.create_customer_mapping(ann, command.clone()).await.expect("mapped by hand");
        assert_eq!(world.told().await[..2], ["c1 Confirmed 109", "c1 Removed 101"]);
        let again = service.create_customer_mapping(ann, command).await.expect("repeated");
        assert_eq!(again, chosen);
        let found = world.id::<CustomerTable>(&world.psa, "101").await;
        let command = CreateCustomerMapping { company_id, customer_id: found };
        match service.create_customer_mapping(ann, command).await {
            Err(CreateMappingError::Conflict(Some(rival))) => assert_eq!(*rival, chosen),
            other => panic!("a second pair was answered by {other:?}"),
        }
        world.rematch().await.expect("the matching ends");
        assert_eq!(world.told().await[..2], ["c1 Confirmed 109", "c1 Removed 101"]);
    }
}

#[tokio::test]
async fn another_tenants_mapping_does_not_exist() {
    for world in worlds().await {
        let service = &world.services.mapping;
        let foreign = World::organization(&world.services, "Somebody else").await;
        let stranger = caller(foreign, "stranger", Role::Admin);
        let mapping = world.mapping_of("c1").await;
        for verdict in [Verdict::Confirm, Verdict::Reject, Verdict::Reopen, Verdict::Remove] {
            let results = service.decide_many(&stranger, verdict, vec![decide(&mapping)]).await.expect("a role");
            assert!(matches!(results[..], [Err(DecideError::NotFound)]), "{verdict:?}");
        }
        assert!(service.find(&stranger, mapping.id).await.expect("read").is_none());
        let command = CreateCustomerMapping { company_id: mapping.pax8_record_id, customer_id: mapping.psa_record_id };
        let answer = service.create_customer_mapping(&stranger, command).await;
        assert!(matches!(answer, Err(CreateMappingError::NotFound(_))));
        let viewer = caller(world.caller.organization_id, "viewer", Role::Viewer);
        assert!(matches!(service.confirm(&viewer, decide(&mapping)).await, Err(DecideError::Forbidden(_))));
        assert_eq!(world.mapping_of("c1").await, mapping);
    }
}

#[tokio::test]
async fn a_bulk_decision_answers_for_each_in_order() {
    for world in worlds().await {
        let (service, ann) = (&world.services.mapping, &world.caller);
        let (first, last) = (world.mapping_of("c1").await, world.mapping_of("c3").await);
        let unknown = Decide { mapping_id: MappingId(Uuid::from_u128(5)), expected_version: None, reason: None };
        let stale = Decide { expected_version: Some(last.version + 7), ..decide(&last) };
        let commands = vec![decide(&first), unknown, stale, decide(&last)];
        let results = service.decide_many(ann, Verdict::Reject, commands).await.expect("a role");
        assert!(matches!(results[..], [Ok(_), Err(DecideError::NotFound), Err(DecideError::Stale(_)), Ok(_)]));
        assert_eq!(world.told().await, ["c1 Rejected 101", "c2 Suggested 102", "c3 Rejected 103"]);
    }
}

#[tokio::test]
async fn all_suggestions_are_confirmed_only_as_the_list_that_was_seen() {
    for world in worlds().await {
        let (service, ann) = (&world.services.mapping, &world.caller);
        let (integration_id, kind) = (world.integration.id, MappingKind::Customer);
        let seen = service.suggestion_list(ann, integration_id, kind).await.expect("a list");
        assert_eq!(seen.count, 3);
        // New reasons for the same pairs do not change the list.
        world.companies(&[("c4", "Kettle Copper Works", "copperworks.example")]).await;
        world.rematch().await.expect("the matching ends");
        assert_eq!(service.suggestion_list(ann, integration_id, kind).await.expect("a list"), seen);
        service.reject(ann, decide(&world.mapping_of("c1").await)).await.expect("rejected");
        let command = ConfirmAll { integration_id, kind, seen, reason: None };
        let now = match service.confirm_all(ann, command.clone()).await {
            Err(ConfirmAllError::ListChanged(now)) => now,
            other => panic!("a changed list was answered by {other:?}"),
        };
        let confirmed = service.confirm_all(ann, ConfirmAll { seen: now, ..command }).await.expect("confirmed");
        assert_eq!(confirmed, 2);
        assert_eq!(world.told().await, ["c1 Rejected 101", "c2 Confirmed 102", "c3 Confirmed 103"]);
    }
}

#[tokio::test]
async fn a_job_that_lost_its_claim_writes_nothing() {
    for database in databases().await {
        let world = World::open(database).await;
        world.companies(COMPANIES).await;
        world.customers(CUSTOMERS).await;
        let claim = Claim {
            job_id: JobId(Uuid::from_u128(1)),
            organization_id: world.caller.organization_id,
            kind: JobKind::Sync,
            subject_id: Uuid::from_u128(2),
            number: 1,
            attempts: 1,
        };
        let command = Rematch {
            organization_id: world.caller.organization_id,
            integration_id: world.integration.id,
            run_id: None,
            claim: Some(&claim),
        };
        let answer = world.services.mapping.rematch(command).await;
        assert!(matches!(answer, Err(RematchError::Storage(StorageError::LeaseLost))), "{answer:?}");
        assert!(world.told().await.is_empty());
    }
}

#[tokio::test]
async fn a_change_from_an_old_state_overwrites_nothing() {
    for world in worlds().await {
        let old = world.mapping_of("c1").await;
        world.services.mapping.confirm(&world.caller, decide(&old)).await.expect("it is confirmed");
        let tx = world.services.core.store.begin().await.expect("a transaction");
        let late = Mapping { version: old.version + 1, ..old.clone() };
        let refused = concord::storage::mapping::update(&tx, &late).await;
        assert!(matches!(refused, Err(StorageError::Conflict(_))), "{refused:?}");
    }
}
