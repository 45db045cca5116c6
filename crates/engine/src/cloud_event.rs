//! Owns CloudEvents 1.0 in JSON: what makes an event acceptable, and the batch of telemetry that it carries. Must not know HTTP
//! or the store. Specification: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.

use super::canonical;
use super::parts::{self, Parts};
use super::telemetry::{Batch, RowError, SentSample};
use std::collections::BTreeMap;

/// The longest text of an attribute that is read, in bytes.
const LONGEST_ATTRIBUTE: usize = 2048;

/// An event that carries telemetry.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent {
    pub batch: Batch,
    pub id: String,
    pub source: String,
}

/// The attributes that are looked at; an extension changes nothing.
const ATTRIBUTES: [&str; 8] = ["data", "data_base64", "datacontenttype", "id", "source", "specversion", "time", "type"];

/// The attributes of an event, unread.
type Attributes<'t> = BTreeMap<&'static str, &'t str>;

/// The events of a body, unread: one, or the list that a batched one is.
///
/// # Errors
/// A sentence on what is malformed.
pub fn read(body: &[u8], is_list: bool) -> Result<Parts<'_>, String> {
    let text = parts::json(body).map_err(|error| format!("The body is no JSON: {error}."))?;
    if is_list {
        return parts::items(text).ok_or_else(|| "The body must be a list of events.".to_owned());
    }
    match text.starts_with('{') {
        true => Ok(Parts::one(text)),
        false => Err("The body must be one event, a JSON object.".to_owned()),
    }
}

impl CloudEvent {
    /// Reads one event, which is JSON. Its `source` is the batch's where the batch names none.
    ///
    /// # Errors
    /// The attribute, or the place in `data`, that is wrong.
    pub fn of(event: &str) -> Result<CloudEvent, RowError> {
        let fields = parts::fields(event).ok_or_else(|| fault("", "an event is a JSON object"))?;
        let mut event = Attributes::new();
        for (name, value) in fields {
            if let Some(name) = ATTRIBUTES.into_iter().find(|own| *own == name) {
                event.insert(name, value);
            }
        }
        // An attribute that is null is one that is not there.
        event.retain(|_, value| *value != "null");
        let version = required(&event, "specversion")?;
        if version != "1.0" {
            return Err(fault("specversion", "must be \"1.0\""));
        }
        let id = required(&event, "id")?;
        let source = required(&event, "source")?;
        required(&event, "type")?;
        if let Some(time) = optional(&event, "time")?
            && chrono::DateTime::parse_from_rfc3339(&time).is_err()
        {
            return Err(fault("time", "is no RFC 3339 time, such as 2026-11-24T03:00:00Z"));
        }
        if event.contains_key("data_base64") {
            return Err(fault("data_base64", "is not read: send the telemetry as JSON, in data"));
        }
        if let Some(kind) = optional(&event, "datacontenttype")?
            && !is_json(&kind)
        {
            return Err(fault("datacontenttype", "must be JSON, such as application/json; it may be left out"));
        }
        let data = event.get("data").ok_or_else(|| fault("data", "is missing"))?;
        let batch = batch(data, &source)?;
        Ok(CloudEvent { batch, id, source })
    }

    /// What tells this event from all others: the digest of its source and its id.
    pub fn identity(&self) -> String {
        canonical::digest(&canonical::to_vec(&[&self.source, &self.id]))
    }

    /// What the event says, whichever attributes it came with.
    pub fn digest(&self) -> String {
        canonical::digest(&canonical::to_vec(&self.batch))
    }
}

/// A mistake in a batch as one in the event that carries it.
pub fn in_data(error: RowError) -> RowError {
    let field = match error.index {
        Some(index) => format!("data.samples[{index}].{}", error.field),
        None => format!("data.{}", error.field),
    };
    RowError { field, index: None, ..error }
}

fn fault(field: &str, detail: &str) -> RowError {
    RowError { detail: detail.to_owned(), field: field.to_owned(), index: None }
}

fn required(event: &Attributes<'_>, name: &str) -> Result<String, RowError> {
    optional(event, name)?.ok_or_else(|| fault(name, "is missing"))
}

fn optional(event: &Attributes<'_>, name: &str) -> Result<Option<String>, RowError> {
    let Some(value) = event.get(name) else {
        return Ok(None);
    };
    match parts::text(value) {
        Some(text) if text.is_empty() => Err(fault(name, "is empty")),
        Some(text) if text.len() > LONGEST_ATTRIBUTE => {
            Err(RowError { detail: format!("is longer than {LONGEST_ATTRIBUTE} bytes"), ..fault(name, "") })
        }
        Some(text) => Ok(Some(text)),
        None => Err(fault(name, "must be text")),
    }
}

