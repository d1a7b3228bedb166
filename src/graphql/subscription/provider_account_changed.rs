//! `providerAccountChanged`.

use std::time::Duration;

use async_graphql::{Context, Error, ID, Subscription};
use futures_util::{Stream, stream};

use crate::domain::id::ProviderAccountId;
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;

/// How often the account is looked at. It changes when a person connects it, which is rare and never urgent to the
/// millisecond; on several replicas a look is all that is needed.
const LOOK: Duration = Duration::from_secs(1);

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
        Ok(stream::unfold(Some((setup, caller, 0_i64)), move |state| async move {
            let (setup, caller, seen) = state?;
            loop {
                match setup.find_account(&caller, id).await {
                    Ok(Some(account)) if account.version > seen => {
                        let seen = account.version;
                        return Some((Ok(ProviderAccountObject(account)), Some((setup, caller, seen))));
                    }
                    Ok(Some(_)) => tokio::time::sleep(LOOK).await,
                    Ok(None) => return None,
                    // The stream ends with the error: whoever opens it again begins with the account as it then is.
                    Err(error) => return Some((Err(Failure::from(error).into()), None)),
                }
            }
        }))
    }
}
