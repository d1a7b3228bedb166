//! Provider accounts: one side's connection, and the states it can be in.

use chrono::{DateTime, Utc};

use super::id::{IntegrationId, OrganizationId, ProviderAccountId};

/// Side of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The Pax8 marketplace.
    Pax8,
    /// The professional services automation system.
    Psa,
}

/// Software that speaks to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectorKind {
    /// The Pax8 partner API.
    Pax8,
    /// Rev.io PSA with Rev.io Billing behind it.
    RevioPsa,
    /// A directory of files in the shapes of either side.
    Files,
}

/// How an account proves to its provider that Concord may act for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionMethod {
    /// With keys that a person copied from the provider.
    Keys,
    /// With the consent that a person gave at the provider (OAuth authorization code).
    Delegated,
}

/// Whether Concord may act for an account at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountStatus {
    /// Never connected, or disconnected.
    NotConnected,
    /// A person was sent to the provider, and has not come back or what they brought is being tried. Never stored: [`ProviderAccount::status_at`] says it.
    Authorizing,
    /// Works: the green dot.
    Connected,
    /// Works, but the consent ends soon. Never stored: [`ProviderAccount::status_at`] says it.
    Expiring,
    /// The credentials were refused; a person has to connect again. Data and mappings stay.
    ReconnectNeeded,
    /// The last attempt to connect failed.
    Failed,
}

impl AccountStatus {
    /// Whether a run may use the account.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Connected | Self::Expiring)
    }
}

/// What stands in the way of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountFailure {
    /// The provider does not accept the credentials or the consent.
    Authorization,
    /// The provider cannot be reached, or something else answers at its address.
    Connection,
    /// The provider knows who asks and shows too little of the account.
    Permission,
    /// The settings cannot be used.
    Settings,
}

/// What a person can do for an account next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountAction {
    /// Connect for the first time: with a login at the provider, or with keys.
    Authorize,
    /// Connect again, because the consent ends soon or because the credentials are no longer accepted.
    Reauthorize,
    /// Put right what the failure says, then verify again.
    Verify,
}

/// A list that an account is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CapabilityKind {
    /// Companies or customers.
    Customers,
    /// Products or items.
    Products,
    /// Subscriptions.
    Subscriptions,
    /// Recurring lines of agreements.
    Agreements,
    /// Invoices.
    Invoices,
}

/// What asking for one page of a list showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CapabilityState {
    /// It can be read, and there is something in it.
    Available,
    /// It can be read, and nothing is in it.
    Empty,
    /// The login or key may not read it.
    Forbidden,
    /// The provider, or the settings of the account, have no such list.
    Unsupported,
}

impl CapabilityState {
    /// Whether the list can be read.
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Available | Self::Empty)
    }
}

/// What a verification found out about one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// List.
    pub kind: CapabilityKind,
    /// What was found.
    pub state: CapabilityState,
    /// What to do about it, as a sentence; `None` when there is nothing to do.
    pub advice: Option<String>,
}

/// How long before its end a consent is called expiring, in days: time enough for a person on holiday.
pub const EXPIRING_DAYS: i64 = 14;

