//! Owns a column of times: one order of day and month for all of it, one zone for those that name none, and the hour that
//! happens twice when clocks go back, told apart by the order of the rows. Must not know what happened at them.

use crate::domain::written_time::{DateOrder, Moment, TimeError, WrittenTime};
use crate::server::calendar;
use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// How the times of a column are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// A day without a time is its end, as sums of a day are, and not its beginning.
    pub day_is_its_end: bool,
    /// Said beforehand; else the column must show it.
    pub order: Option<DateOrder>,
    /// Of times that name none.
    pub zone: Tz,
}

/// The instants of a column, row by row.
///
/// Each row that can't be placed has the reason.
pub fn instants(cells: &[&str], reading: Reading) -> Vec<Result<DateTime<Utc>, String>> {
    let written: Vec<Result<WrittenTime, TimeError>> = cells.iter().map(|cell| WrittenTime::read(cell)).collect();
    let order = reading.order.or_else(|| shown_order(&written));
    let moments: Vec<Result<Moment, TimeError>> =
        written.into_iter().map(|time| time.and_then(|time| time.place(order))).collect();
    let locals: Vec<NaiveDateTime> = moments.iter().filter_map(local).collect();
    let steps = locals.windows(2).map(|pair| pair[1] - pair[0]);
    let is_newest_first = steps.clone().filter(|step| *step < Duration::zero()).count()
        > steps.clone().filter(|step| *step > Duration::zero()).count();
    let mut sizes: Vec<Duration> = steps.map(|step| step.abs()).filter(|step| *step > Duration::zero()).collect();
    sizes.sort_unstable();
    let mut clocks =
        Clocks { before: None, is_repeated: false, step: sizes.get(sizes.len() / 2).copied(), zone: reading.zone };
    let mut place = |(moment, cell): (&Result<Moment, TimeError>, &&str)| {
        let told = |why: String| format!("the time \"{}\" {why}", super::quoted(cell));
        match moment {
            Ok(Moment::Instant(at)) => Ok(*at),
            Ok(Moment::Day(day)) => {
                let day = if reading.day_is_its_end { day.succ_opt().unwrap_or(*day) } else { *day };
                Ok(calendar::first_instant(reading.zone, day, NaiveTime::MIN))
            }
            Ok(Moment::Local(local)) => clocks.instant(*local).ok_or_else(|| {
                told(format!("doesn't exist in {}: the clocks skip it. Give another --zone", reading.zone))
            }),
            Err(TimeError::EitherOrder) => {
                Err(told(format!("{}: --dates day-first or --dates month-first", TimeError::EitherOrder)))
            }
            Err(error) => Err(told(error.to_string())),
        }
    };
    let rows = moments.iter().zip(cells);
    if is_newest_first {
        let mut placed: Vec<_> = rows.rev().map(&mut place).collect();
        placed.reverse();
        placed
    } else {
        rows.map(place).collect()
    }
}

fn local(moment: &Result<Moment, TimeError>) -> Option<NaiveDateTime> {
    match moment {
        Ok(Moment::Local(local)) => Some(*local),
        _ => None,
    }
}

/// The order of day and month that the rows show, if they all show the same.
fn shown_order(written: &[Result<WrittenTime, TimeError>]) -> Option<DateOrder> {
    let mut shown = written.iter().flatten().filter_map(WrittenTime::order);
    let first = shown.next()?;
    shown.all(|order| order == first).then_some(first)
}

/// The clocks of a zone, read row by row.
struct Clocks {
    before: Option<NaiveDateTime>,
    /// The hour that happens twice is being read for the second time.
    is_repeated: bool,
    /// From row to row, usually.
    step: Option<Duration>,
    zone: Tz,
}

impl Clocks {
    /// The instant of a time; `None` if the clocks skip it.
    fn instant(&mut self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let before = self.before.replace(local);
        let at = match self.zone.from_local_datetime(&local) {
            LocalResult::None => return None,
            LocalResult::Single(at) => {
                self.is_repeated = false;
                at
            }
            LocalResult::Ambiguous(first, second) => {
                // With a row an hour, the same time again is the second hour; with more, it is the same row again.
                let is_hourly = self.step.is_some_and(|step| step >= second.signed_duration_since(first));
                self.is_repeated |= before.is_some_and(|before| local < before || (local == before && is_hourly));
                if self.is_repeated { second } else { first }
            }
        };
        Some(at.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str], zone: &str) -> Vec<String> {
        let reading = Reading { day_is_its_end: false, order: None, zone: calendar::zone(zone).unwrap() };
        let show =
            |at: Result<DateTime<Utc>, String>| at.map_or_else(|why| why, |at| at.format("%d %H:%M").to_string());
        instants(cells, reading).into_iter().map(show).collect()
    }

    #[test]
    fn the_hour_that_happens_twice_is_told_apart_by_the_order_of_rows() {
        let day = |times: &[&str]| times.iter().map(|time| format!("2026-10-25 {time}")).collect::<Vec<_>>();
        for (times, expected) in [
            (
                &["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"][..],
                &["24 23:30", "25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00"][..],
            ),
            // The newest first.
            (
                &["03:00", "02:30", "02:00", "02:30", "02:00", "01:30"],
                &["25 02:00", "25 01:30", "25 01:00", "25 00:30", "25 00:00", "24 23:30"],
            ),
            // A row an hour.
            (
                &["00:00", "01:00", "02:00", "02:00", "03:00", "04:00"],
                &["24 22:00", "24 23:00", "25 00:00", "25 01:00", "25 02:00", "25 03:00"],
            ),
            // Several rows an hour: the same row again.
            (
                &["01:50", "02:00", "02:00", "02:10", "02:20"],
                &["24 23:50", "25 00:00", "25 00:00", "25 00:10", "25 00:20"],
            ),
        ] {
            let cells = day(times);
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            assert_eq!(read(&cells, "Europe/Berlin"), expected, "{times:?}");
        }
        let half_an_hour = ["2026-04-05 01:00", "2026-04-05 01:45", "2026-04-05 01:30", "2026-04-05 02:30"];
        assert_eq!(read(&half_an_hour, "Australia/Lord_Howe"), ["04 14:00", "04 14:45", "04 15:00", "04 16:00"]);
        assert!(read(&["2026-03-29 02:30"], "Europe/Berlin")[0].contains("clocks skip it"));
    }

    #[test]
    fn a_column_shows_its_order_of_day_and_month_or_is_asked() {
        assert_eq!(read(&["10/11/2026 03:00", "13/11/2026 03:00"], "UTC"), ["10 03:00", "13 03:00"]);
        assert_eq!(read(&["10/11/2026 03:00", "11/13/2026 03:00"], "UTC"), ["11 03:00", "13 03:00"]);
        for both in [&["10/11/2026"][..], &["10/11/2026", "13/11/2026", "11/13/2026"]] {
            assert!(read(both, "UTC")[0].contains("--dates day-first or --dates month-first"));
        }
    }

    #[test]
    fn a_day_is_its_beginning_or_its_end_in_the_zone() {
        let zone = calendar::zone("Europe/Berlin").unwrap();
        for (day_is_its_end, expected) in [(false, "2026-10-24T22:00:00+00:00"), (true, "2026-10-25T23:00:00+00:00")] {
            let at = instants(&["2026-10-25"], Reading { day_is_its_end, order: None, zone });
            assert_eq!(at[0].as_ref().unwrap().to_rfc3339(), expected);
        }
    }
}
