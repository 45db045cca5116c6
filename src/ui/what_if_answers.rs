//! Owns the two answers side by side, what was found and what is supposed, and the rules that come out differently.
//! Must not judge: both sides are the engine's. The supposed side is marked in word, shape and colour.

use super::format::{self, Measure};
use super::widgets::{AnswerBadge, OutcomeBadge};
use super::{rules, words};
use crate::domain::decision::Assessment;
use crate::domain::policy::EnvironmentKind;
use crate::domain::scenario::{Flip, Judged};
use crate::domain::wording::binding_words;
use leptos::prelude::*;

/// Which side of the comparison an answer is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Baseline,
    Supposed,
}

/// One side: its answer and the numbers behind it.
pub fn side(side: Side, judged: &Judged) -> AnyView {
    let assessment = &judged.assessment;
    let health = &assessment.health;
    let (title, class, before) = match side {
        Side::Baseline => ("Baseline", "side", ""),
        Side::Supposed => ("Scenario", "side side-supposed", "Hypothetical: "),
    };
    // Invented data is no measurement either.
    let (mark_class, mark) = match (side, judged.config.kind) {
        (Side::Supposed, _) => ("mark mark-hypothetical", "Hypothetical"),
        (Side::Baseline, EnvironmentKind::Live) => ("mark mark-measured", "Measured"),
        (Side::Baseline, EnvironmentKind::Recorded) => ("mark mark-recorded", "Recorded data"),
        (Side::Baseline, EnvironmentKind::Synthetic) => ("mark mark-synthetic", "Synthetic data"),
    };
    let silenced = (assessment.ruled != assessment.recommendation).then(|| {
        format!(
            "Synthetic data decides nothing. By the rules alone the answer would be {}.",
            words::answer(assessment.ruled)
        )
    });
    let room = match judged.headroom.clients {
        0 => "none".to_owned(),
        1 => "1 more client".to_owned(),
        more => format!("{} more clients", format::whole(more)),
    };
    let rows = [
        ("Mode", words::mode(judged.config.mode).to_owned()),
        ("Overall health", format::interval(health.scores.overall, Measure::Points)),
        ("Infra health", format::interval(health.scores.infra_health, Measure::Points)),
        ("Demand", format::interval(health.demand, Measure::Share)),
        ("Utilisation", format::interval(health.utilisation.worst, Measure::Share)),
        ("Evidence complete to", format::completeness(health.confidence)),
        ("Safe headroom", room),
        ("Binds first", binding_words(&judged.headroom.binding).to_owned()),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, text)| {
            view! {
                <div>
                    <dt>{name}</dt>
                    <dd>{text}</dd>
                </div>
            }
        })
        .collect();
    view! {
        <article class=class>
            <h2>{title} " " <span class=mark_class>{mark}</span></h2>
            <div class="side-answer">
                <AnswerBadge answer=assessment.recommendation />
                <p>{before} {judged.verdict.clone()}</p>
            </div>
            <p class="quiet">{silenced}</p>
            <dl class="side-facts">{rows}</dl>
        </article>
    }
    .into_any()
}

/// The place of a scenario that has mistakes, each a sentence.
pub fn unjudged(mistakes: Vec<String>) -> AnyView {
    let mistakes: Vec<_> = mistakes.into_iter().map(|text| view! { <li>{text}</li> }).collect();
    view! {
        <article class="side side-supposed">
            <h2>"Scenario" " " <span class="mark mark-hypothetical">"Hypothetical"</span></h2>
            <div role="alert">
                <p>"This scenario cannot be judged:"</p>
                <ul class="mistakes">{mistakes}</ul>
            </div>
        </article>
    }
    .into_any()
}

/// The rules that come out differently in the scenario.
pub fn flipped(flips: Vec<Flip>, before: &Assessment, after: &Assessment) -> AnyView {
    let summary = match (flips.is_empty(), before.ruled == after.ruled) {
        (true, _) => "No rule comes out differently.",
        (_, true) => "The answer stays the same, but these rules come out differently.",
        (_, false) if after.synthetic => {
            "By the rules alone the answer changes; synthetic data decides nothing. These rules come out differently."
        }
        (_, false) => "The answer changes. These rules come out differently.",
    };
    let rows: Vec<_> = flips
        .into_iter()
        .map(|flip| {
            view! {
                <li>
                    <span>{rules::title_of(flip.rule)} " " <code class="note">{flip.rule.name()}</code></span>
                    <span class="flip">
                        <OutcomeBadge outcome=flip.before />
                        " → "
                        <OutcomeBadge outcome=flip.after />
                    </span>
                </li>
            }
            .into_any()
        })
        .collect();
    view! {
        <p class="quiet">{summary}</p>
        <ul class="flips">{rows}</ul>
    }
    .into_any()
}
