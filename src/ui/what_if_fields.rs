//! Owns the fields of a what-if: a plain GET form with a number for every input, limit, guardrail and weight, and a slider
//! beside each that comes to life in the browser. Must not judge what is entered.

use super::what_if_field::{field, of_input, of_policy};
use super::widgets::EnvironmentField;
use super::{links, words};
use crate::domain::baseline::Baseline;
use crate::domain::facts::Facts;
use crate::domain::mode::Mode;
use crate::domain::policy_fields::{Group, PolicyField};
use crate::domain::scenario::{MODE, Scenario};
use crate::domain::scenario_input::{InputField, Standing};
use leptos::prelude::*;

#[component]
pub fn WhatIfFields(baseline: Baseline, scenario: Scenario, pairs: Vec<(String, String)>) -> impl IntoView {
    let facts = Facts::from_inputs(&baseline.inputs);
    let said =
        |name: &str| pairs.iter().find(|(own, text)| own == name && !text.is_empty()).map(|(_, text)| text.clone());
    let inputs: Vec<_> = InputField::ALL
        .into_iter()
        .filter(|field| field.standing(&facts) != Standing::NotApplicable)
        .map(|input| field(of_input(input, &baseline, &facts, said(input.name()))))
        .collect();
    let of_group = |group: Group| {
        PolicyField::of_group(group).map(|own| field(of_policy(own, &baseline, said(own.path())))).collect::<Vec<_>>()
    };
    let own = scenario.mode;
    let others: Vec<_> =
        Mode::ALL.into_iter().filter(|mode| *mode != own).flat_map(|mode| of_group(Group::Limits(mode))).collect();
    let modes: Vec<_> = Mode::ALL
        .into_iter()
        .map(|mode| view! { <option value=mode.name() selected=mode == own>{words::mode(mode)}</option> })
        .collect();
    view! {
        <form method="get" action=links::WHAT_IF class="panel what-if-form" autocomplete="off" novalidate>
            <h2>"Change the numbers"</h2>
            <p class="quiet">"An empty field keeps the baseline's number, unknown included."</p>
            <EnvironmentField environment=baseline.config.environment.clone() />
            <fieldset>
                <legend>"Inputs"</legend>
                {inputs}
            </fieldset>
            <fieldset>
                <legend>"Mode and its limits"</legend>
                <div class="what-if-field">
                    <label for=MODE>"Mode"</label>
                    <select id=MODE name=MODE>
                        {modes}
                    </select>
                    <span class="quiet">{format!("in force: {}", words::mode(baseline.config.mode))}</span>
                </div>
                {of_group(Group::Limits(own))}
                <details>
                    <summary>"Limits of the other modes"</summary>
                    <div class="details-body">{others}</div>
                </details>
            </fieldset>
            <fieldset>
                <legend>"Guardrails"</legend>
                {of_group(Group::Guardrails)}
            </fieldset>
            <fieldset>
                <legend>"Weights"</legend>
                {of_group(Group::Weights)}
            </fieldset>
            <button type="submit" class="button button-primary">
                "Show this scenario"
            </button>
        </form>
    }
    .into_any()
}
