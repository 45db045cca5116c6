//! Owns one field of a what-if: a number with the slider beside it, its value and what it is compared with. Must
//! not judge what is entered.

use super::what_if_words::{found, label};
use super::{browser, policy_words};
use crate::domain::baseline::Baseline;
use crate::domain::facts::Facts;
use crate::domain::input::Value;
use crate::domain::policy_fields::{Kind, PolicyField};
use crate::domain::scenario_input::{InputField, Standing};
use leptos::prelude::*;

/// One number with its slider.
pub struct Field {
    hint: String,
    label: &'static str,
    name: &'static str,
    /// Where the slider ends.
    most: f64,
    /// Where the slider is while the field is empty.
    place: f64,
    step: String,
    text: String,
}

/// The number, its slider and what it is compared with.
pub fn field(field: Field) -> AnyView {
    let hint = format!("{}-hint", field.name);
    let place = field.text.parse().unwrap_or(field.place);
    // A slider always has a position; while nothing is set it says that it stands for no number.
    let unset = field.text.is_empty().then_some(browser::NOT_SET);
    view! {
        <div class="what-if-field">
            <label for=field.name>{field.label}</label>
            <input
                id=field.name
                name=field.name
                type="number"
                inputmode="decimal"
                min="0"
                step=field.step.clone()
                value=field.text
                aria-describedby=hint.clone()
            />
            <input
                type="range"
                class="slider"
                aria-label=format!("{}, slider", field.label)
                min="0"
                max=field.most.max(place).to_string()
                step=field.step
                value=place.to_string()
                aria-valuetext=unset
            />
            <span class="quiet" id=hint>
                {field.hint}
            </span>
        </div>
    }
    .into_any()
}

/// The field of an input; `said` is what the address gives it.
pub fn of_input(input: InputField, baseline: &Baseline, facts: &Facts, said: Option<String>) -> Field {
    let limits = baseline.config.limits();
    let clients = limits.max_clients.get() as f64;
    let scoring = &baseline.config.policy.scoring;
    let most = match input {
        InputField::Clients => 2.0 * clients,
        InputField::AtRisk | InputField::Warnings | InputField::Critical => clients.max(10.0),
        InputField::Posts => 2.0 * limits.max_posts_per_day.get() as f64,
        InputField::AiSpend => 2.0 * limits.max_ai_spend_per_day.micros() as f64 / 1e6,
        InputField::Cpu => 1.0,
        InputField::Latency => 1.5 * scoring.latency_ms.bad,
        InputField::ErrorRate => (2.0 * scoring.error_rate.bad).min(1.0),
    };
    let place = match input.value(facts) {
        Some(Value::Count(count)) => count.lo as f64,
        Some(Value::Money(count)) => count.lo as f64 / 1e6,
        Some(Value::Real(interval)) => interval.lo(),
        None => 0.0,
    };
    let own = match input.standing(facts) {
        Standing::Exact(units) => input.text(units),
        Standing::Open | Standing::NotApplicable => String::new(),
    };
    Field {
        hint: format!("baseline: {}", found(input, facts)),
        label: label(input),
        name: input.name(),
        most: most.ceil(),
        place,
        step: input.text(input.step()),
        text: said.unwrap_or(own),
    }
}

/// The field of a limit, guardrail or weight.
pub fn of_policy(own: PolicyField, baseline: &Baseline, said: Option<String>) -> Field {
    let in_force = own.text(&baseline.config.policy);
    let value: f64 = in_force.parse().unwrap_or(0.0);
    let most = match own.kind() {
        Kind::Ratio | Kind::Points => own.max().unwrap_or(1.0),
        Kind::Hours => 168.0,
        Kind::Warnings => 20.0,
        Kind::WarningsPerClient => 2.0,
        _ => 2.0 * value,
    };
    Field {
        hint: format!("in force: {in_force} {}", policy_words::unit(own)),
        label: policy_words::label(own),
        name: own.path(),
        most: most.max(value).ceil(),
        place: value,
        step: own.step().to_owned(),
        text: said.unwrap_or(in_force),
    }
}
