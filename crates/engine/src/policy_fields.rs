//! Owns the policy as a closed list of fields by name: each one's place, kind, range, text and how a text is read into
//! it. Must not know forms, words for people, or what makes fields valid together: that is [`Policy::validate`].

mod draft;
mod reading;
mod table;

pub use draft::{Draft, filled_from};
pub use reading::{FieldChange, differences, read, summary};

use super::decimal::{Decimal, DecimalError};
use super::mode::Mode;
use super::money::Usd;
use super::policy::{FieldError, Policy};
use super::signal::Signal;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// The part of the policy that a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Limits(Mode),
    Guardrails,
    Weights,
    Windows,
    Scoring,
    /// Facts about the business: the signals that it does not have, and its time zone.
    Business,
}

/// What a field counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Clients,
    Posts,
    Requests,
    Warnings,
    Hours,
    Minutes,
    Days,
    /// US dollars, exact to the micro-dollar.
    Usd,
    /// A share, 0-1.
    Ratio,
    /// Points of a score, 0-100.
    Points,
    /// Errors for each request, 0-1.
    ErrorsPerRequest,
    /// Open warnings for each active client.
    WarningsPerClient,
    Milliseconds,
    /// The IANA name of a time zone.
    TimeZone,
    /// Names of signals, separated by commas.
    Signals,
}

/// Where a field is in the policy: how it is read there and how it is written.
#[derive(Clone, Copy)]
enum Place {
    Cap(fn(&Policy) -> &NonZeroU64, fn(&mut Policy) -> &mut NonZeroU64),
    Money(fn(&Policy) -> &Usd, fn(&mut Policy) -> &mut Usd),
    Short(fn(&Policy) -> &u32, fn(&mut Policy) -> &mut u32),
    Long(fn(&Policy) -> &u64, fn(&mut Policy) -> &mut u64),
    Decimal(fn(&Policy) -> &f64, fn(&mut Policy) -> &mut f64),
    Text(fn(&Policy) -> &String, fn(&mut Policy) -> &mut String),
    Signals(fn(&Policy) -> &BTreeSet<Signal>, fn(&mut Policy) -> &mut BTreeSet<Signal>),
}

/// One field of the policy that a founder may edit.
#[derive(Clone, Copy)]
pub struct PolicyField {
    path: &'static str,
    group: Group,
    kind: Kind,
    min: f64,
    max: Option<f64>,
    place: Place,
}

impl PartialEq for PolicyField {
    fn eq(&self, other: &PolicyField) -> bool {
        self.path == other.path
    }
}

impl Eq for PolicyField {}

impl std::fmt::Debug for PolicyField {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.path)
    }
}

impl PolicyField {
    /// Every field, part by part.
    pub const ALL: &'static [PolicyField] = &table::FIELDS;

    /// The field of that dotted path, such as `guardrails.max_churn_risk`.
    pub fn by_path(path: &str) -> Option<PolicyField> {
        Self::ALL.iter().find(|field| field.path == path).copied()
    }

    /// The fields of one part, in the order that they are shown.
    pub fn of_group(group: Group) -> impl Iterator<Item = PolicyField> {
        Self::ALL.iter().copied().filter(move |field| field.group == group)
    }

