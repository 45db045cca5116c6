//! Owns the choice of events: by type, actor and time, as a plain GET form. Must not filter anything itself.

use super::widgets::EnvironmentField;
use super::{links, words};
use crate::domain::history::EventType;
use leptos::prelude::*;

/// Which events are asked for, as the address has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimelineQuery {
    pub actor: Option<String>,
    /// Events before this one: not the newest page.
    pub before: Option<u64>,
    pub event_type: Option<String>,
    /// The first day, as date fields write it.
    pub from: Option<String>,
    /// The last day.
    pub to: Option<String>,
}

impl TimelineQuery {
    /// Whether anything narrows the events.
    pub fn is_narrowed(&self) -> bool {
        *self != TimelineQuery::default()
    }
}

#[component]
pub fn TimelineFilter(environment: String, asked: TimelineQuery) -> impl IntoView {
    let all = links::timeline(&environment, &TimelineQuery::default());
    let clear = asked.is_narrowed().then(|| view! { <a class="lone-link" href=all>"All events"</a> });
    let options: Vec<_> = EventType::ALL
        .into_iter()
        .map(|event_type| {
            view! {
                <option value=event_type.name() selected=asked.event_type.as_deref() == Some(event_type.name())>
                    {words::event(event_type)}
                </option>
            }
        })
        .collect();
    view! {
        <form method="get" action=format!("{}#history", links::PAGE) class="inline-form" role="search" aria-label="Which events">
            <EnvironmentField environment=environment />
            <span class="field">
                <label for="history-type">"Events"</label>
                <select id="history-type" name="type">
                    <option value="">"All but snapshots"</option>
                    {options}
                </select>
            </span>
            <span class="field">
                <label for="history-actor">"By"</label>
                <input
                    id="history-actor"
                    name="actor"
                    type="text"
                    size="12"
                    maxlength="200"
                    autocomplete="off"
                    value=asked.actor
                />
            </span>
            <span class="field">
                <label for="history-from">"From"</label>
                <input id="history-from" name="from" type="date" value=asked.from />
            </span>
            <span class="field">
                <label for="history-to">"To"</label>
                <input id="history-to" name="to" type="date" value=asked.to />
            </span>
            <button type="submit" class="button">
                "Show"
            </button>
            {clear}
        </form>
    }
    .into_any()
}
