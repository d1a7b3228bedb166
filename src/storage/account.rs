//! Provider accounts. The sealed secret is read apart from the account, by the one place that opens it.

use chrono::{DateTime, Utc};
use entity::provider_account::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::authorization::{self, StoredAuthorization};
use super::row_lock::RowLock as _;
use super::text::Word;
use super::{StorageError, Tx};
use crate::domain::id::{IntegrationId, OrganizationId, ProviderAccountId};
use crate::domain::provider::{
    AccountFailure, AccountStatus, Capability, CapabilityKind, CapabilityState, ConnectionMethod, ConnectorKind,
    ProviderAccount, Side,
};

/// A capability as it stands in its column.
#[derive(Serialize, Deserialize)]
struct CapabilityRow {
    kind: String,
    state: String,
    advice: Option<String>,
}

impl CapabilityRow {
    fn of(capability: &Capability) -> Self {
        let Capability { kind, state, advice } = capability;
        Self { kind: kind.word().to_owned(), state: state.word().to_owned(), advice: advice.clone() }
    }

    fn read(self) -> Result<Capability, StorageError> {
        let (kind, state) = (CapabilityKind::read(&self.kind)?, CapabilityState::read(&self.state)?);
        Ok(Capability { kind, state, advice: self.advice })
    }
}

fn domain(model: Model) -> Result<ProviderAccount, StorageError> {
    let corrupt = |what: &str| StorageError::Corrupt(format!("provider account `{}`: {what}", model.id));
    let capabilities: Vec<CapabilityRow> =
        serde_json::from_str(&model.capabilities).map_err(|_| corrupt("unreadable capabilities"))?;
    Ok(ProviderAccount {
        id: ProviderAccountId(model.id),
        organization_id: OrganizationId(model.organization_id),
        integration_id: IntegrationId(model.integration_id),
        side: Side::read(&model.side)?,
        connector: model.connector.as_deref().map(ConnectorKind::read).transpose()?,
        method: ConnectionMethod::read(&model.method)?,
        status: AccountStatus::read(&model.status)?,
        failure: model.failure.as_deref().map(AccountFailure::read).transpose()?,
        capabilities: capabilities.into_iter().map(CapabilityRow::read).collect::<Result<_, _>>()?,
        granted_scopes: serde_json::from_str(&model.granted_scopes).map_err(|_| corrupt("unreadable scopes"))?,
        time_zone: model.time_zone.parse().map_err(|_| corrupt("unknown time zone"))?,
        remarks: serde_json::from_str(&model.remarks).map_err(|_| corrupt("unreadable remarks"))?,
        webhooks_left: serde_json::from_str(&model.webhooks_left).map_err(|_| corrupt("unreadable webhooks"))?,
        webhook_reminder: model.webhook_reminder,
        consent_reminder: model.consent_reminder,
        display_name: model.display_name,
        client_id: model.client_id,
        application_id: model.application_id,
        settings: model.settings,
        failure_message: model.failure_message,
        consent_ends_at: model.consent_ends_at,
        authorizing_until: model.authorizing_until,
        connected_at: model.connected_at,
        verified_at: model.verified_at,
        version: model.version,
    })
}

fn active(account: &ProviderAccount, updated_at: DateTime<Utc>) -> ActiveModel {
    let capabilities: Vec<CapabilityRow> = account.capabilities.iter().map(CapabilityRow::of).collect();
    ActiveModel {
        id: Set(account.id.0),
        organization_id: Set(account.organization_id.0),
        integration_id: Set(account.integration_id.0),
        side: Set(account.side.word().to_owned()),
        connector: Set(account.connector.map(|connector| connector.word().to_owned())),
        method: Set(account.method.word().to_owned()),
        status: Set(account.status.word().to_owned()),
        display_name: Set(account.display_name.clone()),
        client_id: Set(account.client_id.clone()),
        application_id: Set(account.application_id.clone()),
        settings: Set(account.settings.clone()),
        time_zone: Set(account.time_zone.name().to_owned()),
        failure: Set(account.failure.map(|failure| failure.word().to_owned())),
        failure_message: Set(account.failure_message.clone()),
        remarks: Set(serde_json::to_string(&account.remarks).expect("a list of texts is always JSON")),
        webhook_reminder: Set(account.webhook_reminder.clone()),
        webhooks_left: Set(serde_json::to_string(&account.webhooks_left).expect("a list of texts is always JSON")),
        consent_reminder: Set(account.consent_reminder.clone()),
        capabilities: Set(serde_json::to_string(&capabilities).expect("texts are always JSON")),
        granted_scopes: Set(serde_json::to_string(&account.granted_scopes).expect("a list of texts is always JSON")),
        consent_ends_at: Set(account.consent_ends_at),
        authorizing_until: Set(account.authorizing_until),
        connected_at: Set(account.connected_at),
        verified_at: Set(account.verified_at),
        version: Set(account.version),
        updated_at: Set(updated_at),
        ..ActiveModel::default()
    }
}

