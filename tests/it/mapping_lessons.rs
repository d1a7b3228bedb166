//! Decisions teach: the floor rises with a mistake and falls with the decision, words are learned, and another floor can
//! be tried before it is chosen.

use concord::domain::mapping::{Mapping, MappingKind, MappingStatus};
use concord::engine::matching::{Confidence, FloorRise};
use concord::service::mapping::{Decide, DuplicateCustomer, GuardedFloor, Preview};
use concord::service::mapping_files::{ImportMappings, Precedence};
use concord::storage::audit::{self, AuditFilter};
use concord::storage::page::Window;
use concord::storage::source::company::CompanyTable;
use concord::storage::source::customer::CustomerTable;

use crate::mapping_world::World;
use crate::postgres::databases;

/// The same name and nothing else is less sure than the same name, web site and telephone.
const COMPANIES: &[(&str, &str, &str)] = &[
    ("c1", "Copper Kettle Bakery", "copperkettle.example"),
    ("c2", "Ocotillo Veterinary", "ocotillovet.example"),
    ("c3", "Lantern", "lantern.example"),
    ("c4", "Juniper", "juniper.example"),
];

const CUSTOMERS: &[(&str, &str, &str)] = &[
    ("101", "Copper Kettle Bakery", "copperkettle.example"),
    ("102", "Ocotillo Veterinary", "ocotillovet.example"),
    ("103", "Lantern", ""),
    ("104", "Juniper", ""),
];

async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for database in databases().await {
        let world = World::open(database).await;
        world.companies(COMPANIES).await;
        world.customers(CUSTOMERS).await;
        world.rematch().await.expect("the matching ends");
        let suggested = ["c1 Suggested 101", "c2 Suggested 102", "c3 Suggested 103", "c4 Suggested 104"];
        assert_eq!(world.told().await, suggested);
        worlds.push(world);
    }
    worlds
}

fn confidence(mapping: &Mapping) -> u32 {
    mapping.state.evidence().expect("the machine proposed it").confidence
}

async fn reject(world: &World, company: &str) -> Mapping {
    let mapping = world.mapping_of(company).await;
    let command = Decide { mapping_id: mapping.id, expected_version: None, reason: None };
    world.services.mapping.reject(&world.caller, command).await.expect("rejected")
}

async fn floor(world: &World) -> GuardedFloor {
    let floor = world.services.mapping.floor(&world.caller, world.integration.id, MappingKind::Customer).await;
    floor.expect("a role").expect("the integration exists")
}

async fn preview(world: &World, millionths: u32) -> Preview {
    let floor = Confidence::from_millionths(millionths);
    let service = &world.services.mapping;
    let preview = service.preview(&world.caller, world.integration.id, MappingKind::Customer, floor).await;
    preview.expect("a role").expect("the integration exists")
}

async fn candidates_of(world: &World, company: &str) -> Vec<String> {
    let id = world.id::<CompanyTable>(&world.pax8, company).await;
    let found = world.services.mapping.candidates(&world.caller, &[id]).await.expect("a role");
    let mut names = Vec::new();
    for customer in ["101", "102", "103", "104"] {
        let id = world.id::<CustomerTable>(&world.psa, customer).await;
        names.extend(found.iter().position(|candidate| candidate.psa_record_id == id).map(|at| (at, customer)));
    }
    names.sort_unstable();
    names.into_iter().map(|(_, customer)| customer.to_owned()).collect()
}

async fn actions(world: &World) -> Vec<String> {
    let window = Window::first(100);
    let db = world.services.core.store.read();
    let page = audit::page(db, world.caller.organization_id, &AuditFilter::default(), &window).await;
    page.expect("the audit chain").items.into_iter().map(|(_, event)| event.action.to_string()).collect()
}