    /// The dotted path: the field's name in forms, in addresses and in what [`Policy::validate`] finds.
    pub const fn path(self) -> &'static str {
        self.path
    }

    pub const fn group(self) -> Group {
        self.group
    }

    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Whether the field is one number.
    pub const fn is_number(self) -> bool {
        !matches!(self.kind, Kind::TimeZone | Kind::Signals)
    }

    /// The lowest number that the field takes.
    pub const fn min(self) -> f64 {
        self.min
    }

    /// The highest number that the field takes; `None` where nothing is too high.
    pub const fn max(self) -> Option<f64> {
        self.max
    }

    /// By how much a number moves at a press of a key, as decimal text. A finer number may be typed.
    pub const fn step(self) -> &'static str {
        match self.kind {
            Kind::ErrorsPerRequest => "0.001",
            Kind::Ratio | Kind::WarningsPerClient | Kind::Usd => "0.01",
            _ => "1",
        }
    }

    /// The field's value as text, exact: [`PolicyField::set`] reads the same value from it.
    pub fn text(self, policy: &Policy) -> String {
        match self.place {
            Place::Cap(get, _) => get(policy).to_string(),
            Place::Money(get, _) => get(policy).to_string(),
            Place::Short(get, _) => get(policy).to_string(),
            Place::Long(get, _) => get(policy).to_string(),
            Place::Decimal(get, _) => get(policy).to_string(),
            Place::Text(get, _) => get(policy).clone(),
            Place::Signals(get, _) => get(policy).iter().map(|signal| signal.name()).collect::<Vec<_>>().join(","),
        }
    }

    /// Reads a text into the field. Ranges are [`Policy::validate`]'s to check, as are rules that join several fields.
    ///
    /// # Errors
    /// A sentence that begins with the field's name when put behind it; the policy is left as it was.
    pub fn set(self, policy: &mut Policy, text: &str) -> Result<(), FieldError> {
        let text = text.trim();
        self.put(policy, text).map_err(|detail| FieldError::new(self.path, detail))
    }

    fn put(self, policy: &mut Policy, text: &str) -> Result<(), String> {
        match self.place {
            Place::Cap(_, at) => {
                *at(policy) = NonZeroU64::new(whole(text)?).ok_or("must be 1 or more")?;
            }
            Place::Money(_, at) => *at(policy) = money(text)?,
            Place::Short(_, at) => {
                *at(policy) = u32::try_from(whole(text)?).map_err(|_| self.range())?;
            }
            Place::Long(_, at) => *at(policy) = whole(text)?,
            Place::Decimal(_, at) => *at(policy) = decimal(text)?,
            Place::Text(_, at) => {
                if text.is_empty() {
                    return Err("must not be empty".to_owned());
                }
                *at(policy) = text.to_owned();
            }
            Place::Signals(_, at) => *at(policy) = signals(text)?,
        }
        Ok(())
    }

    /// What [`Policy::validate`] says of a number outside the range.
    fn range(self) -> String {
        match self.max {
            Some(max) => format!("must lie from {} to {max}", self.min),
            None => format!("must be {} or more", self.min),
        }
    }
}

/// Why a text is no number, as the rest of a sentence about its field.
fn refused(text: &str, error: DecimalError) -> String {
    match error {
        _ if text.is_empty() => "needs a number",
        DecimalError::NotANumber => "is not a number",
        DecimalError::Negative => "must not be negative",
        DecimalError::TooFine => "has too many decimal places",
        DecimalError::TooLarge => "is too large",
    }
    .to_owned()
}

fn whole(text: &str) -> Result<u64, String> {
    let number = Decimal::parse(text).map_err(|error| refused(text, error))?;
    match number.to_units(0) {
        Some(units) => Ok(units),
        None if number.to_units_nearest(0).is_some() => Err("must be a whole number".to_owned()),
        None => Err("is too large".to_owned()),
    }
}

fn money(text: &str) -> Result<Usd, String> {
    Usd::parse(text).map_err(|error| match error {
        DecimalError::TooFine => "must be whole micro-dollars: at most six decimal places".to_owned(),
        error => refused(text, error),
    })
}

fn decimal(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number < 0.0 => Err(refused(text, DecimalError::Negative)),
        // Adding zero makes a negative zero the plain one: it would be another text in the canonical form.
        Ok(number) if number.is_finite() => Ok(number + 0.0),
        _ => Err(refused(text, DecimalError::NotANumber)),
    }
}

