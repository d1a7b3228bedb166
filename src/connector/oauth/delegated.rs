//! The authorization code grant (RFC 6749 with PKCE): the address that a person is sent to, the exchange of what they
//! come back with, renewing and giving back. It keeps nothing.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::Url;

use super::application::{Application, ClientAuthentication};
use super::{FetchedToken, access_of, refusal};
use crate::connector::ConnectorError;
use crate::connector::failure::failure_of;
use crate::connector::http::{Bodies, Outgoing, ProviderClient, Repetition, Reply, parse_base_url, secret_header};
use crate::environment::Clock;
use crate::secret::REDACTED;

/// What a provider gave for a code or for a refresh token.
#[derive(Debug, Clone)]
pub struct GrantedTokens {
    /// Access token.
    pub access: SecretString,
    /// Refresh token; `None` when the provider gave none, so that an older one goes on or there is none.
    pub refresh: Option<SecretString>,
    /// When the access token ends, where the provider says.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was consented to, where the provider says; otherwise it is what was asked for.
    pub scopes: Option<Vec<String>>,
}

/// Why there are no tokens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GrantError {
    /// The code or refresh token is not good, and will not be: a person has to consent again.
    #[error("the provider no longer accepts the consent: {0}")]
    InvalidGrant(String),
    /// Anything else; it may go better the next time.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
}

/// Brings new tokens: for a refresh token, or for keys.
#[async_trait]
pub trait TokenRenewal: Send + Sync {
    /// Provider as people call it.
    fn provider(&self) -> &'static str;

    /// Whether nothing comes without a refresh token.
    fn needs_refresh_token(&self) -> bool;

    /// New tokens.
    async fn renew(&self, refresh: Option<&SecretString>) -> Result<GrantedTokens, GrantError>;

    /// Gives a token back that nobody will use. `Ok(false)` when the provider offers no way.
    async fn give_back(&self, token: &SecretString) -> Result<bool, ConnectorError>;
}

#[async_trait]
impl TokenRenewal for Authorizer {
    fn provider(&self) -> &'static str {
        self.client.provider()
    }

    fn needs_refresh_token(&self) -> bool {
        true
    }

    async fn renew(&self, refresh: Option<&SecretString>) -> Result<GrantedTokens, GrantError> {
        match refresh {
            Some(refresh) => self.renewed(refresh).await,
            None => Err(GrantError::InvalidGrant("there is no refresh token".to_owned())),
        }
    }

    async fn give_back(&self, token: &SecretString) -> Result<bool, ConnectorError> {
        self.revoke(token).await
    }
}

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Speaks for one application.
pub struct Authorizer {
    client: ProviderClient,
    application: Application,
    secret: Option<SecretString>,
    clock: Arc<dyn Clock>,
}

impl Authorizer {
    /// Prepares the application; nothing is sent. The client has no credentials.
    pub fn new(
        client: ProviderClient,
        application: Application,
        secret: Option<SecretString>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { client, application, secret, clock }
    }

    /// The application that it speaks for.
    pub fn application(&self) -> &Application {
        &self.application
    }

