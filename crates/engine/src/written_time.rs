//! Owns times as programs and spreadsheets write them: since 1970, in ISO 8601, by day, month and year in their several
//! orders, with and without an offset. Must not know time zones by name, and never guesses which number is the month.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// What can be read, for messages.
pub const FORMS: &str = "2026-11-24T03:00:00Z (RFC 3339), 2026-11-24 03:00, 24.11.2026 03:00, 11/24/2026 3:00 PM, \
                         24 Nov 2026 03:00, 2026-11-24, or seconds, milliseconds, microseconds or nanoseconds since 1970";

/// Which of two numbers is the day and which is the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    DayFirst,
    MonthFirst,
}

/// Why a text can't be read as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    #[error("isn't a time. Write it in a form such as {FORMS}")]
    NotATime,
    #[error("has a year of two digits. Write the year with four, such as 2026-11-24")]
    ShortYear,
    #[error("names a time zone by letters. Write an offset, such as +01:00, or leave the zone out")]
    NamedZone,
    #[error("can be read as day/month and as month/day. Say which")]
    EitherOrder,
}

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenTime {
    date: Date,
    /// From the beginning of the day; `None` for a day by itself.
    since_midnight: Option<Duration>,
    offset: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Date {
    /// An instant: counted since 1970.
    Counted(DateTime<Utc>),
    Day(NaiveDate),
    /// Two numbers, each of which may be the month.
    Either {
        first: u32,
        second: u32,
        year: i32,
    },
}

/// When a written time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Instant(DateTime<Utc>),
    /// A time of day in a zone that isn't named.
    Local(NaiveDateTime),
    /// A day without a time.
    Day(NaiveDate),
}

impl WrittenTime {
    /// Reads a time.
    ///
    /// # Errors
    /// Why it can't be read, with what could be.
    pub fn read(text: &str) -> Result<WrittenTime, TimeError> {
        // Spreadsheets put narrow and no-break blanks before AM and PM.
        let plain: String = text.trim().replace(['\u{202f}', '\u{a0}'], " ");
        let mut rest = Rest(plain.trim());
        if let Some(counted) = counted(rest.0) {
            return Ok(counted);
        }
        let date = date(&mut rest)?;
        if rest.0.is_empty() {
            return Ok(WrittenTime { date, since_midnight: None, offset: None });
        }
        if !rest.skip_any(&['T', 't', ' ', ',', ':', '_']) {
            return Err(TimeError::NotATime);
        }
        rest.blanks();
        let since_midnight = Some(clock(&mut rest)?);
        let offset = offset(&mut rest)?;
        Ok(WrittenTime { date, since_midnight, offset })
    }

    /// Whether it is a day without a time.
    pub const fn is_day(&self) -> bool {
        self.since_midnight.is_none() && !matches!(self.date, Date::Counted(_))
    }

    /// The order of day and month that this time shows: one of its numbers is above 12.
    pub fn order(&self) -> Option<DateOrder> {
        match self.date {
            Date::Either { first, second, .. } if first > 12 && second <= 12 => Some(DateOrder::DayFirst),
            Date::Either { first, second, .. } if second > 12 && first <= 12 => Some(DateOrder::MonthFirst),
            _ => None,
        }
    }

    /// When the time is, its day and month in an order that is known from elsewhere.
    ///
    /// # Errors
    /// [`TimeError::EitherOrder`] if the order decides and isn't known, [`TimeError::NotATime`] if there is no such day.
    pub fn place(&self, order: Option<DateOrder>) -> Result<Moment, TimeError> {
        let day = match self.date {
            Date::Counted(at) => return Ok(Moment::Instant(at)),
            Date::Day(day) => day,
            Date::Either { first, second, year } => {
                let (day, month) = match order.or_else(|| self.order()) {
                    Some(DateOrder::DayFirst) => (first, second),
                    Some(DateOrder::MonthFirst) => (second, first),
                    None if first == second => (first, second),
                    None => return Err(TimeError::EitherOrder),
                };
                NaiveDate::from_ymd_opt(year, month, day).ok_or(TimeError::NotATime)?
            }
        };
        let Some(since_midnight) = self.since_midnight else {
            return Ok(Moment::Day(day));
        };
        let local = day.and_time(NaiveTime::MIN).checked_add_signed(since_midnight).ok_or(TimeError::NotATime)?;
        match self.offset {
            None => Ok(Moment::Local(local)),
            Some(offset) => {
                let utc = local.checked_sub_signed(offset).ok_or(TimeError::NotATime)?;
                Ok(Moment::Instant(utc.and_utc()))
            }
        }
    }

