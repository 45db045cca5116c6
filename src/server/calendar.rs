//! Owns calendar days in IANA time zones: when a day begins, when the daily decision falls. Days of 23 and 25 hours come
//! out right. Must not know what happens on a day.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// The zone of a name.
///
/// # Errors
/// A sentence for the field that held the name.
pub fn zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| "must be the IANA name of a time zone, such as Europe/Berlin".to_owned())
}

/// When the calendar day of `at` began in a zone; UTC for a name that is none (one can no longer be stored).
pub fn day_start(zone_name: &str, at: DateTime<Utc>) -> DateTime<Utc> {
    let zone = zone(zone_name).unwrap_or(Tz::UTC);
    let date = at.with_timezone(&zone).date_naive();
    first_instant(zone, date, NaiveTime::MIN)
}

/// The local time of a day as an instant. A time that a change of clocks skips is the first one after it; one that
/// happens twice is the first.
pub(crate) fn first_instant(zone: Tz, date: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
    let mut local = date.and_time(time);
    // No zone skips more than a day, so the loop ends.
    for _ in 0..(24 * 4) {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => {
                return at.with_timezone(&Utc);
            }
            LocalResult::None => local += Duration::minutes(15),
        }
    }
    zone.from_utc_datetime(&local).with_timezone(&Utc)
}

/// Whether the tick at `tick` is the daily decision: the first tick at or after the newest decision time that has come,
/// where the last daily decision lies before that time. A missed one is made up at the next tick, once.
pub fn is_daily(zone_name: &str, daily_at: NaiveTime, tick: DateTime<Utc>, last_daily: Option<DateTime<Utc>>) -> bool {
    let zone = zone(zone_name).unwrap_or(Tz::UTC);
    let today = tick.with_timezone(&zone).date_naive();
    // Late in the day the next tick may already belong to the next one: then yesterday's time is the newest that came.
    let due = [Some(today), today.pred_opt()]
        .into_iter()
        .flatten()
        .map(|day| first_instant(zone, day, daily_at))
        .find(|due| *due <= tick);
    due.is_some_and(|due| last_daily.is_none_or(|last| last < due))
}

/// The newest point of the grid of `minutes` at or before `at`.
pub fn tick_before(at: DateTime<Utc>, minutes: u32) -> DateTime<Utc> {
    let step = i64::from(minutes.max(1)) * 60;
    let seconds = at.timestamp().div_euclid(step) * step;
    DateTime::from_timestamp(seconds, 0).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn days_begin_at_local_midnight_across_changes_of_clocks() {
        for (zone, instant, start) in [
            ("UTC", "2026-11-24T03:45:00Z", "2026-11-24T00:00:00Z"),
            ("Europe/Berlin", "2026-11-24T22:59:59Z", "2026-11-23T23:00:00Z"),
            ("Europe/Berlin", "2026-11-24T23:00:00Z", "2026-11-24T23:00:00Z"),
            // The day of 25 hours and the day of 23.
            ("Europe/Berlin", "2026-10-25T22:30:00Z", "2026-10-24T22:00:00Z"),
            ("Europe/Berlin", "2026-03-29T21:30:00Z", "2026-03-28T23:00:00Z"),
            // A midnight that the change of clocks skips.
            ("America/Santiago", "2026-09-06T12:00:00Z", "2026-09-06T04:00:00Z"),
        ] {
            assert_eq!(day_start(zone, at(instant)), at(start), "{zone} {instant}");
        }
    }

    #[test]
    fn each_local_day_has_one_daily_decision_whatever_its_length() {
        for zone in ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"] {
            for daily_at in ["00:00:00", "02:30:00", "06:00:00", "23:59:00"] {
                let daily_at: NaiveTime = daily_at.parse().unwrap();
                let mut tick = at("2026-01-01T00:00:00Z");
                let mut last = None;
                let mut days = 0;
                while tick < at("2027-01-01T00:00:00Z") {
                    if is_daily(zone, daily_at, tick, last) {
                        last = Some(tick);
                        days += 1;
                    }
                    tick += Duration::minutes(15);
                }
                assert!((365..=366).contains(&days), "{zone} at {daily_at}: {days}");
            }
        }
    }

    #[test]
    fn a_missed_decision_is_made_up_once_on_the_same_day() {
        let six: NaiveTime = "06:00:00".parse().unwrap();
        let yesterday = Some(at("2026-11-23T06:00:00Z"));
        assert!(!is_daily("UTC", six, at("2026-11-24T05:45:00Z"), yesterday));
        assert!(is_daily("UTC", six, at("2026-11-24T09:15:00Z"), yesterday));
        assert!(!is_daily("UTC", six, at("2026-11-24T09:30:00Z"), Some(at("2026-11-24T09:15:00Z"))));
    }

    #[test]
    fn ticks_lie_on_the_grid() {
        assert_eq!(tick_before(at("2026-11-24T03:59:59Z"), 15), at("2026-11-24T03:45:00Z"));
        assert_eq!(tick_before(at("2026-11-24T04:00:00Z"), 15), at("2026-11-24T04:00:00Z"));
    }
}
