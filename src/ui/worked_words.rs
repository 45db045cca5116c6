//! Owns the words of the worked rules, for the page and for the document that says the same. Must not work anything out.

use super::{what_if_words, words};
use crate::domain::rule::RuleId;
use crate::domain::scenario_input::InputField;
use crate::domain::worked::{Stretch, WorkedMode};

/// The business in good order that the examples start from.
pub fn start(worked: &WorkedMode) -> String {
    let facts = &worked.facts;
    let found = |field| what_if_words::found(field, facts);
    let parts = [InputField::Clients, InputField::Posts, InputField::AiSpend, InputField::Cpu, InputField::Latency]
        .into_iter()
        .filter(|field| field.value(facts).is_some())
        .map(|field| match field {
            InputField::AiSpend => format!("{} of AI spend", found(field)),
            InputField::Cpu => format!("CPU at {}", found(field)),
            InputField::Latency => format!("latency of {}", found(field)),
            _ => found(field),
        });
    format!(
        "{}; nobody at risk, no warnings, no failed requests. The answer: {}.",
        parts.collect::<Vec<_>>().join(", "),
        words::answer(worked.answer)
    )
}

/// The values of a stretch.
pub fn values(field: InputField, stretch: &Stretch) -> String {
    let exactly = |units| what_if_words::exactly(field, units);
    match stretch.to {
        None if stretch.rules.is_empty() => "any value".to_owned(),
        None => format!("{} and more", exactly(stretch.from)),
        Some(to) if to == stretch.from => exactly(to),
        Some(to) => format!("{} to {}", exactly(stretch.from), exactly(to)),
    }
}

/// Which rules turn the answer where a stretch begins.
pub fn because(stretch: &Stretch) -> String {
    stretch.rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ")
}

/// The rules in their order, in a sentence each.
pub const ORDER: [(&str, &str); 5] = [
    ("Freeze line", "Overall health certainly below the freeze line: Freeze."),
    (
        "Over the limit",
        "Clients, posts or AI spend certainly over the mode's limit while an Increase is certainly out of reach: Freeze.",
    ),
    (
        "Guardrails",
        "A guardrail certainly broken: Decrease where today's load certainly fits the mode below, otherwise Freeze.",
    ),
    ("Increase", "Every condition of an Increase certainly holds: Increase to the next mode."),
    ("Otherwise", "Hold. What is not known never counts in favour of an Increase."),
];

/// The rule's stable name and its number in [`ORDER`], for those who look one up.
pub fn order_of(rule: RuleId) -> usize {
    match rule.name().split('.').next() {
        Some("freeze") => 1,
        Some("limit") => 2,
        Some("guardrail" | "decrease" | "recovery") => 3,
        _ => 4,
    }
}