#[tokio::test]
async fn a_rejected_automatic_mapping_raises_the_floor_at_once_and_says_why() {
    for world in worlds().await {
        let (sure, unsure) = (confidence(&world.mapping_of("c1").await), confidence(&world.mapping_of("c4").await));
        assert!(unsure < 999_900 && sure > 999_900, "{unsure} {sure}");
        let before = floor(&world).await;
        assert_eq!((before.floor.in_force, before.floor.rise), (before.floor.chosen, None));
        let rejected = reject(&world, "c3").await;
        let after = floor(&world).await;
        assert!(after.floor.in_force.millionths() > confidence(&rejected), "{after:?}");
        assert_eq!(after.floor.rise, Some(FloorRise::AboveMistakes));
        assert_eq!(after.mistake.as_ref().map(|mistake| mistake.id), Some(rejected.id));
        let sentence = after.sentence();
        assert!(sentence.starts_with("Raised from 0.98 to 0.99"), "{sentence}");
        assert!(sentence.contains("1 of 1 reviewed automatic mapping was wrong"), "{sentence}");
        assert!(sentence.contains("What spoke for it: name and"), "{sentence}");
        // What is as unsure is offered at once, before any sync; what is surer stays.
        let told = ["c1 Suggested 101", "c2 Suggested 102", "c3 Rejected 103", "c4 Removed 104"];
        assert_eq!(world.told().await, told);
        assert_eq!(candidates_of(&world, "c4").await.first().map(String::as_str), Some("104"));
        assert_eq!(actions(&world).await.iter().filter(|action| *action == "mapping.floor_rise").count(), 1);
        world.rematch().await.expect("the matching ends");
        assert_eq!(world.told().await, told, "the next sync keeps the floor");
        assert_eq!(candidates_of(&world, "c4").await.first().map(String::as_str), Some("104"));
    }
}

#[tokio::test]
async fn a_decision_taken_back_is_forgotten() {
    for world in worlds().await {
        let rejected = reject(&world, "c3").await;
        let command = Decide { mapping_id: rejected.id, expected_version: None, reason: None };
        world.services.mapping.reopen(&world.caller, command).await.expect("reopened");
        let after = floor(&world).await;
        assert_eq!((after.floor.in_force, after.floor.reviewed), (after.floor.chosen, 0));
        world.rematch().await.expect("the matching ends");
        let suggested = ["c1 Suggested 101", "c2 Suggested 102", "c3 Suggested 103", "c4 Suggested 104"];
        assert_eq!(world.told().await, suggested);
    }
}

#[tokio::test]
async fn a_suggestion_that_a_person_replaces_was_wrong() {
    for world in worlds().await {
        world.map_by_hand("c3", "102").await;
        let after = floor(&world).await;
        assert_eq!((after.floor.reviewed, after.floor.wrong), (1, 1));
        assert_eq!(world.mapping_of("c4").await.state.status(), MappingStatus::Removed);
    }
}

#[tokio::test]
async fn words_that_confirmed_pairs_leave_over_are_learned() {
    for database in databases().await {
        let world = World::of_bones(database).await;
        let before = preview(&world, 980_000).await;
        assert!(before.lessons.aliases.is_empty());
        world.map_by_hand("c1", "101").await;
        world.map_by_hand("c2", "102").await;
        let after = preview(&world, 980_000).await;
        let [alias] = &after.lessons.aliases[..] else { panic!("{:?}", after.lessons) };
        assert_eq!((alias.pax8.join(" "), alias.psa.join(" ")), ("orthopedics".into(), "bones".into()));
        world.rematch().await.expect("the matching ends");
        let learned = world.mapping_of("c3").await;
        let reasons = concord::service::mapping::explanation::read(learned.state.evidence().expect("suggested"));
        let reasons = reasons.expect("this version wrote it");
        assert!(reasons.signals.iter().any(|signal| signal.kind == "LEARNED_WORDS"), "{reasons:?}");
    }
}

