//! Owns signing in by a provider as a browser goes through it: sent there, back with a code, and then signed in, connected, or joined. An
//! account is known by its issuer and subject alone: that it has somebody's e-mail address makes it nobody's. Must not know the protocol.

use super::identity::{Credential, is_current};
use super::session::{self, Browser, Proof};
use super::sign_in::{self, is_own_page};
use super::{AppState, account, ceremonies, cookies, guard, joining, problem, proved, provider_accounts};
use crate::domain::access::person_name;
use crate::error::{Code, WireError};
use crate::server::access::provider::{Account, Asks, Provider, ProviderError, Returned};
use crate::server::access::secret;
use crate::server::acts::access_log::roles_in_words;
use crate::server::store::access::{JoinedBy, Person, SessionOf};
use crate::server::store::proofs::ProviderAccount;
use crate::server::{clock, observability};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The way there.
pub const THERE: &str = "/founder/sign-in/provider";
/// The way back, which is registered at the provider.
pub const BACK: &str = "/founder/sign-in/callback";

/// What the pages say where the provider has signed nobody in.
const REFUSED: &str = "provider-refused";

const FLOW: &str = "provider";

/// What a browser goes there for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Purpose {
    /// Whoever is signed in proves once more that it is them; the hash of their session.
    Confirm {
        session: String,
    },
    /// Whoever is signed in will sign in by it from now on; the hash of their session.
    Connect {
        session: String,
    },
    /// By the link of an invitation.
    Join {
        link: String,
    },
    SignIn,
}

/// What is kept until the browser is back.
#[derive(Serialize, Deserialize)]
struct Flow {
    begun_at: DateTime<Utc>,
    /// The hash of the cookie that only this browser has.
    browser: String,
    next: Option<String>,
    nonce: String,
    purpose: Purpose,
    verifier: String,
}

/// What the way there says.
#[derive(Deserialize)]
pub struct There {
    confirm: Option<String>,
    connect: Option<String>,
    join: Option<String>,
    next: Option<String>,
}

/// What the way back says.
#[derive(Deserialize)]
pub struct Back {
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
    state: Option<String>,
}

/// The provider that the settings name.
pub fn provider(state: &AppState) -> Result<&Provider, WireError> {
    let none = || WireError::new(Code::NotSetUp, "The settings name no provider of sign-in ([openid]).");
    state.access.provider.as_ref().ok_or_else(none)
}

fn failed(error: &ProviderError) -> WireError {
    observability::log_error("signing in by the provider failed", error);
    WireError::new(Code::ProviderFailed, "The cause is in the server's log.")
}

/// Where a browser comes back to.
fn back(parts: &Parts) -> String {
    format!("{}{BACK}", guard::base_url(parts))
}

/// An answer that leads on, with cookies.
fn lead(to: &str, cookies: &[HeaderValue]) -> Response {
    let mut response = Redirect::to(to).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    response
}

/// Sends a browser to the provider.
pub async fn go(
    State(state): State<AppState>,
    there: Result<Query<There>, QueryRejection>,
    request: Request,
) -> Response {
    let Ok(Query(there)) = there else { return lead(&sign_in::address(None, None), &[]) };
    let parts = request.into_parts().0;
    // Only a page of this server sends somebody on the way: whatever else does would sign them in without being asked to.
    let is_foreign =
        parts.headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    if is_foreign {
        return lead(&sign_in::address(there.next.as_deref(), None), &[]);
    }
    let place = Place::of(&there);
    match begun(&state, &parts, there).await {
        Ok((to, cookie)) => lead(&to, &[cookie]),
        Err(error) => lead(&place.with(error.code_name()), &[]),
    }
}

/// The page on which somebody set out, where they are told what went wrong.
enum Place {
    Account,
    Join(String),
    SignIn(Option<String>),
}

impl Place {
    fn of(there: &There) -> Place {
        match &there.join {
            _ if there.confirm.is_some() || there.connect.is_some() => Place::Account,
            Some(link) => Place::Join(link.clone()),
            None => Place::SignIn(there.next.clone()),
        }
    }

    fn of_flow(flow: &Flow) -> Place {
        match &flow.purpose {
            Purpose::Confirm { .. } | Purpose::Connect { .. } => Place::Account,
            Purpose::Join { link } => Place::Join(link.clone()),
            Purpose::SignIn => Place::SignIn(flow.next.clone()),
        }
    }

    /// Its address, with what to say.
    fn with(&self, notice: &str) -> String {
        match self {
            Place::Account => format!("{}?notice={notice}#notice", account::ADDRESS),
            Place::Join(link) => format!("{}?notice={notice}", joining::own_address(link)),
            Place::SignIn(next) => sign_in::address(next.as_deref(), Some(notice)),
        }
    }
}