    /// The same as an instant, a time without an offset being in UTC; `None` for what can't be placed.
    pub fn in_utc(text: &str) -> Option<DateTime<Utc>> {
        match WrittenTime::read(text).ok()?.place(None).ok()? {
            Moment::Instant(at) => Some(at),
            Moment::Local(local) => Some(local.and_utc()),
            Moment::Day(day) => Some(day.and_time(NaiveTime::MIN).and_utc()),
        }
    }
}

/// Numbers alone: since 1970 in a unit that their size tells, or a date without separators.
fn counted(text: &str) -> Option<WrittenTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let of = |date| Some(WrittenTime { date, since_midnight: None, offset: None });
    if fraction.is_empty() && whole.len() == 8 {
        return of(Date::Day(compact_day(whole)?));
    }
    if fraction.is_empty() && whole.len() == 14 {
        let mut rest = Rest(&whole[8..]);
        let since_midnight = Some(clock(&mut rest).ok()?);
        return Some(WrittenTime { date: Date::Day(compact_day(&whole[..8])?), since_midnight, offset: None });
    }
    // From the year 2000 to the year 2100.
    let number: i64 = whole.parse().ok()?;
    let nanos_in_one = [1_000_000_000i64, 1_000_000, 1_000, 1].into_iter().find(|nanos| {
        let second = 1_000_000_000 / nanos;
        (946_684_800 * second..4_102_444_800 * second).contains(&number)
    })?;
    let finer: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let finer = finer.parse::<i64>().ok()? / (1_000_000_000 / nanos_in_one);
    let at = DateTime::from_timestamp_nanos(number.checked_mul(nanos_in_one)?.checked_add(finer)?);
    of(Date::Counted(at))
}

/// `20261124`.
fn compact_day(text: &str) -> Option<NaiveDate> {
    let number: i32 = text.parse().ok()?;
    let of = |part: i32| u32::try_from(part).ok();
    let year = number / 10_000;
    if !(1900..2200).contains(&year) {
        return None;
    }
    NaiveDate::from_ymd_opt(year, of(number / 100 % 100)?, of(number % 100)?)
}

/// What of a text hasn't been read.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn blanks(&mut self) {
        self.0 = self.0.trim_start();
    }

    /// Passes over one of several characters.
    fn skip_any(&mut self, any: &[char]) -> bool {
        let rest = self.0.strip_prefix(any);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take_while(&mut self, is_one: impl Fn(char) -> bool) -> &'t str {
        let end = self.0.find(|character| !is_one(character)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn digits(&mut self) -> &'t str {
        self.take_while(|character| character.is_ascii_digit())
    }

    fn word(&mut self) -> &'t str {
        self.take_while(char::is_alphabetic)
    }

    /// A number of at most so many digits.
    fn number(&mut self, most_digits: usize) -> Result<u32, TimeError> {
        let digits = self.digits();
        if digits.is_empty() || digits.len() > most_digits {
            return Err(TimeError::NotATime);
        }
        digits.parse().map_err(|_| TimeError::NotATime)
    }

    /// A year of four digits.
    fn year(&mut self) -> Result<i32, TimeError> {
        match self.digits() {
            year if year.len() == 4 => year.parse().map_err(|_| TimeError::NotATime),
            year if year.len() == 2 => Err(TimeError::ShortYear),
            _ => Err(TimeError::NotATime),
        }
    }
}

