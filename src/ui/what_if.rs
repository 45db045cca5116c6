//! Owns the what-if itself: both answers, what flips, break-even. The server draws them for the scenario of the address; at every change of
//! a field the browser judges again with the engine and puts a new result in the place of the old one. It never writes into the old
//! one: a translation or an extension can have replaced its parts. Must not hold a rule.

use super::what_if_answers::{self, Side};
use super::widgets::AnswerBadge;
use super::{browser, links, what_if_break_even, what_if_watch, what_if_words};
use crate::domain::baseline::{Baseline, SentBaseline};
use crate::domain::scenario::{Judged, MODE, Scenario, balanced, flips};
use leptos::leptos_dom::helpers::debounce;
use leptos::prelude::*;
use leptos::tachys::view::Mountable;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, Event, HtmlInputElement};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// What every result starts from.
pub struct Start {
    baseline: Baseline,
    measured: Judged,
}

impl Start {
    pub fn of(baseline: Baseline) -> Start {
        let measured = Scenario::unchanged(&baseline).judge(&baseline);
        Start { baseline, measured }
    }
}

/// Lets the fields work in the browser. The result and the fields are the server's markup, and are not taken over.
#[island]
pub fn WhatIf(
    /// The measured side, as it travels.
    sent: SentBaseline,
    /// The scenario: what the address changes, by name.
    pairs: Vec<(String, String)>,
    /// The result and the fields.
    children: Children,
) -> impl IntoView {
    let mut sent = Some((sent, pairs));
    Effect::new(move |_| {
        if let Some((sent, pairs)) = sent.take()
            && let Some(baseline) = sent.read()
        {
            attach(Desk { pairs, start: Start::of(baseline) });
        }
    });
    view! { <div class="what-if">{children()}</div> }
}

/// What somebody tries.
struct Desk {
    pairs: Vec<(String, String)>,
    start: Start,
}

impl Desk {
    /// The address of the scenario; nothing while it has mistakes.
    fn address(&self) -> Option<String> {
        let baseline = &self.start.baseline;
        let (scenario, errors) = Scenario::read(&self.pairs, baseline);
        errors.is_empty().then(|| links::what_if(&baseline.config.environment, &scenario.pairs(baseline)))
    }

    /// Judges the scenario and puts a new result in the place of the old one. The page counts as live only once it shows what
    /// was judged: if anything ends this on the way, the page says that it is not.
    fn show(&self) {
        let owner = Owner::new();
        let view = owner.with(|| result(&self.start, &self.pairs));
        let Ok(place) = document().create_element("div") else { return };
        owner.with(|| view.build().mount(&place, None));
        what_if_watch::put(&place);
    }
}

fn attach(desk: Desk) {
    let Some(around) = browser::elements(".what-if").into_iter().next() else { return };
    let typed = typed_before();
    let desk = Rc::new(RefCell::new(desk));
    let saved = desk.clone();
    let mut save = debounce(Duration::from_millis(250), move |()| {
        if let Some(address) = saved.borrow().address() {
            browser::replace_address(&address);
        }
    });
    if !typed.is_empty() {
        let desk = &mut *desk.borrow_mut();
        for field in typed {
            enter(field, &mut desk.pairs, &desk.start.baseline);
        }
        save(());
    }
    desk.borrow().show();
    let save = RefCell::new(save);
    browser::on(&around, "input", move |event: Event| {
        let started = browser::now();
        if let Some(field) = browser::changed_field(&event) {
            what_if_watch::mark_behind();
            let mut desk = desk.borrow_mut();
            let desk = &mut *desk;
            enter(field, &mut desk.pairs, &desk.start.baseline);
            desk.show();
            browser::measure("what-if", started);
            (save.borrow_mut())(());
        }
    });
}

/// Texts that were entered before the script came, as on a slow network.
fn typed_before() -> Vec<(String, String)> {
    let fields = browser::elements(".what-if-form input[type=number]").into_iter().filter_map(|field| {
        let field: HtmlInputElement = field.unchecked_into();
        let (shown, now) = (field.default_value(), field.value());
        // A field shows nothing of a text that is no number: nobody has emptied it.
        let is_emptied = shown.as_bytes().first().is_some_and(u8::is_ascii_digit);
        (now != shown && (is_emptied || !now.is_empty())).then(|| (field.name(), now))
    });
    let mode = document().get_element_by_id(MODE).and_then(|field: Element| {
        let shown = field.query_selector("option[selected]").ok().flatten()?.get_attribute("value")?;
        // A select has the same property.
        let chosen = field.unchecked_into::<HtmlInputElement>().value();
        (chosen != shown).then(|| (MODE.to_owned(), chosen))
    });
    fields.chain(mode).collect()
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
pub fn result(start: &Start, pairs: &[(String, String)]) -> AnyView {
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
