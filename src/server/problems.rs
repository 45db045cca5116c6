//! Maps each store error to its problem: a stable code, a sentence and the field. HTTP and the command line both answer with it. Inner
//! causes are logged here and nowhere else.

use crate::domain::act::ActError;
use crate::domain::subscription::PageError;
use crate::error::{Code, WireError};
use crate::server::observability;
use crate::server::store::StoreError;

/// The answer to a client about a store's failure. Inner causes are logged here and nowhere else.
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
            format!("The source \"{}\" was changed meanwhile. Nothing was done: look at it again.", shorten(&name)),
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
        StoreError::UnknownPerson => WireError::new(Code::UnknownPerson, "They may have been removed meanwhile."),
        StoreError::PersonExists(_) => {
            WireError::new(Code::PersonExists, "Give them a role instead of inviting them again.").at("email")
        }
        StoreError::LastFounder => WireError::new(
            Code::LastFounder,
            "Nobody would be left who may do everything. Make somebody else a founder everywhere first.",
        ),
        StoreError::SessionEnded => {
            WireError::new(Code::SignInRequired, "Your session has ended, and nothing was changed. Sign in again.")
        }
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
            WireError::new(Code::Internal, "The stored data could not be read. The cause is in the server's log.")
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
        "It was used before, has expired, or was withdrawn. Ask the person who gave it to you for a new one.",
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
