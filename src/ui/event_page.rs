//! Owns the page of one event: everything that its hash covers, and its neighbours in the chain. Must not check a chain.

use super::event_words::change_words;
use super::local_time::ReaderTime;
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::widgets::KindMark;
use super::{links, words};
use crate::api::{self, EventView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

#[component]
pub fn EventPage() -> impl IntoView {
    let seq = use_params_map().read_untracked().get("seq").unwrap_or_default();
    let environment = use_query_map().read_untracked().get("environment");
    let event = OnceResource::new_blocking(api::event_page(environment, seq));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match event.await {
                    Ok(view) => view! { <EventRecord view=view /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn EventRecord(view: EventView) -> impl IntoView {
    let EventView { event, kind, next } = view;
    let environment = event.environment.clone();
    let title = words::event(event.event_type);
    let before = (event.seq > 1).then(|| {
        let link = links::event(&environment, event.seq - 1);
        view! { <a rel="prev" href=link>{format!("Event {}", event.seq - 1)}</a> }
    });
    let after = next.map(|seq| {
        let link = links::event(&environment, seq);
        view! { <a rel="next" href=link>{format!("Event {seq}")}</a> }
    });
    let snapshot = event.snapshot_id.as_ref().map(|id| {
        view! {
            <div>
                <dt>"Snapshot"</dt>
                <dd>
                    <a href=links::snapshot(id)>{id.clone()}</a>
                </dd>
            </div>
        }
    });
    let address = event.address.clone().map(|address| {
        view! {
            <div>
                <dt>"From"</dt>
                <dd>
                    <code>{address}</code>
                </dd>
            </div>
        }
    });
    let digest = event.digest.as_ref().map(|digest| hash("Digest of what it speaks of", digest));
    view! {
        <Title text=format!("{title}, event {} of {environment} · Scaling Mode", event.seq) />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <KindBanner kind=kind />
            <section class="panel" aria-labelledby="event-title">
                <div class="panel-head">
                    <h1 id="event-title">{title}</h1>
                    <KindMark kind=kind />
                </div>
                <p class="event-change">{change_words(&event)}</p>
                {event.reason.clone().map(|reason| view! { <p>{reason}</p> })}
                <dl class="facts">
                    <div>
                        <dt>"When"</dt>
                        <dd>
                            <ReaderTime at=event.at />
                        </dd>
                    </div>
                    <div>
                        <dt>"By"</dt>
                        <dd>{event.actor.clone()}</dd>
                    </div>
                    {address}
                    <div>
                        <dt>"Place in the chain"</dt>
                        <dd>{event.seq.to_string()}</dd>
                    </div>
                    {snapshot}
                </dl>
                <dl class="digests">
                    {digest} {hash("Hash of the event before", &event.prev_hash)} {hash("Hash of this event", &event.hash)}
                </dl>
                <p class="quiet">
                    "The hash covers everything above and the hash before it. "<code>"scaling-mode verify"</code>
                    " checks the whole chain."
                </p>
                <nav class="pager" aria-label="Neighbours in the chain">
                    {before}
                    {after}
                </nav>
            </section>
        </PageFrame>
    }
    .into_any()
}

fn hash(name: &'static str, value: &str) -> AnyView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>
                <code>{value.to_owned()}</code>
            </dd>
        </div>
    }
    .into_any()
}
