//! Owns the error that leaves the server: a problem document (RFC 9457) with a stable type, a sentence for a founder and
//! the right status. Must not carry an inner error's text; causes stay in the server's log.

use crate::domain::policy::FieldError;
use crate::domain::telemetry::RowError;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The closed set of problems. The code is stable; scripts may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    Malformed,
    OutOfRange,
    InvalidSignature,
    ForeignOrigin,
    ForeignHost,
    UnknownEnvironment,
    UnknownSnapshot,
    UnknownEvent,
    UnknownProposal,
    UnknownSource,
    UnknownAlert,
    UnknownClient,
    UnknownPath,
    MethodNotAllowed,
    Conflict,
    ProposalClosed,
    RecommendationChanged,
    EnvironmentExists,
    SourceExists,
    SourceUnreadable,
    SecretNotBound,
    TooManySources,
    SourceOfAnother,
    NotForSource,
    TooLarge,
    UnsupportedMediaType,
    Rejected,
    IdempotencyKeyReused,
    SignInRequired,
    InvalidCredential,
    SignInFailed,
    SecondProofRequired,
    WrongCode,
    PasskeyFailed,
    SignInAgain,
    NotAskedAnew,
    NotConnected,
    NotSetUp,
    ProviderFailed,
    NotAllowed,
    CodesRequired,
    UnknownPerson,
    LinkUnusable,
    PersonExists,
    LastFounder,
    NameTaken,
    TooManyRequests,
    TooSlow,
    Busy,
    Unavailable,
    Internal,
}

impl Code {
    pub const ALL: [Code; 51] = [
        Code::Malformed,
        Code::OutOfRange,
        Code::InvalidSignature,
        Code::ForeignOrigin,
        Code::ForeignHost,
        Code::UnknownEnvironment,
        Code::UnknownSnapshot,
        Code::UnknownEvent,
        Code::UnknownProposal,
        Code::UnknownSource,
        Code::UnknownAlert,
        Code::UnknownClient,
        Code::UnknownPath,
        Code::MethodNotAllowed,
        Code::Conflict,
        Code::ProposalClosed,
        Code::RecommendationChanged,
        Code::EnvironmentExists,
        Code::SourceExists,
        Code::SourceUnreadable,
        Code::SecretNotBound,
        Code::TooManySources,
        Code::SourceOfAnother,
        Code::NotForSource,
        Code::TooLarge,
        Code::UnsupportedMediaType,
        Code::Rejected,
        Code::IdempotencyKeyReused,
        Code::SignInRequired,
        Code::InvalidCredential,
        Code::SignInFailed,
        Code::SecondProofRequired,
        Code::WrongCode,
        Code::PasskeyFailed,
        Code::SignInAgain,
        Code::NotAskedAnew,
        Code::NotConnected,
        Code::NotSetUp,
        Code::ProviderFailed,
        Code::NotAllowed,
        Code::CodesRequired,
        Code::UnknownPerson,
        Code::LinkUnusable,
        Code::PersonExists,
        Code::LastFounder,
        Code::NameTaken,
        Code::TooManyRequests,
        Code::TooSlow,
        Code::Busy,
        Code::Unavailable,
        Code::Internal,
    ];

    /// The HTTP status that the problem is answered with.
    pub const fn status(self) -> u16 {
        match self {
            Code::Malformed | Code::OutOfRange => 400,
            Code::InvalidSignature
            | Code::SignInRequired
            | Code::InvalidCredential
            | Code::SignInFailed
            | Code::SecondProofRequired
            | Code::WrongCode
            | Code::PasskeyFailed => 401,
            Code::ForeignOrigin
            | Code::ForeignHost
            | Code::NotAllowed
            | Code::CodesRequired
            | Code::SignInAgain
            | Code::NotAskedAnew
            | Code::NotConnected => 403,
            Code::UnknownEnvironment
            | Code::UnknownSnapshot
            | Code::UnknownEvent
            | Code::UnknownProposal
            | Code::UnknownSource
            | Code::UnknownAlert
            | Code::UnknownClient
            | Code::UnknownPerson
            | Code::LinkUnusable
            | Code::UnknownPath => 404,
            Code::MethodNotAllowed => 405,
            Code::Conflict
            | Code::ProposalClosed
            | Code::RecommendationChanged
            | Code::EnvironmentExists
            | Code::SourceExists
            | Code::SourceUnreadable
            | Code::PersonExists
            | Code::LastFounder
            | Code::NameTaken
            | Code::NotSetUp => 409,
            Code::TooLarge => 413,
            Code::UnsupportedMediaType => 415,
            Code::Rejected
            | Code::IdempotencyKeyReused
            | Code::SecretNotBound
            | Code::SourceOfAnother
            | Code::NotForSource
            | Code::TooManySources => 422,
            Code::TooManyRequests => 429,
            Code::TooSlow => 408,
            Code::Busy => 503,
            Code::Internal => 500,
            Code::ProviderFailed => 502,
            Code::Unavailable => 503,
        }
    }