/// One side's connection. The secret is not part of it: storage hands it out sealed, to the connector alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    /// Id.
    pub id: ProviderAccountId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration that it is a side of.
    pub integration_id: IntegrationId,
    /// Side.
    pub side: Side,
    /// Connector; `None` until the account was connected in some way.
    pub connector: Option<ConnectorKind>,
    /// How it proves that we may act; what the other way needs is kept beside it.
    pub method: ConnectionMethod,
    /// State as stored; [`Self::status_at`] is what people see.
    pub status: AccountStatus,
    /// Name of the account at the provider, once known.
    pub display_name: Option<String>,
    /// Client id or user name of the keys; not a secret.
    pub client_id: Option<String>,
    /// Client id of the application that a person consented to; not a secret.
    pub application_id: Option<String>,
    /// Settings of the connector as JSON, without secrets.
    pub settings: String,
    /// Zone in which the provider's instants become days.
    pub time_zone: chrono_tz::Tz,
    /// What stands in the way; `None` while nothing does.
    pub failure: Option<AccountFailure>,
    /// Why the account failed, as a sentence.
    pub failure_message: Option<String>,
    /// What the last verification found out, as sentences.
    pub remarks: Vec<String>,
    /// What became of a webhook that the account had, as far as a person has to know; it stays until a webhook is
    /// registered or removed.
    pub webhook_reminder: Option<String>,
    /// The provider's ids of webhooks that were forgotten here and may still be there: to be deleted when it can be asked.
    pub webhooks_left: Vec<String>,
    /// What became of a consent that the account had, as far as a person has to know; it stays until the account is
    /// authorized or disconnected again.
    pub consent_reminder: Option<String>,
    /// What the last verification found out about each list.
    pub capabilities: Vec<Capability>,
    /// What the person consented to, in the provider's words.
    pub granted_scopes: Vec<String>,
    /// When the consent ends; `None` when the provider does not say, and for keys.
    pub consent_ends_at: Option<DateTime<Utc>>,
    /// Until when a person may be on the way to the provider.
    pub authorizing_until: Option<DateTime<Utc>>,
    /// When it was connected last.
    pub connected_at: Option<DateTime<Utc>>,
    /// When the provider last answered without an authorization error.
    pub verified_at: Option<DateTime<Utc>>,
    /// Grows by one with every change, but not with those of what is left to a person.
    pub version: i64,
}

impl ProviderAccount {
    /// An account that was never connected.
    pub fn unconnected(
        id: ProviderAccountId,
        organization_id: OrganizationId,
        integration_id: IntegrationId,
        side: Side,
    ) -> Self {
        Self {
            id,
            organization_id,
            integration_id,
            side,
            connector: None,
            method: ConnectionMethod::Keys,
            status: AccountStatus::NotConnected,
            display_name: None,
            client_id: None,
            application_id: None,
            settings: "{}".to_owned(),
            time_zone: chrono_tz::UTC,
            failure: None,
            failure_message: None,
            remarks: Vec::new(),
            webhook_reminder: None,
            webhooks_left: Vec::new(),
            consent_reminder: None,
            capabilities: Vec::new(),
            granted_scopes: Vec::new(),
            consent_ends_at: None,
            authorizing_until: None,
            connected_at: None,
            verified_at: None,
            version: 1,
        }
    }

    /// Everything that a person has to know besides, as sentences: what the last verification found out, and what was left
    /// to them at the provider.
    pub fn sentences(&self) -> impl Iterator<Item = &str> {
        let reminders = self.webhook_reminder.iter().chain(&self.consent_reminder);
        self.remarks.iter().chain(reminders).map(String::as_str)
    }

    /// Whether a run may ask the provider. What was connected and could not be reached when somebody looked may be there
    /// again.
    pub fn may_be_asked(&self) -> bool {
        self.status.is_usable() || self.is_out_of_reach()
    }

    /// Whether what the account proves itself with has worked, and the provider could not be reached or understood when it
    /// was tried last.
    pub fn is_out_of_reach(&self) -> bool {
        self.status == AccountStatus::Failed
            && self.failure == Some(AccountFailure::Connection)
            && self.verified_at.is_some()
    }

    /// The state at a moment. That a person is on the way to the provider, and that a consent nears its end, come with
    /// time and not with a change, so they are not stored.
    pub fn status_at(&self, now: DateTime<Utc>) -> AccountStatus {
        let is_on_the_way = self.authorizing_until.is_some_and(|until| now < until);
        match self.status {
            AccountStatus::Connected if self.days_of_consent(now).is_some_and(|days| days < EXPIRING_DAYS) => {
                AccountStatus::Expiring
            }
            AccountStatus::Connected | AccountStatus::Expiring => self.status,
            AccountStatus::NotConnected
            | AccountStatus::Authorizing
            | AccountStatus::ReconnectNeeded
            | AccountStatus::Failed => {
                if is_on_the_way {
                    AccountStatus::Authorizing
                } else {
                    self.status
                }
            }
        }
    }

    /// Whole days that are left of the consent, never below zero; `None` for keys and when nobody knows.
    pub fn days_of_consent(&self, now: DateTime<Utc>) -> Option<i64> {
        match self.method {
            ConnectionMethod::Keys => None,
            ConnectionMethod::Delegated => self.consent_ends_at.map(|end| (end - now).num_days().max(0)),
        }
    }

