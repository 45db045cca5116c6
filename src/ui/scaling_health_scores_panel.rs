//! Owns the panel of scores: each a range on its bar against its guardrail, opening to formula, inputs and samples.
//! Must not judge a score: outcomes and lines are the snapshot's rules.

use super::bars::{Bar, BarSpec, Mark};
use super::format;
use super::inputs_table::InputsTable;
use super::rules;
use super::score_parts::parts_table;
use super::scores::Score;
use super::widgets::{OutcomeBadge, PanelHead};
use super::words;
use crate::domain::input::InputState;
use crate::domain::policy::Policy;
use crate::domain::snapshot::{Snapshot, SnapshotBody};
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn ScalingHealthScoresPanel(
    snapshot: Arc<Snapshot>,
    /// The policy in force, where the snapshot was made under it.
    policy: Option<Policy>,
) -> impl IntoView {
    let body = &snapshot.body;
    let scores: Vec<_> = Score::ALL.into_iter().map(|score| detail(score, body, policy.as_ref())).collect();
    let inputs = body.inputs.clone();
    view! {
        <section id="health" class="panel" aria-labelledby="health-title">
            <PanelHead title="Health scores" id="health-title" kind=body.kind />
            <p class="quiet">
                "Each score is the range of what is possible with the evidence at hand. Hatched: not known. Dashed line: guardrail. Open one for its proof."
            </p>
            <div class="scores">{scores}</div>
            <details id="inputs" class="all-inputs">
                <summary>{format!("All {} inputs", inputs.len())}</summary>
                <div class="details-body">
                    <InputsTable
                        environment=body.environment.clone()
                        caption="All inputs of the snapshot, today's totals included"
                        inputs=inputs
                    />
                </div>
            </details>
        </section>
    }
    .into_any()
}

fn detail(score: Score, body: &SnapshotBody, policy: Option<&Policy>) -> AnyView {
    let range = score.range(body);
    let marked = || score.marked().iter().filter_map(|id| rules::find(body, *id));
    let marks = marked()
        .filter_map(|rule| rule.threshold)
        .map(|threshold| Mark::Guardrail(format::plain(threshold) * score.points()))
        .collect();
    let outcome = rules::find(body, score.rule()).map(|rule| view! { <OutcomeBadge outcome=rule.outcome /> });
    let lines: Vec<_> = marked()
        .map(|rule| {
            view! {
                <li>
                    <OutcomeBadge outcome=rule.outcome />
                    {format!("{}: {}, asked for {}.", rules::title(rule), rules::observed(rule), rules::asked(rule))}
                </li>
            }
        })
        .collect();
    let inputs: Vec<_> = body.inputs.iter().filter(|input| score.reads(input)).cloned().collect();
    let proof = if inputs.is_empty() {
        parts_table(body)
    } else {
        view! { <InputsTable environment=body.environment.clone() caption=inputs_caption(score) inputs=inputs /> }
            .into_any()
    };
    let bar = BarSpec { lo: range.lo(), hi: range.hi(), scale: 100.0, marks };
    view! {
        <details id=score.id() class="score">
            <summary>
                <span class="score-name">
                    {score.title()} <span class="quiet">{format!(" {}", score.direction())}</span>
                </span>
                <span class="score-range">{score.points_text(body)}</span>
                <Bar bar=bar />
                {outcome}
            </summary>
            <div class="details-body" id=format!("{}-proof", score.id())>
                <p>{score.formula(policy)}</p>
                <ul class="plain">{lines}</ul>
                {unknown(score, body, policy)}
                {proof}
            </div>
        </details>
    }
    .into_any()
}

/// The unknown part of a score, and what that costs in confidence.
fn unknown(score: Score, body: &SnapshotBody, policy: Option<&Policy>) -> Option<AnyView> {
    let width = score.range(body).width();
    if width <= 0.0 {
        return None;
    }
    let mut names: Vec<String> = body
        .inputs
        .iter()
        .filter(|input| score.reads(input) && !matches!(input.state, InputState::Known | InputState::NotApplicable))
        .map(|input| {
            format!("{} ({})", words::signal(input.signal, input.severity), words::state(input.state).to_lowercase())
        })
        .collect();
    names.dedup();
    let missing = match names.as_slice() {
        [] => "What is not known of its parts".to_owned(),
        names => format!("Not known whole: {}. That", names.join(", ")),
    };
    let points = |value: f64| format::range_width(value);
    let cost = match (score, policy.map(|policy| score.weight(policy))) {
        (Score::Overall, _) => format!("{missing} costs {} points of confidence.", points(width)),
        (_, Some(weight)) => format!(
            "{missing} costs {} points of confidence: a range {} points wide, weighed {weight:.2}.",
            points(width * weight),
            points(width)
        ),
        (_, None) => format!("{missing} leaves a range {} points wide.", points(width)),
    };
    Some(view! { <p class="cost">{cost}</p> }.into_any())
}

const fn inputs_caption(score: Score) -> &'static str {
    match score {
        Score::Overall => "Parts of overall health",
        Score::Infra => "Inputs of infra health",
        Score::AiCost => "Inputs of AI cost pressure",
        Score::Warnings => "Inputs of warning density",
        Score::Churn => "Inputs of churn risk",
    }
}
