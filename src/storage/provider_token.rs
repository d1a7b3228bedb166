//! The tokens that accounts act with, sealed. They outlive a process and are shared by several: an account has one for each
//! way of connecting.
//!
//! Tokens are renewed under a lease: a refresh token is good for one use, so that two who used it at once would lose the
//! consent. The lease is a row and no lock, because nothing may be held while another system is asked.

use chrono::{DateTime, TimeDelta, Utc};
use entity::provider_token::{ActiveModel, Column, Entity};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::text::Word as _;
use super::{StorageError, Tx, lease};
use crate::domain::id::{OrganizationId, ProviderAccountId};
use crate::domain::provider::ConnectionMethod;

/// How long one renewal may take. Longer than its request may, so that nobody else begins while it is under way.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Whose tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKey {
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Account.
    pub account_id: ProviderAccountId,
    /// Way of connecting.
    pub method: ConnectionMethod,
}

impl TokenKey {
    fn condition(self) -> Condition {
        Condition::all()
            .add(Column::OrganizationId.eq(self.organization_id.0))
            .add(Column::AccountId.eq(self.account_id.0))
            .add(Column::Method.eq(self.method.word()))
    }
}

/// Tokens as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTokens {
    /// The keys or the consent that they belong to; those of others are none of ours.
    pub origin: String,
    /// Access and refresh token, sealed; `None` once a consent has ended or an account was disconnected, and before keys
    /// were used.
    pub sealed: Option<String>,
    /// Grows with every token that is stored.
    pub number: i64,
    /// When the tokens were stored.
    pub issued_at: Option<DateTime<Utc>>,
    /// When the access token ends; `None` when the provider did not say.
    pub access_expires_at: Option<DateTime<Utc>>,
}

/// New tokens of an account.
#[derive(Debug, Clone)]
pub struct NewTokens {
    /// The keys or the consent that they belong to.
    pub origin: String,
    /// Access and refresh token, sealed.
    pub sealed: String,
    /// When they were given out.
    pub issued_at: DateTime<Utc>,
    /// When the access token ends.
    pub access_expires_at: Option<DateTime<Utc>>,
}

/// The tokens of an account; `None` when there never were any.
pub async fn find(db: &impl ConnectionTrait, key: TokenKey) -> Result<Option<StoredTokens>, StorageError> {
    Ok(Entity::find().filter(key.condition()).one(db).await?.map(|model| StoredTokens {
        origin: model.origin,
        sealed: model.tokens,
        number: model.number,
        issued_at: model.issued_at,
        access_expires_at: model.access_expires_at,
    }))
}

/// The first row of a key, without tokens.
fn row(key: TokenKey, origin: &str) -> ActiveModel {
    ActiveModel {
        origin: Set(origin.to_owned()),
        organization_id: Set(key.organization_id.0),
        account_id: Set(key.account_id.0),
        method: Set(key.method.word().to_owned()),
        tokens: Set(None),
        number: Set(1),
        issued_at: Set(None),
        access_expires_at: Set(None),
        lease_holder: Set(None),
        lease_until: Set(None),
    }
}

const KEY: [Column; 3] = [Column::OrganizationId, Column::AccountId, Column::Method];

/// Stores the first tokens of a consent in place of whatever was there; a renewal that is under way is void.
pub async fn replace(tx: &Tx, key: TokenKey, tokens: NewTokens) -> Result<(), StorageError> {
    let NewTokens { origin, sealed, issued_at, access_expires_at } = tokens;
    put(
        tx,
        ActiveModel {
            tokens: Set(Some(sealed)),
            issued_at: Set(Some(issued_at)),
            access_expires_at: Set(access_expires_at),
            ..row(key, &origin)
        },
    )
    .await
}

