//! Values that two databases could keep differently: hashes, texts of all the world.

use concord::domain::access::Role;
use concord::domain::provider::Side;
use concord::environment::RandomIds;
use concord::secret::CountingRandom;
use concord::service::access::CreateToken;
use concord::storage::page::Window;
use concord::storage::record::{self, RecordFilter, RecordOrder};
use concord::storage::source::company::CompanyTable;
use concord::storage::source::{self, Incoming};
use concord::storage::token;

use super::provider::company;
use super::world::{World, worlds};

#[tokio::test]
async fn a_token_is_found_by_its_hash_alone() {
    for world in worlds().await {
        let command = |name: &str| CreateToken {
            organization: "default".to_owned(),
            name: name.to_owned(),
            roles: Role::Viewer.into(),
            lifetime: None,
        };
        let random = CountingRandom::default();
        let access = &world.app.access;
        let (one, two) = (
            access.create_token(&random, command("one")).await.expect("a token"),
            access.create_token(&random, command("two")).await.expect("a token"),
        );
        for (secret, name) in [(&one, "one"), (&two, "two")] {
            let found = token::by_hash(world.store.read(), &secret.hash()).await.expect("read").expect("found");
            assert_eq!(found.name, name);
            assert_eq!(access.admit(secret.expose()).await.expect("let in").caller.actor.name(), name);
        }
        for hash in [one.hash().to_uppercase(), one.hash()[..32].to_owned(), "%".to_owned(), String::new()] {
            assert_eq!(token::by_hash(world.store.read(), &hash).await.expect("read"), None, "{hash}");
        }
        let stored = world.texts("SELECT hash || prefix || name FROM api_token").await.concat();
        assert!(!stored.contains(one.expose()), "the token itself is nowhere");
    }
}

async fn found(world: &World, words: &str) -> Vec<String> {
    let filter = RecordFilter { search: Some(words.to_owned()), ..RecordFilter::default() };
    let (db, organization, account) = (world.store.read(), world.organization(), world.pax8.id);
    let (order, window) = (RecordOrder::default(), Window::first(100));
    let slice = record::page::<CompanyTable>(db, organization, account, &filter, order, &window).await;
    slice.unwrap_or_else(|error| panic!("{error}")).items.into_iter().map(|(_, stored)| stored.record.name).collect()
}

#[tokio::test]
async fn texts_of_all_the_world_are_kept_and_found() {
    let names = [
        "Café \u{1F980} Crab",
        "cafe\u{301} noir",
        "ИВАНОВ и Ко",
        "株式会社テスト",
        "100% Ölmühle_GmbH",
        "İstanbul A.Ş.",
    ];
    for world in worlds().await {
        let incoming = |(number, name): (usize, &&str)| {
            let record = company(&format!("id-{number}"), name);
            Incoming { external_id: format!("id-{number}"), raw: record.raw, record: record.record }
        };
        let (pull, tx) = (world.pull(Side::Pax8), world.store.begin().await.expect("a transaction"));
        let page = names.iter().enumerate().map(incoming).collect();
        source::apply::<CompanyTable>(&tx, &RandomIds, pull, page).await.expect("applied");
        tx.commit().await.expect("kept");
        let cases: [(&str, &[usize]); 11] = [
            ("CAFÉ", &[0, 1]),
            ("cafe\u{301}", &[0, 1]),
            ("\u{1F980}", &[0]),
            ("crab café", &[0]),
            ("иванов", &[2]),
            ("テスト", &[3]),
            ("100% ölmühle_", &[4]),
            ("%", &[4]),
            ("_", &[4]),
            ("istanbul", &[5]),
            ("\\", &[]),
        ];
        for (words, expected) in cases {
            let mut expected: Vec<&str> = expected.iter().map(|number| names[*number]).collect();
            expected.sort_unstable();
            assert_eq!(found(&world, words).await, expected, "`{words}` on {}", world.database.url);
        }
        // A search field into which somebody pasted a book.
        assert_eq!(found(&world, &"x".repeat(60_000)).await, [""; 0]);
        assert_eq!(found(&world, &"word ".repeat(5_000)).await, [""; 0]);
        let distinct: String = (0..5_000).map(|number| format!("w{number} ")).collect();
        assert_eq!(found(&world, &distinct).await, [""; 0]);
        assert_eq!(found(&world, &"café ".repeat(5_000)).await.len(), 2);
    }
}
