//! Webhooks of installations of which one is a copy of the other.

use std::sync::Arc;

use concord::app::App;
use concord::domain::access::Caller;
use concord::domain::id::ProviderAccountId;
use concord::environment::SystemClock;
use concord::service::webhook::RegisterWebhook;
use serde_json::json;

use super::harness;
use super::webhooks::{Synced, tell, text};
use crate::postgres;

/// Another installation over a copy of the database, which Pax8 reaches elsewhere, and its administrator.
async fn copy(synced: &Synced, folder: &std::path::Path, name: &str) -> (App, Caller) {
    let path = folder.join(name);
    let connection = sea_orm::Database::connect(&synced.program.database.url).await.expect("it opens");
    let statement = format!("VACUUM INTO '{}'", path.display());
    sea_orm::ConnectionTrait::execute_unprepared(&connection, &statement).await.expect("it is copied");
    let address = "127.0.0.1:9".parse().expect("an address");
    let app = harness::app_at(&format!("sqlite://{}", path.display()), Arc::new(SystemClock), address).await;
    let caller = app.access.operator("default").await.expect("the organization was copied");
    (app, caller)
}

#[tokio::test]
async fn installations_that_were_copied_leave_each_other_alone() {
    let synced = Synced::registered(postgres::sqlite()).await;
    let own = synced.remote().await.remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let account_id = ProviderAccountId(harness::uuid_of(&synced.integration.pax8));
    let address = synced.program.address.to_string();

    // The copy knows the webhook of the original, and lets go of it without touching it.
    let (other, caller) = copy(&synced, folder.path(), "one.db").await;
    let removed = other.services.webhook.remove(&caller, account_id).await.expect("it is removed here");
    let left = removed.left_behind.expect("it is left at Pax8").to_string();
    assert!(left.contains(&address) && left.contains("unless it belongs to another installation"), "{left}");
    assert_eq!(synced.remote().await, std::slice::from_ref(&own));

    let (other, caller) = copy(&synced, folder.path(), "two.db").await;
    let webhooks = &other.services.webhook;
    let register = async || {
        let command = RegisterWebhook { account_id, topics: None, is_manual: false };
        webhooks.register(&caller, command).await.expect("Pax8 makes one for the copy too")
    };
    let registered = register().await;
    assert!(registered.remarks.concat().contains(&address), "{:?}", registered.remarks);
    let both = synced.remote().await;
    assert_eq!((both.len(), &both[0]), (2, &own), "the one of the original stays");
    assert_ne!(both[0]["displayName"], both[1]["displayName"]);

    // Each replaces its own, and removes its own.
    assert_eq!(register().await.remarks, [""; 0]);
    let payload = synced.register(json!({})).await;
    assert_eq!(payload["remarks"], json!([]));
    let both = synced.remote().await;
    let is_there = |part: &str| both.iter().filter(|remote| text(&remote["url"]).contains(part)).count();
    assert_eq!((both.len(), is_there(&address), is_there("127.0.0.1:9/")), (2, 1, 1));
    webhooks.remove(&caller, account_id).await.expect("it is removed");
    assert_eq!(synced.remote().await.len(), 1);
    assert!(text(&synced.remote().await[0]["url"]).contains(&address));
    assert_eq!(tell(text(&own["url"]), text(&own["authorization"]), "{}").await.0, 404, "it was replaced");
    synced.program.stop().await;
}
