//! Webhooks, what came in over them, and which lists are to be read again because of it. Of their secrets only hashes
//! are here, so that a stolen database lets nobody tell us anything.

use chrono::{DateTime, TimeDelta, Utc};
use entity::webhook::{ActiveModel, Column, Entity, Model};
use entity::webhook_delivery as delivery;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::row_lock::RowLock as _;
use super::sync_run::{datasets, datasets_text};
use super::text::Word as _;
use super::{StorageError, Tx};
use crate::domain::id::{IntegrationId, OrganizationId, ProviderAccountId, WebhookId};
use crate::domain::run::Dataset;
use crate::domain::webhook::{PutOff, SETTLE, Webhook, WebhookStatus};

/// For how long a delivery is known again: the provider tries for minutes, and a person may let it send again for days.
/// One that comes later still is read again once more, which does no harm.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(7);

/// How many deliveries of one webhook are kept at most, whatever their age, give or take [`SWEEP_EVERY`].
const MOST_KEPT: u64 = 10_000;

/// After how many messages old ones are swept out.
const SWEEP_EVERY: i64 = 200;

fn texts(column: &str) -> Result<Vec<String>, StorageError> {
    serde_json::from_str(column).map_err(|error| StorageError::Corrupt(format!("the topics of a webhook: {error}")))
}

fn json(texts: &[String]) -> String {
    serde_json::to_string(texts).expect("a list of texts is always JSON")
}

#[derive(Serialize, Deserialize)]
struct PutOffRow {
    list: String,
    failures: u32,
    retry_at: DateTime<Utc>,
}

fn put_off(column: &str) -> Result<Vec<PutOff>, StorageError> {
    let corrupt = |error| StorageError::Corrupt(format!("what was put off of a webhook: {error}"));
    let rows: Vec<PutOffRow> = serde_json::from_str(column).map_err(corrupt)?;
    let read =
        |row: PutOffRow| Ok(PutOff { list: Dataset::read(&row.list)?, failures: row.failures, retry_at: row.retry_at });
    rows.into_iter().map(read).collect()
}

fn put_off_text(put_off: &[PutOff]) -> String {
    let row = |put_off: &PutOff| PutOffRow {
        list: put_off.list.word().to_owned(),
        failures: put_off.failures,
        retry_at: put_off.retry_at,
    };
    serde_json::to_string(&put_off.iter().map(row).collect::<Vec<_>>()).expect("words and numbers are always JSON")
}

fn domain(model: Model) -> Result<Webhook, StorageError> {
    Ok(Webhook {
        id: WebhookId(model.id),
        organization_id: OrganizationId(model.organization_id),
        integration_id: IntegrationId(model.integration_id),
        account_id: ProviderAccountId(model.account_id),
        status: WebhookStatus::read(&model.status)?,
        url: model.url,
        is_manual: model.is_manual,
        external_id: model.external_id,
        topics: texts(&model.topics)?,
        unknown_topics: texts(&model.unknown_topics)?,
        wanted: datasets(&model.wanted)?,
        wanted_since: model.wanted_since,
        reading: datasets(&model.reading)?,
        put_off: put_off(&model.put_off)?,
        delivery_count: model.delivery_count,
        last_delivered_at: model.last_delivered_at,
        created_at: model.created_at,
        version: model.version,
    })
}

fn active(webhook: &Webhook) -> ActiveModel {
    ActiveModel {
        id: Set(webhook.id.0),
        organization_id: Set(webhook.organization_id.0),
        integration_id: Set(webhook.integration_id.0),
        account_id: Set(webhook.account_id.0),
        status: Set(webhook.status.word().to_owned()),
        url: Set(webhook.url.clone()),
        is_manual: Set(webhook.is_manual),
        external_id: Set(webhook.external_id.clone()),
        topics: Set(json(&webhook.topics)),
        unknown_topics: Set(json(&webhook.unknown_topics)),
        wanted: Set(datasets_text(webhook.wanted)),
        wanted_since: Set(webhook.wanted_since),
        reading: Set(datasets_text(webhook.reading)),
        put_off: Set(put_off_text(&webhook.put_off)),
        retry_at: Set(webhook.retry_at()),
        delivery_count: Set(webhook.delivery_count),
        last_delivered_at: Set(webhook.last_delivered_at),
        created_at: Set(webhook.created_at),
        version: Set(webhook.version),
        ..ActiveModel::default()
    }
}

