//! Owns a policy while it is being edited: what was typed over what is in force, also where that has moved on since the
//! form was filled. Must not know how a form is drawn or sent.

use super::{Kind, PolicyField, read};
use crate::policy::{FieldError, Policy};

/// An edit of the policy in force: the texts that were typed, the policy that they make, what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub errors: Vec<FieldError>,
    pub policy: Policy,
    /// The texts that were typed, by field; fields that were left as they were are not among them.
    texts: Vec<(PolicyField, String)>,
}

impl Draft {
    /// What the named texts of a form make of the policy in force. The form was filled from `filled`: a field that still
    /// says what it said there was not touched, and is what is in force now, even if someone changed it meanwhile.
    pub fn of(pairs: &[(String, String)], filled: &Policy, in_force: &Policy) -> Draft {
        let mut texts: Vec<(PolicyField, String)> = Vec::new();
        for (name, text) in pairs {
            let Some(field) = PolicyField::by_path(name) else {
                continue;
            };
            match texts.iter_mut().find(|(known, _)| *known == field) {
                Some((_, all)) if field.kind == Kind::Signals => {
                    all.push(',');
                    all.push_str(text);
                }
                Some((_, last)) => last.clone_from(text),
                None => texts.push((field, text.clone())),
            }
        }
        texts.retain(|(field, text)| is_touched(*field, text, filled));
        let unknown = pairs.iter().filter(|(name, _)| PolicyField::by_path(name).is_none());
        let touched = texts.iter().map(|(field, text)| (field.path, text.as_str()));
        let all = touched.chain(unknown.map(|(name, text)| (name.as_str(), text.as_str())));
        let (policy, errors) = read(all, in_force);
        Draft { errors, policy, texts }
    }

    /// What the field shows: what was typed, else what is in force.
    pub fn text(&self, field: PolicyField) -> String {
        let typed = self.texts.iter().find(|(typed, _)| *typed == field);
        typed.map_or_else(|| field.text(&self.policy), |(_, text)| text.clone())
    }

    /// The mistake in the field of that path, or in the part of the policy of that name.
    pub fn error(&self, path: &str) -> Option<&FieldError> {
        self.errors.iter().find(|error| error.field == path)
    }
}

fn is_touched(field: PolicyField, text: &str, filled: &Policy) -> bool {
    let mut typed = filled.clone();
    field.set(&mut typed, text).is_err() || typed != *filled
}

/// Every field of a policy by name, as a form that is filled from it sends them; those named already are left out.
pub fn filled_from(policy: &Policy, named: &[(String, String)]) -> Vec<(String, String)> {
    PolicyField::ALL
        .iter()
        .filter(|field| named.iter().all(|(name, _)| name != field.path))
        .map(|field| (field.path.to_owned(), field.text(policy)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_fields::differences;

    fn pairs(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn changed(draft: &Draft, policy: &Policy) -> Vec<&'static str> {
        differences(policy, &draft.policy).iter().map(|change| change.field.path).collect()
    }

    #[test]
    fn a_form_sent_as_it_was_filled_changes_nothing() {
        let mut policy = Policy::default();
        policy.not_applicable.extend([crate::signal::Signal::InfraCpu]);
        let draft = Draft::of(&filled_from(&policy, &[]), &policy, &policy);
        assert_eq!((draft.policy, draft.errors), (policy, vec![]));
    }

    #[test]
    fn what_others_changed_since_stays_and_what_was_typed_is_laid_over_it() {
        let filled = Policy::default();
        let mut in_force = Policy::default();
        in_force.guardrails.cooldown_hours = 48;
        let mut sent = filled_from(&filled, &[]);
        sent.retain(|(name, _)| name != "guardrails.max_churn_risk");
        sent.extend(pairs(&[("guardrails.max_churn_risk", "0.1")]));
        let draft = Draft::of(&sent, &filled, &in_force);
        assert_eq!(changed(&draft, &in_force), ["guardrails.max_churn_risk"]);
        assert_eq!(draft.policy.guardrails.cooldown_hours, 48);
    }

    #[test]
    fn a_text_that_cannot_be_read_is_kept_as_it_was_typed_with_its_error() {
        let policy = Policy::default();
        let draft = Draft::of(&pairs(&[("guardrails.cooldown_hours", "soon")]), &policy, &policy);
        let field = PolicyField::by_path("guardrails.cooldown_hours").unwrap();
        assert_eq!(draft.text(field), "soon");
        assert!(draft.error(field.path).is_some());
        assert_eq!(draft.text(PolicyField::by_path("weights.infra").unwrap()), "0.3");
    }

    #[test]
    fn an_earlier_policy_fills_the_form_except_for_what_is_named() {
        let mut earlier = Policy::default();
        earlier.guardrails.max_churn_risk = 0.1;
        earlier.weights = crate::policy::Weights { ai_cost: 0.25, churn: 0.25, infra: 0.25, warnings: 0.25 };
        let named = pairs(&[("guardrails.max_churn_risk", "0.15")]);
        let sent: Vec<_> = named.iter().cloned().chain(filled_from(&earlier, &named)).collect();
        let draft = Draft::of(&sent, &Policy::default(), &Policy::default());
        assert_eq!((draft.policy.guardrails.max_churn_risk, draft.policy.weights), (0.15, earlier.weights));
    }

    #[test]
    fn a_name_that_is_no_setting_is_said_to_be_none() {
        let policy = Policy::default();
        let draft = Draft::of(&pairs(&[("guardrails.max_chrun_risk", "0.1"), ("review", "1")]), &policy, &policy);
        assert_eq!(draft.errors, [FieldError::new("guardrails.max_chrun_risk", "is not a setting")]);
    }
}