fn signals(text: &str) -> Result<BTreeSet<Signal>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| Signal::from_name(name).ok_or_else(|| "names a signal that does not exist".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of the leaves of the policy as JSON: lists are leaves.
    fn leaves(value: &serde_json::Value, path: &str, into: &mut Vec<String>) {
        match value.as_object() {
            Some(members) => members.iter().for_each(|(name, value)| {
                leaves(value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, into);
            }),
            None => into.push(path.to_owned()),
        }
    }

    #[test]
    fn the_fields_are_the_whole_policy_each_once() {
        let mut expected = Vec::new();
        leaves(&serde_json::to_value(Policy::default()).unwrap(), "", &mut expected);
        let mut found: Vec<&str> = PolicyField::ALL.iter().map(|field| field.path()).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_field_is_where_its_path_says() {
        for field in PolicyField::ALL {
            let text = match field.kind() {
                Kind::TimeZone => "Europe/Berlin",
                Kind::Signals => "posts.published,infra.cpu",
                _ => "7",
            };
            let mut policy = Policy::default();
            assert_eq!(field.set(&mut policy, text), Ok(()), "{field:?}");
            let json = serde_json::to_value(&policy).unwrap();
            let value = &json[field.path().split('.').next().unwrap()];
            let value = field.path().split('.').skip(1).fold(value, |value, member| &value[member]);
            let expected = match field.kind() {
                Kind::TimeZone => serde_json::json!("Europe/Berlin"),
                Kind::Signals => serde_json::json!(["posts.published", "infra.cpu"]),
                Kind::Usd => serde_json::json!("7.00"),
                _ => serde_json::json!(7),
            };
            assert!(
                value == &expected || value.as_f64() == expected.as_f64() && value.is_number(),
                "{field:?}: {value}"
            );
            let changed = differences(&Policy::default(), &policy);
            assert!(changed.iter().all(|change| change.field == *field) && changed.len() <= 1, "{changed:?}");
        }
    }

    #[test]
    fn every_field_reads_back_its_own_text() {
        let mut odd = Policy::default();
        odd.weights.infra = 0.1 + 0.2;
        odd.guardrails.max_churn_risk = 1.0 / 3.0;
        odd.guardrails.max_critical_warnings = u64::MAX;
        odd.limits.lab.max_ai_spend_per_day = Usd(1);
        odd.limits.scale.max_ai_spend_per_day = Usd(u64::MAX);
        odd.limits.scale.max_clients = NonZeroU64::MAX;
        odd.scoring.latency_ms.bad = 1e21;
        odd.not_applicable.extend([Signal::InfraCpu, Signal::PostsPublished]);
        for policy in [Policy::default(), odd] {
            let mut copy = Policy::default();
            for field in PolicyField::ALL {
                field.set(&mut copy, &field.text(&policy)).unwrap();
                assert_eq!(field.text(&copy), field.text(&policy));
            }
            assert_eq!(copy, policy);
            assert_eq!(differences(&copy, &policy), []);
        }
    }

    #[test]
    fn a_text_that_is_no_value_is_an_error_that_names_its_field_and_changes_nothing() {
        for field in PolicyField::ALL {
            let wrong: &[&str] = match field.kind() {
                Kind::TimeZone => &["", " "],
                Kind::Signals => &["posts", "infra.cpu;infra.latency"],
                _ => &[
                    "",
                    " ",
                    "many",
                    "-1",
                    "NaN",
                    "inf",
                    "1,5",
                    "1 000",
                    "0x10",
                    "99999999999999999999999999999999999999999",
                ],
            };
            for text in wrong {
                // No decimal number is too large to be read; its range is what refuses it.
                if text.len() > 30 && matches!(field.place, Place::Decimal(..)) {
                    continue;
                }
                let mut policy = Policy::default();
                let error = field.set(&mut policy, text).unwrap_err();
                assert_eq!(error.field, field.path(), "{text:?}");
                assert!(!error.detail.is_empty());
                assert_eq!(policy, Policy::default(), "{field:?} {text:?}");
            }
        }
    }

    #[test]
    fn texts_are_refused_in_words() {
        for (path, text, detail) in [
            ("guardrails.max_churn_risk", "", "needs a number"),
            ("guardrails.max_churn_risk", "a lot", "is not a number"),
            ("guardrails.max_churn_risk", "-0.1", "must not be negative"),
            ("guardrails.cooldown_hours", "1.5", "must be a whole number"),
            ("guardrails.cooldown_hours", "5000000000", "must lie from 0 to 720"),
            ("limits.lab.max_clients", "0", "must be 1 or more"),
            ("limits.lab.max_ai_spend_per_day", "0.0000001", "must be whole micro-dollars: at most six decimal places"),
            ("time_zone", "", "must not be empty"),
        ] {
            let refused = PolicyField::by_path(path).unwrap().set(&mut Policy::default(), text);
            assert_eq!(refused, Err(FieldError::new(path, detail)), "{path} {text:?}");
        }
    }

    #[test]
    fn the_ranges_are_those_that_a_policy_is_held_to() {
        for field in PolicyField::ALL.iter().filter(|field| field.is_number()) {
            // Whether the field by itself is refused; what must hold together with others is another matter.
            let refused = |text: String| {
                let (_, errors) = read([(field.path(), text.as_str())].into_iter(), &Policy::default());
                let own = |error: &&FieldError| {
                    error.field == field.path()
                        && ["must lie", "must be above", "must be 1", "must not be negative"]
                            .iter()
                            .any(|start| error.detail.starts_with(start))
                };
                errors.iter().find(own).cloned()
            };
            assert_eq!(refused(field.min().to_string()), None, "{field:?} at its least");
            let below = if field.kind() == Kind::Usd { 0.0 } else { field.min() - 1.0 };
            assert!(refused(below.to_string()).is_some(), "{field:?} below its least");
            match field.max() {
                Some(max) => {
                    assert_eq!(refused(max.to_string()), None, "{field:?} at its most");
                    let error = refused((max + 1.0).to_string()).unwrap();
                    assert_eq!(error.detail, format!("must lie from {} to {max}", field.min()), "{field:?}");
                }
                None => assert_eq!(refused("18000000000000".to_owned()), None, "{field:?} has no most"),
            }
        }
    }
}