fn month(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = word.get(..3)?.to_ascii_lowercase();
    MONTHS.iter().zip(1..).find(|(name, _)| **name == start).map(|(_, number)| number)
}

fn is_weekday(word: &str) -> bool {
    let start = word.get(..3).map(str::to_ascii_lowercase);
    start.is_some_and(|start| ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].contains(&start.as_str()))
}

fn day(year: i32, month: u32, day: u32) -> Result<Date, TimeError> {
    NaiveDate::from_ymd_opt(year, month, day).map(Date::Day).ok_or(TimeError::NotATime)
}

fn date(rest: &mut Rest<'_>) -> Result<Date, TimeError> {
    let between = [' ', '.', ','];
    let mut word = rest.word();
    if is_weekday(word) {
        while rest.skip_any(&between) {}
        word = rest.word();
    }
    if !word.is_empty() {
        // Nov 24, 2026
        let month = month(word).ok_or(TimeError::NotATime)?;
        while rest.skip_any(&between) {}
        let number = rest.number(2)?;
        while rest.skip_any(&between) {}
        return day(rest.year()?, month, number);
    }
    let first = rest.digits();
    if first.len() == 8 {
        return compact_day(first).map(Date::Day).ok_or(TimeError::NotATime);
    }
    let number: u32 = first.parse().map_err(|_| TimeError::NotATime)?;
    let separator =
        rest.0.chars().next().filter(|one| ['-', '/', '.', ' '].contains(one)).ok_or(TimeError::NotATime)?;
    let again = |rest: &mut Rest<'_>| if rest.skip_any(&[separator]) { Ok(()) } else { Err(TimeError::NotATime) };
    again(rest)?;
    let word = rest.word();
    if !word.is_empty() {
        // 24 Nov 2026, 24-Nov-2026, 24/Nov/2026
        let month = month(word).ok_or(TimeError::NotATime)?;
        while rest.skip_any(&[separator, ',', '.', ' ']) {}
        return day(rest.year()?, month, number);
    }
    let second = rest.number(2)?;
    again(rest)?;
    match (first.len(), separator) {
        // 2026-11-24
        (4, _) => day(i32::try_from(number).map_err(|_| TimeError::NotATime)?, second, rest.number(2)?),
        // 24.11.2026: with points the day is first everywhere.
        (1 | 2, '.') => day(rest.year()?, second, number),
        (1 | 2, '-' | '/') => {
            let year = rest.year()?;
            let is_day = |day: u32, month: u32| NaiveDate::from_ymd_opt(year, month, day).is_some();
            if !is_day(number, second) && !is_day(second, number) {
                return Err(TimeError::NotATime);
            }
            Ok(Date::Either { first: number, second, year })
        }
        _ => Err(TimeError::NotATime),
    }
}

