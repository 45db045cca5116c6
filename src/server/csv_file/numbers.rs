//! Owns numbers as spreadsheets and dashboards write them: decimal commas, percent signs, units of time and of money. Must
//! not guess: a comma that may part thousands is refused.

use crate::domain::signal::Unit;

/// What stands before the decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DecimalMark {
    Comma,
    Point,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing was measured.
    Blank,
    /// A number with a decimal point.
    Number(String),
}

/// Texts that say that there is no value.
const NOTHING: [&str; 12] = ["", "null", "nan", "n/a", "na", "-", "–", "none", "nil", "undefined", "#n/a", "no data"];

/// Whether a cell says that nothing was measured.
pub fn is_blank(text: &str) -> bool {
    NOTHING.iter().any(|nothing| text.trim().eq_ignore_ascii_case(nothing))
}

/// Whether a cell looks like a number, with a unit or without.
pub fn is_number(text: &str) -> bool {
    let text = text.trim();
    let (number, unit) = split(text);
    let is_sign_within =
        |(place, one): (usize, char)| matches!(one, '-' | '+') && place > 0 && !number[..place].ends_with(['e', 'E']);
    let before = text.split_once(number).map_or("", |(before, _)| before.trim());
    number.bytes().any(|byte| byte.is_ascii_digit())
        && number.chars().all(|one| one.is_ascii_digit() || one.is_whitespace() || ".,+-eE'’".contains(one))
        && !number.char_indices().any(is_sign_within)
        && (before.is_empty() || ["$", "US$", "USD", "€", "£"].contains(&before))
        && unit.chars().count() <= 8
}

/// The decimal mark that a column shows, if it has commas: `20,5` can't be thousands.
pub fn shown_mark<'t>(cells: impl Iterator<Item = &'t str>) -> Option<DecimalMark> {
    let mut shown = None;
    for cell in cells {
        let (number, _) = split(cell);
        match (number.split_once(','), number.contains('.')) {
            (Some((_, decimals)), false) if !decimals.contains(',') => {
                let digits = decimals.bytes().take_while(u8::is_ascii_digit).count();
                if digits != 3 || number.starts_with(",") || number.starts_with("0,") {
                    return Some(DecimalMark::Comma);
                }
            }
            (None, true) => shown = Some(DecimalMark::Point),
            _ => {}
        }
    }
    shown
}

/// Reads a cell; `mark` is the column's decimal mark where it is known.
///
/// # Errors
/// Why the number can't be read, with what to do.
pub fn read(text: &str, mark: Option<DecimalMark>, unit: Unit) -> Result<Cell, String> {
    if is_blank(text) {
        return Ok(Cell::Blank);
    }
    let (number, suffix) = split(text);
    let refuse = |why: &str| Err(format!("the value \"{}\" {why}", super::quoted(text)));
    let plain = match (number.matches(',').count(), number.contains('.'), mark) {
        (0, true, Some(DecimalMark::Comma)) => {
            return refuse("has a point where other values have a decimal comma");
        }
        (0, ..) => number.to_owned(),
        (1, false, Some(DecimalMark::Comma)) => number.replace(',', "."),
        (1, false, None) => {
            return refuse(
                "has a comma that may part thousands or decimals. Say which with --decimal comma, or export it without separators of thousands",
            );
        }
        _ => return refuse("has separators of thousands. Export it without them"),
    };
    if plain.contains(|one: char| one.is_whitespace() || one == '\'' || one == '’') {
        return refuse("has separators of thousands. Export it without them");
    }
    match scaled(&plain, &suffix, unit) {
        Some(number) => Ok(Cell::Number(number)),
        None => refuse(&format!("is in \"{suffix}\", which --unit {unit} doesn't mean")),
    }
}

/// A cell without its unit, and the unit.
fn split(text: &str) -> (&str, String) {
    let text = text.trim();
    let is_digit = |one: char| one.is_ascii_digit();
    let number_start = |one: char| is_digit(one) || matches!(one, '-' | '+' | '.' | ',');
    let start = text.find(number_start).unwrap_or(0);
    let end = text.rfind(is_digit).map_or(text.len(), |last| last + 1);
    let end = if text[end.max(start)..].starts_with(['.', ',']) { end + 1 } else { end };
    if start >= end {
        return (text, String::new());
    }
    let suffix = format!("{}{}", text[..start].trim(), text[end..].trim());
    (&text[start..end], suffix)
}

/// A number in the unit that is asked for.
fn scaled(number: &str, suffix: &str, unit: Unit) -> Option<String> {
    let times_ten_to = |power: i32| match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => Some(format!("{mantissa}e{}", exponent.parse::<i32>().ok()?.checked_add(power)?)),
        None => Some(format!("{number}e{power}")),
    };
    match (suffix, unit) {
        ("", _) | ("%", Unit::Percent) | ("ms", Unit::Milliseconds) | ("$" | "USD" | "US$", Unit::Usd) => {
            Some(number.to_owned())
        }
        ("s", Unit::Milliseconds) => times_ten_to(3),
        ("µs" | "μs" | "us", Unit::Milliseconds) => times_ten_to(-3),
        ("ns", Unit::Milliseconds) => times_ten_to(-6),
        _ => (suffix == unit.name()).then(|| number.to_owned()),
    }
}
