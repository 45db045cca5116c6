//! Owns the door that Stripe's webhook, and lists fetched from Stripe, tell of subscriptions through. Must not know what makes a
//! client; what is acknowledged is stored.

use super::alertmanager::refused;
use super::peer::Peer;
use super::receive;
use super::{AppState, identity, problem, signature};
use crate::domain::access::Permission;
use crate::domain::sender::Sender as SourceSender;
use crate::domain::signal::Signal;
use crate::domain::subscription::{self, Refused, Taken, Told};
use crate::error::{Code, WireError};
use crate::server::acts::DEFAULT_ENVIRONMENT;
use crate::server::clock;
use crate::server::config::Token;
use crate::server::live::Message;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where it is sent to.
const ADDRESS: &str = "/api/stripe";
/// The source of subscriptions where none is named.
const DEFAULT_SOURCE: &str = "stripe";

/// The query of a notification or a page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    environment: Option<String>,
    source: Option<String>,
    /// Of a page: the connected account that it is of, as Stripe was given it (`Stripe-Account`).
    account: Option<String>,
    /// As Stripe was given it for this page.
    starting_after: Option<String>,
}

/// What has become of a body, and in words.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    taken: Taken,
    detail: String,
}

/// `POST /api/stripe`: an event, a list of events, or a page of the list of all subscriptions.
pub async fn receive(
    State(state): State<AppState>,
    sender: Result<Query<Sender>, QueryRejection>,
    request: Request,
) -> Response {
    let Ok(Query(sender)) = sender else {
        return problem::response(&WireError::new(
            Code::Malformed,
            "The parameters here are environment, source, account and starting_after, each once.",
        ));
    };
    match take(&state, sender, request).await {
        Ok(taken) => axum::Json(Answer { taken, detail: taken.sentence() }).into_response(),
        Err(error) => problem::response(&error),
    }
}

/// Refuses what nobody could have the right to send here before its body is read: where a signature is asked for, a request without one
/// of this time, or a packed one, since what is signed is what Stripe sends and Stripe packs nothing; where none is, somebody who is not
/// known. Other requests pass.
///
/// # Errors
/// 401 or 415; nothing was read.
pub fn admit(state: &AppState, request: &Request) -> Result<(), WireError> {
    if *request.method() != Method::POST || request.uri().path() != ADDRESS {
        return Ok(());
    }
    let Some(token) = &state.settings.stripe else {
        return identity::of(request).map(|_| ());
    };
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        let sentence = "Send what Stripe sends as it is, without Content-Encoding. Nothing was stored.";
        return Err(WireError::new(Code::UnsupportedMediaType, sentence));
    }
    let claimed = secret_of(token).and_then(|_| {
        signature::claim(request.headers(), clock::now()).map(|_| ()).map_err(|error| unproven(&error.to_string()))
    });
    claimed.inspect_err(|error| {
        let address = request.extensions().get::<Peer>().map(|peer| peer.address.to_string());
        tracing::warn!(address, problem = error.code_name(), "an event of Stripe was refused");
    })
}

async fn take(state: &AppState, sender: Sender, request: Request) -> Result<Taken, WireError> {
    let environment = sender.environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned());
    let source = receive::source(sender.source, DEFAULT_SOURCE)?;
    // Stripe's own libraries leave a parameter that is empty out.
    let starting_after = sender.starting_after.filter(|id| !id.is_empty());
    let account = sender.account.filter(|id| !id.is_empty());
    // Where no signature is asked for, whoever sends must be somebody who may.
    // A signature proves that a founder let Stripe send.
    let mut speaks = SourceSender::person(state.settings.most_sources);
    if state.settings.stripe.is_none() {
        let identity = identity::of(&request)?;
        identity::allow(&identity, Permission::SendTelemetry, &environment)?;
        speaks = identity.sender(state.settings.most_sources);
    }
    let headers = request.headers().clone();
    let address = request.extensions().get::<Peer>().map(|peer| peer.address.to_string());
    let whole = receive::body(request, None).await.map_err(|refusal| refusal.error)?;
    let now = clock::now();
    prove(state.settings.stripe.as_ref(), &headers, &whole.bytes, now).inspect_err(|error| {
        tracing::warn!(address, problem = error.code_name(), "an event of Stripe was refused");
    })?;
    let mut told = subscription::read(&whole.bytes, starting_after.as_deref(), now).map_err(refused)?;
    match &mut told {
        Told::Page(page) => page.account = account,
        // An event says itself which account it is of.
        Told::Events { .. } if account.is_some() => {
            let sentence = "account belongs to pages of subscriptions, not to events. Nothing was stored.";
            return Err(WireError::new(Code::Rejected, sentence).at("account"));
        }
        Told::Events { .. } => {}
    }
    let taken =
        state.store.take_subscriptions(&environment, &source, &speaks, &told, now).await.map_err(problem::of_store)?;
    if !taken.refused.is_none() {
        let Refused { other_account, other_mode } = taken.refused;
        tracing::warn!(
            environment,
            source,
            other_mode,
            other_account,
            "events of another mode or account of Stripe do not count"
        );
    }
    if taken.is_stored {
        let signals = vec![Signal::ClientsActive, Signal::ClientsAtRisk];
        state.metrics.count_samples(signals.len() as u64);
        state.feed.tell(&environment, &Message::Telemetry { signals });
    }
    Ok(taken)
}

/// Holds a body to the signature that the settings ask for. A secret that is asked for and not there lets nothing in.
fn prove(secret: Option<&Token>, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), WireError> {
    let Some(token) = secret else {
        return Ok(());
    };
    signature::check(headers, body, secret_of(token)?, now).map_err(|error| unproven(&error.to_string()))
}

fn unproven(sentence: &str) -> WireError {
    WireError::new(Code::InvalidSignature, format!("{sentence} Nothing was stored."))
}

fn secret_of(token: &Token) -> Result<&str, WireError> {
    let secret = token.value.as_ref().ok_or_else(|| {
        unproven(&format!(
            "The settings ask for a signature, and the environment variable {} with its secret is not set where the server runs.",
            token.variable
        ))
    })?;
    Ok(secret.reveal())
}
