//! Owns how a time is written into a snapshot: RFC 3339 in UTC, to the least of seconds, milli-, micro- and nanoseconds
//! that loses nothing. The bytes are those of chrono's own serialiser, in a fraction of its time: a snapshot holds
//! dozens of times. Must not know what happened at them.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Serialize, Serializer};

const LONGEST: usize = "2026-11-24T03:00:00.000000000Z".len();

/// Writes a time; for `#[serde(serialize_with)]`.
pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = [0u8; LONGEST];
    match write(at, &mut text) {
        Some(text) => serializer.serialize_str(text),
        None => at.serialize(serializer),
    }
}

/// Writes a time that may be unknown; for `#[serde(serialize_with)]`.
pub fn serialize_option<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    struct Known<'a>(&'a DateTime<Utc>);
    impl Serialize for Known<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serialize(self.0, serializer)
        }
    }
    at.as_ref().map(Known).serialize(serializer)
}

/// The text of a time, where it has the usual form: a year of four digits, no leap second.
fn write<'a>(at: &DateTime<Utc>, text: &'a mut [u8; LONGEST]) -> Option<&'a str> {
    let (date, time) = (at.date_naive(), at.time());
    let year = u32::try_from(date.year()).ok().filter(|year| *year <= 9999)?;
    let nanos = Some(time.nanosecond()).filter(|nanos| *nanos < 1_000_000_000)?;
    let seconds = time.num_seconds_from_midnight();
    text[..20].copy_from_slice(b"0000-00-00T00:00:00Z");
    for (place, value) in [
        (0, year / 100),
        (2, year % 100),
        (5, date.month()),
        (8, date.day()),
        (11, seconds / 3_600),
        (14, seconds / 60 % 60),
        (17, seconds % 60),
    ] {
        text[place] = b'0' + (value / 10) as u8;
        text[place + 1] = b'0' + (value % 10) as u8;
    }
    let length = if nanos == 0 {
        20
    } else {
        let (digits, value) = if nanos.is_multiple_of(1_000_000) {
            (3, nanos / 1_000_000)
        } else if nanos.is_multiple_of(1_000) {
            (6, nanos / 1_000)
        } else {
            (9, nanos)
        };
        text[19] = b'.';
        digits_into(&mut text[20..20 + digits], value);
        text[20 + digits] = b'Z';
        21 + digits
    };
    std::str::from_utf8(&text[..length]).ok()
}

fn digits_into(text: &mut [u8], mut value: u32) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Serialize)]
    struct Ours(#[serde(serialize_with = "serialize")] DateTime<Utc>);

    fn same(at: DateTime<Utc>) -> bool {
        serde_json::to_string(&Ours(at)).unwrap() == serde_json::to_string(&at).unwrap()
    }

    #[test]
    fn unusual_times_are_left_to_chrono() {
        for (seconds, nanos) in [
            (253_402_300_800, 0),
            (-62_167_219_201, 0),
            (-99_999_999_999, 7),
            (1_483_228_799, 1_500_000_000),
            (59, 1_000_000_000),
        ] {
            if let Some(at) = DateTime::from_timestamp(seconds, nanos) {
                assert!(same(at), "{at}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_time_is_written_as_chrono_writes_it(seconds in -70_000_000_000i64..260_000_000_000, nanos in 0u32..1_000_000_000, unit in 0u32..4) {
            let unit = 1_000u32.pow(unit);
            let nanos = nanos / unit * unit;
            prop_assert!(same(DateTime::from_timestamp(seconds, nanos).unwrap()));
        }
    }
}