/// Adds a webhook with the hashes of its secrets. Another one of the account in the same state is a conflict.
pub async fn insert(
    tx: &Tx,
    webhook: &Webhook,
    path_hash: String,
    authorization_mac: String,
) -> Result<(), StorageError> {
    let row = ActiveModel { path_hash: Set(path_hash), authorization_mac: Set(authorization_mac), ..active(webhook) };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Replaces a webhook's row, all but the hashes of its secrets; whether it was there.
pub async fn update(tx: &Tx, webhook: &Webhook) -> Result<bool, StorageError> {
    let result = Entity::update_many()
        .set(active(webhook))
        .filter(Column::OrganizationId.eq(webhook.organization_id.0))
        .filter(Column::Id.eq(webhook.id.0))
        .exec(&**tx)
        .await?;
    Ok(result.rows_affected == 1)
}

/// Forgets a webhook and what came in over it; whether it was there.
pub async fn delete(tx: &Tx, organization_id: OrganizationId, id: WebhookId) -> Result<bool, StorageError> {
    delivery::Entity::delete_many()
        .filter(delivery::Column::OrganizationId.eq(organization_id.0))
        .filter(delivery::Column::WebhookId.eq(id.0))
        .exec(&**tx)
        .await?;
    let result = Entity::delete_many()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.eq(id.0))
        .exec(&**tx)
        .await?;
    Ok(result.rows_affected == 1)
}

/// The webhook whose path has this hash with the keyed hash of its header, whoever owns it: this is how the tenant of a
/// message is found.
pub async fn by_path_hash(
    db: &impl ConnectionTrait,
    path_hash: &str,
) -> Result<Option<(Webhook, String)>, StorageError> {
    let Some(model) = Entity::find().filter(Column::PathHash.eq(path_hash)).one(db).await? else {
        return Ok(None);
    };
    let mac = model.authorization_mac.clone();
    Ok(Some((domain(model)?, mac)))
}

/// A webhook, held against other writers until the transaction ends.
pub async fn lock(tx: &Tx, organization_id: OrganizationId, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0)).held();
    query.one(&**tx).await?.map(domain).transpose()
}

/// The webhooks of an account in whatever state, held against other writers until the transaction ends.
pub async fn lock_of_account(
    tx: &Tx,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<Vec<Webhook>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::AccountId.eq(account_id.0))
        .order_by_asc(Column::Id)
        .held();
    query.all(&**tx).await?.into_iter().map(domain).collect()
}

/// The webhooks of these accounts to which the provider sends, in no order.
pub async fn of_accounts(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    accounts: &[Uuid],
) -> Result<Vec<Webhook>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::AccountId.is_in(accounts.iter().copied()))
        .filter(Column::Status.eq(WebhookStatus::Active.word()));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// The webhooks of an account in whatever state, in no order.
