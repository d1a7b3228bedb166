//! The matrix of who may see and do what: every field and every mutation, with every role, in one's own organization, in
//! another one and in none.
//!
//! Nothing here lists fields or mutations. The documents are made from the schema, so that a new field is looked at
//! without anybody thinking of it, and what cannot be asked for without knowing more stops the test by its name: an
//! argument (the tables of `document`), an object that the world has not (`fill` of `world`), a description that makes a
//! role depend on something (`EXCEPTIONS` of `verdict`), a mutation (`inputs` of `roles`).
//!
//! On SQLite alone: the statements are the same on PostgreSQL, where `tenants` and `roles` look at what goes by ids, and
//! thousands of requests once more would find nothing else.

mod document;
mod following;
mod reading;
mod schema;
mod verdict;
mod world;
mod writing;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::document::Ids;
use self::schema::Schema;
use super::harness::{self, Program};
use super::roles::unknown;

/// An id of each kind that nobody has.
fn unknown_ids(ids: &Ids) -> Ids {
    ids.keys().map(|kind| (*kind, unknown(kind))).collect()
}

/// An answer without what differs from request to request, and with ids by what they are of.
fn neutral(mut answer: Value, ids: &Ids) -> String {
    if let Some(extensions) = answer.get_mut("extensions") {
        extensions.take();
    }
    ids.iter().fold(answer.to_string(), |text, (kind, id)| {
        text.replace(id.as_str().expect("an id is a text"), &format!("the {kind}"))
    })
}

/// Types that nothing but mutations and subscriptions leads to.
fn beside_queries(schema: &Schema, root: &str) -> BTreeSet<String> {
    let queried = schema.reachable("Query");
    schema.reachable(root).into_iter().filter(|object| object != root && !queried.contains(object)).collect()
}

/// Whoever comes without a token, or with one that nobody has.
struct Nobody {
    http: reqwest::Client,
    url: String,
}

impl Nobody {
    /// A token that looks like one.
    const TOKEN: &str = "concord_nobodyhasthistoken";

    fn of(program: &Program) -> Self {
        Self { http: harness::http(), url: format!("http://{}/graphql", program.address) }
    }

    /// Fails unless they are told that they are not known, and nothing else.
    async fn learns_nothing(&self, document: &str, variables: &Value) {
        let body = json!({ "query": document, "variables": variables });
        self.refused(&self.http.post(&self.url).json(&body), document).await;
    }

    /// The same of a query in the address.
    async fn learns_nothing_by_address(&self, query: &str) {
        self.refused(&self.http.get(format!("{}?query={query}", self.url)), query).await;
    }

    async fn refused(&self, request: &reqwest::RequestBuilder, document: &str) {
        let request = || request.try_clone().expect("the body is at hand");
        for request in [request(), request().bearer_auth(Self::TOKEN)] {
            let answer = request.send().await.expect("the server answers");
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.expect("the answer is JSON");
            let told = (status, &body["errors"][0]["extensions"]["code"], &body["data"]);
            assert_eq!(told, (401, &json!("UNAUTHENTICATED"), &Value::Null), "{document}");
        }
    }
}
