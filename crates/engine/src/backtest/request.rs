//! Owns the body of `POST backtest`: which parts of a policy may be proposed, and what is wrong with a proposal.
//! Must not know how it is judged.

use super::super::change::{Action, ConfigChange};
use super::super::policy::{FieldError, Policy};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The body of `POST /api/scaling-mode/backtest`: what differs from the policy in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestRequest {
    /// `production` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Only evaluations at or after this time; from the first stored one on when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// The guardrails that are proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Json>,
    /// The limits that are proposed, by mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Json>,
    /// Here only to be refused with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub not_applicable: Option<Json>,
    /// The scoring lines that are proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring: Option<Json>,
    /// Only evaluations up to this time; up to the last stored one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
    /// The weights that are proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Json>,
    /// Here only to be refused with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub windows: Option<Json>,
}

impl BacktestRequest {
    /// The proposed policy: the one in force with the given parts laid over it.
    ///
    /// # Errors
    /// Every field that cannot be read, is out of range or cannot be judged from stored inputs; a span that ends
    /// before it begins.
    pub fn policy(self, in_force: &Policy) -> Result<Policy, Vec<FieldError>> {
        let change = ConfigChange {
            guardrails: self.guardrails,
            limits: self.limits,
            not_applicable: self.not_applicable,
            scoring: self.scoring,
            weights: self.weights,
            windows: self.windows,
            ..ConfigChange::of(Action::Update, None)
        };
        let proposed = change.laid_over(in_force)?;
        let errors = mistakes(in_force, &proposed, self.from, self.to);
        if errors.is_empty() { Ok(proposed) } else { Err(errors) }
    }
}

/// Everything that keeps a proposal from being tested over a span; empty where nothing does.
pub fn mistakes(
    in_force: &Policy,
    proposed: &Policy,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Vec<FieldError> {
    let mut errors = proposed.validate();
    for (field, differs) in [
        ("windows", in_force.windows != proposed.windows),
        ("not_applicable", in_force.not_applicable != proposed.not_applicable),
        ("preferred_sources", in_force.preferred_sources != proposed.preferred_sources),
    ] {
        if differs {
            errors.push(FieldError::new(
                field,
                "cannot be backtested: the stored inputs were read under the settings of their time. Leave it out, or replay \
                 the past under the new settings",
            ));
        }
    }
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        errors.push(FieldError::new("to", "lies before from"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(body: Json) -> Vec<String> {
        let request: BacktestRequest = serde_json::from_value(body).unwrap();
        match request.policy(&Policy::default()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.field).collect(),
        }
    }

    #[test]
    fn a_proposal_is_laid_over_what_is_in_force_and_its_mistakes_are_named() {
        for (body, wrong) in [
            (json!({}), vec![]),
            (json!({"guardrails": {"max_churn_risk": 0.1}, "limits": {"pilot": {"max_clients": 12}}}), vec![]),
            (json!({"windows": {"sum_window_hours": 24}, "not_applicable": []}), vec![]),
            (json!({"guardrails": {"max_chrun_risk": 0.1}}), vec!["guardrails"]),
            (json!({"guardrails": {"max_churn_risk": 2}}), vec!["guardrails.max_churn_risk"]),
            (json!({"limits": {"pilot": {"max_clients": 5}}}), vec!["limits.pilot.max_clients"]),
            (json!({"weights": {"infra": 0.5}}), vec!["weights"]),
            (json!({"windows": {"sum_window_hours": 48}}), vec!["windows"]),
            (json!({"not_applicable": ["infra.cpu"]}), vec!["not_applicable"]),
            (json!({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}), vec!["to"]),
        ] {
            assert_eq!(fields(body.clone()), wrong, "{body}");
        }
    }

    #[test]
    fn a_typo_in_the_body_is_refused_by_name() {
        let error = serde_json::from_value::<BacktestRequest>(json!({"guardrials": {}})).unwrap_err().to_string();
        assert!(error.contains("guardrials"), "{error}");
    }
}
