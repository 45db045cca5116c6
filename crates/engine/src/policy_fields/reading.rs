//! Owns how named texts become a policy, and in which fields two policies differ. Must not know where texts come from.

use super::{Kind, PolicyField};
use crate::policy::{FieldError, Policy};

/// The policy that named texts make of `base`, and everything that is wrong with it: texts that cannot be read first,
/// then what [`Policy::validate`] finds. A name may stand several times; for signals they add up (a blank one counts for nothing),
/// else the last counts. Names without a dot that are no field are other people's and are left alone.
pub fn read<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, base: &Policy) -> (Policy, Vec<FieldError>) {
    let mut policy = base.clone();
    let mut errors: Vec<FieldError> = Vec::new();
    let mut named: Option<String> = None;
    for (name, text) in pairs {
        match PolicyField::by_path(name) {
            Some(field) if field.kind == Kind::Signals => {
                let all = named.get_or_insert_default();
                all.push(',');
                all.push_str(text);
            }
            Some(field) => errors.extend(field.set(&mut policy, text).err()),
            None if name.contains('.') => errors.push(FieldError::new(name, "is not a setting")),
            None => {}
        }
    }
    if let (Some(text), Some(field)) = (named, PolicyField::by_path("not_applicable")) {
        errors.extend(field.set(&mut policy, &text).err());
    }
    let found = policy.validate();
    // A text that could not be read has left its field at the base: a message about that value would mislead.
    let unread = errors.len();
    for error in found {
        let misleads = |known: &FieldError| {
            known.field.strip_prefix(&error.field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !errors[..unread].iter().any(misleads) {
            errors.push(error);
        }
    }
    (policy, errors)
}

/// A field in which two policies differ, with both texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    pub field: PolicyField,
    pub from: String,
    pub to: String,
}

/// Every field in which two policies differ, in the order of [`PolicyField::ALL`]; empty when they are equal.
pub fn differences(from: &Policy, to: &Policy) -> Vec<FieldChange> {
    PolicyField::ALL
        .iter()
        .map(|field| FieldChange { field: *field, from: field.text(from), to: field.text(to) })
        .filter(|change| change.from != change.to)
        .collect()
}

/// The longest list of changes that a summary spells out, in bytes: an event's reason holds 500 characters.
const SUMMARY: usize = 400;

/// The changes in one line, such as `guardrails.max_churn_risk from 0.2 to 0.1`; the last of many are only counted.
pub fn summary(changes: &[FieldChange]) -> String {
    let mut line = String::new();
    for (told, change) in changes.iter().enumerate() {
        let next = [change.field.path, " from ", or_none(&change.from), " to ", or_none(&change.to)].concat();
        if line.len() + next.len() > SUMMARY {
            let rest = (changes.len() - told).to_string();
            line.push_str(&if told == 0 { [&rest, " settings"].concat() } else { [" and ", &rest, " more"].concat() });
            break;
        }
        if told > 0 {
            line.push_str(", ");
        }
        line.push_str(&next);
    }
    line
}

/// A list of no signals has no text of its own.
fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Signal;
    use std::collections::BTreeSet;
    use std::num::NonZeroU64;

    fn policy_with(texts: &[(&str, &str)]) -> (Policy, Vec<FieldError>) {
        read(texts.iter().copied(), &Policy::default())
    }

    fn fields(errors: &[FieldError]) -> Vec<&str> {
        errors.iter().map(|error| error.field.as_str()).collect()
    }

    #[test]
    fn what_is_read_is_judged_as_a_whole_and_a_field_is_blamed_once() {
        assert_eq!(policy_with(&[]), (Policy::default(), vec![]));
        let (policy, errors) = policy_with(&[("guardrails.max_churn_risk", " 0.1 "), ("environment", "demo")]);
        assert_eq!((policy.guardrails.max_churn_risk, errors), (0.1, vec![]));
        let (_, errors) = policy_with(&[
            ("weights.infra", "0.5"),
            ("limits.pilot.max_clients", "5"),
            ("guardrails.cooldown_hours", "soon"),
            ("guardrails.max_chrun_risk", "0.1"),
        ]);
        let blamed = ["guardrails.cooldown_hours", "guardrails.max_chrun_risk", "limits.pilot.max_clients", "weights"];
        assert_eq!(fields(&errors), blamed);
        let (_, errors) = policy_with(&[("weights.infra", ""), ("weights.churn", "0.9")]);
        assert_eq!(fields(&errors), ["weights.infra"], "their sum is not known");
    }

    #[test]
    fn signals_named_one_by_one_add_up_and_a_blank_one_names_none() {
        let mut base = Policy::default();
        base.not_applicable.insert(Signal::PostsPublished);
        let read_over = |texts: &[(&'static str, &'static str)]| read(texts.iter().copied(), &base).0.not_applicable;
        assert_eq!(read_over(&[]), base.not_applicable);
        assert_eq!(read_over(&[("not_applicable", "")]), BTreeSet::new());
        let two = [("not_applicable", ""), ("not_applicable", "infra.cpu"), ("not_applicable", "infra.latency")];
        assert_eq!(read_over(&two), BTreeSet::from([Signal::InfraCpu, Signal::InfraLatency]));
    }

    #[test]
    fn differences_name_the_field_and_both_texts() {
        let mut stricter = Policy::default();
        stricter.guardrails.max_churn_risk = 0.1;
        stricter.limits.lab.max_clients = NonZeroU64::MIN;
        let changes = differences(&Policy::default(), &stricter);
        let told: Vec<(&str, &str, &str)> =
            changes.iter().map(|change| (change.field.path(), change.from.as_str(), change.to.as_str())).collect();
        assert_eq!(told, [("limits.lab.max_clients", "5", "1"), ("guardrails.max_churn_risk", "0.2", "0.1")]);
        assert_eq!(differences(&stricter, &stricter), []);
    }

    #[test]
    fn a_summary_names_each_change_and_counts_the_rest_of_many() {
        let mut policy = Policy::default();
        policy.guardrails.max_churn_risk = 0.1;
        policy.not_applicable.insert(Signal::InfraCpu);
        let said = summary(&differences(&Policy::default(), &policy));
        assert_eq!(said, "guardrails.max_churn_risk from 0.2 to 0.1, not_applicable from none to infra.cpu");
        for field in PolicyField::ALL.iter().filter(|field| field.is_number()) {
            field.set(&mut policy, "3").unwrap();
        }
        let changes = differences(&Policy::default(), &policy);
        let said = summary(&changes);
        assert!(said.len() < 450, "{said}");
        let (told, rest) = said.rsplit_once(" and ").unwrap();
        assert_eq!(rest, format!("{} more", changes.len() - told.matches(" from ").count()));
        assert_eq!(summary(&[]), "");
    }
}
