//! Deciding about many mappings: a list of at most a hundred, or every suggestion that the caller saw.

use ring::digest::{Context, SHA256};
use thiserror::Error;

use super::{Decide, DecideError, MAX_REASON, MappingService};
use crate::digest::hexadecimal;
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::IntegrationId;
use crate::domain::mapping::{Decision, Mapping, MappingKind};
use crate::service::{Internal, OrInternal as _};
use crate::storage::text::Word as _;
use crate::storage::{integration, mapping};

/// Most mappings of one bulk decision.
pub const MAX_BULK: usize = 100;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The pair is the same.
    Confirm,
    /// The pair is not the same.
    Reject,
    /// The pair waits for a decision again.
    Reopen,
    /// The mapping is taken away.
    Remove,
}

impl Verdict {
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Confirm => "mapping.confirm",
            Self::Reject => "mapping.reject",
            Self::Reopen => "mapping.reopen",
            Self::Remove => "mapping.remove",
        }
    }
}

/// The suggestions of an integration at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestionList {
    /// How many there are.
    pub count: u64,
    /// Changes whenever a suggestion comes, goes or changes; not with the reasons behind it.
    pub fingerprint: String,
}

impl SuggestionList {
    fn of(kind: MappingKind, versions: &[(uuid::Uuid, i64)]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(kind.word().as_bytes());
        for (id, version) in versions {
            context.update(id.as_bytes());
            context.update(&version.to_be_bytes());
        }
        // Half of the digest tells lists apart as well and is easier to pass around.
        let fingerprint = hexadecimal(&context.finish().as_ref()[..16]);
        Self { count: versions.len() as u64, fingerprint }
    }
}

/// Confirms every suggestion, provided that the list is the one that the caller saw.
#[derive(Debug, Clone)]
pub struct ConfirmAll {
    /// Integration.
    pub integration_id: IntegrationId,
    /// What is mapped.
    pub kind: MappingKind,
    /// The list that the caller saw.
    pub seen: SuggestionList,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

/// Why the suggestions were not confirmed.
#[derive(Debug, Error)]
pub enum ConfirmAllError {
    /// No such integration, as far as the caller may know.
    #[error("there is no such integration")]
    NotFound,
    /// The list changed since the caller saw it; this is the present one.
    #[error("the list of suggestions changed since it was read")]
    ListChanged(SuggestionList),
    /// The reason is too long.
    #[error("the reason has more than {MAX_REASON} characters")]
    ReasonTooLong,
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl MappingService {
    /// Decides about at most [`MAX_BULK`] mappings and answers for each, in order. Each stands for itself: one that
    /// cannot be decided holds up none of the others.
    pub async fn decide_many(
        &self,
        caller: &Caller,
        verdict: Verdict,
        commands: Vec<Decide>,
    ) -> Result<Vec<Result<Mapping, DecideError>>, Forbidden> {
        caller.require(Role::Operator)?;
        let mut results = Vec::with_capacity(commands.len());
        for command in commands.into_iter().take(MAX_BULK) {
            results.push(self.decide(caller, verdict, command).await);
        }
        Ok(results)
    }

    /// The suggestions of an integration: how many, and a fingerprint to name them by.
    pub async fn suggestion_list(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        kind: MappingKind,
    ) -> Result<SuggestionList, super::ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        let versions =
            mapping::suggestion_versions(db, caller.organization_id, integration_id, kind).await.internal(caller)?;
        Ok(SuggestionList::of(kind, &versions))
    }

    /// Confirms every suggestion of a kind and says how many those were.
    pub async fn confirm_all(&self, caller: &Caller, command: ConfirmAll) -> Result<u64, ConfirmAllError> {
        caller.require(Role::Operator)?;
        if command.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
            return Err(ConfirmAllError::ReasonTooLong);
        }
        let core = &self.core;
        let (organization_id, kind) = (caller.organization_id, command.kind);
        let tx = core.store.begin().await.internal(caller)?;
        integration::hold(&tx, organization_id, command.integration_id).await.internal(caller)?;
        let found = integration::find(&*tx, organization_id, command.integration_id).await.internal(caller)?;
        found.ok_or(ConfirmAllError::NotFound)?;
        let versions = mapping::suggestion_versions(&*tx, organization_id, command.integration_id, kind);
        let versions = versions.await.internal(caller)?;
        let list = SuggestionList::of(kind, &versions);
        if list != command.seen {
            return Err(ConfirmAllError::ListChanged(list));
        }
        if versions.is_empty() {
            return Ok(0);
        }
        let decision = Decision {
            decided_by: caller.actor.name().to_owned(),
            decided_at: core.clock.now(),
            reason: command.reason.clone(),
        };
        let ids: Vec<_> = versions.into_iter().map(|(id, _)| id).collect();
        let confirmed = mapping::confirm_suggestions(&tx, organization_id, &ids, &decision).await.internal(caller)?;
        if confirmed != list.count {
            // Somebody decided about one of them between the reading and the writing.
            drop(tx);
            let versions =
                mapping::suggestion_versions(core.store.read(), organization_id, command.integration_id, kind);
            let list = SuggestionList::of(kind, &versions.await.internal(caller)?);
            return Err(ConfirmAllError::ListChanged(list));
        }
        let before = serde_json::json!({
            "kind": kind.word(),
            "suggested": list.count,
            "fingerprint": list.fingerprint,
        });
        let after = serde_json::json!({
            "kind": kind.word(),
            "confirmed": confirmed,
            "mappingIds": ids,
        });
        let change = Change {
            action: "mapping.confirm_all",
            subject_kind: "integration",
            subject_id: Some(command.integration_id.0),
            before: Some(before.to_string()),
            after: Some(after.to_string()),
            reason: command.reason,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(confirmed)
    }
}
