//! Owns how failures leave the server: store errors become problems with the right status, causes go to the log, and
//! whatever else went wrong on an API path becomes a problem document too. The one place that sets an error's status.

use crate::domain::act::ActError;
use crate::domain::subscription::PageError;
use crate::error::{Code, PROBLEM_JSON, WireError};
use crate::server::observability;
use crate::server::store::StoreError;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What a client is told of a store's failure. Inner causes are logged here and nowhere else.
pub fn of_store(error: StoreError) -> WireError {
    match error {
        StoreError::UnknownEnvironment { name, existing } => WireError::new(
            Code::UnknownEnvironment,
            format!("There is no environment \"{}\". There are: {}.", shorten(&name), existing.join(", ")),
        )
        .at("environment"),
        StoreError::EnvironmentExists(name) => {
            WireError::new(Code::EnvironmentExists, format!("The environment \"{name}\" exists already."))
                .at("environment")
        }
        StoreError::UnknownSnapshot(id) => {
            WireError::new(Code::UnknownSnapshot, format!("There is no snapshot \"{}\".", shorten(&id))).at("id")
        }
        StoreError::SourceMoved(name) => WireError::new(
            Code::Conflict,
            format!("The source \"{}\" was changed in between. Nothing was done: look at it again.", shorten(&name)),
        )
        .at("name"),
        StoreError::UnknownSource(name) => {
            WireError::new(Code::UnknownSource, format!("This environment has no source \"{}\".", shorten(&name))).at("name")
        }
        StoreError::UnknownAlert(fingerprint) => WireError::new(
            Code::UnknownAlert,
            format!("This source has no open alert \"{}\". The connections page lists those that are open.", shorten(&fingerprint)),
        )
        .at("alert"),
        StoreError::UnknownClient(client) => WireError::new(
            Code::UnknownClient,
            format!(
                "This source counts no client \"{}\". Give the id of its customer (cus_...) or of a subscription (sub_...).",
                shorten(&client)
            ),
        )
        .at("client"),
        StoreError::TooManyAsked(most) => WireError::new(
            Code::TooManySources,
            format!("The server asks {most} added sources, the most it asks. Remove one first, or name this one in the settings file."),
        )
        .at("name"),
        error @ (StoreError::TooManySources { .. }
        | StoreError::TooManySourcesOfToken { .. }
        | StoreError::SourceOfAnother(_)
        | StoreError::NotForSource(_)) => of_sender(&error),
        StoreError::UnknownPerson => WireError::new(Code::UnknownPerson, "They may have been removed in between."),
        StoreError::PersonExists(_) => {
            WireError::new(Code::PersonExists, "Give them a role instead of inviting them again.").at("email")
        }
        StoreError::LastFounder => WireError::new(
            Code::LastFounder,
            "Nobody would be left who may do everything. Make somebody else a founder everywhere first.",
        ),
        StoreError::LastWayIn => WireError::new(
            Code::Conflict,
            "You could not sign in any more. Choose a password, or add another way, first.",
        ),
        StoreError::NoInvitation => unusable_link(),
        StoreError::NameTaken(name) => {
            WireError::new(Code::NameTaken, format!("The name \"{}\" is taken. Choose another.", shorten(&name)))
                .at("name")
        }
        StoreError::Act(error) => of_act(error),
        StoreError::Conflicts(errors) => {
            let detail = format!(
                "{} of the samples were sent before with another value. Nothing of this batch was stored. Send \"revises\": true if \
                 the source corrects itself.",
                errors.len()
            );
            WireError::new(Code::Rejected, detail).with_errors(errors)
        }
        // Nothing was stored: the transaction of the page is undone.
        StoreError::Page(error) => {
            let field = match error {
                PageError::Without(_) => "data",
                PageError::OtherAccount => "account",
                PageError::OtherMode { .. } => "livemode",
                PageError::NothingOpen | PageError::NotNext(_) => "starting_after",
            };
            WireError::new(Code::Rejected, format!("Nothing of the page was stored: {error}.")).at(field)
        }
        StoreError::KeyReused => WireError::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used before with another request. Use a new one for a new request.",
        )
        .at("Idempotency-Key"),
        error if error.is_of_a_text() => WireError::new(
            Code::Malformed,
            "A text holds a character that cannot be stored (NUL). Nothing was changed.",
        ),
        error @ (StoreError::Unavailable(_)
        | StoreError::File { .. }
        | StoreError::FileExists(_)
        | StoreError::NotAStore(_)) => {
            observability::log_error("the store is not available", &error);
            WireError::new(Code::Unavailable, "Nothing was changed. Try again in a moment.")
        }
        error @ StoreError::Corrupt { .. } => {
            observability::log_error("stored data cannot be read", &error);
            WireError::new(Code::Internal, "What is stored could not be read. The cause is in the server's log.")
        }
    }
}

