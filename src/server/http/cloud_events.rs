//! Owns CloudEvents at the door of `POST /api/telemetry`: one event or a list of them, told by the media type. Each event is
//! taken once; one that is refused costs no other. Must not know what makes an event acceptable; the domain does.

use super::context::ActRequest;
use super::receive;
use super::{AppState, identity, problem};
use crate::domain::access::{Identity, Who};
use crate::domain::cloud_event::{self, CloudEvent};
use crate::domain::json_numbers;
use crate::domain::telemetry::{Receipt, RowError};
use crate::error::{Code, WireError};
use crate::server::acts::telemetry::{self, Once};
use crate::server::store::IdempotencyKey;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};

/// One event.
const ONE: &str = "application/cloudevents+json";
/// A list of events.
const LIST: &str = "application/cloudevents-batch+json";

/// Whether telemetry comes as CloudEvents.
pub fn is_one(request: &Request) -> bool {
    let is_telemetry = request.method() == Method::POST && request.uri().path() == "/api/telemetry";
    is_telemetry && [ONE, LIST].contains(&receive::media_type(request.headers()).as_str())
}

/// Answers what comes as CloudEvents.
pub async fn receive(State(state): State<AppState>, request: Request) -> Response {
    let is_list = receive::media_type(request.headers()) == LIST;
    match take(&state, request, is_list).await {
        Ok(receipt) => axum::Json(receipt).into_response(),
        Err(error) => problem::response(&error),
    }
}

/// The most events of a list.
const MOST_EVENTS: usize = 10_000;

/// The most mistakes that are named.
const MOST_NAMED: usize = 100;

/// Stores all events in their order that can be taken; the others are named.
async fn take(state: &AppState, request: Request, is_list: bool) -> Result<Receipt, WireError> {
    let sender = identity::of(&request)?;
    let whole = receive::body(request, None).await.map_err(|refusal| refusal.error)?;
    let malformed = |sentence| WireError::new(Code::Malformed, sentence);
    let quoted = json_numbers::quoted(&whole.bytes);
    let events = cloud_event::read(quoted.as_deref().unwrap_or(&whole.bytes), is_list).map_err(malformed)?;
    if events.take(MOST_EVENTS + 1).count() > MOST_EVENTS {
        let sentence = "The list has more than 10,000 events: send it in parts. Nothing was stored.";
        return Err(WireError::new(Code::TooLarge, sentence));
    }
    let mut all = Receipt::default();
    let (mut refused, mut count): (Option<WireError>, u64) = (None, 0);
    for (event, place) in events.zip(0u32..) {
        let done = match CloudEvent::of(event) {
            Ok(event) => store(state, &sender, &event).await,
            Err(error) => {
                let sentence = format!("The event is refused: {} {}.", error.field, error.detail);
                Err(WireError::new(Code::Rejected, sentence.replace("  ", " ")).with_errors(vec![error]))
            }
        };
        match done {
            Ok(receipt) => {
                all.accepted += receipt.accepted;
                all.duplicates += receipt.duplicates;
            }
            Err(error) if !is_list => return Err(error),
            // It is not the event's fault: all of the list may be tried again.
            Err(error) if error.status >= 500 || error.status == 429 => return Err(in_list(error, place)),
            Err(error) => {
                count += 1;
                let error = in_list(error, place);
                match &mut refused {
                    Some(first) => {
                        let room = MOST_NAMED.saturating_sub(first.errors.len());
                        first.errors.extend(error.errors.into_iter().take(room));
                    }
                    None => refused = Some(error),
                }
            }
        }
    }
    let Some(mut refused) = refused else {
        return Ok(all);
    };
    let are = if count == 1 { "1 event is".to_owned() } else { format!("{count} events are") };
    refused.detail = format!(
        "{are} refused, in whole or in part; what could be taken of all events is stored. Put right what errors names and send the whole list again. The first: {}",
        refused.detail
    );
    Err(refused)
}

async fn store(state: &AppState, sender: &Identity, event: &CloudEvent) -> Result<Receipt, WireError> {
    // No header holds a line's end, so that no client's own key is an event's.
    // An id is its sender's: no other takes it first.
    let whose = match &sender.who {
        Who::Token { id, .. } => format!("token {id}\n"),
        _ => String::new(),
    };
    let once = IdempotencyKey { key: format!("event\n{whose}{}", event.identity()), request_digest: event.digest() };
    let request = ActRequest::of(state, sender, None);
    match telemetry::take(&request.context(), &event.batch, Once::Event(&once)).await.map_err(WireError::from) {
        Err(error) if error.code_name() == Code::IdempotencyKeyReused.name() => {
            let sentence = "An event of this source and id was taken before, with other data. Another event needs an id of its own.";
            Err(WireError::new(Code::Rejected, sentence).at("id"))
        }
        taken => taken.map_err(in_data),
    }
}

/// A batch's problem as one of the event that carries it.
fn in_data(mut error: WireError) -> WireError {
    let field = error.field.take();
    error.errors = error.errors.into_iter().map(cloud_event::in_data).collect();
    error.field = match error.errors.first() {
        Some(first) => Some(first.field.clone()),
        None => field.map(|field| format!("data.{field}")),
    };
    error
}

/// An event's problem as one of a list, which names the event's place.
fn in_list(mut error: WireError, place: u32) -> WireError {
    error.detail = format!("Event {place}, counted from 0: {}", error.detail);
    if error.errors.is_empty() && error.status < 500 {
        let (detail, field) = (error.title.clone(), error.field.clone().unwrap_or_default());
        error.errors.push(RowError { detail, field, index: None });
    }
    error.errors.iter_mut().for_each(|row| row.index = Some(place));
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_of_a_batch_is_placed_in_its_event_and_its_list() {
        let row = RowError { detail: "is odd".to_owned(), field: "value".to_owned(), index: Some(2) };
        let error = in_data(WireError::new(Code::Rejected, "It is odd.").with_errors(vec![row]));
        assert_eq!((error.field.as_deref(), error.errors[0].index), (Some("data.samples[2].value"), None));
        let error = in_list(error, 4);
        assert_eq!((error.errors[0].field.as_str(), error.errors[0].index), ("data.samples[2].value", Some(4)));
        assert!(error.detail.starts_with("Event 4, counted from 0: It is odd."), "{}", error.detail);
        let lone = in_list(in_data(WireError::new(Code::UnknownEnvironment, "No.").at("environment")), 1);
        assert_eq!((lone.errors[0].field.as_str(), lone.errors[0].index), ("data.environment", Some(1)));
    }
}
