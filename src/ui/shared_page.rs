//! Owns what somebody from outside is shown: the door of a share link, and what was shared. Must not know what was not.

use super::format::{self, Measure};
use super::links;
use super::notice_region::NoticeRegion;
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::widgets::{AnswerBadge, TableRegion, TimeStamp};
use super::words;
use crate::api::{self, ShareView};
use crate::domain::access::{Shared, SharedAnswer, SharedEvent, SharedScore, SharedView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

/// What somebody with a link sees first.
#[component]
pub fn ShareDoorPage() -> impl IntoView {
    let link = use_params_map().read_untracked().get("secret").unwrap_or_default();
    let notice = use_query_map().read_untracked().get("notice");
    let page = OnceResource::new_blocking(api::share_page(link.clone(), notice));
    let link = StoredValue::new(link);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(view) => door(view, link.get_value()),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

fn door(view: ShareView, link: String) -> AnyView {
    let passphrase = view.has_passphrase.then(|| {
        view! {
            <label for="share-passphrase">"Passphrase"</label>
            <input
                id="share-passphrase"
                name="passphrase"
                type="password"
                required
                autocomplete="off"
                maxlength="256"
            />
        }
    });
    view! {
        <Title text="Shared with you · Scaling Mode" />
        <PageFrame>
            <NoticeRegion notice=view.notice />
            <section class="panel narrow" aria-labelledby="share-title">
                <h1 id="share-title">"Shared with you"</h1>
                <p>"Somebody shares figures of their service with you. Opening them is noted."</p>
                <form method="post" action=links::form("open-share") class="access-form">
                    <input type="hidden" name="link" value=link />
                    {passphrase}
                    <button type="submit" class="button button-primary">
                        "Open"
                    </button>
                </form>
                <p class="quiet">"This link can be opened until " <TimeStamp at=view.expires_at /> "."</p>
            </section>
        </PageFrame>
    }
    .into_any()
}

/// The shared figures.
#[component]
pub fn SharedPage() -> impl IntoView {
    let environment = use_query_map().read_untracked().get("environment");
    let page = OnceResource::new_blocking(api::shared_page(environment));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(shared) => shown(shared),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

fn shown(shared: Shared) -> AnyView {
    let shows = |view: SharedView| shared.views.contains(&view);
    let answer = shows(SharedView::Answer).then(|| answer(shared.answer.as_ref()));
    let scores = shows(SharedView::Scores).then(|| scores(&shared.scores));
    let timeline = shows(SharedView::Timeline).then(|| timeline(&shared.events));
    let period = match (shared.from, shared.to) {
        (None, None) => "All of its time".to_owned(),
        (from, to) => {
            let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
            let last = to.map(|to| to - chrono::Duration::milliseconds(1));
            format!("From {} to {}", from.map_or("its beginning".to_owned(), day), last.map_or("now".to_owned(), day))
        }
    };
    view! {
        <Title text=format!("{} · shared · Scaling Mode", shared.environment) />
        <PageFrame>
            <KindBanner kind=shared.kind />
            <h1>{shared.environment.clone()}</h1>
            <p class="quiet">{period} ". As of " <TimeStamp at=shared.now /></p>
            {answer}
            {scores}
            {timeline}
        </PageFrame>
    }
    .into_any()
}

fn answer(answer: Option<&SharedAnswer>) -> AnyView {
    let body = match answer {
        None => view! { <p>"Nothing was answered in this time."</p> }.into_any(),
        Some(answer) => view! {
            <p>
                <AnswerBadge answer=answer.recommendation />
                {format!(" in {}", answer.mode.name())}
                {answer.target_mode.map(|target| format!(", to {}", target.name()))}
                {answer.frozen.then_some(", frozen by the founder")}
            </p>
            <p class="quiet">"Answered " <TimeStamp at=answer.as_of /></p>
        }
        .into_any(),
    };
    view! {
        <section class="panel" aria-labelledby="shared-answer">
            <h2 id="shared-answer">"The answer"</h2>
            {body}
        </section>
    }
    .into_any()
}

fn scores(scores: &[SharedScore]) -> AnyView {
    let rows: Vec<_> = scores
        .iter()
        .map(|score| {
            view! {
                <tr>
                    <th scope="row">{score.name.clone()}</th>
                    <td>{format::interval(score.value, Measure::Points)}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <section class="panel" aria-labelledby="shared-scores">
            <h2 id="shared-scores">"Scores, 0 to 100"</h2>
            <p class="quiet">"A range says what is not known: the value lies in it whatever the missing data turn out to be."</p>
            <TableRegion label="Scores">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Score"</th>
                            <th scope="col">"Value"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        </section>
    }
    .into_any()
}

fn timeline(events: &[SharedEvent]) -> AnyView {
    let lines: Vec<_> = events
        .iter()
        .map(|event| {
            let modes =
                event.old_mode.zip(event.new_mode).map(|(old, new)| format!(": {} to {}", old.name(), new.name()));
            view! {
                <li>
                    <TimeStamp at=event.at />
                    " "
                    {words::event(event.event_type)}
                    {modes}
                </li>
            }
        })
        .collect();
    let body = if lines.is_empty() {
        view! { <p>"Nothing was changed in this time."</p> }.into_any()
    } else {
        view! { <ul>{lines}</ul> }.into_any()
    };
    view! {
        <section class="panel" aria-labelledby="shared-timeline">
            <h2 id="shared-timeline">"Timeline"</h2>
            {body}
        </section>
    }
    .into_any()
}
