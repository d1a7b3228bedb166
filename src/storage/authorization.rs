//! Delegated authorization: an account's application, its sealed tokens, who may renew them, and attempts that are under
//! way. What is sealed goes in and out as text; nobody here can open it.
//!
//! Tokens are renewed under a lease: a refresh token is good for one use, so that two who used it at once would lose the
//! consent. The lease is a row and no lock, because nothing may be held while another system is asked.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{authorization_attempt as attempt, provider_authorization as authorization};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, OnConflict, SimpleExpr};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait,
    IntoActiveModel as _, QueryFilter, QuerySelect,
};

use super::{StorageError, Tx};
use crate::domain::id::{OrganizationId, ProviderAccountId};

/// How long one renewal may take. Longer than its request may, so that nobody else begins while it is under way.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);

/// The application of an account, and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAuthorization {
    /// The application as JSON, without its secret.
    pub application: String,
    /// Its secret, sealed; `None` for an application without one.
    pub application_secret: Option<String>,
    /// Access and refresh token, sealed; `None` once the consent has ended.
    pub tokens: Option<String>,
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
    /// Access and refresh token, sealed.
    pub sealed: String,
    /// When they were given out.
    pub issued_at: DateTime<Utc>,
    /// When the access token ends.
    pub access_expires_at: Option<DateTime<Utc>>,
}

/// A person who was sent to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Hash of the state that brings the person back.
    pub state_hash: String,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Account.
    pub account_id: ProviderAccountId,
    /// Who began it, as text of the service.
    pub starter: String,
    /// Word of the connector.
    pub connector: String,
    /// Settings of the connector as JSON, which the account gets when the person consents.
    pub settings: String,
    /// Keys that the account gets besides, sealed for it; `None` leaves those that it has.
    pub secret: Option<String>,
    /// Name of the zone that the account gets.
    pub time_zone: String,
    /// The application as JSON.
    pub application: String,
    /// Its secret, sealed for the account.
    pub application_secret: Option<String>,
    /// Sealed.
    pub code_verifier: String,
    /// Where the provider sends the person back to.
    pub redirect_uri: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// Until when the person may come back.
    pub expires_at: DateTime<Utc>,
    /// When the person came back.
    pub used_at: Option<DateTime<Utc>>,
}

fn of(organization_id: OrganizationId, account_id: ProviderAccountId) -> Condition {
    Condition::all()
        .add(authorization::Column::OrganizationId.eq(organization_id.0))
        .add(authorization::Column::AccountId.eq(account_id.0))
}

/// The time that leases are measured by: the database's own where several replicas share it.
fn lease_time(backend: DbBackend, now: DateTime<Utc>) -> SimpleExpr {
    if backend == DbBackend::Postgres { Expr::cust("clock_timestamp()") } else { Expr::value(now) }
}

fn lease_end(backend: DbBackend, now: DateTime<Utc>) -> SimpleExpr {
    if backend == DbBackend::Postgres {
        Expr::cust(format!("clock_timestamp() + interval '{} seconds'", LEASE.num_seconds()))
    } else {
        Expr::value(now + LEASE)
    }
}

/// The authorization of an account; `None` when it never had one.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<Option<StoredAuthorization>, StorageError> {
    let query = authorization::Entity::find().filter(of(organization_id, account_id));
    Ok(query.one(db).await?.map(|model| StoredAuthorization {
        application: model.application,
        application_secret: model.application_secret,
        tokens: model.tokens,
        number: model.number,
        issued_at: model.issued_at,
        access_expires_at: model.access_expires_at,
    }))
}

