//! Asking a provider to tell us of changes. What it tells comes in elsewhere; here is only the asking.

use async_trait::async_trait;
use secrecy::SecretString;

use super::ConnectorError;

/// A webhook to be made at a provider.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Name that no other webhook has: by it a webhook is found again of which nobody knows whether it was made.
    pub display_name: String,
    /// Address to send to; whoever knows it may try to send.
    pub url: SecretString,
    /// Value of the header that the provider sends along.
    pub authorization: SecretString,
    /// Topics to tell of, in the provider's words.
    pub topics: Vec<String>,
}

/// A webhook as a provider has it, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteWebhook {
    /// The provider's id.
    pub id: String,
    /// Its name.
    pub display_name: String,
    /// Where it sends to, up to the last slash: what follows is a secret. `None` when the provider does not say.
    pub place: Option<String>,
    /// Whether the provider sends to it.
    pub is_active: bool,
    /// Its topics.
    pub topics: Vec<String>,
}

/// A kind of change that a provider tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The provider's word.
    pub topic: String,
    /// What people call it.
    pub name: String,
}

/// A provider that can be asked to tell of changes. Nothing that changes something there is sent twice.
#[async_trait]
pub trait ProviderWebhooks: Send + Sync {
    /// Every topic that there is.
    async fn topics(&self) -> Result<Vec<Topic>, ConnectorError>;
    /// Makes a webhook. When no answer says whether it was made, it is looked for by its name.
    async fn create(&self, webhook: &NewWebhook) -> Result<RemoteWebhook, ConnectorError>;
    /// A webhook; `None` when there is no such one.
    async fn find(&self, id: &str) -> Result<Option<RemoteWebhook>, ConnectorError>;
    /// Every webhook of the account.
    async fn list(&self) -> Result<Vec<RemoteWebhook>, ConnectorError>;
    /// Makes sure that there is no such webhook.
    async fn delete(&self, id: &str) -> Result<(), ConnectorError>;
    /// Lets the provider send to a webhook.
    async fn activate(&self, id: &str) -> Result<(), ConnectorError>;
    /// Asks for the sample message of a topic.
    async fn test(&self, id: &str, topic: &str) -> Result<(), ConnectorError>;
}