/// The batch that the data of an event are.
fn batch(data: &str, source: &str) -> Result<Batch, RowError> {
    let mut fields = parts::fields(data).ok_or_else(|| fault("data", "must be a batch of telemetry, a JSON object"))?;
    if fields.any(|(name, _)| name == "source") {
        return serde_json::from_str(data).map_err(|error| unreadable(data, &error));
    }
    // Written into the text, as if the sender had named it.
    let rest = data.get(1..).unwrap_or_default();
    let comma = if parts::fields(data).is_some_and(|mut fields| fields.next().is_some()) { "," } else { "" };
    let named = format!("{{\"source\":{}{comma}{rest}", serde_json::Value::from(source));
    serde_json::from_str(&named).map_err(|error| unreadable(data, &error))
}

/// Whether a media type is one of JSON, as the specification has it: its subtype is `json` or ends with `+json`.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or(kind).trim().to_ascii_lowercase();
    kind.split_once('/').is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}

/// Why data isn't a valid batch: the sample that cannot be read, if it is one.
fn unreadable(data: &str, error: &serde_json::Error) -> RowError {
    let mut fields = parts::fields(data).into_iter().flatten();
    let samples = fields.find(|(name, _)| name == "samples").and_then(|(_, samples)| parts::items(samples));
    let of_sample = samples.into_iter().flatten().enumerate().find_map(|(index, sample)| {
        let error = serde_json::from_str::<SentSample>(sample).err()?;
        Some((format!("data.samples[{index}]"), error))
    });
    match of_sample {
        Some((place, error)) => named(&place, &error),
        None => named("data", error),
    }
}

/// The reader's own words, without its place in a text that nobody sees, and the field where they name one.
fn named(place: &str, error: &serde_json::Error) -> RowError {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    let name = text.split("field `").nth(1).and_then(|rest| rest.split('`').next()).filter(|name| name.len() <= 64);
    let field = name.map_or_else(|| place.to_owned(), |name| format!("{place}.{name}"));
    let detail = text.chars().filter(|character| !character.is_control()).take(300).collect();
    RowError { detail, field, index: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event() -> Value {
        json!({"specversion": "1.0", "id": "7", "source": "/crm", "type": "clients.counted", "data": {"samples": [
            {"signal": "clients.active", "at": "2026-11-24T03:00:00Z", "value": 12, "unit": "clients"}]}})
    }

    fn of(event: Value) -> Result<CloudEvent, RowError> {
        CloudEvent::of(&event.to_string())
    }

    #[test]
    fn an_event_is_its_batch_under_its_own_source() {
        let read = of(event()).unwrap();
        assert_eq!((read.batch.source.as_str(), read.batch.samples.len()), ("/crm", 1));
        let mut named = event();
        named["data"]["source"] = json!("billing");
        assert_eq!(of(named).unwrap().batch.source, "billing");
        // Attributes that are nothing to us, and those that are null, change nothing.
        let mut extended = event();
        extended["traceparent"] = json!("00-1-2-03");
        extended["datacontenttype"] = json!("application/vnd.acme+json; charset=utf-8");
        extended["data_base64"] = Value::Null;
        let extended = of(extended).unwrap();
        assert_eq!((extended.identity(), extended.digest()), (read.identity(), read.digest()));
    }

    #[test]
    fn events_are_distinguished_by_source_and_id() {
        let identity = |source: &str, id: &str| {
            let mut event = event();
            (event["source"], event["id"]) = (json!(source), json!(id));
            of(event).unwrap().identity()
        };
        assert_ne!(identity("a", "bc"), identity("ab", "c"));
        assert_ne!(identity("a", "1"), identity("a", "2"));
        assert_eq!(identity("a", "1"), identity("a", "1"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (field, value, expected) in [
            ("specversion", Value::Null, "specversion"),
            ("specversion", json!("0.3"), "specversion"),
            ("id", json!(""), "id"),
            ("id", json!(7), "id"),
            ("source", Value::Null, "source"),
            ("type", Value::Null, "type"),
            ("type", json!("x".repeat(5000)), "type"),
            ("time", json!("yesterday"), "time"),
            ("datacontenttype", json!("text/xml"), "datacontenttype"),
            ("data_base64", json!("e30="), "data_base64"),
            ("data", Value::Null, "data"),
            ("data", json!([]), "data"),
            ("data", json!({"smples": []}), "data.smples"),
            ("data", json!({"samples": [{}]}), "data.samples[0].at"),
            ("data", json!({"samples": 5}), "data"),
        ] {
            let mut event = event();
            event[field] = value.clone();
            assert_eq!(of(event).unwrap_err().field, expected, "{field}: {value}");
        }
        assert!(of(json!([])).is_err());
    }

    #[test]
    fn one_event_is_no_list_and_a_list_no_event() {
        let events = |body: &'static [u8], is_list| read(body, is_list).map(Iterator::collect::<Vec<&str>>);
        assert_eq!(events(b"[]", true), Ok(Vec::new()));
        assert_eq!(events(b"{}", false), Ok(vec!["{}"]));
        assert_eq!(events(b" [ {\"a\": [1, 2]},{} ]\n", true), Ok(vec!["{\"a\": [1, 2]}", "{}"]));
        assert!(read(b"[]", false).is_err() && read(b"{}", true).is_err() && read(b"", true).is_err());
    }
}
