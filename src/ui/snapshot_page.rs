//! Owns the page of one snapshot: the whole record of an evaluation, and how to prove it. Must not know how it is stored.

use super::decision_panel::DecisionPanel;
use super::local_time::ReaderTime;
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::scaling_health_scores_panel::ScalingHealthScoresPanel;
use super::snapshot_verification::SnapshotVerification;
use super::widgets::{AnswerBadge, KindMark};
use super::{format, links, words};
use crate::api;
use crate::domain::snapshot::Snapshot;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

#[component]
pub fn SnapshotPage() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    let snapshot = OnceResource::new_blocking(api::snapshot_page(id));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match snapshot.await {
                    Ok(snapshot) => view! { <SnapshotRecord snapshot=Arc::new(snapshot) /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn SnapshotRecord(snapshot: Arc<Snapshot>) -> impl IntoView {
    let environment = snapshot.body.environment.clone();
    let kind = snapshot.body.kind;
    let title = format!("Snapshot of {environment}, {} · Scaling Mode", format::utc(snapshot.body.as_of));
    view! {
        <Title text=title />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <KindBanner kind=kind />
            <Answer snapshot=snapshot.clone() />
            <DecisionPanel snapshot=snapshot.clone() />
            <ScalingHealthScoresPanel snapshot=snapshot.clone() policy=None />
            <SnapshotVerification snapshot=snapshot />
        </PageFrame>
    }
    .into_any()
}

#[component]
fn Answer(snapshot: Arc<Snapshot>) -> impl IntoView {
    let body = &snapshot.body;
    view! {
        <section class="answer panel" aria-labelledby="answer-title">
            <div class="panel-head">
                <h1 id="answer-title">
                    {format!("Snapshot of {}, ", body.environment)} <ReaderTime at=body.as_of />
                </h1>
                <KindMark kind=body.kind />
            </div>
            <p class="verdict">
                <AnswerBadge answer=body.recommendation />
                <span class="verdict-text">{body.verdict.clone()}</span>
            </p>
            <p class="narrative">{body.narrative.clone()}</p>
            <Record snapshot=snapshot.clone() />
        </section>
    }
    .into_any()
}

/// The facts of the record, each by its name.
#[component]
fn Record(snapshot: Arc<Snapshot>) -> impl IntoView {
    let body = &snapshot.body;
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let facts = [
        ("Mode", words::mode(body.mode).to_owned()),
        ("Frozen by the founder", yes_no(body.frozen)),
        ("Answer held", yes_no(body.held)),
        ("Made", words::origin(body.origin).to_owned()),
        ("Evidence complete to", format::completeness(body.confidence)),
        ("Inputs known whole", format::completeness(body.truth.completeness)),
        ("Engine version", body.engine_version.to_string()),
        ("Configuration version", body.config_version.to_string()),
    ];
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| {
            view! {
                <div>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            }
        })
        .collect();
    view! {
        <dl class="facts">{facts}</dl>
        <p>
            <a class="lone-link" href=links::compare_with_newest(&snapshot.id)>"Compare with the newest snapshot"</a>
        </p>
    }
    .into_any()
}
