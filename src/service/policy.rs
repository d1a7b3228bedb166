//! The rules of an integration's reports: named switches in numbered versions. A version is never changed, so that a
//! report can name the one that it was made by.

use thiserror::Error;

use super::reconciliation::intake::NamedPolicy;
use super::{Core, Internal, OrInternal as _, ReadError, TooLong, said};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{IntegrationId, OrganizationId};
use crate::engine::billing::Policy;
use crate::report::document::DEFAULT_POLICY;
use crate::report::policy::{PolicyError, changed, parse, switches};
use crate::storage::page::{Slice, Window};
use crate::storage::policy::{self, PolicyVersion};
use crate::storage::{StorageError, Store, integration};

/// Longest name of a policy, in characters.
pub const MAX_NAME: usize = 100;

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// The rules of reports.
#[derive(Clone)]
pub struct PolicyService {
    core: Core,
}

/// Rules to change. What is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatePolicy {
    /// Integration.
    pub integration_id: IntegrationId,
    /// Version that the caller read; not checked when `None`.
    pub expected_version: Option<i64>,
    /// Name of the policy.
    pub name: Option<String>,
    /// Switches and their values.
    pub switches: Vec<(String, String)>,
    /// Why.
    pub reason: Option<String>,
}

/// Why the rules were not changed.
#[derive(Debug, Error)]
pub enum UpdatePolicyError {
    /// No such integration.
    #[error("there is no such integration")]
    NotFound,
    /// Somebody changed them since the caller read them; these are the present ones.
    #[error("the policy changed since it was read")]
    Stale(Box<PolicyVersion>),
    /// The name is empty or too long.
    #[error("the name must have 1 to {MAX_NAME} characters")]
    BadName,
    /// The reason is too long.
    #[error("the reason has more than {MAX_REASON} characters")]
    ReasonTooLong,
    /// A switch is not known, or its value cannot be used.
    #[error("{0}")]
    Switch(#[from] PolicyError),
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// The policy of an integration about which nobody said anything.
pub fn default_version(integration_id: IntegrationId) -> PolicyVersion {
    PolicyVersion {
        integration_id,
        version: 0,
        name: DEFAULT_POLICY.to_owned(),
        switches: written(&Policy::default()),
        reason: None,
        created_by: "Concord".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn written(policy: &Policy) -> Vec<(String, String)> {
    switches(policy).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The rules that a run goes by.
pub(super) async fn of_run(
    store: &Store,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    version: i64,
) -> Result<NamedPolicy, StorageError> {
    if version == 0 {
        return Ok(NamedPolicy::default());
    }
    let found = policy::find(store.read(), organization_id, integration_id, version).await?;
    let found = found.ok_or_else(|| StorageError::Corrupt(format!("policy version {version} vanished")))?;
    Ok(NamedPolicy { name: Some(format!("{}, version {version}", found.name)), policy: rules(&found)? })
}

/// The rules of a stored version.
fn rules(version: &PolicyVersion) -> Result<Policy, StorageError> {
    let given = version.switches.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    parse(given).map_err(|error| StorageError::Corrupt(format!("policy version {}: {error}", version.version)))
}

impl PolicyService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// The version in force.
    pub async fn current(&self, caller: &Caller, integration_id: IntegrationId) -> Result<PolicyVersion, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        let found = policy::current(read, caller.organization_id, integration_id).await.internal(caller)?;
        Ok(found.unwrap_or_else(|| default_version(integration_id)))
    }

    /// A version; 0 is the default policy.
    pub async fn find(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        version: i64,
    ) -> Result<Option<PolicyVersion>, ReadError> {
        caller.require(Role::Viewer)?;
        if version == 0 {
            return Ok(Some(default_version(integration_id)));
        }
        let read = self.core.store.read();
        Ok(policy::find(read, caller.organization_id, integration_id, version).await.internal(caller)?)
    }

    /// A page of the stored versions, the latest first.
    pub async fn page(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        window: &Window,
    ) -> Result<Slice<PolicyVersion>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(policy::page(read, caller.organization_id, integration_id, window).await.internal(caller)?)
    }

    /// Makes a new version. When nothing is different, the present one stays in force.
    pub async fn update(&self, caller: &Caller, command: UpdatePolicy) -> Result<PolicyVersion, UpdatePolicyError> {
        caller.require(Role::Finance)?;
        let name = command.name.map(|name| name.trim().to_owned());
        if name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > MAX_NAME) {
            return Err(UpdatePolicyError::BadName);
        }
        let reason = said(command.reason, MAX_REASON).map_err(|TooLong| UpdatePolicyError::ReasonTooLong)?;
        let (core, organization) = (&self.core, caller.organization_id);
        let read = core.store.read();
        if integration::find(read, organization, command.integration_id).await.internal(caller)?.is_none() {
            return Err(UpdatePolicyError::NotFound);
        }
        let tx = core.store.begin().await.internal(caller)?;
        let found = policy::current(&*tx, organization, command.integration_id).await.internal(caller)?;
        let present = found.unwrap_or_else(|| default_version(command.integration_id));
        if command.expected_version.is_some_and(|expected| expected != present.version) {
            return Err(UpdatePolicyError::Stale(Box::new(present)));
        }
        let before = rules(&present).internal(caller)?;
        let given = command.switches.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let policy = changed(before, given)?;
        let new = PolicyVersion {
            version: present.version + 1,
            name: name.unwrap_or_else(|| present.name.clone()),
            switches: written(&policy),
            reason,
            created_by: caller.actor.name().to_owned(),
            created_at: core.clock.now(),
            ..present.clone()
        };
        if (&new.name, &new.switches) == (&present.name, &present.switches) {
            return Ok(present);
        }
        match policy::insert(&tx, organization, &new).await {
            Err(StorageError::Conflict(_)) => {
                drop(tx);
                let present = policy::current(read, organization, command.integration_id).await.internal(caller)?;
                let present = present.unwrap_or_else(|| default_version(command.integration_id));
                return Err(UpdatePolicyError::Stale(Box::new(present)));
            }
            other => other.internal(caller)?,
        }
        let change = Change {
            action: "policy.update",
            subject_kind: "integration",
            subject_id: Some(command.integration_id.0),
            before: Some(snapshot(&present)),
            after: Some(snapshot(&new)),
            reason: new.reason.clone(),
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(new)
    }
}

fn snapshot(policy: &PolicyVersion) -> String {
    let switches: serde_json::Map<String, serde_json::Value> =
        policy.switches.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    serde_json::json!({ "version": policy.version, "name": policy.name, "switches": switches }).to_string()
}