async fn begun(state: &AppState, parts: &Parts, there: There) -> Result<(String, HeaderValue), WireError> {
    let (browser, now) = (Browser::of(parts), clock::now());
    let provider = provider(state)?;
    let next = there.next.clone().filter(|next| is_own_page(next));
    let purpose = match there {
        There { confirm: Some(_), .. } => Purpose::Confirm { session: own_session(parts)? },
        There { connect: Some(_), .. } => Purpose::Connect { session: may_connect(state, parts).await? },
        There { join: Some(link), .. } => {
            joining::invitation(state, &link).await?;
            Purpose::Join { link }
        }
        There { .. } => Purpose::SignIn,
    };
    session::count_beginning(state, &browser).await?;
    let asks = if matches!(purpose, Purpose::Confirm { .. }) { Asks::Anew } else { Asks::WhoeverIsSignedIn };
    let sent = provider.send(&back(parts), asks, now).await.map_err(|error| failed(&error))?;
    let cookie = session::fresh(secret::fresh())?;
    let flow = Flow { begun_at: now, browser: cookie.hash, next, nonce: sent.nonce, purpose, verifier: sent.verifier };
    let content = serde_json::to_vec(&flow).unwrap_or_default();
    ceremonies::begin(state, FLOW, &secret::hash(&sent.state), &content).await?;
    Ok((sent.address, cookies::with_flow(&cookie.secret)))
}

fn begin_anew() -> WireError {
    WireError::new(Code::SignInAgain, "Begin on the page of your account.")
}

/// The hash of the session that the browser has.
fn own_session(parts: &Parts) -> Result<String, WireError> {
    match parts.extensions.get::<Credential>() {
        Some(Credential::Session(hash)) => Ok(hash.clone()),
        _ => Err(begin_anew()),
    }
}

/// The hash of the session of whoever may connect an account now.
async fn may_connect(state: &AppState, parts: &Parts) -> Result<String, WireError> {
    let hash = own_session(parts)?;
    if provider_accounts::take_leave(state, &hash).await? { Ok(hash) } else { Err(begin_anew()) }
}

/// Receives a browser that comes back from the provider.
pub async fn receive(
    State(state): State<AppState>,
    back: Result<Query<Back>, QueryRejection>,
    request: Request,
) -> Response {
    let parts = request.into_parts().0;
    let forget = cookies::without_flow();
    let told = |notice: &str, place: &Place| {
        let address = Browser::of(&parts).address;
        tracing::warn!(problem = notice, %address, "a sign-in by the provider failed");
        lead(&place.with(notice), &[cookies::without_flow()])
    };
    let elsewhere = Place::SignIn(None);
    let Ok(Query(answer)) = back else { return told(Code::ProviderFailed.name(), &elsewhere) };
    let flow = match taken(&state, &parts, answer.state.as_deref()).await {
        Ok(Some(flow)) => flow,
        Ok(None) => return told(Code::ProviderFailed.name(), &elsewhere),
        Err(error) => return told(error.code_name(), &elsewhere),
    };
    let place = Place::of_flow(&flow);
    if answer.error.is_some() {
        // Words of another server are shown to nobody.
        return told(REFUSED, &place);
    }
    match returned(&state, &parts, answer, &flow).await {
        Ok((to, mut cookies)) => {
            cookies.push(forget);
            lead(&to, &cookies)
        }
        Err(error) => told(error.code_name(), &place),
    }
}

/// Where somebody is led who is let in, and the cookies that they get.
type Led = (String, Vec<HeaderValue>);

async fn returned(state: &AppState, parts: &Parts, answer: Back, flow: &Flow) -> Result<Led, WireError> {
    let account = known(state, parts, answer, flow).await?;
    match &flow.purpose {
        Purpose::Confirm { session } => confirmed(state, parts, &account, flow, session).await,
        Purpose::Connect { session } => connected(state, parts, &account, session).await,
        Purpose::Join { link } => joined(state, parts, &account, link).await,
        Purpose::SignIn => signed_in(state, parts, &account, flow.next.as_deref()).await,
    }
}

/// What was kept for this way back, if it was begun in this very browser.
async fn taken(state: &AppState, parts: &Parts, name: Option<&str>) -> Result<Option<Flow>, WireError> {
    let (Some(name), Some(cookie)) = (name, cookies::flow(&parts.headers)) else { return Ok(None) };
    let content = ceremonies::take(state, FLOW, &secret::hash(name)).await?;
    let flow: Option<Flow> = content.and_then(|content| serde_json::from_slice(&content).ok());
    Ok(flow.filter(|flow| flow.browser == secret::hash(cookie)))
}

