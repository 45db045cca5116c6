//! Owns the words of a backtest: its headline, and why an evaluation would have answered differently. Must not decide
//! anything; it compares two assessments of the same inputs.

use super::super::decision::{Assessment, Recommendation};
use super::super::interval::Outcome;
use super::super::rule::RuleId;
use super::super::wording::condition_words;
use super::report::RuleTurn;

/// How many of so many evaluations would have answered differently.
pub(super) fn headline(different: u64, evaluations: u64) -> String {
    let all = thousands(evaluations);
    match (different, evaluations) {
        (_, 0) => "There is no stored evaluation to test against".to_owned(),
        (0, 1) => "The one stored evaluation would have answered the same".to_owned(),
        (0, _) => format!("All {all} evaluations would have answered the same"),
        (_, _) => format!("{} of {all} evaluations would have answered differently", thousands(different)),
    }
}

/// A whole number with its thousands apart: `35,040`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The rules that a difference comes from, and the same in a sentence.
pub(super) fn explain(recorded: &Assessment, proposed: &Assessment) -> (Vec<RuleTurn>, String) {
    let turned: Vec<(RuleId, Outcome, Outcome)> = recorded
        .results
        .iter()
        .zip(&proposed.results)
        .filter(|(one, other)| one.outcome != other.outcome)
        .map(|(one, other)| (one.rule, one.outcome, other.outcome))
        .collect();
    let answers = [recorded.recommendation, proposed.recommendation];
    let is_about_growth = answers.iter().all(|answer| *answer <= Recommendation::Hold);
    // Between Increase and Hold only the conditions of an Increase decide; elsewhere the other rules do first.
    let (growth, safety): (Vec<_>, Vec<_>) = turned.into_iter().partition(|(rule, ..)| rule.is_increase_condition());
    let deciding = if is_about_growth || safety.is_empty() { growth } else { safety };
    let words = sentence(&deciding, proposed.held);
    let rules = deciding
        .into_iter()
        .map(|(rule, recorded, proposed)| RuleTurn { proposed, recorded, rule: rule.name().to_owned() })
        .collect();
    (rules, words)
}

fn sentence(turned: &[(RuleId, Outcome, Outcome)], held: bool) -> String {
    let mut parts: Vec<String> = [
        (Outcome::Passed, "would have been met"),
        (Outcome::Failed, "would not have been met"),
        (Outcome::Unknown, "would not have been certain"),
    ]
    .into_iter()
    .filter_map(|(wanted, says)| {
        let names: Vec<&str> = turned
            .iter()
            .filter(|(rule, _, proposed)| *proposed == wanted && *rule != RuleId::Recovery)
            .map(|(rule, ..)| rule_words(*rule))
            .collect();
        (!names.is_empty()).then(|| format!("{says}: {}", names.join(", ")))
    })
    .collect();
    match turned.iter().find(|(rule, ..)| *rule == RuleId::Recovery) {
        Some((_, _, Outcome::Passed)) => parts.push("no earlier breach would have had to recover".to_owned()),
        Some(_) => parts.push("an earlier breach would still have had to recover".to_owned()),
        None if parts.is_empty() && held => parts.push("an earlier answer would have been held".to_owned()),
        None if parts.is_empty() => parts.push("the answers before it would have been others".to_owned()),
        None => {}
    }
    let text = parts.join("; ");
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// What a rule asks for, as a thing that may be met.
const fn rule_words(rule: RuleId) -> &'static str {
    match rule {
        RuleId::FreezeHealth => "the freeze line",
        RuleId::OverLimitClients => "the client limit",
        RuleId::OverLimitPosts => "the limit of posts",
        RuleId::OverLimitAiSpend => "the limit of AI spend",
        RuleId::GuardrailWarningDensity => "the guardrail of warnings",
        RuleId::GuardrailChurnRisk => "the guardrail of churn risk",
        RuleId::GuardrailAiCostPressure => "the guardrail of AI cost",
        RuleId::GuardrailInfraHealth => "the guardrail of infra health",
        RuleId::DecreaseFits => "fitting the mode below",
        RuleId::Recovery => "recovery",
        condition => condition_words(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_counts_and_says_where_there_is_nothing_to_count() {
        for (different, evaluations, says) in [
            (0, 0, "There is no stored evaluation to test against"),
            (0, 1, "The one stored evaluation would have answered the same"),
            (0, 35_040, "All 35,040 evaluations would have answered the same"),
            (37, 2_880, "37 of 2,880 evaluations would have answered differently"),
            (1_000, 1_000_000, "1,000 of 1,000,000 evaluations would have answered differently"),
        ] {
            assert_eq!(headline(different, evaluations), says);
        }
    }

    #[test]
    fn every_rule_has_words_and_the_sentence_parts_what_is_met_from_what_is_not() {
        for rule in RuleId::ALL {
            assert_ne!(rule_words(rule), "a rule", "{}", rule.name());
        }
        let turned = [
            (RuleId::OverLimitClients, Outcome::Failed, Outcome::Passed),
            (RuleId::GuardrailChurnRisk, Outcome::Passed, Outcome::Failed),
        ];
        assert_eq!(
            sentence(&turned, false),
            "Would have been met: the client limit; would not have been met: the guardrail of churn risk"
        );
        assert_eq!(sentence(&[], true), "An earlier answer would have been held");
        let recovered = [(RuleId::Recovery, Outcome::Failed, Outcome::Passed)];
        assert_eq!(sentence(&recovered, false), "No earlier breach would have had to recover");
    }
}
