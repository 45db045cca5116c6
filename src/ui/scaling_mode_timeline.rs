//! Owns the timeline: the spans of modes and what happened in them, newest first, page by page.
//! Must not know how events are chained or stored; it shows the hash so that it can be checked elsewhere.

use super::event_words::change_words;
use super::local_time::ReaderTime;
use super::timeline_filter::{TimelineFilter, TimelineQuery};
use super::widgets::PanelHead;
use super::{format, links, words};
use crate::domain::history::Event;
use crate::domain::policy::EnvironmentKind;
use crate::domain::trend::Spans;
use leptos::prelude::*;

#[component]
pub fn ScalingModeTimeline(
    environment: String,
    kind: EnvironmentKind,
    events: Vec<Event>,
    /// Where the next page begins.
    next: Option<u64>,
    asked: TimelineQuery,
    /// The modes and freezes of the time that the charts show.
    spans: Spans,
) -> impl IntoView {
    let rows: Vec<_> = events.iter().map(row).collect();
    let list = if rows.is_empty() {
        let text = if asked.is_narrowed() {
            "No such events here."
        } else {
            "Nothing has happened yet. Every act and every changed answer will stand here."
        };
        view! { <p>{text}</p> }.into_any()
    } else {
        view! { <ol class="timeline">{rows}</ol> }.into_any()
    };
    let page = |before| links::timeline(&environment, &TimelineQuery { before, ..asked.clone() });
    let newest = asked.before.map(|_| view! { <a href=page(None)>"Newest events"</a> });
    let older = next.map(|next| view! { <a rel="next" href=page(Some(next))>"Older events"</a> });
    view! {
        <section id="history" class="panel" aria-labelledby="history-title">
            <PanelHead title="History" id="history-title" kind=kind />
            <SpanList spans=spans />
            <TimelineFilter environment=environment.clone() asked=asked.clone() />
            {list}
            <nav class="pager" aria-label="Pages of the history">
                {newest}
                {older}
            </nav>
        </section>
    }
    .into_any()
}

/// How long each mode and freeze has lasted, oldest first.
#[component]
fn SpanList(spans: Spans) -> impl IntoView {
    let modes = spans.modes.iter().map(|span| {
        let length = format::length(span.to - span.from);
        view! { <li class=format!("span span-{}", span.mode)>{words::mode(span.mode)} " " <span class="quiet">{length}</span></li> }
            .into_any()
    });
    let freezes = spans.freezes.iter().map(|span| {
        let length = format::length(span.to - span.from);
        view! { <li class="span span-frozen">"Frozen " <span class="quiet">{length}</span></li> }.into_any()
    });
    let spans: Vec<_> = modes.chain(freezes).collect();
    view! {
        <ol class="spans" aria-label="Modes, oldest first, then freezes, in the time that the charts show">
            {spans}
        </ol>
    }
    .into_any()
}

fn row(event: &Event) -> AnyView {
    let snapshot = event.snapshot_id.as_ref().map(|id| {
        let label = format!("Snapshot of event {}", event.seq);
        view! { <a href=links::snapshot(id) aria-label=label>"Snapshot"</a> }
    });
    let class = format!("event event-{}", event.event_type.name());
    let link = links::event(&event.environment, event.seq);
    view! {
        <li class=class id=format!("event-{}", event.seq)>
            <p class="event-title">
                <strong>{words::event(event.event_type)}</strong>
                {change_words(event).map(|change| view! { <span class="event-change">{change}</span> })}
                {snapshot}
            </p>
            {event.reason.as_ref().map(|reason| view! { <p class="event-reason">{reason.clone()}</p> })}
            <p class="quiet">
                <ReaderTime at=event.at />
                {format!(" · by {} · ", event.actor)}
                <a href=link>{format!("event {}", event.seq)}</a>
                " · "
                <code title=event.hash.clone()>{event.hash.chars().take(10).collect::<String>()}</code>
            </p>
        </li>
    }
    .into_any()
}
