//! A sync matches what changed, and ends where matching everything would.

use concord::domain::mapping::MappingKind;
use concord::domain::run::MatchCount;
use concord::service::mapping::Decide;
use concord::storage::candidate::{self, Owner};
use concord::storage::memory;

use crate::mapping_world::World;
use crate::postgres::{TestDatabase, databases};

/// Names of which none resembles another.
const NAMES: [&str; 12] = [
    "Kettle", "Ocotillo", "Saguaro", "Quartz", "Juniper", "Mesquite", "Cobalt", "Lantern", "Bramble", "Wyvern", "Onyx",
    "Palisade",
];

type Row = (String, String, String);

fn rows(names: &[&str]) -> Vec<Row> {
    let row = |(at, name): (usize, &&str)| (format!("{at:02}"), format!("{name} Workshop"), domain(name));
    names.iter().enumerate().map(row).collect()
}

fn domain(name: &str) -> String {
    format!("{}.example", name.to_lowercase())
}

fn borrowed(rows: &[Row]) -> Vec<(&str, &str, &str)> {
    rows.iter().map(|(id, name, domain)| (id.as_str(), name.as_str(), domain.as_str())).collect()
}

async fn world_of(database: TestDatabase, companies: &[Row], customers: &[Row]) -> World {
    let world = World::open(database).await;
    world.companies(&borrowed(companies)).await;
    world.customers(&borrowed(customers)).await;
    world.rematch().await.expect("the matching ends");
    world
}

fn owner(world: &World) -> Owner {
    Owner {
        organization_id: world.caller.organization_id,
        integration_id: world.integration.id,
        kind: MappingKind::Customer,
    }
}

async fn matched_alone(world: &World) -> u64 {
    let found = memory::find(world.services.core.store.read(), owner(world)).await.expect("the database answers");
    found.expect("the matching remembers").matched_alone
}

/// Suggestions, and how many records have candidates.
async fn state(world: &World) -> (Vec<String>, usize) {
    let told = world.told().await.into_iter().filter(|told| told.contains("Suggested")).collect();
    let candidates = candidate::terms(world.services.core.store.read(), owner(world)).await;
    (told, candidates.expect("the database answers").len())
}

#[tokio::test]
async fn changes_matched_alone_end_where_matching_everything_would() {
    for (database, fresh) in databases().await.into_iter().zip(databases().await) {
        let (mut companies, mut customers) = (rows(&NAMES[..10]), rows(&NAMES[..9]));
        let world = world_of(database, &companies, &customers).await;
        assert_eq!(matched_alone(&world).await, 0);
        // One change each: a company gets a customer's name, a customer another name, both get a newcomer, and a
        // customer takes a name that two companies resemble.
        let changes: [(&str, usize, &str); 5] = [
            ("pax8", 3, "Palisade"),
            ("psa", 4, "Onyx"),
            ("pax8", 10, "Onyx"),
            ("psa", 9, "Bramble"),
            ("psa", 5, "Palisade"),
        ];
        for (side, at, name) in changes {
            let list = if side == "pax8" { &mut companies } else { &mut customers };
            let row = (format!("{at:02}"), format!("{name} Workshop"), domain(name));
            match list.get_mut(at) {
                Some(known) => *known = row.clone(),
                None => list.push(row.clone()),
            }
            let row = [row];
            match side {
                "pax8" => world.companies(&borrowed(&row)).await,
                _ => world.customers(&borrowed(&row)).await,
            }
            world.rematch().await.expect("the matching ends");
        }
        assert_eq!(matched_alone(&world).await, 5);
        let whole = world_of(fresh, &companies, &customers).await;
        assert_eq!(state(&world).await, state(&whole).await);
    }
}

#[tokio::test]
async fn nothing_new_matches_nothing_and_counts_the_same() {
    for database in databases().await {
        let world = world_of(database, &rows(&NAMES[..8]), &rows(&NAMES[..7])).await;
        let before = world.mappings(MappingKind::Customer).await;
        let (customers, _) = world.counted_rematch().await.expect("the matching ends");
        let all = MatchCount { suggested: 0, kept: 7, with_candidates: customers.with_candidates, ..customers };
        assert_eq!((customers, customers.with_candidates + customers.unmatched), (all, 1));
        assert_eq!(world.mappings(MappingKind::Customer).await, before);
        assert_eq!(matched_alone(&world).await, 0);
    }
}

#[tokio::test]
async fn a_decision_matches_everything_again() {
    for database in databases().await {
        let world = world_of(database, &rows(&NAMES[..4]), &rows(&NAMES[..4])).await;
        world.companies(&[("00", "Kettle Workshop Tucson", "kettle.example")]).await;
        world.rematch().await.expect("the matching ends");
        assert_eq!(matched_alone(&world).await, 1);
        let mapping = world.mapping_of("01").await;
        let command = Decide { mapping_id: mapping.id, expected_version: None, reason: None };
        world.services.mapping.confirm(&world.caller, command).await.expect("confirmed");
        world.rematch().await.expect("the matching ends");
        assert_eq!(matched_alone(&world).await, 0);
    }
}

#[tokio::test]
async fn a_lesson_that_is_no_longer_learned_is_forgotten_everywhere() {
    for database in databases().await {
        let world = World::of_bones(database).await;
        world.map_by_hand("c1", "101").await;
        world.map_by_hand("c2", "102").await;
        world.rematch().await.expect("the matching ends");
        let mentions = async || {
            let mappings = world.mappings(MappingKind::Customer).await;
            let told = mappings.iter().filter_map(|mapping| mapping.state.evidence());
            told.filter(|evidence| evidence.explanation.contains("LEARNED_WORDS")).count()
        };
        assert_eq!(mentions().await, 1);
        // One of the two that taught it goes by another name now.
        world.customers(&[("101", "Kestrel Orthopedics", "kestrel-old.example")]).await;
        world.rematch().await.expect("the matching ends");
        assert_eq!(mentions().await, 0);
    }
}
