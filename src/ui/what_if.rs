//! Owns the what-if itself: both answers, what flips, break-even, recomputed with the engine at every change of a field.
//! On the server it renders the scenario of the address; in the browser it goes on from there. Must not hold a rule.

use super::what_if_answers::{self, Side};
use super::widgets::AnswerBadge;
use super::{browser, links, what_if_break_even, what_if_words};
use crate::domain::baseline::{Baseline, SentBaseline};
use crate::domain::scenario::{Judged, Scenario, balanced, flips};
use leptos::leptos_dom::helpers::debounce;
use leptos::prelude::*;
use leptos::web_sys::Event;
use std::time::Duration;

/// What every redraw starts from.
struct Start {
    baseline: Baseline,
    measured: Judged,
}

#[island]
pub fn WhatIf(
    /// The measured side, as it travels.
    sent: SentBaseline,
    /// The scenario: what the address changes, by name.
    pairs: Vec<(String, String)>,
    /// The fields.
    children: Children,
) -> impl IntoView {
    let start = StoredValue::new(sent.read().map(|baseline| {
        let measured = Scenario::unchanged(&baseline).judge(&baseline);
        Start { baseline, measured }
    }));
    let pairs = RwSignal::new(pairs);
    let live = RwSignal::new(false);
    let address = move || {
        start.with_value(|start| {
            let baseline = &start.as_ref()?.baseline;
            let (scenario, errors) = Scenario::read(&pairs.read_untracked(), baseline);
            errors.is_empty().then(|| links::what_if(&baseline.config.environment, &scenario.pairs(baseline)))
        })
    };
    let mut save = debounce(Duration::from_millis(250), move |()| {
        if let Some(address) = address() {
            browser::replace_address(&address);
        }
    });
    let change = move |event: Event| {
        let started = browser::now();
        if let Some(field) = browser::changed_field(&event) {
            start.with_value(|start| {
                if let Some(start) = start {
                    pairs.update(|pairs| enter(field, pairs, &start.baseline));
                }
            });
            browser::after_redraw(move || browser::measure("what-if", started));
            save(());
        }
    };
    Effect::new(move |_| live.set(true));
    let result = move || start.with_value(|start| start.as_ref().map(|start| result(start, &pairs.read())));
    view! {
        <div class="what-if" class:is-live=move || live.get() on:input=change>
            <div class="what-if-result">{result}</div>
            {children()}
        </div>
    }
}

/// Takes a field's text into the scenario. A weight moves the other ones with it.
fn enter(field: (String, String), pairs: &mut Vec<(String, String)>, baseline: &Baseline) {
    let path = field.0.clone();
    let put = |field: (String, String), pairs: &mut Vec<(String, String)>| {
        pairs.retain(|(name, _)| *name != field.0);
        pairs.push(field);
    };
    put(field, pairs);
    if path.starts_with("weights.") {
        let (scenario, _) = Scenario::read(pairs, baseline);
        for (name, text) in balanced(&path, &scenario.policy, &baseline.config.policy) {
            browser::set_field(&name, &text);
            put((name, text), pairs);
        }
    }
}

/// All that depends on the fields.
fn result(start: &Start, pairs: &[(String, String)]) -> AnyView {
    let baseline = &start.baseline;
    let environment = &baseline.config.environment;
    let (scenario, errors) = Scenario::read(pairs, baseline);
    if !errors.is_empty() {
        return mistakes(start, errors.iter().map(what_if_words::mistake).collect());
    }
    let judged = scenario.judge(baseline);
    let (before, after) = (start.measured.assessment, judged.assessment);
    let restarts = (scenario.mode != baseline.config.mode || scenario.policy != baseline.config.policy).then_some(
        "Saved for real, another mode, limit, guardrail or weight starts stabilization anew: an Increase comes only once its conditions have held for that long.",
    );
    view! {
        <section class="panel" aria-label="Baseline and scenario">
            <div class="sides">
                {what_if_answers::side(Side::Baseline, &start.measured)}
                {what_if_answers::side(Side::Supposed, &judged)}
            </div>
            <p class="quiet">{restarts}</p>
            <p class="button-row">
                <a class="button" href=links::what_if(environment, &scenario.pairs(baseline))>
                    "Share this scenario"
                </a>
                <a class="button" href=links::settings_with(environment, &scenario.policy_pairs(baseline))>
                    "Use these limits and guardrails"
                </a>
                <a class="button" href=links::what_if(environment, &[])>
                    "Back to baseline"
                </a>
            </p>
        </section>
        <p class="what-if-bar" aria-hidden="true">
            <span class="mark mark-hypothetical">"Hypothetical"</span>
            <AnswerBadge answer=after.recommendation />
        </p>
        <section class="panel hypothetical" aria-labelledby="flips-title">
            <h2 id="flips-title">"What flips"</h2>
            {what_if_answers::flipped(flips(&before, &after), &before, &after)}
        </section>
        <section class="panel hypothetical" aria-labelledby="turns-title">
            <h2 id="turns-title">"Where the answer changes"</h2>
            {what_if_break_even::table(baseline, &judged)}
        </section>
    }
    .into_any()
}

/// The measured side beside what is wrong with the scenario.
fn mistakes(start: &Start, mistakes: Vec<String>) -> AnyView {
    view! {
        <section class="panel" aria-label="Baseline and scenario">
            <div class="sides">
                {what_if_answers::side(Side::Baseline, &start.measured)}
                {what_if_answers::unjudged(mistakes)}
            </div>
            <p class="button-row">
                <a class="button" href=links::what_if(&start.baseline.config.environment, &[])>
                    "Back to baseline"
                </a>
            </p>
        </section>
    }
    .into_any()
}
