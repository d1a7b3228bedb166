//! Connecting with the consent of a person: the application of an account, and attempts that are under way. What is sealed
//! goes in and out as text; nobody here can open it.

use chrono::{DateTime, Utc};
use entity::{authorization_attempt as attempt, provider_authorization as authorization};
use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel as _,
    QueryFilter,
};

use super::row_lock::RowLock as _;
use super::{StorageError, Tx};
use crate::domain::id::{OrganizationId, ProviderAccountId};

/// The application that a person consented to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAuthorization {
    /// The application as JSON, without its secret.
    pub application: String,
    /// Its secret, sealed; `None` for an application without one.
    pub application_secret: Option<String>,
    /// Tells this consent from those before and after; its tokens carry it.
    pub origin: String,
    /// Where its tokens may be sent, as text of the service; `None` when nobody wrote it down yet.
    pub addresses: Option<String>,
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
        origin: model.origin,
        addresses: model.addresses,
    }))
}

/// Stores what a person consented to, in place of the consent before.
pub async fn replace(
    tx: &Tx,
    (organization_id, account_id): (OrganizationId, ProviderAccountId),
    consent: StoredAuthorization,
) -> Result<(), StorageError> {
    let row = authorization::ActiveModel {
        organization_id: Set(organization_id.0),
        account_id: Set(account_id.0),
        application: Set(consent.application),
        application_secret: Set(consent.application_secret),
        origin: Set(consent.origin),
        addresses: Set(consent.addresses),
    };
    let key = [authorization::Column::OrganizationId, authorization::Column::AccountId];
    let replaced = [
        authorization::Column::Application,
        authorization::Column::ApplicationSecret,
        authorization::Column::Origin,
        authorization::Column::Addresses,
    ];
    let conflict = OnConflict::columns(key).update_columns(replaced).to_owned();
    authorization::Entity::insert(row).on_conflict(conflict).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Writes down where the tokens of a consent may be sent, where nobody did.
pub async fn pin_addresses(
    tx: &Tx,
    (organization_id, account_id): (OrganizationId, ProviderAccountId),
    addresses: String,
) -> Result<(), StorageError> {
    authorization::Entity::update_many()
        .set(authorization::ActiveModel { addresses: Set(Some(addresses)), ..Default::default() })
        .filter(of(organization_id, account_id))
        .filter(authorization::Column::Addresses.is_null())
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Forgets the application of an account, and attempts that are under way.
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

/// Removes the attempts of a tenant that ended before a moment: nobody asks about them any more.
pub async fn remove_ended(tx: &Tx, organization_id: OrganizationId, before: DateTime<Utc>) -> Result<(), StorageError> {
    attempt::Entity::delete_many()
        .filter(attempt::Column::OrganizationId.eq(organization_id.0))
        .filter(attempt::Column::ExpiresAt.lt(before))
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
    let query = attempt::Entity::find_by_id(state_hash).held();
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

/// Marks an attempt as used, and forgets its secrets. It stays for a while, so that a second use is told apart from a wrong
/// state.
pub async fn use_attempt(tx: &Tx, state_hash: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    attempt::Entity::update_many()
        .set(attempt::ActiveModel {
            used_at: Set(Some(now)),
            secret: Set(None),
            application_secret: Set(None),
            code_verifier: Set(String::new()),
            ..Default::default()
        })
        .filter(attempt::Column::StateHash.eq(state_hash))
        .exec(&**tx)
        .await?;
    Ok(())
}
