//! Owns the reading of query parameters: each is checked by name, and a wrong one is named. Must not know an endpoint.

use crate::domain::history::EventType;
use crate::domain::trend::Range;
use crate::error::{Code, WireError};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

pub fn out_of_range(field: &str, detail: impl Into<String>) -> WireError {
    WireError::new(Code::OutOfRange, detail).at(field)
}

/// How many rows a page may have, 1-500.
pub fn limit(text: Option<String>, default: u32) -> Result<u32, WireError> {
    let Some(text) = text else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=500).contains(limit))
        .ok_or_else(|| out_of_range("limit", "limit must be a whole number from 1 to 500."))
}

/// An RFC 3339 time.
pub fn time(field: &str, text: Option<String>) -> Result<Option<DateTime<Utc>>, WireError> {
    text.map(|text| {
        // A plus sign that was not encoded arrives as a blank.
        DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map(|at| at.with_timezone(&Utc)).map_err(|_| {
            out_of_range(field, format!("{field} must be an RFC 3339 time, such as 2026-11-24T03:00:00Z."))
        })
    })
    .transpose()
}

/// A day (UTC), as date fields send it: its beginning, or, where a span ends with it, the next day's.
pub fn day(field: &str, text: Option<String>, is_end: bool) -> Result<Option<DateTime<Utc>>, WireError> {
    let Some(text) = text else {
        return Ok(None);
    };
    text.parse::<NaiveDate>()
        .ok()
        .and_then(|day| if is_end { day.checked_add_days(Days::new(1)) } else { Some(day) })
        .map(|day| Some(day.and_time(NaiveTime::MIN).and_utc()))
        .ok_or_else(|| out_of_range(field, format!("{field} must be a day, such as 2026-11-24.")))
}

/// The place where a page of events ends.
pub fn sequence(text: Option<String>) -> Result<Option<u64>, WireError> {
    text.map(|text| {
        text.parse()
            .ok()
            .filter(|seq| *seq > 0)
            .ok_or_else(|| out_of_range("before", "before must be the next of the page before."))
    })
    .transpose()
}

/// One type or several, parted by commas.
pub fn event_types(text: Option<String>) -> Result<Vec<EventType>, WireError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    text.split(',')
        .map(|name| {
            EventType::from_name(name).ok_or_else(|| {
                let known = EventType::ALL.map(EventType::name).join(", ");
                out_of_range("event_type", format!("event_type must be one of {known}."))
            })
        })
        .collect()
}

/// Who did or had done something: 1-200 characters.
pub fn actor(text: Option<String>) -> Result<Option<String>, WireError> {
    match text {
        Some(text) if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) => {
            Err(out_of_range("actor", "actor must be a name of 1 to 200 characters."))
        }
        text => Ok(text),
    }
}

/// How far back charts reach.
pub fn range(days: Option<String>) -> Result<Range, WireError> {
    let Some(days) = days else {
        return Ok(Range::default());
    };
    days.parse()
        .ok()
        .and_then(Range::from_days)
        .ok_or_else(|| out_of_range("range", "range must be 7, 30, 90 or 365, in days."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_and_as_an_end_is_whole() {
        let day = |text: &str, is_end| day("to", Some(text.to_owned()), is_end).unwrap().unwrap().to_rfc3339();
        assert_eq!(day("2026-11-24", false), "2026-11-24T00:00:00+00:00");
        assert_eq!(day("2026-12-31", true), "2027-01-01T00:00:00+00:00");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (error, field) in [
            (day("from", Some("yesterday".to_owned()), false).unwrap_err(), "from"),
            (range(Some("8".to_owned())).unwrap_err(), "range"),
            (actor(Some(String::new())).unwrap_err(), "actor"),
            (limit(Some("0".to_owned()), 50).unwrap_err(), "limit"),
            (sequence(Some("0".to_owned())).unwrap_err(), "before"),
        ] {
            assert_eq!(error.field.as_deref(), Some(field));
        }
    }
}
