//! Owns signing in by a provider (OpenID Connect 1.0, authorization code with PKCE): where a browser is sent, and who the provider says
//! that it was. Who it was is believed of the signed ID token alone; what else it is called may be asked for with the access token, which is
//! then let go of. Must not know whom an account is connected with, or where anything is kept.

use super::id_token;
use crate::domain::access::is_hidden;
use crate::server::config::OpenId;
use crate::server::sources::outgoing::{Allowed, AskError, Outgoing};
use chrono::{DateTime, Duration, Utc};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreJsonWebKeySet,
    CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope,
};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::RwLock;

/// How long what a provider says of itself is believed before it is asked again.
fn fresh_for() -> Duration {
    Duration::hours(1)
}

/// How soon it may be asked again because a token was signed with a key that is not known: providers change keys.
fn asked_again_after() -> Duration {
    Duration::seconds(30)
}

/// How far clocks may differ.
fn skew() -> Duration {
    Duration::minutes(2)
}

/// Why nobody is known by it. The cause is for the log.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the provider of sign-in could not be asked: {0}")]
    Asked(#[from] AskError),
    #[error("the provider of sign-in answered with something else than was asked for: {0}")]
    Answered(String),
    #[error("the ID token proves nothing: {0}")]
    Unproved(String),
}

/// Whom the provider asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Everybody, whom it knows still, too.
    Anew,
    /// Those whom it does not know still.
    WhoeverIsSignedIn,
}

/// What a browser is sent away with, and what is to be kept until it is back.
pub struct Sent {
    /// Where the browser goes.
    pub address: String,
    pub nonce: String,
    /// By which the way back is known again.
    pub state: String,
    /// The half of PKCE that never leaves this server before the code is exchanged.
    pub verifier: String,
}

/// What is exchanged for an ID token when a browser is back.
pub struct Returned<'a> {
    pub code: String,
    pub nonce: &'a str,
    pub verifier: String,
}

/// Who the provider says that it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whether the provider has asked for more than one proof (`mfa` in `amr`, RFC 8176).
    pub by_several_proofs: bool,
    /// The e-mail address, where the provider has seen that it is theirs.
    pub email: Option<String>,
    pub issuer: String,
    /// What it is called, to tell it from others.
    pub label: String,
    pub name: Option<String>,
    /// How long before the token was signed they had proved it there, by the provider's own clock, where it says so (`auth_time`).
    pub proved_before: Option<Duration>,
    /// By which the provider knows it for ever.
    pub subject: String,
}

impl Account {
    /// Whether they have proved it there on a way that took so long: since they set out, whatever the provider's clock says.
    pub fn has_proved_on_the_way(&self, took: Duration) -> bool {
        // Its times are whole seconds.
        self.proved_before.is_some_and(|before| before <= took + Duration::seconds(2))
    }
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

struct Asked {
    at: DateTime<Utc>,
    metadata: CoreProviderMetadata,
}

/// The provider, as the settings name it.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

/// How the provider is asked: as every other system is.
struct Asking(Outgoing);

impl<'c> AsyncHttpClient<'c> for Asking {
    type Error = AskError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, AskError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

/// An exchange of a code: what the answer says beside its tokens is left out, and the ID token is kept as it came.
struct Exchange {
    id_token: Mutex<Option<String>>,
    of: Arc<Inner>,
}

impl<'c> AsyncHttpClient<'c> for Exchange {
    type Error = AskError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, AskError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.of.asking.0.send(request).await?;
            if let Some((body, token)) = id_token::of_answer(answer.body()) {
                *answer.body_mut() = body;
                *self.id_token.lock().unwrap_or_else(PoisonError::into_inner) = token;
            }
            Ok(answer)
        })
    }
}

/// A question what an account is called: what the answer says beside that is left out.
struct Naming(Arc<Inner>);

impl<'c> AsyncHttpClient<'c> for Naming {
    type Error = AskError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, AskError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.0.asking.0.send(request).await?;
            if let Some(body) = id_token::of_account(answer.body()) {
                *answer.body_mut() = body;
            }
            Ok(answer)
        })
    }
}