/// Who the provider says that it was.
async fn known(state: &AppState, parts: &Parts, answer: Back, flow: &Flow) -> Result<Account, WireError> {
    let provider = provider(state)?;
    // Another provider's answer is none of this one's (RFC 9207).
    if answer.iss.is_some_and(|issuer| issuer != provider.issuer()) {
        return Err(WireError::new(Code::ProviderFailed, "The answer is of another provider."));
    }
    let code = answer.code.ok_or_else(|| WireError::new(Code::ProviderFailed, "The answer holds no code."))?;
    let returned = Returned { code, nonce: &flow.nonce, verifier: flow.verifier.clone() };
    provider.receive(returned, &back(parts), clock::now()).await.map_err(|error| failed(&error))
}

fn kept(account: &Account) -> ProviderAccount {
    ProviderAccount { issuer: account.issuer.clone(), label: account.label.clone(), subject: account.subject.clone() }
}

async fn entered(
    state: &AppState,
    parts: &Parts,
    person: &Person,
    account: &Account,
    next: Option<&str>,
) -> Result<Led, WireError> {
    let browser = Browser::of(parts);
    let begun = session::enter(state, &browser, person, Proof::provider(account.by_several_proofs)).await?;
    Ok((sign_in::on(begun.entered, next), begun.cookies))
}

async fn signed_in(state: &AppState, parts: &Parts, account: &Account, next: Option<&str>) -> Result<Led, WireError> {
    let found = state.store.person_of(&account.issuer, &account.subject).await.map_err(problem::of_store)?;
    let person = found.filter(|person| person.disabled_at.is_none()).ok_or_else(|| {
        let (account, address) = (&account.label, Browser::of(parts).address);
        tracing::warn!(account, %address, "the provider's account signs nobody in");
        WireError::new(
            Code::NotConnected,
            "Come by the link of an invitation, or connect it on the page of your account.",
        )
    })?;
    entered(state, parts, &person, account, next).await
}

/// Whoever set out in this session, which must be the one of now.
async fn still_here(state: &AppState, parts: &Parts, hash: &str) -> Result<Person, WireError> {
    let session = state.store.session(hash).await.map_err(problem::of_store)?;
    let still = session.filter(|session| session.is_whole && is_current(session, clock::now()));
    match still.map(|session| session.of) {
        Some(SessionOf::Person(person)) if own_session(parts)? == hash => Ok(person),
        _ => Err(begin_anew()),
    }
}

/// Notes that whoever is signed in has proved it just now, at the provider, by an account that is theirs here.
async fn confirmed(
    state: &AppState,
    parts: &Parts,
    account: &Account,
    flow: &Flow,
    hash: &str,
) -> Result<Led, WireError> {
    let person = still_here(state, parts, hash).await?;
    let found = state.store.person_of(&account.issuer, &account.subject).await.map_err(problem::of_store)?;
    if found.is_none_or(|found| found.id != person.id) {
        return Err(WireError::new(Code::NotConnected, "It was another account than yours."));
    }
    if !account.has_proved_on_the_way(clock::now() - flow.begun_at) {
        return Err(WireError::new(
            Code::NotAskedAnew,
            "It has to send auth_time with a sign-in that was asked for with prompt=login and max_age=0.",
        ));
    }
    proved::note(state, hash).await?;
    Ok((format!("{}?notice=proved#notice", account::ADDRESS), Vec::new()))
}

async fn connected(state: &AppState, parts: &Parts, account: &Account, hash: &str) -> Result<Led, WireError> {
    let person = still_here(state, parts, hash).await?;
    let reason = format!("connected {} at {}", account.label, account.issuer);
    let entry = joining::entry_of(&Browser::of(parts), &person.email, &person.roles, reason);
    state.store.connect(person.id, &kept(account), hash, clock::now(), &entry).await.map_err(problem::of_store)?;
    Ok((format!("{}?notice=connected#notice", account::ADDRESS), Vec::new()))
}

async fn joined(state: &AppState, parts: &Parts, account: &Account, link: &str) -> Result<Led, WireError> {
    let found = joining::invitation(state, link).await?;
    // A link for nobody in particular takes an address that the provider has seen to be theirs.
    let email = if found.email.is_empty() { account.email.clone().unwrap_or_default() } else { found.email.clone() };
    let name = account.name.as_deref().filter(|name| person_name(name).is_ok());
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default()).to_owned();
    let (email, name) = joining::checked(&email, &name)?;
    let reason =
        format!("{email} joined as {}, by {} at {}", roles_in_words(&found.roles), account.label, account.issuer);
    let entry = joining::entry_of(&Browser::of(parts), &email, &found.roles, reason);
    let account_kept = kept(account);
    let by = JoinedBy::Provider(&account_kept);
    let person = state
        .store
        .join(&found.token_hash, (&email, &name), by, clock::now(), &entry)
        .await
        .map_err(problem::of_store)?;
    entered(state, parts, &person, account, None).await
}
