//! The client credentials grant: what a managed service provider can obtain alone.
//!
//! Pax8 takes the grant as JSON with an `audience`; the `oauth2` crate writes a form, so the transport between them
//! decodes the form and writes it again as JSON.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use oauth2::basic::BasicClient;
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RequestTokenError, TokenUrl,
};
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::delegated::{GrantError, GrantedTokens, TokenRenewal};
use super::{FetchedToken, TokenFetch, access_of, failed_exchange};
use crate::connector::ConnectorError;
use crate::connector::http::{Bodies, Outgoing, ProviderClient, Repetition, Reply};
use crate::environment::Clock;

/// The client credentials grant at a token endpoint that takes JSON.
pub struct ClientCredentials {
    /// Client of the token endpoint, without credentials.
    pub client: ProviderClient,
    /// Token endpoint.
    pub token_url: Url,
    /// What the token is for.
    pub audience: String,
    /// Public half of the credentials.
    pub client_id: String,
    /// Secret half.
    pub client_secret: SecretString,
    /// Tells when a token runs out.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl TokenFetch for ClientCredentials {
    fn provider(&self) -> &'static str {
        self.client.provider()
    }

    async fn fetch(&self) -> Result<FetchedToken, ConnectorError> {
        let provider = self.client.provider();
        let transport = JsonTransport { client: &self.client, secret: &self.client_secret };
        let reply = BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_client_secret(ClientSecret::new(self.client_secret.expose_secret().to_owned()))
            .set_token_uri(TokenUrl::from_url(self.token_url.clone()))
            .set_auth_type(AuthType::RequestBody)
            .exchange_client_credentials()
            .add_extra_param("audience", self.audience.clone())
            .request_async(&transport)
            .await
            .map_err(|error| self.token_error(error))?;
        access_of(provider, &reply, self.clock.now())
    }
}

/// Keys bring a new token each time that they are shown.
#[async_trait]
impl TokenRenewal for ClientCredentials {
    fn provider(&self) -> &'static str {
        self.client.provider()
    }

    fn needs_refresh_token(&self) -> bool {
        false
    }

    async fn renew(&self, _: Option<&SecretString>) -> Result<GrantedTokens, GrantError> {
        let FetchedToken { token, expires_at } = self.fetch().await?;
        Ok(GrantedTokens { access: token, refresh: None, expires_at, scopes: None })
    }

    /// It ends by itself within a day.
    async fn give_back(&self, _: &SecretString) -> Result<bool, ConnectorError> {
        Ok(false)
    }
}

impl ClientCredentials {
    fn token_error<T: oauth2::ErrorResponse + 'static>(
        &self,
        error: RequestTokenError<ConnectorError, T>,
    ) -> ConnectorError {
        let provider = self.client.provider();
        match error {
            RequestTokenError::Request(error) => error,
            // The body is not shown: it may hold a token under a name that nobody knows.
            RequestTokenError::Parse(error, _) => {
                ConnectorError::Malformed { provider, message: format!("the token endpoint gave no token ({error})") }
            }
            // Failing statuses are turned into errors by the transport, so that this is an odd reply with status 200.
            RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => {
                let message = "the token endpoint gave no token".to_owned();
                ConnectorError::Malformed { provider, message }
            }
        }
    }
}

/// Carries the crate's form as JSON, and gives every failing status its meaning before the crate judges the body.
struct JsonTransport<'client> {
    client: &'client ProviderClient,
    secret: &'client SecretString,
}

impl JsonTransport<'_> {
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let provider = self.client.provider();
        let malformed = |message: &str| ConnectorError::Malformed { provider, message: message.to_owned() };
        let fields: BTreeMap<String, String> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        let body = serde_json::to_string(&fields).expect("a map of texts is JSON");
        let url = Url::parse(&request.uri().to_string()).map_err(|_| malformed("the token address is not one"))?;
        let what = url.path().to_owned();
        let headers = HeaderMap::new();
        // Asking for a token changes nothing, so that it may be repeated.
        let repetition = Repetition::Harmless;
        let bodies = Bodies::Hidden;
        let outgoing = Outgoing { method: Method::POST, url, headers, body: Some(body), repetition, bodies };
        let Reply { status, body } = self.client.send(outgoing).await?;
        if !status.is_success() {
            return Err(failed_exchange(provider, &what, Reply { status, body }, self.secret));
        }
        http::Response::builder()
            .status(status)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.into_bytes())
            .map_err(|_| malformed("the token endpoint's answer cannot be read"))
    }
}

impl<'call> AsyncHttpClient<'call> for JsonTransport<'_> {
    type Error = ConnectorError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'call>>;

    fn call(&'call self, request: HttpRequest) -> Self::Future {
        Box::pin(self.carry(request))
    }
}
