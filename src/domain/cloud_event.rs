//! Owns CloudEvents 1.0 in JSON: what makes an event acceptable, and the batch of telemetry that it carries. Must not know HTTP
//! or the store. Specification: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.

use super::canonical;
use super::telemetry::{Batch, RowError, SentSample};
use serde_json::{Map, Value};

/// The longest text of an attribute that is read, in bytes.
const LONGEST_ATTRIBUTE: usize = 2048;

/// An event that carries telemetry.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent {
    pub batch: Batch,
    pub id: String,
    pub source: String,
}

/// The events of a body, unread: one, or the list that a batched one is.
///
/// # Errors
/// A sentence on what is malformed.
pub fn read(body: &[u8], is_list: bool) -> Result<Vec<Value>, String> {
    match serde_json::from_slice(body).map_err(|error| format!("The body is no JSON: {error}."))? {
        Value::Array(events) if is_list => Ok(events),
        event @ Value::Object(_) if !is_list => Ok(vec![event]),
        _ if is_list => Err("The body must be a list of events.".to_owned()),
        _ => Err("The body must be one event, a JSON object.".to_owned()),
    }
}

impl CloudEvent {
    /// Reads one event. Its `source` is the batch's where the batch names none.
    ///
    /// # Errors
    /// The attribute, or the place in `data`, that is wrong.
    pub fn of(event: Value) -> Result<CloudEvent, RowError> {
        let Value::Object(mut event) = event else {
            return Err(fault("", "an event is a JSON object"));
        };
        // An attribute that is null is one that is not there.
        event.retain(|_, value| !value.is_null());
        let version = required(&event, "specversion")?;
        if version != "1.0" {
            return Err(fault("specversion", "must be \"1.0\""));
        }
        let id = required(&event, "id")?.to_owned();
        let source = required(&event, "source")?.to_owned();
        required(&event, "type")?;
        if let Some(time) = optional(&event, "time")?
            && chrono::DateTime::parse_from_rfc3339(time).is_err()
        {
            return Err(fault("time", "is no RFC 3339 time, such as 2026-11-24T03:00:00Z"));
        }
        if event.contains_key("data_base64") {
            return Err(fault("data_base64", "is not read: send the telemetry as JSON, in data"));
        }
        if let Some(kind) = optional(&event, "datacontenttype")?
            && !is_json(kind)
        {
            return Err(fault("datacontenttype", "must be JSON, such as application/json; it may be left out"));
        }
        let mut data = match event.remove("data") {
            Some(Value::Object(data)) => data,
            Some(_) => return Err(fault("data", "must be a batch of telemetry, a JSON object")),
            None => return Err(fault("data", "is missing")),
        };
        data.entry("source").or_insert_with(|| Value::String(source.clone()));
        let data = Value::Object(data);
        let batch = serde::Deserialize::deserialize(&data).map_err(|error| unreadable(&data, &error))?;
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

fn required<'e>(event: &'e Map<String, Value>, name: &str) -> Result<&'e str, RowError> {
    optional(event, name)?.ok_or_else(|| fault(name, "is missing"))
}

fn optional<'e>(event: &'e Map<String, Value>, name: &str) -> Result<Option<&'e str>, RowError> {
    match event.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Err(fault(name, "is empty")),
        Some(Value::String(text)) if text.len() > LONGEST_ATTRIBUTE => {
            Err(RowError { detail: format!("is longer than {LONGEST_ATTRIBUTE} bytes"), ..fault(name, "") })
        }
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(fault(name, "must be text")),
    }
}

/// Whether a media type is one of JSON, as the specification has it: its subtype is `json` or ends with `+json`.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or(kind).trim().to_ascii_lowercase();
    kind.split_once('/').is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}

/// What is wrong with data that is no batch: the sample that cannot be read, where it is one.
fn unreadable(data: &Value, error: &serde_json::Error) -> RowError {
    let samples = data.get("samples").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of_sample = samples.iter().enumerate().find_map(|(index, sample)| {
        let error = <SentSample as serde::Deserialize>::deserialize(sample).err()?;
        Some((format!("data.samples[{index}]"), error))
    });
    match of_sample {
        Some((place, error)) => named(&place, &error),
        None => named("data", error),
    }
}

/// The reader's own words, and the field where they name one.
fn named(place: &str, error: &serde_json::Error) -> RowError {
    let text = error.to_string();
    let name = text.split("field `").nth(1).and_then(|rest| rest.split('`').next()).filter(|name| name.len() <= 64);
    let field = name.map_or_else(|| place.to_owned(), |name| format!("{place}.{name}"));
    let detail = text.chars().filter(|character| !character.is_control()).take(300).collect();
    RowError { detail, field, index: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> Value {
        json!({"specversion": "1.0", "id": "7", "source": "/crm", "type": "clients.counted", "data": {"samples": [
            {"signal": "clients.active", "at": "2026-11-24T03:00:00Z", "value": 12, "unit": "clients"}]}})
    }

    #[test]
    fn an_event_is_its_batch_under_its_own_source() {
        let read = CloudEvent::of(event()).unwrap();
        assert_eq!((read.batch.source.as_str(), read.batch.samples.len()), ("/crm", 1));
        let mut named = event();
        named["data"]["source"] = json!("billing");
        assert_eq!(CloudEvent::of(named).unwrap().batch.source, "billing");
        // Attributes that are nothing to us, and those that are null, change nothing.
        let mut extended = event();
        extended["traceparent"] = json!("00-1-2-03");
        extended["datacontenttype"] = json!("application/vnd.acme+json; charset=utf-8");
        extended["data_base64"] = Value::Null;
        let extended = CloudEvent::of(extended).unwrap();
        assert_eq!((extended.identity(), extended.digest()), (read.identity(), read.digest()));
    }

    #[test]
    fn events_are_told_apart_by_source_and_id() {
        let of = |source: &str, id: &str| {
            let mut event = event();
            (event["source"], event["id"]) = (json!(source), json!(id));
            CloudEvent::of(event).unwrap().identity()
        };
        assert_ne!(of("a", "bc"), of("ab", "c"));
        assert_ne!(of("a", "1"), of("a", "2"));
        assert_eq!(of("a", "1"), of("a", "1"));
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
            assert_eq!(CloudEvent::of(event).unwrap_err().field, expected, "{field}: {value}");
        }
        assert!(CloudEvent::of(json!([])).is_err());
    }

    #[test]
    fn one_event_is_no_list_and_a_list_no_event() {
        assert_eq!(read(b"[]", true), Ok(Vec::new()));
        assert_eq!(read(b"{}", false), Ok(vec![json!({})]));
        assert!(read(b"[]", false).is_err() && read(b"{}", true).is_err() && read(b"", true).is_err());
    }
}