/// Forgets the tokens of an account, and gives its row to `origin`, of which there are none yet. Whatever is under way
/// with what was there before is void. The row stays: its number goes on, and what still acts for the keys or the consent
/// of before finds that the row is no longer theirs.
pub async fn void(tx: &Tx, key: TokenKey, origin: &str) -> Result<(), StorageError> {
    put(tx, row(key, origin)).await
}

async fn put(tx: &Tx, row: ActiveModel) -> Result<(), StorageError> {
    let replaced = [
        Column::Origin,
        Column::Tokens,
        Column::IssuedAt,
        Column::AccessExpiresAt,
        Column::LeaseHolder,
        Column::LeaseUntil,
    ];
    // The number goes on, so that nobody takes new tokens for those they hold.
    let number = Expr::col((Entity, Column::Number)).add(1);
    let conflict = OnConflict::columns(KEY).update_columns(replaced).value(Column::Number, number).to_owned();
    Entity::insert(row).on_conflict(conflict).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Tokens that somebody acts with.
#[derive(Debug, Clone, Copy)]
pub struct InUse<'a> {
    /// Whose.
    pub key: TokenKey,
    /// The keys or the consent that they belong to.
    pub origin: &'a str,
    /// Number of the tokens.
    pub number: i64,
}

impl InUse<'_> {
    fn condition(self) -> Condition {
        self.key.condition().add(Column::Origin.eq(self.origin)).add(Column::Number.eq(self.number))
    }
}

/// Takes the right to renew tokens; whether it was there to be taken.
pub async fn take_lease(tx: &Tx, tokens: InUse<'_>, holder: &str, now: DateTime<Utc>) -> Result<bool, StorageError> {
    let backend = tx.get_database_backend();
    let is_free = Condition::any()
        .add(Column::LeaseUntil.is_null())
        .add(Expr::col(Column::LeaseUntil).lt(lease::time(backend, now)));
    let taken = Entity::update_many()
        .col_expr(Column::LeaseHolder, Expr::value(holder))
        .col_expr(Column::LeaseUntil, lease::end(backend, now, LEASE))
        .filter(tokens.condition())
        .filter(is_free)
        .exec(&**tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Gives the right back without new tokens.
pub async fn release_lease(tx: &Tx, key: TokenKey, holder: &str) -> Result<(), StorageError> {
    Entity::update_many()
        .set(ActiveModel { lease_holder: Set(None), lease_until: Set(None), ..Default::default() })
        .filter(key.condition())
        .filter(Column::LeaseHolder.eq(holder))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Stores renewed tokens; false when the holder lost the right meanwhile, because somebody connected the account anew.
/// The time of the lease does not matter: as long as nobody else took it, what was renewed is the newest.
pub async fn renew(tx: &Tx, spent: InUse<'_>, holder: &str, tokens: NewTokens) -> Result<bool, StorageError> {
    let renewed = Entity::update_many()
        .set(ActiveModel {
            tokens: Set(Some(tokens.sealed)),
            number: Set(spent.number + 1),
            issued_at: Set(Some(tokens.issued_at)),
            access_expires_at: Set(tokens.access_expires_at),
            lease_holder: Set(None),
            lease_until: Set(None),
            ..Default::default()
        })
        .filter(spent.condition())
        .filter(Column::LeaseHolder.eq(holder))
        .exec(&**tx)
        .await?;
    Ok(renewed.rows_affected == 1)
}

/// Forgets tokens that the provider accepts no longer. False when there are newer ones.
pub async fn forget(tx: &Tx, spent: InUse<'_>) -> Result<bool, StorageError> {
    let forgotten = Entity::update_many()
        .set(ActiveModel {
            tokens: Set(None),
            // Whoever read the old ones a moment ago can no longer take the right to renew them.
            number: Set(spent.number + 1),
            access_expires_at: Set(None),
            lease_holder: Set(None),
            lease_until: Set(None),
            ..Default::default()
        })
        .filter(spent.condition())
        .exec(&**tx)
        .await?;
    Ok(forgotten.rows_affected == 1)
}