#[tokio::test]
async fn another_floor_can_be_tried_with_past_decisions_replayed() {
    for world in worlds().await {
        let unsure = confidence(&world.mapping_of("c4").await);
        let same = preview(&world, 980_000).await;
        assert_eq!((same.mapped, same.gained.count, same.lost.count), (4, 0, 0));
        assert_eq!((same.replay.right, same.replay.precision_at_least), (0, None));
        let higher = preview(&world, unsure + 1).await;
        assert_eq!((higher.mapped, higher.gained.count, higher.lost.count), (2, 0, 2));
        let confirm = world.mapping_of("c1").await;
        let command = Decide { mapping_id: confirm.id, expected_version: None, reason: None };
        world.services.mapping.confirm(&world.caller, command).await.expect("confirmed");
        reject(&world, "c3").await;
        let replayed = preview(&world, 980_000).await;
        assert_eq!((replayed.replay.right, replayed.replay.wrong.count, replayed.replay.open), (1, 1, 0));
        assert_eq!(replayed.gained.count, 1, "the floor has risen, and this one would map c4 again");
        let careful = preview(&world, unsure + 1).await;
        assert_eq!((careful.replay.right, careful.replay.wrong.count), (1, 0));
        let before = world.told().await;
        preview(&world, 0).await;
        assert_eq!(world.told().await, before, "looking changes nothing");
    }
}

#[tokio::test]
async fn a_customer_that_is_there_twice_is_named_beside_the_one_that_counts() {
    for database in databases().await {
        let world = World::open(database).await;
        world.companies(&[("c1", "Copper Kettle Bakery", "copperkettle.example")]).await;
        world
            .customers(&[
                ("101", "Copper Kettle Bakery", "copperkettle.example"),
                ("102", "Copper Kettle Bakery Inc", "copperkettle.example"),
                ("103", "Blue Mesa Plumbing", "bluemesa.example"),
            ])
            .await;
        let customer_id = world.map_by_hand("c1", "101").await.psa_record_id;
        let other = world.id::<CustomerTable>(&world.psa, "102").await;
        let found = world.services.mapping.duplicate_customers(&world.caller, world.integration.id).await;
        let found = found.expect("a role");
        assert_eq!(found, [DuplicateCustomer { counts: customer_id, others: vec![other] }]);
    }
}

#[tokio::test]
async fn a_pair_that_the_machine_gave_up_itself_is_no_mistake() {
    for world in worlds().await {
        // The customer was made anew at the PSA; the machine gives the old pair up, and a person confirms the new one.
        world.customers(&[("103", "Something Else", ""), ("203", "Lantern", "")]).await;
        world.rematch().await.expect("the matching ends");
        let company = world.id::<CompanyTable>(&world.pax8, "c3").await;
        let mappings = world.mappings(MappingKind::Customer).await;
        let found = mappings
            .iter()
            .find(|mapping| mapping.pax8_record_id == company && mapping.state.status() == MappingStatus::Suggested);
        let command = Decide { mapping_id: found.expect("mapped again").id, expected_version: None, reason: None };
        world.services.mapping.confirm(&world.caller, command).await.expect("confirmed");
        let after = floor(&world).await;
        assert_eq!((after.floor.reviewed, after.floor.wrong), (1, 0));
    }
}

#[tokio::test]
async fn an_imported_file_reviews_what_the_machine_had_proposed() {
    const FILE: &str = "pax8CompanyId,pax8CompanyName,psaCustomerId,psaCustomerName,relation,billable\n\
                        c1,,101,,,yes\nc2,,102,,,yes\nc3,,104,,,yes\n";
    for world in worlds().await {
        let command = ImportMappings {
            integration_id: world.integration.id,
            customers: Some(FILE.to_owned()),
            products: None,
            precedence: Precedence::Earlier,
        };
        world.services.mapping_files.import(&world.caller, command).await.expect("imported");
        let after = floor(&world).await;
        assert_eq!((after.floor.reviewed, after.floor.wrong), (3, 1));
        assert_eq!(world.mapping_of("c4").await.state.status(), MappingStatus::Removed, "at once");
        assert!(actions(&world).await.iter().any(|action| action == "mapping.floor_rise"));
    }
}

#[tokio::test]
async fn two_rejections_at_once_both_count() {
    for world in worlds().await {
        let (first, second) = tokio::join!(reject(&world, "c3"), reject(&world, "c4"));
        assert_eq!([&first, &second].map(|mapping| mapping.state.status()), [MappingStatus::Rejected; 2]);
        let after = floor(&world).await;
        assert_eq!((after.floor.reviewed, after.floor.wrong), (2, 2));
    }
}
