//! Owns the words of the what-if: the names of its inputs, their values, and its mistakes. Must not decide anything.

use super::format::{self, Measure};
use super::policy_words;
use crate::domain::decimal::Decimal;
use crate::domain::facts::Facts;
use crate::domain::input::Value;
use crate::domain::interval::Count;
use crate::domain::money::Usd;
use crate::domain::policy::FieldError;
use crate::domain::policy_fields::PolicyField;
use crate::domain::scenario::MODE;
use crate::domain::scenario_input::InputField;

/// The input's name, with its unit where the number alone does not say it.
pub const fn label(field: InputField) -> &'static str {
    match field {
        InputField::Clients => "Active clients",
        InputField::AtRisk => "Clients at risk",
        InputField::Warnings => "Open warnings",
        InputField::Critical => "Open critical warnings",
        InputField::Posts => "Posts, trailing day",
        InputField::AiSpend => "AI spend, trailing day (USD)",
        InputField::Cpu => "CPU (0 to 1)",
        InputField::Latency => "Latency, 95th percentile (ms)",
        InputField::ErrorRate => "Failed requests (0 to 1)",
    }
}

const fn measure(field: InputField) -> Measure {
    match field {
        InputField::Clients | InputField::AtRisk => Measure::CLIENTS,
        InputField::Warnings | InputField::Critical => Measure::WARNINGS,
        InputField::Posts => Measure::POSTS,
        InputField::AiSpend => Measure::Money,
        InputField::Latency => Measure::Milliseconds,
        InputField::Cpu | InputField::ErrorRate => Measure::Part,
    }
}

/// What the facts say of an input.
pub fn found(field: InputField, facts: &Facts) -> String {
    field.value(facts).map_or_else(|| "not applicable".to_owned(), |value| format::value(value, measure(field)))
}

/// One exact value of an input, no digit lost: `16 clients`, `$40.01`, `77.6 %`.
pub fn exactly(field: InputField, units: u64) -> String {
    match field {
        InputField::AiSpend => format::money(Usd(units)),
        InputField::Latency => format!("{} ms", Decimal::from_units(units, field.decimals())),
        InputField::Cpu | InputField::ErrorRate => {
            format!("{} %", Decimal::from_units(units, field.decimals().saturating_sub(2)))
        }
        _ => format::value(Value::Count(Count::exactly(units)), measure(field)),
    }
}

/// A mistake as a sentence. Only names that exist are repeated: nobody can put words into the page's mouth.
pub fn mistake(error: &FieldError) -> String {
    let name = match InputField::from_name(&error.field) {
        Some(field) => label(field),
        None if error.field == MODE => "The mode",
        None if error.field == "weights" => "The weights",
        None => match PolicyField::by_path(&error.field) {
            Some(field) => policy_words::label(field),
            None => return "Something that the address names cannot be tried in a scenario.".to_owned(),
        },
    };
    format!("{name}: {}.", error.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_to_its_last_digit() {
        for (field, text, words) in [
            (InputField::Clients, "1", "1 client"),
            (InputField::Posts, "1201", "1,201 posts"),
            (InputField::AiSpend, "40.01", "$40.01"),
            (InputField::Cpu, "0.776", "77.6 %"),
            (InputField::Latency, "1151", "1151 ms"),
            (InputField::ErrorRate, "0.0256", "2.56 %"),
        ] {
            assert_eq!(exactly(field, field.parse(text).unwrap()), words);
        }
    }

    #[test]
    fn what_the_address_calls_something_is_not_repeated() {
        let said = mistake(&FieldError::new("You have won", "a prize"));
        assert!(!said.contains("won") && !said.contains("prize"), "{said}");
        assert_eq!(mistake(&FieldError::new("inputs.clients", "is not a number")), "Active clients: is not a number.");
    }
}
