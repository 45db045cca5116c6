//! Owns the answer at one glance: the verdict, the mode on its track, the load against its limits, headroom, how
//! complete the evidence is and up to when it reaches. Must not judge: every number and mark is the snapshot's.

use super::loads::Loads;
use super::local_time::{Age, ReaderTime};
use super::mode_track::ModeTrack;
use super::widgets::{AnswerBadge, KindMark};
use super::{format, links};
use crate::domain::policy::Limits;
use crate::domain::snapshot::Snapshot;
use crate::views::overview::Overview;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn ScalingModeOverview(overview: Overview, limits: Limits, snapshot: Option<Arc<Snapshot>>) -> impl IntoView {
    let kind = overview.kind;
    let narrative = snapshot.as_ref().map(|snapshot| snapshot.body.narrative.clone());
    view! {
        <section id="answer" class="answer panel" aria-labelledby="answer-title">
            <div class="panel-head">
                <h1 id="answer-title">{format!("May {} safely take on more?", overview.environment)}</h1>
                <KindMark kind=kind />
            </div>
            <p class="verdict">
                <AnswerBadge answer=overview.recommendation />
                <span class="verdict-text">{overview.verdict.clone()}</span>
            </p>
            {narrative.map(|text| view! { <p class="narrative">{text}</p> })}
            <Freshness overview=overview.clone() />
            <ModeTrack limits=limits mode=overview.mode target=overview.target_mode clients=overview.clients />
            {snapshot.map(|snapshot| view! { <Loads snapshot=snapshot /> })}
        </section>
    }
    .into_any()
}

/// Up to when the data reaches and when the answer was computed: different facts, side by side.
#[component]
fn Freshness(overview: Overview) -> impl IntoView {
    let time = |at: Option<DateTime<Utc>>, otherwise: &'static str| match at {
        Some(at) => view! {
            <ReaderTime at=at />
            <Age />
        }
        .into_any(),
        None => otherwise.into_any(),
    };
    view! {
        <dl class="facts">
            <div>
                <dt>"Data through"</dt>
                <dd>{time(overview.data_through, "unknown: no source says up to when its data reaches")}</dd>
            </div>
            <div>
                <dt>"Answer computed"</dt>
                <dd>{time(overview.as_of, "not yet")}</dd>
            </div>
            <div>
                <dt>"Evidence"</dt>
                <dd>{confidence(overview.confidence)}</dd>
            </div>
            {overview
                .snapshot_id
                .map(|id| {
                    view! {
                        <div>
                            <dt>"Proof"</dt>
                            <dd>
                                <a href=links::snapshot(&id)>"The whole snapshot"</a>
                            </dd>
                        </div>
                    }
                })}
        </dl>
    }
    .into_any()
}

fn confidence(confidence: Option<f64>) -> String {
    confidence.map_or_else(
        || "unknown: nothing has been evaluated yet".to_owned(),
        |confidence| format!("complete to {}", format::completeness(confidence)),
    )
}