/// A time of day: `3:00`, `03:00:00.5`, `3:00:00 PM`, `0300`, `24:00`.
fn clock(rest: &mut Rest<'_>) -> Result<Duration, TimeError> {
    let part = |text: &str| text.parse::<i64>().map_err(|_| TimeError::NotATime);
    let first = rest.digits();
    let (mut hours, mut minutes, mut seconds) = match first.len() {
        1 | 2 => (part(first)?, 0, 0),
        4 => (part(&first[..2])?, part(&first[2..])?, 0),
        6 => (part(&first[..2])?, part(&first[2..4])?, part(&first[4..])?),
        _ => return Err(TimeError::NotATime),
    };
    let mut nanos = 0;
    let has_minutes = first.len() > 2 || rest.0.starts_with(':');
    if first.len() <= 2 && rest.skip_any(&[':']) {
        minutes = i64::from(rest.number(2)?);
        if rest.skip_any(&[':']) {
            seconds = i64::from(rest.number(2)?);
        }
    }
    if has_minutes && rest.skip_any(&['.', ',']) {
        let fraction: String = rest.digits().chars().chain(std::iter::repeat('0')).take(9).collect();
        nanos = part(&fraction)?;
    }
    rest.blanks();
    let half = rest.0.get(..2).map(str::to_ascii_lowercase);
    let dotted = rest.0.get(..4).map(str::to_ascii_lowercase);
    let (half, length) = match (half.as_deref(), dotted.as_deref()) {
        (_, Some("a.m.")) => (Some(0), 4),
        (_, Some("p.m.")) => (Some(12), 4),
        (Some("am"), _) => (Some(0), 2),
        (Some("pm"), _) => (Some(12), 2),
        _ => (None, 0),
    };
    rest.0 = &rest.0[length..];
    match half {
        Some(_) if !(1..=12).contains(&hours) => return Err(TimeError::NotATime),
        Some(half) => hours = hours % 12 + half,
        None if !has_minutes => return Err(TimeError::NotATime),
        None => {}
    }
    let is_end_of_day = (hours, minutes, seconds, nanos) == (24, 0, 0, 0);
    if !(is_end_of_day || (0..24).contains(&hours)) || minutes > 59 || seconds > 59 {
        return Err(TimeError::NotATime);
    }
    Ok(Duration::seconds(hours * 3_600 + minutes * 60 + seconds) + Duration::nanoseconds(nanos))
}

