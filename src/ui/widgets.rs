//! Owns the small parts that every panel is made of: badges, times, marks, tables that scroll by themselves.
//! Must not know rules or where a value comes from.

use super::icons::{self, Icon};
use super::{format, words};
use crate::domain::decision::Recommendation;
use crate::domain::input::InputState;
use crate::domain::interval::Outcome;
use crate::domain::policy::EnvironmentKind;
use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// The answer: shape, colour and word.
#[component]
pub fn AnswerBadge(answer: Recommendation) -> impl IntoView {
    view! {
        <span class=format!("badge answer-{}", answer.name())>
            <Icon shape=icons::answer(answer) />
            {words::answer(answer)}
        </span>
    }
}

/// Passed, failed or unknown: shape, colour and word.
#[component]
pub fn OutcomeBadge(outcome: Outcome) -> impl IntoView {
    view! {
        <span class=format!("badge outcome-{}", outcome.name())>
            <Icon shape=icons::outcome(outcome) />
            {words::outcome(outcome)}
        </span>
    }
}

/// How much is known of an input.
#[component]
pub fn StateBadge(state: InputState) -> impl IntoView {
    view! { <span class=format!("badge state-{}", state.name())>{words::state(state)}</span> }
}

/// A time in UTC, for people and for machines.
#[component]
pub fn TimeStamp(at: DateTime<Utc>) -> impl IntoView {
    view! { <time datetime=format::rfc3339(at)>{format::utc(at)}</time> }
}

/// A mark beside every group of numbers that are not live ones; nothing where they are.
#[component]
pub fn KindMark(kind: EnvironmentKind) -> impl IntoView {
    let word = match kind {
        EnvironmentKind::Live => return ().into_any(),
        EnvironmentKind::Recorded => "Recorded data",
        EnvironmentKind::Synthetic => "Synthetic data",
    };
    view! { <span class=format!("mark mark-{}", kind.name())>{word}</span> }.into_any()
}

/// The head of a panel: its heading, with the mark of the data's kind.
#[component]
pub fn PanelHead(title: &'static str, id: &'static str, kind: EnvironmentKind) -> impl IntoView {
    view! {
        <div class="panel-head">
            <h2 id=id>{title}</h2>
            <KindMark kind=kind />
        </div>
    }
}

/// A table that scrolls in a region of its own, which the keyboard reaches.
#[component]
pub fn TableRegion(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! {
        <div class="table-region" role="region" aria-label=label tabindex="0">
            {children()}
        </div>
    }
}

/// The environment that a form acts in.
#[component]
pub fn EnvironmentField(environment: String) -> impl IntoView {
    view! { <input type="hidden" name="environment" value=environment /> }
}