pub async fn of_account(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<Vec<Webhook>, StorageError> {
    let query =
        Entity::find().filter(Column::OrganizationId.eq(organization_id.0)).filter(Column::AccountId.eq(account_id.0));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Every webhook of every tenant, oldest first: for the operator's command line, which belongs to no tenant.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Webhook>, StorageError> {
    let query = Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(domain).collect()
}

/// The integrations of every tenant for which a run may be made now: what [`Webhook::due`] says.
pub async fn waiting(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<Vec<(OrganizationId, IntegrationId)>, StorageError> {
    let is_settled = Condition::any().add(Column::WantedSince.is_null()).add(Column::WantedSince.lte(now - SETTLE));
    let is_due =
        Condition::any().add(Column::RetryAt.lte(now)).add(Condition::all().add(Column::Wanted.ne("")).add(is_settled));
    let query = Entity::find()
        .select_only()
        .column(Column::OrganizationId)
        .column(Column::IntegrationId)
        .distinct()
        .filter(is_due);
    let rows = query.into_tuple::<(Uuid, Uuid)>().all(db).await?;
    Ok(rows.into_iter().map(|(organization, id)| (OrganizationId(organization), IntegrationId(id))).collect())
}

/// Whether lists of an integration wait to be read again, however short they have.
pub async fn is_waiting(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
        .filter(Condition::any().add(Column::Wanted.ne("")).add(Column::RetryAt.lte(now)));
    Ok(query.limit(1).one(db).await?.is_some())
}

/// The webhooks of an integration, held against other writers until the transaction ends.
pub async fn lock_of_integration(
    tx: &Tx,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<Vec<Webhook>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
        .order_by_asc(Column::Id)
        .held();
    query.all(&**tx).await?.into_iter().map(domain).collect()
}

/// Remembers that a delivery came in, and says when it first did if it is known. The webhook is held.
pub async fn remember(
    tx: &Tx,
    webhook: &Webhook,
    body_hash: &str,
    topic: &str,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StorageError> {
    let of_webhook = || {
        delivery::Column::OrganizationId.eq(webhook.organization_id.0).and(delivery::Column::WebhookId.eq(webhook.id.0))
    };
    if webhook.delivery_count % SWEEP_EVERY == 0 {
        delivery::Entity::delete_many()
            .filter(of_webhook())
            .filter(delivery::Column::ReceivedAt.lt(now - KNOWN_FOR))
            .exec(&**tx)
            .await?;
        let last_kept = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::ReceivedAt)
            .filter(of_webhook())
            .order_by_desc(delivery::Column::ReceivedAt)
            .offset(MOST_KEPT)
            .limit(1);
        if let Some(moment) = last_kept.into_tuple::<DateTime<Utc>>().one(&**tx).await? {
            delivery::Entity::delete_many()
                .filter(of_webhook())
                .filter(delivery::Column::ReceivedAt.lte(moment))
                .exec(&**tx)
                .await?;
        }
    }
    let of_body = || of_webhook().and(delivery::Column::BodyHash.eq(body_hash));
    let first = delivery::Entity::find().select_only().column(delivery::Column::ReceivedAt).filter(of_body());
    let first = first.into_tuple::<DateTime<Utc>>().one(&**tx).await?;
    // Older ones may still be here, because they are swept out from time to time only.
    if let Some(first) = first.filter(|first| *first >= now - KNOWN_FOR) {
        delivery::Entity::update_many()
            .col_expr(delivery::Column::Times, Expr::col(delivery::Column::Times).add(1))
            .col_expr(delivery::Column::LastReceivedAt, Expr::value(now))
            .filter(of_body())
            .exec(&**tx)
            .await?;
        return Ok(Some(first));
    }
    delivery::Entity::delete_many().filter(of_body()).exec(&**tx).await?;
    let row = delivery::ActiveModel {
        organization_id: Set(webhook.organization_id.0),
        webhook_id: Set(webhook.id.0),
        body_hash: Set(body_hash.to_owned()),
        topic: Set(topic.to_owned()),
        received_at: Set(now),
        last_received_at: Set(now),
        times: Set(1),
    };
    delivery::Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(None)
}

/// How many messages of a topic came in over a webhook, repeated ones included.
pub async fn times(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: WebhookId,
    topic: &str,
) -> Result<i64, StorageError> {
    let sum = Expr::expr(Func::sum(Expr::col(delivery::Column::Times))).cast_as("BIGINT");
    let query = delivery::Entity::find()
        .select_only()
        .column_as(sum, "times")
        .filter(delivery::Column::OrganizationId.eq(organization_id.0))
        .filter(delivery::Column::WebhookId.eq(id.0))
        .filter(delivery::Column::Topic.eq(topic));
    Ok(query.into_tuple::<Option<i64>>().one(db).await?.flatten().unwrap_or_default())
}

/// How many different messages of a webhook are kept.
pub async fn kept(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: WebhookId,
) -> Result<u64, StorageError> {
    let query = delivery::Entity::find()
        .filter(delivery::Column::OrganizationId.eq(organization_id.0))
        .filter(delivery::Column::WebhookId.eq(id.0));
    Ok(query.count(db).await?)
}
