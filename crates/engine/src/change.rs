//! Owns the body of `PUT config`: which fields each action takes, and how it becomes an act. A field that does not belong
//! to the action is refused by name, as is one that is missing. Must not know how acts are stored.

use super::act::Act;
use super::decision::Recommendation;
use super::mode::Mode;
use super::policy::{Config, FieldError, Policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The action to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    SetMode,
    SetAutoMode,
    Freeze,
    Unfreeze,
    AcceptProposal,
    DismissProposal,
    Update,
}

/// The body of `PUT /api/scaling-mode/config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigChange {
    pub action: Action,
    /// For `set_auto_mode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// `production` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// For `update`: the guardrails that change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Json>,
    /// For `update`: the limits that change, by mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Json>,
    /// For `set_mode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// For `update`: the whole list of signals declared not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable: Option<Json>,
    /// For `set_mode`: the mode that it is changed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_mode: Option<Mode>,
    /// For `update`: which source of a signal comes first; an empty list takes an order back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_sources: Option<Json>,
    /// For `accept_proposal` and `dismiss_proposal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<String>,
    /// For `freeze` and `unfreeze`, where it is required; optional elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For `update`: the scoring lines that change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring: Option<Json>,
    /// For `update`: the IANA name of the environment's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// For `update`: the version that the configuration was read at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// For `update`: the weights that change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Json>,
    /// For `update`: the windows that change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Json>,
}

impl ConfigChange {
    /// An action with nothing beside it.
    pub fn of(action: Action, environment: Option<String>) -> ConfigChange {
        ConfigChange {
            action,
            enabled: None,
            environment,
            guardrails: None,
            limits: None,
            mode: None,
            not_applicable: None,
            old_mode: None,
            preferred_sources: None,
            proposal_id: None,
            reason: None,
            scoring: None,
            time_zone: None,
            version: None,
            weights: None,
            windows: None,
        }
    }

    /// The same, asking for all of a policy.
    ///
    /// # Errors
    /// The part that cannot be written as JSON.
    pub fn replace_policy(&mut self, policy: &Policy) -> Result<(), FieldError> {
        fn json(part: &'static str, value: &impl Serialize) -> Result<Option<Json>, FieldError> {
            serde_json::to_value(value).map(Some).map_err(|error| FieldError::new(part, error.to_string()))
        }
        self.guardrails = json("guardrails", &policy.guardrails)?;
        self.limits = json("limits", &policy.limits)?;
        self.not_applicable = json("not_applicable", &policy.not_applicable)?;
        self.preferred_sources = json("preferred_sources", &policy.preferred_sources)?;
        self.scoring = json("scoring", &policy.scoring)?;
        self.time_zone = Some(policy.time_zone.clone());
        self.weights = json("weights", &policy.weights)?;
        self.windows = json("windows", &policy.windows)?;
        Ok(())
    }