/// The problem of a sender whose telemetry is refused because of the source that it names.
pub fn of_sender(error: &StoreError) -> WireError {
    let (code, cure) = match error {
        StoreError::TooManySources { .. } => (
            Code::TooManySources,
            "Send under a known name, retire sources that have gone on the connections page, or raise most_sources in the settings",
        ),
        StoreError::TooManySourcesOfToken { .. } => (
            Code::TooManySources,
            "Send under a known name, or ask a founder to retire sources that have gone, to bind this token to its sources, or to raise most_sources in the settings",
        ),
        StoreError::SourceOfAnother(_) => (
            Code::SourceOfAnother,
            "Send under a source of your own, or ask a founder for a token that is bound to this source",
        ),
        _ => (Code::NotForSource, "Send under a source that it is bound to, or ask a founder for another token"),
    };
    WireError::new(code, format!("{}. {cure}.", capital(&error.to_string()))).at("source")
}

/// A link that was used, has expired, was revoked, or never was: which of them it is helps only who guesses.
pub fn unusable_link() -> WireError {
    WireError::new(
        Code::LinkUnusable,
        "It was used before, has expired, or was withdrawn. Ask whoever gave it to you for a new one.",
    )
}

fn of_act(error: ActError) -> WireError {
    let sentence = format!("{}.", capital(&error.to_string()));
    match error {
        ActError::ModeMoved { .. } => WireError::new(Code::Conflict, sentence).at("old_mode"),
        ActError::VersionMoved { .. } => WireError::new(Code::Conflict, sentence).at("version"),
        ActError::UnknownProposal => WireError::new(Code::UnknownProposal, sentence).at("proposal_id"),
        ActError::ProposalClosed(_) => WireError::new(Code::ProposalClosed, sentence).at("proposal_id"),
        ActError::RecommendationChanged(_) => WireError::new(Code::RecommendationChanged, sentence).at("proposal_id"),
        ActError::Invalid(errors) => WireError::of_fields(errors),
    }
}

pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

fn shorten(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(64).collect()
}

/// A problem as a response.
pub fn response(error: &WireError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(error).unwrap_or_default();
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(seconds) = error.retry_after.or_else(|| (error.status == 503).then_some(2)) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let scheme = match error.code() {
        Some(Code::InvalidSignature) => Some("Stripe-Signature"),
        Some(Code::SignInRequired | Code::SignInFailed) => Some("Bearer realm=\"scaling-mode\""),
        Some(Code::InvalidCredential) => Some("Bearer realm=\"scaling-mode\", error=\"invalid_token\""),
        _ => None,
    };
    if let Some(scheme) = scheme {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    response
}

/// Gives every failure on an API path its status and its document. Server functions answer errors with 500 and the
/// document in the body: the document says which status it is.
pub async fn as_document(response: Response, is_api: bool) -> Response {
    let status = response.status();
    if !is_api || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    if has_document(&response) {
        return with_its_status(response).await;
    }
    let error = match status {
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => {
            WireError::new(Code::UnknownPath, "See /api/openapi.json for what there is.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            WireError::new(Code::MethodNotAllowed, "See /api/openapi.json for the methods of each path.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => WireError::new(Code::TooLarge, "Send it in smaller parts."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            WireError::new(Code::UnsupportedMediaType, "Send JSON, as application/json.")
        }
        status if status.is_client_error() => WireError::new(Code::Malformed, "The request could not be read."),
        status => {
            tracing::error!(%status, "a response failed without a document");
            WireError::new(Code::Internal, "The cause is in the server's log.")
        }
    };
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut document = self::response(&error);
    if let Some(allow) = allow {
        document.headers_mut().insert(header::ALLOW, allow);
    }
    document
}

fn has_document(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|content_type| content_type.as_bytes().starts_with(PROBLEM_JSON.as_bytes()))
}

async fn with_its_status(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, super::MAX_BODY).await else {
        return self::response(&WireError::new(Code::Internal, "The cause is in the server's log."));
    };
    match serde_json::from_slice::<WireError>(&bytes) {
        Ok(error) if error.status != parts.status.as_u16() => {
            let mut document = self::response(&error);
            // Who still has to send a code is known again by a cookie.
            for cookie in parts.headers.get_all(header::SET_COOKIE) {
                document.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            document
        }
        // What has its status already keeps its headers, too: remote write says there how much was taken all the same.
        Ok(_) | Err(_) => Response::from_parts(parts, Body::from(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mode::Mode;

    /// ASVS 16.5.1.
    #[test]
    fn an_inner_error_never_reaches_the_client() {
        let secret = sqlx::Error::Protocol("password=hunter2".into());
        let shown = serde_json::to_string(&of_store(StoreError::Unavailable(secret))).unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_conflict_says_what_the_mode_is_now() {
        let error = of_store(StoreError::Act(ActError::ModeMoved { expected: Mode::Lab, now: Mode::Pilot }));
        assert_eq!((error.status, error.field.as_deref()), (409, Some("old_mode")));
        assert!(error.detail.starts_with("The mode is pilot"), "{}", error.detail);
    }
}
