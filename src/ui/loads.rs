//! Owns demand, utilisation and headroom: each as text, with a bar that marks the limit and what an Increase asks for.
//! Must not judge: every number and mark is a rule's of the snapshot.

use super::bars::{Bar, BarSpec, Mark};
use super::format::{self, Measure};
use super::rules;
use crate::domain::interval::Interval;
use crate::domain::rule::RuleId;
use crate::domain::snapshot::{Snapshot, SnapshotBody};
use crate::domain::wording::binding_words;
use leptos::prelude::*;
use std::sync::Arc;

/// Demand, utilisation and headroom, each as text with its bar.
#[component]
pub fn Loads(snapshot: Arc<Snapshot>) -> impl IntoView {
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
    let of_most =
        most.map(|most| if observed == format::UNKNOWN { format!("limit {most}") } else { format!("of {most}") });
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
    let bar = BarSpec { lo: share.lo(), hi: share.hi(), scale: 1.25, marks };
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
