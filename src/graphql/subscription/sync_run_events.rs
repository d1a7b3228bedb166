//! `syncRunEvents`.

use async_graphql::{Context, Error, ID, Subscription};
use futures_util::{Stream, StreamExt as _};

use super::follow::{EventSource, follow};
use crate::domain::id::{OrganizationId, SyncRunId};
use crate::domain::run::{Numbered, SyncEvent};
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::sync_run::SyncRunEvent;
use crate::service::Internal;
use crate::storage::{StorageError, Store, sync_run};

/// Events read at once.
const LOOK: u64 = 100;

struct Events {
    store: Store,
    organization_id: OrganizationId,
    run_id: SyncRunId,
}

impl EventSource for Events {
    type Event = SyncEvent;

    async fn after(&self, sequence: i64) -> Result<Vec<Numbered<SyncEvent>>, StorageError> {
        sync_run::events_after(self.store.read(), self.organization_id, self.run_id, sequence, LOOK).await
    }

    fn is_final(event: &SyncEvent) -> bool {
        matches!(event, SyncEvent::Finished { .. })
    }

    async fn is_over(&self) -> Result<bool, StorageError> {
        let run = sync_run::find(self.store.read(), self.organization_id, self.run_id).await?;
        Ok(run.is_none_or(|run| run.status.is_final()))
    }
}

/// `syncRunEvents`.
#[derive(Default)]
pub struct SyncRunEvents;

#[Subscription]
impl SyncRunEvents {
    /// Follows a sync run until it reaches a final status. Events are stored before they are sent and numbered without
    /// gaps; the stream completes after the final one.
    async fn sync_run_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the run.")] sync_run_id: ID,
        #[graphql(
            desc = "Last event seen, to resume after a lost connection; everything from the beginning when omitted."
        )]
        after_sequence: Option<i64>,
    ) -> Result<impl Stream<Item = Result<SyncRunEvent, Error>> + use<>, Error> {
        let caller = caller(ctx).clone();
        let services = services(ctx);
        let unknown = || Failure::bad_input("There is no sync run with this ID.");
        let run_id = decode_as(&sync_run_id, NodeKind::SyncRun).map(SyncRunId).ok_or_else(unknown)?;
        let store = services.core.store.clone();
        let notifications = store.notifications();
        services.sync.find(&caller, run_id).await.map_err(Failure::from)?.ok_or_else(unknown)?;
        let source = Events { store, organization_id: caller.organization_id, run_id };
        let after = after_sequence.unwrap_or(0).max(0);
        Ok(follow(source, run_id.0, after, notifications).map(move |event| {
            event
                .map(SyncRunEvent::from)
                .map_err(|error| Failure::from(Internal::log(&caller.correlation_id, &error)).into())
        }))
    }
}
