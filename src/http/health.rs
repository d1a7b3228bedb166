//! `/healthz` says that the process answers, `/readyz` that it can do its work. Neither needs a token, and neither
//! tells a stranger why.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

/// Longest time the check may take; a load balancer asks again soon.
const PATIENCE: Duration = Duration::from_secs(3);

/// Says whether the server can do its work.
#[async_trait::async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// Checks what the work depends on, the database before all; the reason goes to the log.
    async fn check(&self) -> Result<(), NotReady>;
}

/// Why the server cannot do its work now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not ready: {0}")]
pub struct NotReady(pub String);

/// The two routes.
pub(super) fn routes(readiness: Arc<dyn Readiness>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "alive" })) }))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

async fn ready(State(readiness): State<Arc<dyn Readiness>>) -> (StatusCode, Json<Value>) {
    let checked = tokio::time::timeout(PATIENCE, readiness.check()).await;
    let verdict = checked.unwrap_or_else(|_| Err(NotReady(format!("the check took more than {PATIENCE:?}"))));
    match verdict {
        Ok(()) => (StatusCode::OK, Json(json!({ "status": "ready" }))),
        Err(error) => {
            tracing::warn!(%error, "readiness check failed: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready" })))
        }
    }
}