    /// The stable name: the last part of the problem's type.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Malformed => "malformed",
            Code::OutOfRange => "out-of-range",
            Code::InvalidSignature => "invalid-signature",
            Code::ForeignOrigin => "foreign-origin",
            Code::ForeignHost => "foreign-host",
            Code::UnknownEnvironment => "unknown-environment",
            Code::UnknownSnapshot => "unknown-snapshot",
            Code::UnknownEvent => "unknown-event",
            Code::UnknownProposal => "unknown-proposal",
            Code::UnknownSource => "unknown-source",
            Code::UnknownAlert => "unknown-alert",
            Code::UnknownClient => "unknown-client",
            Code::UnknownPath => "unknown-path",
            Code::MethodNotAllowed => "method-not-allowed",
            Code::Conflict => "conflict",
            Code::ProposalClosed => "proposal-closed",
            Code::RecommendationChanged => "recommendation-changed",
            Code::EnvironmentExists => "environment-exists",
            Code::SourceExists => "source-exists",
            Code::SourceUnreadable => "source-unreadable",
            Code::SecretNotBound => "secret-not-bound",
            Code::TooManySources => "too-many-sources",
            Code::SourceOfAnother => "source-of-another",
            Code::NotForSource => "not-for-source",
            Code::TooLarge => "too-large",
            Code::UnsupportedMediaType => "unsupported-media-type",
            Code::Rejected => "rejected",
            Code::IdempotencyKeyReused => "idempotency-key-reused",
            Code::SignInRequired => "sign-in-required",
            Code::InvalidCredential => "invalid-credential",
            Code::SignInFailed => "sign-in-failed",
            Code::SecondProofRequired => "second-proof-required",
            Code::WrongCode => "wrong-code",
            Code::PasskeyFailed => "passkey-failed",
            Code::SignInAgain => "sign-in-again",
            Code::NotAskedAnew => "not-asked-anew",
            Code::NotConnected => "not-connected",
            Code::NotSetUp => "not-set-up",
            Code::ProviderFailed => "provider-failed",
            Code::NotAllowed => "not-allowed",
            Code::CodesRequired => "codes-required",
            Code::UnknownPerson => "unknown-person",
            Code::LinkUnusable => "link-unusable",
            Code::PersonExists => "person-exists",
            Code::LastFounder => "last-founder",
            Code::NameTaken => "name-taken",
            Code::TooManyRequests => "too-many-requests",
            Code::TooSlow => "too-slow",
            Code::Busy => "busy",
            Code::Unavailable => "unavailable",
            Code::Internal => "internal",
        }
    }

    /// What the problem is, in words a founder understands.
    pub const fn title(self) -> &'static str {
        match self {
            Code::Malformed => "The request could not be read",
            Code::OutOfRange => "A value lies outside what is allowed",
            Code::InvalidSignature => "The signature does not prove who sent this",
            Code::ForeignOrigin => "Another website may not act here",
            Code::ForeignHost => "This address is not one that the server answers to",
            Code::UnknownEnvironment => "There is no such environment",
            Code::UnknownSnapshot => "There is no such snapshot",
            Code::UnknownEvent => "There is no such event",
            Code::UnknownProposal => "There is no such proposal",
            Code::UnknownSource => "There is no such source",
            Code::UnknownAlert => "There is no such open alert",
            Code::UnknownClient => "There is no such client",
            Code::UnknownPath => "There is nothing at this address",
            Code::MethodNotAllowed => "This address does not take that method",
            Code::Conflict => "It was changed in between",
            Code::ProposalClosed => "The proposal is no longer open",
            Code::RecommendationChanged => "The recommendation has changed",
            Code::EnvironmentExists => "The environment exists already",
            Code::SourceExists => "There is a source of that name already",
            Code::SourceUnreadable => "The source cannot be asked as it is kept",
            Code::SecretNotBound => "The settings file does not allow this variable here",
            Code::TooManySources => "There are too many sources",
            Code::SourceOfAnother => "The source belongs to another token",
            Code::NotForSource => "The token is not for this source",
            Code::TooLarge => "The request is too large",
            Code::UnsupportedMediaType => "The body must be JSON",
            Code::Rejected => "The data has mistakes",
            Code::IdempotencyKeyReused => "The Idempotency-Key belongs to another request",
            Code::SignInRequired => "Sign in first",
            Code::InvalidCredential => "The credential opens nothing here",
            Code::SignInFailed => "The e-mail address or the password is not right",
            Code::SecondProofRequired => "A code is needed too",
            Code::WrongCode => "The code is not right",
            Code::PasskeyFailed => "The passkey did not prove who you are",
            Code::SignInAgain => "Sign in anew first",
            Code::NotAskedAnew => "The provider does not say that it asked anew",
            Code::NotConnected => "Nobody here is connected with that account",
            Code::NotSetUp => "This server is not set up for that",
            Code::ProviderFailed => "The provider of sign-in gave no usable answer",
            Code::NotAllowed => "Your role does not allow this",
            Code::CodesRequired => "Turn codes on first",
            Code::UnknownPerson => "There is no such person",
            Code::LinkUnusable => "This link cannot be used",
            Code::PersonExists => "There is a person with that e-mail address already",
            Code::LastFounder => "Somebody must stay who may do everything",
            Code::NameTaken => "There is one of that name already",
            Code::TooManyRequests => "Too many requests at once",
            Code::TooSlow => "The request took too long",
            Code::Busy => "The server is busy",
            Code::Unavailable => "The store cannot be reached just now",
            Code::Internal => "Something went wrong here, not with you",
        }
    }
}