/// Adds an account without a secret.
pub async fn insert(tx: &Tx, account: &ProviderAccount, now: DateTime<Utc>) -> Result<(), StorageError> {
    let row = ActiveModel { created_at: Set(now), secret: Set(None), ..active(account, now) };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Replaces an account's row, all but its secret, and tells who follows it.
pub async fn update(tx: &Tx, account: &ProviderAccount, now: DateTime<Utc>) -> Result<(), StorageError> {
    Entity::update_many()
        .set(active(account, now))
        .filter(Column::Id.eq(account.id.0))
        .filter(Column::OrganizationId.eq(account.organization_id.0))
        .exec(&**tx)
        .await?;
    tx.touch(account.id.0).await
}

/// Keys of an account as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredKeys {
    /// The keys, sealed.
    pub sealed: String,
    /// Tells them from those before and after; what was fetched with them carries it.
    pub origin: String,
    /// Where they may be sent, as text of the service; `None` when nobody wrote it down yet.
    pub addresses: Option<String>,
}

/// Replaces the keys, or forgets them.
pub async fn set_keys(
    tx: &Tx,
    organization_id: OrganizationId,
    id: ProviderAccountId,
    keys: Option<StoredKeys>,
) -> Result<(), StorageError> {
    let (sealed, origin, addresses) = match keys {
        Some(StoredKeys { sealed, origin, addresses }) => (Some(sealed), Some(origin), addresses),
        None => (None, None, None),
    };
    Entity::update_many()
        .set(ActiveModel {
            secret: Set(sealed),
            secret_origin: Set(origin),
            secret_addresses: Set(addresses),
            ..ActiveModel::default()
        })
        .filter(Column::Id.eq(id.0))
        .filter(Column::OrganizationId.eq(organization_id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Writes down where the keys may be sent, where nobody did.
pub async fn pin_addresses(
    tx: &Tx,
    (organization_id, id): (OrganizationId, ProviderAccountId),
    addresses: String,
) -> Result<(), StorageError> {
    Entity::update_many()
        .set(ActiveModel { secret_addresses: Set(Some(addresses)), ..ActiveModel::default() })
        .filter(Column::Id.eq(id.0))
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Secret.is_not_null())
        .filter(Column::SecretAddresses.is_null())
        .exec(&**tx)
        .await?;
    Ok(())
}

/// What an account proves itself with, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedCredentials {
    /// Keys.
    pub keys: Option<StoredKeys>,
    /// The application that a person consented to.
    pub authorization: Option<StoredAuthorization>,
}

impl SealedCredentials {
    /// What stays when tokens are renewed.
    pub fn fixed(&self) -> [Option<&str>; 5] {
        let (keys, authorization) = (self.keys.as_ref(), self.authorization.as_ref());
        [
            keys.map(|keys| keys.sealed.as_str()),
            keys.map(|keys| keys.origin.as_str()),
            authorization.map(|authorization| authorization.application.as_str()),
            authorization.and_then(|authorization| authorization.application_secret.as_deref()),
            authorization.map(|authorization| authorization.origin.as_str()),
        ]
    }
}

/// What an account proves itself with.
pub async fn credentials(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: ProviderAccountId,
) -> Result<SealedCredentials, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
    let keys = query.one(db).await?.and_then(|model| {
        let (origin, addresses) = (model.secret_origin.unwrap_or_default(), model.secret_addresses);
        model.secret.map(|sealed| StoredKeys { sealed, origin, addresses })
    });
    Ok(SealedCredentials { keys, authorization: authorization::find(db, organization_id, id).await? })
}

/// An account of the tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: ProviderAccountId,
) -> Result<Option<ProviderAccount>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
    query.one(db).await?.map(domain).transpose()
}

/// The accounts with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<ProviderAccount>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// An account of the tenant, held against other writers until the transaction ends.
pub async fn lock(
    tx: &Tx,
    organization_id: OrganizationId,
    id: ProviderAccountId,
) -> Result<Option<ProviderAccount>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0)).held();
    query.one(&**tx).await?.map(domain).transpose()
}

/// The accounts of these integrations, in no order.
pub async fn of_integrations(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integrations: &[IntegrationId],
) -> Result<Vec<ProviderAccount>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.is_in(integrations.iter().map(|id| id.0)));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Both accounts of an integration: Pax8 first, then the PSA.
pub async fn pair(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<(ProviderAccount, ProviderAccount), StorageError> {
    let accounts = of_integrations(db, organization_id, &[integration_id]).await?;
    let of = |side| accounts.iter().find(|account| account.side == side).cloned();
    match (of(Side::Pax8), of(Side::Psa)) {
        (Some(pax8), Some(psa)) => Ok((pax8, psa)),
        _ => Err(StorageError::Corrupt(format!("integration `{integration_id}` lacks a provider account"))),
    }
}
