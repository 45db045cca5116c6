//! Owns the what-if: a baseline with some of its numbers changed by name, read from texts and written back as the least
//! that differs, and both sides judged by the engine itself. A scenario is hypothetical: nothing of it is stored, and what
//! it does not set stays as measured, unknown included. Must not know pages or addresses.

use super::baseline::Baseline;
use super::decimal::Decimal;
use super::decision::{Assessment, assess};
use super::facts::Facts;
use super::headroom::{Headroom, headroom};
use super::input::{Input, InputState};
use super::interval::Outcome;
use super::mode::Mode;
use super::policy::{Config, FieldError, Policy};
use super::policy_fields::{self, Group, PolicyField, differences};
use super::recent::Recent;
use super::rule::RuleId;
use super::scenario_input::{INPUTS, InputField, Standing};
use super::wording;

/// The name of the mode in forms and addresses.
pub const MODE: &str = "mode";

/// The values that the scenario changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// By [`InputField`]: the exact value in units, or `None` for what was measured.
    pub inputs: [Option<u64>; INPUTS],
    pub mode: Mode,
    pub policy: Policy,
}

/// Whether a field of the policy can be tried in a scenario. Windows cannot: the inputs were taken through them.
pub fn can_be_tried(field: PolicyField) -> bool {
    matches!(field.group(), Group::Limits(_) | Group::Guardrails | Group::Weights)
}

impl Scenario {
    /// The baseline itself.
    pub fn unchanged(baseline: &Baseline) -> Scenario {
        Scenario { inputs: [None; INPUTS], mode: baseline.config.mode, policy: baseline.config.policy.clone() }
    }

    /// Reads named texts over the baseline; an empty text leaves the baseline's number. With everything that is wrong: a
    /// scenario with mistakes is not to be judged.
    pub fn read(pairs: &[(String, String)], baseline: &Baseline) -> (Scenario, Vec<FieldError>) {
        let mut scenario = Scenario::unchanged(baseline);
        let mut errors = Vec::new();
        let mut policy_pairs = Vec::new();
        let facts = Facts::from_inputs(&baseline.inputs);
        for (name, text) in pairs.iter().map(|(name, text)| (name.as_str(), text.trim())) {
            if text.is_empty() {
                continue;
            }
            if name == MODE {
                match text.parse() {
                    Ok(mode) => scenario.mode = mode,
                    Err(_) => errors.push(FieldError::new(MODE, "must be lab, pilot, growth or scale")),
                }
            } else if let Some(field) = InputField::from_name(name) {
                match read_input(field, text, &facts) {
                    Ok(value) => scenario.inputs[field as usize] = value,
                    Err(error) => errors.push(error),
                }
            } else if PolicyField::by_path(name).is_some_and(can_be_tried) {
                policy_pairs.push((name, text));
            } else {
                errors.push(FieldError::new(name, "cannot be tried in a scenario"));
            }
        }
        let (policy, wrong) = policy_fields::read(policy_pairs.into_iter(), &baseline.config.policy);
        scenario.policy = policy;
        errors.extend(wrong);
        errors.extend(scenario.contradiction(baseline));
        (scenario, errors)
    }

    /// More clients at risk than active ones: no business is so.
    fn contradiction(&self, baseline: &Baseline) -> Option<FieldError> {
        let facts = self.facts(&self.inputs(baseline));
        (facts.at_risk.lo > facts.clients.hi).then(|| {
            let at_risk_is_set = self.inputs[InputField::AtRisk as usize].is_some();
            let (field, detail) = if at_risk_is_set {
                (InputField::AtRisk, "must not be more than the active clients")
            } else {
                (InputField::Clients, "must not be fewer than the clients at risk")
            };
            FieldError::new(field.name(), detail)
        })
    }

    /// All that differs from the baseline, as names and texts in a fixed order: inputs, mode, policy.
    pub fn pairs(&self, baseline: &Baseline) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = InputField::ALL
            .into_iter()
            .filter_map(|field| Some((field.name().to_owned(), field.text(self.inputs[field as usize]?))))
            .collect();
        if self.mode != baseline.config.mode {
            pairs.push((MODE.to_owned(), self.mode.name().to_owned()));
        }
        pairs.extend(self.policy_pairs(baseline));
        pairs
    }

    /// The limits, guardrails and weights that differ from the baseline's.
    pub fn policy_pairs(&self, baseline: &Baseline) -> Vec<(String, String)> {
        differences(&baseline.config.policy, &self.policy)
            .into_iter()
            .map(|change| (change.field.path().to_owned(), change.to))
            .collect()
    }

    /// The baseline's inputs, those that are set now known.
    fn inputs(&self, baseline: &Baseline) -> Vec<Input> {
        let mut inputs = baseline.inputs.clone();
        for field in InputField::ALL.into_iter().filter(|field| self.inputs[*field as usize].is_some()) {
            for input in inputs.iter_mut().filter(|input| field.is_of(input)) {
                // Invented data stays invented, no matter what is set beside it.
                if input.state != InputState::Synthetic {
                    input.state = InputState::Known;
                    input.note = None;
                }
            }
        }
        inputs
    }

    fn facts(&self, inputs: &[Input]) -> Facts {
        let mut facts = Facts::from_inputs(inputs);
        for field in InputField::ALL {
            if let Some(units) = self.inputs[field as usize] {
                field.set(&mut facts, units);
            }
        }
        facts
    }

    /// The scenario as the engine judges it: same moment, same evaluations before.
    pub fn judge(&self, baseline: &Baseline) -> Judged {
        let inputs = self.inputs(baseline);
        let facts = self.facts(&inputs);
        let mut config = baseline.config.clone();
        config.mode = self.mode;
        config.policy.clone_from(&self.policy);
        let recent = baseline.recent.through(&baseline.config.policy.guardrails, &self.policy.guardrails);
        let assessment = assess(&facts, &config, &recent, baseline.as_of);
        let headroom = headroom(&facts, &config, &assessment);
        let verdict = wording::verdict(&config, &inputs, &assessment, &headroom);
        Judged { assessment, config, facts, headroom, recent, verdict }
    }
}