    /// What a person can do next; `None` when there is nothing to do.
    pub fn next_action(&self, now: DateTime<Utc>) -> Option<AccountAction> {
        let connect = if self.connected_at.is_some() { AccountAction::Reauthorize } else { AccountAction::Authorize };
        match self.status_at(now) {
            AccountStatus::Connected => None,
            AccountStatus::NotConnected => Some(AccountAction::Authorize),
            AccountStatus::Authorizing => Some(connect),
            AccountStatus::Expiring | AccountStatus::ReconnectNeeded => Some(AccountAction::Reauthorize),
            AccountStatus::Failed => Some(match self.failure {
                Some(AccountFailure::Connection | AccountFailure::Permission | AccountFailure::Settings) => {
                    AccountAction::Verify
                }
                Some(AccountFailure::Authorization) | None => connect,
            }),
        }
    }

    /// Client id of the way that is in use.
    pub fn client_id_in_use(&self) -> Option<&str> {
        match self.method {
            ConnectionMethod::Keys => self.client_id.as_deref(),
            ConnectionMethod::Delegated => self.application_id.as_deref(),
        }
    }

    /// Whether the last verification could read every list that a write would have to look at before.
    pub fn is_probed(&self) -> bool {
        let is_readable = |capability: &Capability| capability.state.is_readable();
        self.status.is_usable() && !self.capabilities.is_empty() && self.capabilities.iter().all(is_readable)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    fn account(status: AccountStatus) -> ProviderAccount {
        let nil = Uuid::nil();
        let new =
            ProviderAccount::unconnected(ProviderAccountId(nil), OrganizationId(nil), IntegrationId(nil), Side::Pax8);
        ProviderAccount { status, ..new }
    }

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn a_person_on_the_way_shows_until_they_are_late_and_never_hides_what_works() {
        let on_the_way = |status| {
            let until = Some(NOW + TimeDelta::minutes(10));
            ProviderAccount { authorizing_until: until, ..account(status) }
        };
        for status in [AccountStatus::NotConnected, AccountStatus::Failed, AccountStatus::ReconnectNeeded] {
            assert_eq!(on_the_way(status).status_at(NOW), AccountStatus::Authorizing);
            assert_eq!(on_the_way(status).status_at(NOW + TimeDelta::minutes(10)), status);
        }
        assert_eq!(on_the_way(AccountStatus::Connected).status_at(NOW), AccountStatus::Connected);
    }

    #[test]
    fn a_consent_expires_two_weeks_before_its_end() {
        let consented = |days| ProviderAccount {
            method: ConnectionMethod::Delegated,
            connected_at: Some(NOW),
            consent_ends_at: Some(NOW + TimeDelta::days(days)),
            ..account(AccountStatus::Connected)
        };
        assert_eq!(consented(14).status_at(NOW), AccountStatus::Connected);
        assert_eq!(consented(13).status_at(NOW), AccountStatus::Expiring);
        assert_eq!(consented(13).next_action(NOW), Some(AccountAction::Reauthorize));
        assert_eq!(consented(-3).days_of_consent(NOW), Some(0));
        // Keys have no end that anybody knows.
        let keys = ProviderAccount { method: ConnectionMethod::Keys, ..consented(1) };
        assert_eq!((keys.status_at(NOW), keys.days_of_consent(NOW)), (AccountStatus::Connected, None));
    }

    #[test]
    fn the_next_action_fits_what_stands_in_the_way() {
        let failed = |failure, connected_at| ProviderAccount {
            failure: Some(failure),
            connected_at,
            ..account(AccountStatus::Failed)
        };
        let action = |account: &ProviderAccount| account.next_action(NOW);
        assert_eq!(action(&account(AccountStatus::NotConnected)), Some(AccountAction::Authorize));
        assert_eq!(action(&account(AccountStatus::Connected)), None);
        assert_eq!(action(&account(AccountStatus::ReconnectNeeded)), Some(AccountAction::Reauthorize));
        assert_eq!(action(&failed(AccountFailure::Authorization, None)), Some(AccountAction::Authorize));
        assert_eq!(action(&failed(AccountFailure::Authorization, Some(NOW))), Some(AccountAction::Reauthorize));
        assert_eq!(action(&failed(AccountFailure::Connection, Some(NOW))), Some(AccountAction::Verify));
    }
}