    fn oauth(&self) -> Result<Client, ConnectorError> {
        let application = &self.application;
        let mut client = BasicClient::new(ClientId::new(application.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(parse_base_url("authorize_url", &application.authorize_url)?))
            .set_token_uri(TokenUrl::from_url(parse_base_url("token_url", &application.token_url)?))
            .set_auth_type(match application.client_authentication {
                ClientAuthentication::Body => AuthType::RequestBody,
                ClientAuthentication::Basic => AuthType::BasicAuth,
            });
        if let Some(secret) = &self.secret {
            client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        Ok(client)
    }

    /// The address that a person is sent to, to come back to `redirect_uri`.
    pub fn authorization_url(
        &self,
        redirect_uri: &str,
        state: &SecretString,
        verifier: &SecretString,
    ) -> Result<Url, ConnectorError> {
        let (client, redirect) = (self.oauth()?, redirect(redirect_uri)?);
        let state = state.expose_secret().to_owned();
        let scopes = self.application.scopes.iter().cloned().map(Scope::new);
        let mut request =
            client.authorize_url(|| CsrfToken::new(state)).add_scopes(scopes).set_redirect_uri(Cow::Owned(redirect));
        if self.application.uses_pkce {
            let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
            request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        }
        for (name, value) in [("audience", &self.application.audience), ("prompt", &self.application.prompt)] {
            if let Some(value) = value {
                request = request.add_extra_param(name, value.clone());
            }
        }
        Ok(request.url().0)
    }

    /// Exchanges the code that a person came back with, at the same address that they were to come back to.
    pub async fn exchange(
        &self,
        redirect_uri: &str,
        code: &SecretString,
        verifier: &SecretString,
    ) -> Result<GrantedTokens, GrantError> {
        let (client, redirect) = (self.oauth()?, redirect(redirect_uri)?);
        let code_given = AuthorizationCode::new(code.expose_secret().to_owned());
        let mut request = client.exchange_code(code_given).set_redirect_uri(Cow::Owned(redirect));
        if self.application.uses_pkce {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        }
        let transport = FormTransport { client: &self.client, secrets: self.secrets(&[code, verifier]) };
        self.granted(request.request_async(&transport).await)
    }

    /// Exchanges a refresh token. It may be good for this one use, so that it is never sent twice: when no answer comes,
    /// nobody knows whether it was used.
    async fn renewed(&self, refresh: &SecretString) -> Result<GrantedTokens, GrantError> {
        let client = self.oauth()?;
        let token = RefreshToken::new(refresh.expose_secret().to_owned());
        let transport = FormTransport { client: &self.client, secrets: self.secrets(&[refresh]) };
        self.granted(client.exchange_refresh_token(&token).request_async(&transport).await)
    }

    /// Gives the consent back (RFC 7009). `Ok(false)` when the provider offers no address for that.
    pub async fn revoke(&self, refresh: &SecretString) -> Result<bool, ConnectorError> {
        let Some(address) = &self.application.revocation_url else { return Ok(false) };
        let url = parse_base_url("revocation_url", address)?;
        let what = url.path().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, FORM);
        let mut fields = vec![("token", refresh.expose_secret()), ("token_type_hint", "refresh_token")];
        match (&self.secret, self.application.client_authentication) {
            (Some(secret), ClientAuthentication::Basic) => {
                headers.insert(AUTHORIZATION, basic(self.provider(), &self.application.client_id, secret)?);
            }
            (secret, _) => {
                fields.push(("client_id", &self.application.client_id));
                fields.extend(secret.iter().map(|secret| ("client_secret", secret.expose_secret())));
            }
        }
        let body = Some(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish());
        // What is revoked may be revoked again.
        let (method, repetition, bodies) = (Method::POST, Repetition::Harmless, Bodies::Hidden);
        let reply = self.client.send(Outgoing { method, url, headers, body, repetition, bodies }).await?;
        if reply.status.is_success() {
            return Ok(true);
        }
        let reply = Reply { body: without(&reply.body, &self.secrets(&[refresh])), ..reply };
        Err(failure_of(self.provider(), &what, &reply, None))
    }

    fn secrets(&self, others: &[&SecretString]) -> Vec<SecretString> {
        self.secret.iter().chain(others.iter().copied()).cloned().collect()
    }

    fn granted(
        &self,
        outcome: Result<BasicTokenResponse, RequestTokenError<ConnectorError, BasicErrorResponse>>,
    ) -> Result<GrantedTokens, GrantError> {
        let provider = self.provider();
        let malformed = |message: String| GrantError::Connector(ConnectorError::Malformed { provider, message });
        let reply = match outcome {
            Ok(reply) => reply,
            Err(RequestTokenError::Request(error)) => return Err(error.into()),
            Err(RequestTokenError::ServerResponse(refusal)) => return Err(refused(provider, &refusal)),
            // The body is not shown: it may hold a token under a name that nobody knows.
            Err(RequestTokenError::Parse(error, _)) => {
                return Err(malformed(format!("the token endpoint gave no token ({error})")));
            }
            Err(RequestTokenError::Other(_)) => return Err(malformed("the token endpoint gave no token".to_owned())),
        };
        let FetchedToken { token, expires_at } = access_of(provider, &reply, self.clock.now())?;
        let refresh = reply.refresh_token().map(|token| token.secret().as_str()).filter(|token| !token.is_empty());
        Ok(GrantedTokens {
            access: token,
            refresh: refresh.map(SecretString::from),
            expires_at,
            scopes: reply.scopes().map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
        })
    }
}

fn redirect(address: &str) -> Result<RedirectUrl, ConnectorError> {
    RedirectUrl::new(address.to_owned())
        .map_err(|_| ConnectorError::Unsupported("the address of this server is not a URL".to_owned()))
}

/// A refusal in the provider's words.
fn refused(provider: &'static str, reply: &BasicErrorResponse) -> GrantError {
    let code = reply.error().to_string();
    let message = refusal(&code, reply.error_description().map(String::as_str));
    match reply.error() {
        BasicErrorResponseType::InvalidGrant => GrantError::InvalidGrant(message),
        BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
            // The application is not accepted: a person consenting again would not help.
            GrantError::Connector(ConnectorError::Unauthorized { provider, message })
        }
        _ => GrantError::Connector(ConnectorError::Refused { provider, code: Some(refusal(&code, None)), message }),
    }
}

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Client id and secret as RFC 6749, section 2.3.1, wants them in a header: each in the encoding of forms.
fn basic(provider: &'static str, id: &str, secret: &SecretString) -> Result<HeaderValue, ConnectorError> {
    use base64::Engine as _;
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose_secret()));
    secret_header(provider, &format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair)))
}

