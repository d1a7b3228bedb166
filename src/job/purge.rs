//! Takes away, once a day, what is kept no longer. Safe to run on every replica: what one took, the others do not find.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::access::Actor;
use crate::domain::retention::Retention;
use crate::service::retention::RetentionService;

/// How often. Retention is said in days.
const LOOK: Duration = Duration::from_hours(24);

/// Purges until told to stop; at once where everything is kept.
pub async fn purge_daily(service: RetentionService, retention: Retention, shutdown: CancellationToken) {
    while !retention.keeps_everything() {
        let purging = service.purge(retention, &Actor::Schedule);
        tokio::select! {
            // It may be stopped at any moment: the next look goes on.
            () = shutdown.cancelled() => return,
            purged = purging => match purged {
                Ok(purged) => {
                    for purged in purged {
                        info!(
                            "the purge of `{}` removed {} texts, {} events and the contact data of {} companies and {} \
                             customers",
                            purged.organization, purged.raw_texts, purged.events, purged.companies, purged.customers
                        );
                    }
                }
                Err(error) => warn!("what is kept no longer could not be removed: {error}"),
            },
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(LOOK) => {}
        }
    }
}