/// One input's text: `None` where it says what was measured anyway.
fn read_input(field: InputField, text: &str, facts: &Facts) -> Result<Option<u64>, FieldError> {
    let units = field.parse(text)?;
    match field.standing(facts) {
        Standing::NotApplicable => Err(FieldError::new(field.name(), "is declared not applicable here")),
        Standing::Exact(own) if own == units => Ok(None),
        _ => Ok(Some(units)),
    }
}

/// The texts of the other weights when the one at `path` is moved: they give way in their own proportion, so that all
/// make 1 again. Where the others are all zero, the proportion is that of the policy in force.
pub fn balanced(path: &str, policy: &Policy, in_force: &Policy) -> Vec<(String, String)> {
    const DECIMALS: u32 = 6;
    const WHOLE: u64 = 1_000_000;
    let units = |field: &PolicyField, policy: &Policy| {
        let weight: f64 = field.text(policy).parse().unwrap_or(0.0);
        (weight.clamp(0.0, 1.0) * WHOLE as f64).round() as u64
    };
    let (own, others): (Vec<_>, Vec<_>) = PolicyField::of_group(Group::Weights).partition(|field| field.path() == path);
    let rest = WHOLE.saturating_sub(own.iter().map(|field| units(field, policy)).sum());
    let parts = |policy: &Policy| others.iter().map(|field| units(field, policy)).collect::<Vec<u64>>();
    let parts = [parts(policy), parts(in_force), vec![1; others.len()]]
        .into_iter()
        .find(|parts| parts.iter().any(|part| *part > 0))
        .unwrap_or_default();
    let sum = parts.iter().sum::<u64>().max(1);
    let mut shares: Vec<u64> = parts.iter().map(|part| rest * part / sum).collect();
    // What rounding left over goes to the largest.
    let left = rest - shares.iter().sum::<u64>();
    if let Some(largest) = shares.iter_mut().max() {
        *largest += left;
    }
    let text = |units: u64| Decimal::from_units(units, DECIMALS).to_string();
    others.iter().zip(shares).map(|(field, share)| (field.path().to_owned(), text(share))).collect()
}

/// One side of a what-if, with all that its answer was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub assessment: Assessment,
    pub config: Config,
    pub facts: Facts,
    pub headroom: Headroom,
    pub recent: Recent,
    pub verdict: String,
}

/// A rule that comes out differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    pub after: Outcome,
    pub before: Outcome,
    pub rule: RuleId,
}

/// The rules that come out differently on two sides, in their order.
pub fn flips(before: &Assessment, after: &Assessment) -> Vec<Flip> {
    before
        .results
        .iter()
        .zip(&after.results)
        .filter(|(before, after)| before.outcome != after.outcome)
        .map(|(before, after)| Flip { after: after.outcome, before: before.outcome, rule: before.rule })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Weights;

    #[test]
    fn the_other_weights_give_way_in_proportion_and_all_make_one() {
        let in_force = Policy::default();
        for (path, weights, expected) in [
            // infra 0.30, the others 0.25, 0.25, 0.20
            ("weights.infra", Weights { infra: 0.65, ..Weights::default() }, ["0.125", "0.125", "0.1"]),
            ("weights.infra", Weights { infra: 1.0, ..Weights::default() }, ["0", "0", "0"]),
            ("weights.churn", Weights { churn: 0.2, ..Weights::default() }, ["0.3", "0.25", "0.25"]),
            // From nothing, the proportion of the policy in force.
            ("weights.infra", Weights { infra: 0.3, ai_cost: 0.0, warnings: 0.0, churn: 0.0 }, ["0.25", "0.25", "0.2"]),
        ] {
            let policy = Policy { weights, ..Policy::default() };
            let texts = balanced(path, &policy, &in_force);
            assert_eq!(texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), expected, "{path} {weights:?}");
        }
    }

    #[test]
    fn weights_that_gave_way_are_valid_wherever_one_is_moved_to() {
        for thousandths in 0..=1_000 {
            let mut policy = Policy::default();
            policy.weights.warnings = f64::from(thousandths) / 1_000.0;
            for (path, text) in balanced("weights.warnings", &policy, &Policy::default()) {
                PolicyField::by_path(&path).unwrap().set(&mut policy, &text).unwrap();
            }
            assert_eq!(policy.validate(), [], "{thousandths}");
        }
    }
}