/// A problem document: what a client gets to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct WireError {
    /// `urn:scaling-mode:problem:` and the stable name.
    #[serde(rename = "type")]
    pub type_uri: String,
    pub title: String,
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The field that is wrong, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// In how many seconds to try again, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Every mistake, where there may be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowError>,
}

const TYPE_PREFIX: &str = "urn:scaling-mode:problem:";

impl WireError {
    pub fn new(code: Code, detail: impl Into<String>) -> WireError {
        WireError {
            type_uri: format!("{TYPE_PREFIX}{}", code.name()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            field: None,
            retry_after: None,
            errors: Vec::new(),
        }
    }

    /// The same, naming the field that is wrong.
    pub fn at(mut self, field: impl Into<String>) -> WireError {
        self.field = Some(field.into());
        self
    }

    /// The same, saying in how many seconds to try again.
    pub fn retry_after(mut self, seconds: u32) -> WireError {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, naming every mistake.
    pub fn with_errors(mut self, errors: Vec<RowError>) -> WireError {
        self.field = self.field.or_else(|| errors.first().map(|error| error.field.clone()));
        self.errors = errors;
        self
    }

    /// A configuration with mistakes.
    pub fn of_fields(errors: Vec<FieldError>) -> WireError {
        let detail = errors.first().map_or_else(String::new, |error| format!("{} {}", error.field, error.detail));
        let errors = errors
            .into_iter()
            .map(|error| RowError { detail: error.detail, field: error.field, index: None })
            .collect();
        WireError::new(Code::OutOfRange, detail).with_errors(errors)
    }

    /// The stable name of the problem.
    pub fn code_name(&self) -> &str {
        self.type_uri.strip_prefix(TYPE_PREFIX).unwrap_or(&self.type_uri)
    }

    pub fn code(&self) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.name() == self.code_name())
    }
}

/// JSON as `application/problem+json`.
pub struct ProblemJson;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

impl ContentType for ProblemJson {
    const CONTENT_TYPE: &'static str = PROBLEM_JSON;
}

impl FormatType for ProblemJson {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for ProblemJson {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        JsonEncoding::encode(output)
    }
}

impl<T: serde::de::DeserializeOwned> Decodes<T> for ProblemJson {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        JsonEncoding::decode(bytes)
    }
}

impl FromServerFnError for WireError {
    type Encoder = ProblemJson;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(text)
            | ServerFnErrorErr::Deserialization(text)
            | ServerFnErrorErr::MissingArg(text) => unreadable(&text),
            ServerFnErrorErr::Request(_) => {
                WireError::new(Code::Unavailable, "The server could not be reached. Try again.")
            }
            _ => WireError::new(Code::Internal, "The cause is in the server's log."),
        }
    }
}

/// The message about a body or query that cannot be read. The reader's own words name only what the client sent.
fn unreadable(text: &str) -> WireError {
    if text.contains("length limit exceeded") {
        return WireError::new(Code::TooLarge, "Send it in smaller parts.");
    }
    let field = text.split('`').nth(1).filter(|field| field.len() <= 64).map(str::to_owned);
    let detail: String = text.chars().filter(|character| !character.is_control()).take(300).collect();
    let mut error = WireError::new(Code::Malformed, detail);
    error.field = field;
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_a_name_and_a_title_of_its_own() {
        for (place, code) in Code::ALL.into_iter().enumerate() {
            assert!((400..=599).contains(&code.status()));
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert_eq!(WireError::new(code, "").code(), Some(code));
            for other in &Code::ALL[place + 1..] {
                assert_ne!(code.title(), other.title());
            }
        }
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = unreadable("unknown field `max_chrun_risk`, expected one of ...");
        assert_eq!((error.status, error.field.as_deref()), (400, Some("max_chrun_risk")));
    }
}
