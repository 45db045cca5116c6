//! Owns how failures leave the server over HTTP: a problem becomes a document with its status, and whatever else went wrong on an API
//! path becomes one too. The one place that sets a response's status. `server/problems.rs` says which problem a store's failure is.

use crate::error::{Code, PROBLEM_JSON, WireError};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub use crate::server::problems::{capital, of_sender, of_store, unusable_link};

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
    use crate::domain::act::ActError;
    use crate::domain::mode::Mode;
    use crate::server::store::StoreError;

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