/// A text without these secrets: an error may repeat what was sent.
fn without(text: &str, secrets: &[SecretString]) -> String {
    let secrets = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
}

/// Carries the crate's form, and gives every status its meaning that is no answer of a token endpoint.
struct FormTransport<'client> {
    client: &'client ProviderClient,
    secrets: Vec<SecretString>,
}

impl FormTransport<'_> {
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let provider = self.client.provider();
        let malformed = |message: &str| ConnectorError::Malformed { provider, message: message.to_owned() };
        let url = Url::parse(&request.uri().to_string()).map_err(|_| malformed("the token address is not one"))?;
        let what = url.path().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, FORM);
        if let Some(authorization) = request.headers().get(AUTHORIZATION) {
            let mut authorization = authorization.clone();
            authorization.set_sensitive(true);
            headers.insert(AUTHORIZATION, authorization);
        }
        let body = String::from_utf8(request.body().clone()).map_err(|_| malformed("the form is not text"))?;
        let outgoing = Outgoing {
            method: Method::POST,
            url,
            headers,
            body: Some(body),
            // Codes and refresh tokens are good for one use.
            repetition: Repetition::Forbidden,
            bodies: Bodies::Hidden,
        };
        let Reply { status, body } = self.client.send(outgoing).await?;
        let body = if status.is_success() { body } else { without(&body, &self.secrets) };
        let is_oauth = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            && serde_json::from_str::<BasicErrorResponse>(&body).is_ok();
        if !status.is_success() && !is_oauth {
            return Err(failure_of(provider, &what, &Reply { status, body }, None));
        }
        http::Response::builder()
            .status(if is_oauth { StatusCode::BAD_REQUEST } else { status })
            .header(CONTENT_TYPE, "application/json")
            .body(body.into_bytes())
            .map_err(|_| malformed("the token endpoint's answer cannot be read"))
    }
}

impl<'call> AsyncHttpClient<'call> for FormTransport<'_> {
    type Error = ConnectorError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'call>>;

    fn call(&'call self, request: HttpRequest) -> Self::Future {
        Box::pin(self.carry(request))
    }
}
