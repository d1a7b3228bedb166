//! `reconciliationRunEvents`.

use async_graphql::{Context, Error, ID, Subscription};
use futures_util::{Stream, StreamExt as _};

use super::follow::{EventSource, follow};
use crate::domain::id::{OrganizationId, ReconciliationRunId};
use crate::domain::run::{Numbered, ReconciliationEvent};
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::reconciliation_run::ReconciliationRunEvent;
use crate::service::Internal;
use crate::storage::{StorageError, Store, reconciliation};

/// Events read at once.
const LOOK: u64 = 100;

struct Events {
    store: Store,
    organization_id: OrganizationId,
    run_id: ReconciliationRunId,
}

impl EventSource for Events {
    type Event = ReconciliationEvent;

    async fn after(&self, sequence: i64) -> Result<Vec<Numbered<ReconciliationEvent>>, StorageError> {
        reconciliation::events_after(self.store.read(), self.organization_id, self.run_id, sequence, LOOK).await
    }

    fn is_final(event: &ReconciliationEvent) -> bool {
        matches!(event, ReconciliationEvent::Finished { .. })
    }

    async fn is_over(&self) -> Result<bool, StorageError> {
        let run = reconciliation::find(self.store.read(), self.organization_id, self.run_id).await?;
        Ok(run.is_none_or(|run| run.status.is_final()))
    }
}

/// `reconciliationRunEvents`.
#[derive(Default)]
pub struct ReconciliationRunEvents;

#[Subscription]
impl ReconciliationRunEvents {
    /// Follows a reconciliation run until it reaches a final status. Events are stored before they are sent and numbered
    /// without gaps; the stream completes after the final one.
    async fn reconciliation_run_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the run.")] reconciliation_run_id: ID,
        #[graphql(
            desc = "Last event seen, to resume after a lost connection; everything from the beginning when omitted."
        )]
        after_sequence: Option<i64>,
    ) -> Result<impl Stream<Item = Result<ReconciliationRunEvent, Error>> + use<>, Error> {
        let caller = caller(ctx).clone();
        let services = services(ctx);
        let unknown = || Failure::bad_input("There is no reconciliation run with this ID.");
        let run_id = decode_as(&reconciliation_run_id, NodeKind::ReconciliationRun).map(ReconciliationRunId);
        let run_id = run_id.ok_or_else(unknown)?;
        let store = services.core.store.clone();
        let notifications = store.notifications();
        services.reconciliation.find(&caller, run_id).await.map_err(Failure::from)?.ok_or_else(unknown)?;
        let source = Events { store, organization_id: caller.organization_id, run_id };
        let after = after_sequence.unwrap_or(0).max(0);
        Ok(follow(source, run_id.0, after, notifications).map(move |event| {
            event
                .map(ReconciliationRunEvent::from)
                .map_err(|error| Failure::from(Internal::log(&caller.correlation_id, &error)).into())
        }))
    }
}