/// Stores what a person consented to, in place of whatever was there; a renewal that is under way is void.
pub async fn replace(tx: &Tx, attempt: &Attempt, tokens: NewTokens) -> Result<(), StorageError> {
    let row = authorization::ActiveModel {
        organization_id: Set(attempt.organization_id.0),
        account_id: Set(attempt.account_id.0),
        application: Set(attempt.application.clone()),
        application_secret: Set(attempt.application_secret.clone()),
        tokens: Set(Some(tokens.sealed)),
        number: Set(1),
        issued_at: Set(Some(tokens.issued_at)),
        access_expires_at: Set(tokens.access_expires_at),
        lease_holder: Set(None),
        lease_until: Set(None),
    };
    let key = [authorization::Column::OrganizationId, authorization::Column::AccountId];
    let replaced = [
        authorization::Column::Application,
        authorization::Column::ApplicationSecret,
        authorization::Column::Tokens,
        authorization::Column::IssuedAt,
        authorization::Column::AccessExpiresAt,
        authorization::Column::LeaseHolder,
        authorization::Column::LeaseUntil,
    ];
    // The number goes on, so that nobody takes new tokens for those they hold.
    let number = Expr::col((authorization::Entity, authorization::Column::Number)).add(1);
    let conflict =
        OnConflict::columns(key).update_columns(replaced).value(authorization::Column::Number, number).to_owned();
    authorization::Entity::insert(row).on_conflict(conflict).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Takes the right to renew the tokens of this number; whether it was there to be taken.
pub async fn take_lease(
    tx: &Tx,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    number: i64,
    holder: &str,
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let backend = tx.get_database_backend();
    let is_free = Condition::any()
        .add(authorization::Column::LeaseUntil.is_null())
        .add(Expr::col(authorization::Column::LeaseUntil).lt(lease_time(backend, now)));
    let taken = authorization::Entity::update_many()
        .col_expr(authorization::Column::LeaseHolder, Expr::value(holder))
        .col_expr(authorization::Column::LeaseUntil, lease_end(backend, now))
        .filter(of(organization_id, account_id))
        .filter(authorization::Column::Number.eq(number))
        .filter(authorization::Column::Tokens.is_not_null())
        .filter(is_free)
        .exec(&**tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Gives the right back without new tokens.
pub async fn release_lease(
    tx: &Tx,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    holder: &str,
) -> Result<(), StorageError> {
    authorization::Entity::update_many()
        .set(authorization::ActiveModel { lease_holder: Set(None), lease_until: Set(None), ..Default::default() })
        .filter(of(organization_id, account_id))
        .filter(authorization::Column::LeaseHolder.eq(holder))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Stores renewed tokens; false when the holder lost the right meanwhile, because somebody connected the account anew.
pub async fn renew(
    tx: &Tx,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    number: i64,
    holder: &str,
    tokens: NewTokens,
) -> Result<bool, StorageError> {
    let renewed = authorization::Entity::update_many()
        .set(authorization::ActiveModel {
            tokens: Set(Some(tokens.sealed)),
            number: Set(number + 1),
            issued_at: Set(Some(tokens.issued_at)),
            access_expires_at: Set(tokens.access_expires_at),
            lease_holder: Set(None),
            lease_until: Set(None),
            ..Default::default()
        })
        .filter(of(organization_id, account_id))
        .filter(authorization::Column::Number.eq(number))
        .filter(authorization::Column::LeaseHolder.eq(holder))
        .exec(&**tx)
        .await?;
    Ok(renewed.rows_affected == 1)
}

/// Forgets the tokens of this number, which the provider accepts no longer; the application stays, so that a person can
/// consent again with one click. False when there are newer ones.
pub async fn forget_tokens(
    tx: &Tx,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    number: i64,
) -> Result<bool, StorageError> {
    let forgotten = authorization::Entity::update_many()
        .set(authorization::ActiveModel {
            tokens: Set(None),
            access_expires_at: Set(None),
            lease_holder: Set(None),
            lease_until: Set(None),
            ..Default::default()
        })
        .filter(of(organization_id, account_id))
        .filter(authorization::Column::Number.eq(number))
        .exec(&**tx)
        .await?;
    Ok(forgotten.rows_affected == 1)
}

/// Forgets the authorization of an account, and attempts that are under way.
pub async fn remove(
    tx: &Tx,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<(), StorageError> {
    authorization::Entity::delete_many().filter(of(organization_id, account_id)).exec(&**tx).await?;
    void_attempts(tx, organization_id, account_id).await
}

/// Removes the attempts of an account, so that none of them can be finished.
pub async fn void_attempts(
    tx: &Tx,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<(), StorageError> {
    attempt::Entity::delete_many()
        .filter(attempt::Column::OrganizationId.eq(organization_id.0))
        .filter(attempt::Column::AccountId.eq(account_id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Adds an attempt.
pub async fn insert_attempt(tx: &Tx, attempt: &Attempt) -> Result<(), StorageError> {
    let row = attempt::Model {
        state_hash: attempt.state_hash.clone(),
        organization_id: attempt.organization_id.0,
        account_id: attempt.account_id.0,
        starter: attempt.starter.clone(),
        connector: attempt.connector.clone(),
        settings: attempt.settings.clone(),
        secret: attempt.secret.clone(),
        time_zone: attempt.time_zone.clone(),
        application: attempt.application.clone(),
        application_secret: attempt.application_secret.clone(),
        code_verifier: attempt.code_verifier.clone(),
        redirect_uri: attempt.redirect_uri.clone(),
        created_at: attempt.created_at,
        expires_at: attempt.expires_at,
        used_at: attempt.used_at,
    };
    attempt::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Whether there is an attempt with this state.
pub async fn is_attempt(db: &impl ConnectionTrait, state_hash: &str) -> Result<bool, StorageError> {
    Ok(attempt::Entity::find_by_id(state_hash).one(db).await?.is_some())
}

/// The attempt of a state, held until the transaction ends. It belongs to whoever brings the state, so nobody else is
/// asked for: the tenant is the one that it names.
pub async fn lock_attempt(tx: &Tx, state_hash: &str) -> Result<Option<Attempt>, StorageError> {
    let query = attempt::Entity::find_by_id(state_hash).lock_exclusive();
    Ok(query.one(&**tx).await?.map(|model| Attempt {
        state_hash: model.state_hash,
        organization_id: OrganizationId(model.organization_id),
        account_id: ProviderAccountId(model.account_id),
        starter: model.starter,
        connector: model.connector,
        settings: model.settings,
        secret: model.secret,
        time_zone: model.time_zone,
        application: model.application,
        application_secret: model.application_secret,
        code_verifier: model.code_verifier,
        redirect_uri: model.redirect_uri,
        created_at: model.created_at,
        expires_at: model.expires_at,
        used_at: model.used_at,
    }))
}

/// Marks an attempt as used. It stays for a while, so that a second use is told apart from a wrong state.
pub async fn use_attempt(tx: &Tx, state_hash: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    attempt::Entity::update_many()
        .set(attempt::ActiveModel { used_at: Set(Some(now)), ..Default::default() })
        .filter(attempt::Column::StateHash.eq(state_hash))
        .exec(&**tx)
        .await?;
    Ok(())
}