    /// Which fields are there, by name.
    fn given(&self) -> [(&'static str, bool); 14] {
        [
            ("enabled", self.enabled.is_some()),
            ("guardrails", self.guardrails.is_some()),
            ("limits", self.limits.is_some()),
            ("mode", self.mode.is_some()),
            ("not_applicable", self.not_applicable.is_some()),
            ("old_mode", self.old_mode.is_some()),
            ("preferred_sources", self.preferred_sources.is_some()),
            ("proposal_id", self.proposal_id.is_some()),
            ("reason", self.reason.is_some()),
            ("scoring", self.scoring.is_some()),
            ("time_zone", self.time_zone.is_some()),
            ("version", self.version.is_some()),
            ("weights", self.weights.is_some()),
            ("windows", self.windows.is_some()),
        ]
    }

    /// The act that the body asks for. `config` is the one in force, which an update is laid over; `recommended` is what
    /// was evaluated just now with its snapshot's id, and must be there to accept a proposal.
    ///
    /// # Errors
    /// Every field that is missing, does not belong to the action, or cannot be read.
    pub fn into_act(
        self,
        config: &Config,
        recommended: Option<((Recommendation, Option<Mode>), String)>,
    ) -> Result<Act, Vec<FieldError>> {
        let (required, optional): (&[&str], &[&str]) = match self.action {
            Action::SetMode => (&["mode", "old_mode"], &["reason"]),
            Action::SetAutoMode => (&["enabled"], &[]),
            Action::Freeze | Action::Unfreeze => (&["reason"], &[]),
            Action::AcceptProposal => (&["proposal_id"], &[]),
            Action::DismissProposal => (&["proposal_id"], &["reason"]),
            Action::Update => (
                &["version"],
                &[
                    "guardrails",
                    "limits",
                    "not_applicable",
                    "preferred_sources",
                    "reason",
                    "scoring",
                    "time_zone",
                    "weights",
                    "windows",
                ],
            ),
        };
        let errors: Vec<FieldError> = self
            .given()
            .into_iter()
            .filter_map(|(field, given)| {
                if !given && required.contains(&field) {
                    Some(FieldError::new(field, "is required for this action"))
                } else if given && !required.contains(&field) && !optional.contains(&field) {
                    Some(FieldError::new(field, "does not belong to this action"))
                } else {
                    None
                }
            })
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        self.checked_act(config, recommended)
    }

    fn checked_act(
        self,
        config: &Config,
        recommended: Option<((Recommendation, Option<Mode>), String)>,
    ) -> Result<Act, Vec<FieldError>> {
        let missing = |field: &'static str| vec![FieldError::new(field, "is required for this action")];
        Ok(match self.action {
            Action::SetMode => Act::SetMode {
                mode: self.mode.ok_or_else(|| missing("mode"))?,
                old_mode: self.old_mode.ok_or_else(|| missing("old_mode"))?,
                reason: self.reason,
            },
            Action::SetAutoMode => Act::SetAutoMode { enabled: self.enabled.ok_or_else(|| missing("enabled"))? },
            Action::Freeze => Act::Freeze { reason: self.reason.ok_or_else(|| missing("reason"))? },
            Action::Unfreeze => Act::Unfreeze { reason: self.reason.ok_or_else(|| missing("reason"))? },
            Action::AcceptProposal => {
                let (now_recommended, snapshot_id) = recommended.ok_or_else(|| missing("proposal_id"))?;
                Act::AcceptProposal {
                    id: self.proposal_id.ok_or_else(|| missing("proposal_id"))?,
                    now_recommended,
                    snapshot_id,
                }
            }
            Action::DismissProposal => Act::DismissProposal {
                id: self.proposal_id.ok_or_else(|| missing("proposal_id"))?,
                reason: self.reason,
            },
            Action::Update => Act::Update {
                version: self.version.ok_or_else(|| missing("version"))?,
                reason: self.reason.clone(),
                policy: Box::new(self.laid_over(&config.policy)?),
            },
        })
    }

    /// The policy with the given parts laid over it (JSON merge patch, RFC 7396). It may not be valid yet.
    ///
    /// # Errors
    /// The part that cannot be read.
    pub fn laid_over(self, policy: &Policy) -> Result<Policy, Vec<FieldError>> {
        let parts = [
            ("guardrails", self.guardrails),
            ("limits", self.limits),
            ("not_applicable", self.not_applicable),
            ("preferred_sources", self.preferred_sources),
            ("scoring", self.scoring),
            ("time_zone", self.time_zone.map(Json::String)),
            ("weights", self.weights),
            ("windows", self.windows),
        ];
        let unreadable = |field: &str, error: &serde_json::Error| vec![FieldError::new(field, error.to_string())];
        let mut merged = serde_json::to_value(policy).map_err(|error| unreadable("policy", &error))?;
        let mut last = "policy";
        for (field, patch) in parts {
            if let Some(patch) = patch {
                last = field;
                merge(&mut merged[field], patch);
                // Each part is read by itself, so that a mistake is named where it was made.
                serde_json::from_value::<Policy>(merged.clone()).map_err(|error| unreadable(field, &error))?;
            }
        }
        let mut policy: Policy = serde_json::from_value(merged).map_err(|error| unreadable(last, &error))?;
        policy.preferred_sources.retain(|_, sources| !sources.is_empty());
        Ok(policy)
    }
}

/// A policy with a JSON object of parts laid over it, as a configuration file gives them.
///
/// # Errors
/// What cannot be read, and every reason why the result is invalid.
pub fn overlay(policy: &Policy, patch: Json) -> Result<Policy, Vec<FieldError>> {
    let unreadable = |error: serde_json::Error| vec![FieldError::new("config", error.to_string())];
    let mut merged = serde_json::to_value(policy).map_err(unreadable)?;
    merge(&mut merged, patch);
    let policy: Policy = serde_json::from_value(merged).map_err(unreadable)?;
    let errors = policy.validate();
    if errors.is_empty() { Ok(policy) } else { Err(errors) }
}

fn merge(into: &mut Json, patch: Json) {
    match (into, patch) {
        (Json::Object(into), Json::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Json::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::EnvironmentKind;
    use chrono::DateTime;
    use serde_json::json;

    fn act(body: Json) -> Result<Act, Vec<String>> {
        let config =
            Config::new("production", EnvironmentKind::Live, Mode::Lab, Policy::default(), DateTime::UNIX_EPOCH);
        let change: ConfigChange = serde_json::from_value(body).map_err(|error| vec![error.to_string()])?;
        change.into_act(&config, None).map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn each_action_names_what_it_lacks_and_what_does_not_belong() {
        assert_eq!(act(json!({"action": "set_mode", "mode": "pilot"})), Err(vec!["old_mode".into()]));
        assert_eq!(act(json!({"action": "freeze", "reason": "x", "enabled": true})), Err(vec!["enabled".into()]));
        assert!(act(json!({"action": "set_auto_mode", "enabled": true})).is_ok());
        assert!(act(json!({"action": "set_mode", "mode": "pilot", "old_mode": "lab", "who": "me"})).is_err());
    }

    #[test]
    fn an_update_changes_only_what_it_names() {
        let Ok(Act::Update { policy, .. }) = act(
            json!({"action": "update", "version": 1, "guardrails": {"max_churn_risk": 0.1}, "limits": {"lab": {"max_ai_spend_per_day": "12.50"}}}),
        ) else {
            panic!("it is a whole update")
        };
        let mut expected = Policy::default();
        expected.guardrails.max_churn_risk = 0.1;
        expected.limits.lab.max_ai_spend_per_day = crate::money::Usd(12_500_000);
        assert_eq!(*policy, expected);
    }

    #[test]
    fn a_whole_policy_replaces_all_of_the_one_in_force() {
        let mut policy = Policy { time_zone: "Europe/Berlin".to_owned(), ..Policy::default() };
        policy.not_applicable.insert(crate::signal::Signal::InfraCpu);
        policy.guardrails.max_churn_risk = 0.1;
        policy.limits.lab.max_ai_spend_per_day = crate::money::Usd(1);
        policy.scoring.cpu.good = 1.0 / 3.0;
        policy.weights.infra = 0.1 + 0.2;
        policy.windows.proposal_hours = 12;
        let mut change = ConfigChange::of(Action::Update, None);
        change.version = Some(1);
        change.replace_policy(&policy).unwrap();
        let Ok(Act::Update { policy: read, .. }) = act(serde_json::to_value(change).unwrap()) else {
            panic!("it is a whole update")
        };
        assert_eq!(*read, policy);
    }

    #[test]
    fn a_typo_in_an_update_is_named_with_its_part() {
        let refused = act(json!({"action": "update", "version": 1, "guardrails": {"max_chrun_risk": 0.1}}));
        assert_eq!(refused, Err(vec!["guardrails".into()]));
    }
}