struct Inner {
    asked: RwLock<Option<Asked>>,
    asking: Asking,
    settings: OpenId,
}

impl Provider {
    /// # Errors
    /// Where this machine's certificates cannot be read.
    pub fn new(settings: OpenId) -> Result<Provider, AskError> {
        let asking = Asking(Outgoing::new(Allowed { hosts: None, named: settings.allow_addresses.clone() })?);
        Ok(Provider(Arc::new(Inner { asked: RwLock::default(), asking, settings })))
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// By which it signs.
    pub fn issuer(&self) -> &str {
        &self.0.settings.issuer
    }

    /// What the provider says of itself, asked for again where it is older than that.
    async fn metadata(&self, now: DateTime<Utc>, oldest: Duration) -> Result<CoreProviderMetadata, ProviderError> {
        let is_fresh = |asked: &Asked| (now - asked.at).abs() < oldest;
        if let Some(asked) = self.0.asked.read().await.as_ref().filter(|asked| is_fresh(asked)) {
            return Ok(asked.metadata.clone());
        }
        let mut kept = self.0.asked.write().await;
        // Who waited for the lock behind somebody who asked has the answer.
        if let Some(asked) = kept.as_ref().filter(|asked| is_fresh(asked)) {
            return Ok(asked.metadata.clone());
        }
        let issuer =
            IssuerUrl::new(self.issuer().to_owned()).map_err(|error| ProviderError::Answered(error.to_string()))?;
        // Refuses a provider that says that it is another.
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.0.asking)
            .await
            .map_err(|error| ProviderError::Answered(with_causes(&error)))?;
        *kept = Some(Asked { at: now, metadata: metadata.clone() });
        Ok(metadata)
    }

