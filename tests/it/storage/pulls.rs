//! Any sequence of pulls leaves what a model in memory says: rows, marks and versions.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use concord::domain::provider::Side;
use concord::environment::{Ids, RandomIds};
use concord::service::setup::CreateIntegration;
use concord::storage::account;
use concord::storage::source::company::CompanyTable;
use concord::storage::source::{self, Incoming, Presence, Pull, content_hash};
use entity::record_version;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::provider::company;
use super::world::{World, worlds};

/// Sequences tried on each kind of database.
const CASES: usize = 30;

/// A page names records by number and content; a pull is some pages, and whether it was complete.
type Pages = (Vec<Vec<(u8, u8)>>, bool);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: String,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    gone_at: Option<DateTime<Utc>>,
}

type Version = (String, DateTime<Utc>, Option<DateTime<Utc>>);

/// What should be there, the plain way.
#[derive(Default)]
struct Model {
    rows: BTreeMap<String, Row>,
    versions: BTreeMap<String, Vec<Version>>,
}

impl Model {
    fn see(&mut self, id: &str, name: &str, now: DateTime<Utc>) {
        let row = Row { name: name.to_owned(), first_seen_at: now, last_seen_at: now, gone_at: None };
        let versions = self.versions.entry(id.to_owned()).or_default();
        let known = self.rows.entry(id.to_owned()).or_insert_with(|| row.clone());
        if versions.last().is_none_or(|(last, ..)| last != name) {
            if let Some(last) = versions.last_mut() {
                last.2 = Some(now);
            }
            versions.push((name.to_owned(), now, None));
        }
        *known = Row { first_seen_at: known.first_seen_at, ..row };
    }

    fn end(&mut self, seen: &[String], now: DateTime<Utc>) {
        for (id, row) in &mut self.rows {
            if !seen.contains(id) {
                row.gone_at = row.gone_at.or(Some(now));
            }
        }
    }
}

fn sequences() -> impl Strategy<Value = Vec<Pages>> {
    let record = (0_u8..6, 0_u8..3);
    let page = prop::collection::vec(record, 0..5);
    prop::collection::vec((prop::collection::vec(page, 0..4), prop::bool::weighted(0.7)), 1..7)
}

#[tokio::test]
async fn any_sequence_of_pulls_leaves_what_the_model_says() {
    for world in worlds().await {
        let mut runner = TestRunner::deterministic();
        for case in 0..CASES {
            let pulls = sequences().new_tree(&mut runner).expect("a sequence").current();
            check(&world, case, &pulls).await;
        }
    }
}

async fn check(world: &World, case: usize, pulls: &[Pages]) {
    let (organization, ids) = (world.organization(), world.ids());
    let command = CreateIntegration { name: format!("case {case}") };
    let integration = world.app.services.setup.create(&world.caller, command).await.expect("an integration");
    let (account, _) = account::pair(world.store.read(), organization, integration.id).await.expect("accounts");
    let mut model = Model::default();
    for (pages, is_complete) in pulls {
        let mut pull = Pull { account_id: account.id, ..world.pull(Side::Pax8) };
        let mut seen = Vec::new();
        for page in pages {
            pull.now += TimeDelta::seconds(1);
            let mut incoming = Vec::new();
            // Where a page names a record twice, the later one counts.
            let mut last: BTreeMap<String, String> = BTreeMap::new();
            for (id, content) in page {
                let (id, name) = (format!("r{id}"), format!("name {content}"));
                let record = company(&id, &name);
                incoming.push(Incoming { external_id: id.clone(), raw: record.raw, record: record.record });
                last.insert(id, name);
            }
            let tx = world.store.begin().await.expect("a transaction");
            source::apply::<CompanyTable>(&tx, &ids, pull, incoming).await.expect("the page is applied");
            tx.commit().await.expect("it is kept");
            for (id, name) in last {
                model.see(&id, &name, pull.now);
                seen.push(id);
            }
        }
        if *is_complete {
            let tx = world.store.begin().await.expect("a transaction");
            source::mark_gone::<CompanyTable>(&tx, pull).await.expect("the marks are set");
            tx.commit().await.expect("they are kept");
            model.end(&seen, pull.now);
        }
    }
    let stored = source::all::<CompanyTable>(world.store.read(), organization, account.id, Presence::Everything);
    let mut rows = BTreeMap::new();
    let mut record_ids = BTreeMap::new();
    for stored in stored.await.expect("the rows are read") {
        let identity = stored.identity;
        assert_eq!(identity.content_hash, content_hash(&company(&identity.external_id, &stored.record.name).raw));
        record_ids.insert(identity.external_id.clone(), identity.id);
        let row = Row {
            name: stored.record.name,
            first_seen_at: identity.first_seen_at,
            last_seen_at: identity.last_seen_at,
            gone_at: identity.gone_at,
        };
        rows.insert(identity.external_id, row);
    }
    assert_eq!(rows, model.rows, "{pulls:?} on {}", world.database.url);

    let found = record_version::Entity::find()
        .filter(record_version::Column::AccountId.eq(account.id.0))
        .order_by_asc(record_version::Column::ObservedFrom)
        .all(world.store.read())
        .await
        .expect("the versions are read");
    let mut versions: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for version in found {
        assert_eq!(version.content_hash, content_hash(&version.raw));
        assert_eq!(Some(&version.record_id), record_ids.get(&version.external_id));
        let name =
            format!("name {}", version.raw.split("name ").nth(1).and_then(|rest| rest.get(..1)).expect("a name"));
        versions.entry(version.external_id).or_default().push((name, version.observed_from, version.observed_to));
    }
    assert_eq!(versions, model.versions, "{pulls:?} on {}", world.database.url);
}

#[tokio::test]
async fn a_record_keeps_its_id_and_a_page_larger_than_a_statement_is_applied_whole() {
    for world in worlds().await {
        let many = |round: &str| -> Vec<_> {
            let incoming = |number: usize| {
                let record = company(&format!("c{number:04}"), &format!("{round} {number}"));
                Incoming { external_id: record.record.external_id.to_string(), raw: record.raw, record: record.record }
            };
            (0..1203).map(incoming).collect()
        };
        let mut before: Vec<uuid::Uuid> = Vec::new();
        for round in ["one", "two"] {
            let (pull, tx) = (world.pull(Side::Pax8), world.store.begin().await.expect("a transaction"));
            let applied = source::apply::<CompanyTable>(&tx, &RandomIds, pull, many(round)).await.expect("applied");
            assert_eq!(source::seen::<CompanyTable>(&tx, pull).await.expect("counted"), 1203);
            tx.commit().await.expect("it is kept");
            assert_eq!(if round == "one" { applied.created } else { applied.changed }, 1203);
            let (db, presence) = (world.store.read(), Presence::Present);
            let rows = source::all::<CompanyTable>(db, world.organization(), world.pax8.id, presence).await;
            let ids: Vec<_> = rows.expect("the rows are read").iter().map(|stored| stored.identity.id).collect();
            assert!(before.is_empty() || ids == before, "the ids changed");
            before = ids;
        }
        let open = world.texts("SELECT external_id FROM record_version WHERE observed_to IS NULL").await;
        assert_eq!(open.len(), 1203);
        let _ = RandomIds.next();
    }
}
