//! `providerAccountChanged`.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Error, ID, Subscription};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

use super::follow::mentioned;
use crate::domain::access::Caller;
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::{AccountStatus, ProviderAccount};
use crate::environment::Clock;
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::service::setup::{AccountError, SetupService};

/// How long to wait for a notification before looking anyway: time changes the status too, and a notification may be missed.
const LOOK: Duration = Duration::from_secs(5);

/// `providerAccountChanged`.
#[derive(Default)]
pub struct ProviderAccountChanged;

#[Subscription]
impl ProviderAccountChanged {
    /// Begins with the account as it is, then sends it after every change, for example when it becomes connected.
    async fn provider_account_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the account.")] provider_account_id: ID,
    ) -> Result<impl Stream<Item = Result<ProviderAccountObject, Error>> + use<>, Error> {
        let caller = caller(ctx).clone();
        let setup = services(ctx).setup.clone();
        let unknown = || Failure::bad_input("There is no provider account with this ID.");
        let id = decode_as(&provider_account_id, NodeKind::ProviderAccount).map(ProviderAccountId);
        let id = id.ok_or_else(unknown)?;
        setup.find_account(&caller, id).await.map_err(Failure::from)?.ok_or_else(unknown)?;
        let core = services(ctx).core.clone();
        // Subscribed to before anything is read, so that nothing falls in between.
        let following = Following { setup, caller, notifications: core.store.notifications(), clock: core.clock, id };
        Ok(stream::unfold(Some((following, None)), |state| async move {
            let (mut following, seen) = state?;
            loop {
                match following.look().await {
                    Ok(Some((account, now))) if seen != Some(now) => {
                        return Some((Ok(ProviderAccountObject(account)), Some((following, Some(now)))));
                    }
                    Ok(Some(_)) => {
                        let id = following.id.0;
                        mentioned(&mut following.notifications, id, LOOK).await;
                    }
                    Ok(None) => return None,
                    // The stream ends with the error: whoever opens it again begins with the account as it then is.
                    Err(error) => return Some((Err(Failure::from(error).into()), None)),
                }
            }
        }))
    }
}

/// What is needed to look at an account again and again.
struct Following {
    setup: SetupService,
    caller: Caller,
    notifications: Receiver<Uuid>,
    clock: Arc<dyn Clock>,
    id: ProviderAccountId,
}

impl Following {
    /// The account with what tells two looks apart: its version, and its status, which changes with time too.
    async fn look(&self) -> Result<Option<(ProviderAccount, (i64, AccountStatus))>, AccountError> {
        let found = self.setup.find_account(&self.caller, self.id).await?;
        Ok(found.map(|account| {
            let now = (account.version, account.status_at(self.clock.now()));
            (account, now)
        }))
    }
}