/// An offset from UTC, at the end.
fn offset(rest: &mut Rest<'_>) -> Result<Option<Duration>, TimeError> {
    rest.blanks();
    let word = rest.word().to_ascii_uppercase();
    let is_utc = ["Z", "UTC", "GMT"].contains(&word.as_str());
    if !is_utc && !word.is_empty() {
        return Err(TimeError::NamedZone);
    }
    rest.blanks();
    let is_east = rest.0.starts_with('+');
    let mut offset = is_utc.then(Duration::zero);
    if rest.skip_any(&['+', '-', '\u{2212}']) {
        let digits = rest.digits();
        let (hours, minutes) = match digits.len() {
            1 | 2 if rest.skip_any(&[':']) => (digits, rest.digits()),
            1 | 2 => (digits, "0"),
            4 => digits.split_at(2),
            _ => return Err(TimeError::NotATime),
        };
        let number = |text: &str| text.parse::<i64>().map_err(|_| TimeError::NotATime);
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        if hours > 18 || minutes > 59 {
            return Err(TimeError::NotATime);
        }
        let east = Duration::minutes(hours * 60 + minutes);
        offset = Some(if is_east { east } else { -east });
    }
    // A zone's name that explains an offset: 2026-11-24T03:00:00+01:00[Europe/Berlin].
    rest.blanks();
    let is_explained = |open, close| rest.0.starts_with(open) && rest.0.ends_with(close);
    let rest_is_read = rest.0.is_empty() || (offset.is_some() && (is_explained('[', ']') || is_explained('(', ')')));
    if rest_is_read { Ok(offset) } else { Err(TimeError::NotATime) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn placed(text: &str) -> String {
        match WrittenTime::read(text).and_then(|time| time.place(None)) {
            Ok(Moment::Instant(at)) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
            Ok(Moment::Local(local)) => local.format("%Y-%m-%d %H:%M:%S%.f").to_string(),
            Ok(Moment::Day(day)) => day.to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn times_are_read_as_they_are_exported() {
        for (text, expected) in [
            ("2026-11-24T03:00:00Z", "2026-11-24T03:00:00Z"),
            ("2026-11-24T03:00Z", "2026-11-24T03:00:00Z"),
            ("2026-11-24T04:00:00+0100", "2026-11-24T03:00:00Z"),
            ("2026-11-24T04:00:00.250+01:00", "2026-11-24T03:00:00.250Z"),
            ("2026-11-24T04:00:00+01:00[Europe/Berlin]", "2026-11-24T03:00:00Z"),
            ("2026-11-23 22:00:00 -05", "2026-11-24T03:00:00Z"),
            ("2026-11-24 03:00:00 UTC", "2026-11-24T03:00:00Z"),
            ("2026-11-24 03:00:00.123456 UTC", "2026-11-24T03:00:00.123456Z"),
            ("24/Nov/2026:03:00:00 +0000", "2026-11-24T03:00:00Z"),
            ("Tue, 24 Nov 2026 03:00:00 GMT", "2026-11-24T03:00:00Z"),
            ("20261124T030000Z", "2026-11-24T03:00:00Z"),
            ("1795489200", "2026-11-24T03:00:00Z"),
            ("1795489200.5", "2026-11-24T03:00:00.500Z"),
            ("1795489200000", "2026-11-24T03:00:00Z"),
            ("1795489200000.25", "2026-11-24T03:00:00.000250Z"),
            ("1795489200000000", "2026-11-24T03:00:00Z"),
            ("1795489200000000000", "2026-11-24T03:00:00Z"),
            ("2026-11-24 03:00:00", "2026-11-24 03:00:00"),
            ("2026-11-24 03:00:00,5", "2026-11-24 03:00:00.500"),
            ("2026/11/24 3:00", "2026-11-24 03:00:00"),
            ("24.11.2026 03:00", "2026-11-24 03:00:00"),
            ("24.11.2026, 03:00:00", "2026-11-24 03:00:00"),
            ("11/24/2026 3:00:00\u{202f}PM", "2026-11-24 15:00:00"),
            ("11/24/2026 12:30 a.m.", "2026-11-24 00:30:00"),
            ("Nov 24, 2026, 3 pm", "2026-11-24 15:00:00"),
            ("24-Nov-2026 03:00", "2026-11-24 03:00:00"),
            ("23.11.2026 24:00", "2026-11-24 00:00:00"),
            ("20261124030000", "2026-11-24 03:00:00"),
            ("2026-11-24", "2026-11-24"),
            ("20261124", "2026-11-24"),
            ("24.11.2026", "2026-11-24"),
            ("24/11/2026", "2026-11-24"),
            ("11/11/2026", "2026-11-11"),
        ] {
            assert_eq!(placed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_could_be_two_times_is_none() {
        for (text, expected) in [
            ("10/11/2026 03:00", "EitherOrder"),
            ("10-11-2026", "EitherOrder"),
            ("24.11.26 03:00", "ShortYear"),
            ("11/24/26", "ShortYear"),
            ("2026-11-24 03:00:00 CET", "NamedZone"),
            ("24/13/2026", "NotATime"),
            ("2026-02-30", "NotATime"),
            ("2026-11-24 25:00", "NotATime"),
            ("2026-11-24 13:00 PM", "NotATime"),
            ("2026-11-24 03", "NotATime"),
            ("2026-11-24 03:00:00;20", "NotATime"),
            ("20", "NotATime"),
            ("45000.5", "NotATime"),
            ("1.79E+09", "NotATime"),
            ("", "NotATime"),
            ("soon", "NotATime"),
            ("1,234", "NotATime"),
        ] {
            assert_eq!(placed(text), expected, "{text}");
        }
        let time = WrittenTime::read("10/11/2026 03:00").unwrap();
        let placed = |order| time.place(Some(order)).unwrap();
        let at = |text: &str| Moment::Local(text.parse().unwrap());
        assert_eq!(placed(DateOrder::DayFirst), at("2026-11-10T03:00:00"));
        assert_eq!(placed(DateOrder::MonthFirst), at("2026-10-11T03:00:00"));
        assert_eq!(WrittenTime::read("11/24/2026").unwrap().order(), Some(DateOrder::MonthFirst));
        assert_eq!(WrittenTime::read("24/11/2026").unwrap().order(), Some(DateOrder::DayFirst));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = WrittenTime::in_utc(&text);
        }

        #[test]
        fn no_text_of_digits_and_marks_panics(text in "[0-9:./ TZapm+,-]{0,30}") {
            let _ = WrittenTime::in_utc(&text);
        }
    }
}