    fn client(&self, metadata: CoreProviderMetadata, back: &str) -> Result<Client, ProviderError> {
        let settings = &self.0.settings;
        let secret = match &settings.secret {
            Some(token) => Some(ClientSecret::new(token.reveal()?.to_owned())),
            None => None,
        };
        let back = RedirectUrl::new(back.to_owned()).map_err(|error| ProviderError::Answered(error.to_string()))?;
        // Basic is what every provider takes that does not say otherwise (RFC 6749, 2.3.1).
        let takes = metadata.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let is_basic = takes.is_empty() || takes.contains(&CoreClientAuthMethod::ClientSecretBasic);
        let how = if is_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(settings.client_id.clone()), secret);
        Ok(client.set_redirect_uri(back).set_auth_type(how))
    }

    /// Sends a browser there; `back` is where it comes back to.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn send(&self, back: &str, asks: Asks, now: DateTime<Utc>) -> Result<Sent, ProviderError> {
        let client = self.client(self.metadata(now, fresh_for()).await?, back)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge);
        if asks == Asks::Anew {
            // With a greatest age the provider has to say when it was (OpenID Connect Core 1.0, 2).
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(std::time::Duration::ZERO);
        }
        let (address, state, nonce) = request.url();
        Ok(Sent {
            address: address.into(),
            nonce: nonce.secret().clone(),
            state: state.secret().clone(),
            verifier: verifier.secret().clone(),
        })
    }

    /// Who it was, once the browser is back with a code.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn receive(
        &self,
        returned: Returned<'_>,
        back: &str,
        now: DateTime<Utc>,
    ) -> Result<Account, ProviderError> {
        let metadata = self.metadata(now, fresh_for()).await?;
        let keys = metadata.jwks().clone();
        let client = self.client(metadata, back)?;
        let exchange = Exchange { id_token: Mutex::default(), of: self.0.clone() };
        let answer = client
            .exchange_code(AuthorizationCode::new(returned.code))
            .map_err(|error| ProviderError::Answered(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(returned.verifier))
            .request_async(&exchange)
            .await
            .map_err(|error| ProviderError::Answered(with_causes(&error)))?;
        let token = exchange.id_token.lock().unwrap_or_else(PoisonError::into_inner).take();
        let token = token.ok_or_else(|| ProviderError::Answered("there is no ID token".to_owned()))?;
        let nonce = Nonce::new(returned.nonce.to_owned());
        let claims = match verified((&client, &keys), &token, &nonce, now) {
            Ok(claims) => claims,
            // Perhaps it has a new key since it was asked.
            Err(_) => {
                let metadata = self.metadata(now, asked_again_after()).await?;
                let keys = metadata.jwks().clone();
                verified((&self.client(metadata, back)?, &keys), &token, &nonce, now)?
            }
        };
        let mut account = self.account(&claims);
        if claims.email().is_none() {
            self.ask_more(&client, answer.access_token().clone(), &claims, &mut account).await;
        }
        Ok(account)
    }

    /// Asks what the account is called, where the ID token does not say. Who it is, is known already, so that this may fail.
    async fn ask_more(&self, client: &Client, token: AccessToken, claims: &CoreIdTokenClaims, account: &mut Account) {
        let Ok(request) = client.user_info(token, Some(claims.subject().clone())) else { return };
        let naming = Naming(self.0.clone());
        let told: Result<CoreUserInfoClaims, _> = request.request_async(&naming).await;
        match told {
            Ok(told) => {
                let email = told.email().map(|email| email.to_string());
                if let Some(email) = &email {
                    account.label = shown(email);
                }
                account.email = email.filter(|_| told.email_verified() == Some(true));
                let name = told.name().and_then(|names| names.get(None)).map(|name| name.to_string());
                account.name = name.or_else(|| account.name.take());
            }
            Err(error) => {
                tracing::warn!(cause = with_causes(&error), "the provider did not say what an account is called")
            }
        }
    }

    fn account(&self, claims: &CoreIdTokenClaims) -> Account {
        let is_theirs = claims.email_verified() == Some(true);
        let email = claims.email().map(|email| email.to_string());
        let user_name = claims.preferred_username().map(|name| name.to_string());
        let name = claims.name().and_then(|names| names.get(None)).map(|name| name.to_string());
        let methods = claims.auth_method_refs().map(Vec::as_slice).unwrap_or_default();
        let label = email.clone().or(user_name).unwrap_or_else(|| claims.subject().to_string());
        Account {
            by_several_proofs: methods.iter().any(|method| method.as_str() == "mfa"),
            email: email.filter(|_| is_theirs),
            issuer: self.issuer().to_owned(),
            label: shown(&label),
            name,
            proved_before: claims.auth_time().map(|at| claims.issue_time() - at),
            subject: claims.subject().to_string(),
        }
    }
}

/// A text of the provider's as far as it is shown.
fn shown(text: &str) -> String {
    text.chars().filter(|character| !is_hidden(*character)).take(254).collect()
}

/// An error with all that caused it: nothing of it is ever shown to a client.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What an ID token says, where its signature, issuer, audience, times and nonce are right.
fn verified(
    (client, keys): (&Client, &CoreJsonWebKeySet),
    token: &str,
    nonce: &Nonce,
    now: DateTime<Utc>,
) -> Result<CoreIdTokenClaims, ProviderError> {
    let token = id_token::signed(token, keys).map_err(ProviderError::Unproved)?;
    let issued = move |at: DateTime<Utc>| {
        if at <= now + skew() { Ok(()) } else { Err("it was issued in the future".to_owned()) }
    };
    let verifier = client
        .id_token_verifier()
        // It was checked just now, over the token as it came; here its claims have taken other forms.
        .insecure_disable_signature_check()
        .set_time_fn(move || now - skew())
        .set_issue_time_verifier_fn(issued);
    let claims = token.claims(&verifier, nonce).map_err(|error| ProviderError::Unproved(with_causes(&error)))?;
    if claims.subject().as_str().trim().is_empty() {
        return Err(ProviderError::Unproved("it names nobody: its claim sub is empty".to_owned()));
    }
    Ok(claims.clone())
}
