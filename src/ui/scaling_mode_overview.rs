//! Owns the answer at one glance: the verdict, the mode on its track, the load against its limits, headroom, how
//! complete the evidence is and up to when it reaches. Must not judge: every number and mark is the snapshot's.

use super::bars::{Bar, BarSpec, Mark};
use super::local_time::ReaderTime;
use super::mode_track::ModeTrack;
use super::rules;
use super::widgets::{AnswerBadge, KindMark};
use super::{format, links, words};
use crate::domain::decision::RuleId;
use crate::domain::interval::Interval;
use crate::domain::overview::Overview;
use crate::domain::policy::Limits;
use crate::domain::snapshot::{Snapshot, SnapshotBody};
use crate::domain::wording::binding_words;
use chrono::{DateTime, Utc};
use format::Measure;
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn ScalingModeOverview(
    overview: Overview,
    limits: Limits,
    snapshot: Option<Arc<Snapshot>>,
    now: DateTime<Utc>,
) -> impl IntoView {
    let kind = overview.kind;
    let narrative = snapshot.as_ref().map(|snapshot| snapshot.body.narrative.clone());
    let blocked = snapshot.as_ref().and_then(|snapshot| snapshot.body.truth.blocked.clone());
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
            {blocked
                .map(|blocked| {
                    view! {
                        <p class="narrative">
                            {format!("{} was held back: {}", words::answer(blocked.recommendation), blocked.reason)}
                        </p>
                    }
                })}
            <Freshness overview=overview.clone() now=now />
            <ModeTrack limits=limits mode=overview.mode target=overview.target_mode clients=overview.clients />
            {snapshot.map(|snapshot| view! { <Loads snapshot=snapshot /> })}
        </section>
    }
    .into_any()
}

/// Up to when the data reaches and when the answer was computed: different facts, side by side.
#[component]
fn Freshness(overview: Overview, now: DateTime<Utc>) -> impl IntoView {
    let time = |at: Option<DateTime<Utc>>, otherwise: &'static str| match at {
        Some(at) => view! {
            <ReaderTime at=at />
            <span class="age">{format::ago(now, at)}</span>
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

/// Demand, utilisation and headroom, each as text with its bar.
#[component]
fn Loads(snapshot: Arc<Snapshot>) -> impl IntoView {
    let body = &snapshot.body;
    let demand = load("Demand", body, RuleId::OverLimitClients, body.demand, RuleId::IncreaseDemand, Measure::CLIENTS);
    let posts = body.utilisation.posts.map(|posts| {
        load("Posts, trailing day", body, RuleId::OverLimitPosts, posts, RuleId::IncreaseUtilisation, Measure::POSTS)
    });
    let spend = load(
        "AI spend, trailing day",
        body,
        RuleId::OverLimitAiSpend,
        body.utilisation.ai_spend,
        RuleId::IncreaseUtilisation,
        Measure::Money,
    );
    let headroom = &body.headroom;
    let room = match headroom.clients {
        0 => "No room for more clients".to_owned(),
        1 => "Room for 1 more client".to_owned(),
        more => format!("Room for {} more clients", format::whole(more)),
    };
    let binding = binding_words(&headroom.binding);
    view! {
        <div class="loads">
            {demand}
            {posts} {spend}
            <div class="load">
                <h3>"Safe headroom"</h3>
                <p class="load-number">{room}</p>
                <p class="quiet">
                    {format!("Binds first: {binding}. ")}
                    "Arithmetic on today's measured averages for each client, in the worst case of what is not known; no forecast."
                </p>
            </div>
        </div>
        <p class="quiet">"On the bars, the solid line is the limit, the dashed line what an Increase asks for; hatched is what is not known."</p>
    }
    .into_any()
}

/// One load: what was measured of how much, as a share, on a bar that marks the limit and the guardrail.
fn load(
    title: &'static str,
    body: &SnapshotBody,
    limit: RuleId,
    share: Interval,
    guardrail: RuleId,
    measure: Measure,
) -> AnyView {
    let rule = rules::find(body, limit);
    let observed = rule.and_then(|rule| rule.observed).map(|value| format::value(value, measure));
    let observed = observed.unwrap_or_else(|| format::UNKNOWN.to_owned());
    let most = rule.and_then(|rule| rule.threshold).map(|threshold| format::threshold(threshold, measure));
    let of_most = most.map(|most| if observed == format::UNKNOWN { format!("limit {most}") } else { format!("of {most}") });
    let part = match format::interval(share, Measure::Share) {
        text if text == format::UNKNOWN => "Its share of the limit is unknown. ".to_owned(),
        text => format!("{text} of the limit. "),
    };
    let line = rules::find(body, guardrail).and_then(|rule| rule.threshold).map(format::plain);
    let mut marks = vec![Mark::Limit(1.0)];
    marks.extend(line.map(Mark::Guardrail));
    let asks = line.map(|line| match guardrail {
        RuleId::IncreaseDemand => format!("An Increase asks for at least {}.", format::share(line)),
        _ => format!("An Increase asks for at most {}.", format::share(line)),
    });
    let bar = BarSpec {
        lo: share.lo(),
        hi: share.hi(),
        scale: 1.25,
        marks,
    };
    view! {
        <div class="load">
            <h3>{title}</h3>
            <p class="load-number">
                {observed} " " <span class="quiet">{of_most}</span>
            </p>
            <Bar bar=bar />
            <p class="quiet">{part} {asks}</p>
        </div>
    }
    .into_any()
}
