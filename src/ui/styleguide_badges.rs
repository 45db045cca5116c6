//! Owns the badges, marks and buttons of the styleguide, each in every state. Must not know where they are used.

use super::styleguide_example::Section;
use super::widgets::{AnswerBadge, KindMark, OutcomeBadge, StateBadge};
use crate::domain::decision::Recommendation;
use crate::domain::input::InputState;
use crate::domain::interval::Outcome;
use crate::domain::policy::EnvironmentKind;
use leptos::prelude::*;

const STATES: [InputState; 7] = [
    InputState::Known,
    InputState::Partial,
    InputState::Stale,
    InputState::Missing,
    InputState::Contradictory,
    InputState::Synthetic,
    InputState::NotApplicable,
];

#[component]
pub fn Badges() -> impl IntoView {
    let answers = Recommendation::ALL.map(|answer| view! { <AnswerBadge answer=answer /> });
    let outcomes =
        [Outcome::Passed, Outcome::Failed, Outcome::Unknown].map(|outcome| view! { <OutcomeBadge outcome=outcome /> });
    let states = STATES.map(|state| view! { <StateBadge state=state /> });
    let kinds = [EnvironmentKind::Synthetic, EnvironmentKind::Recorded].map(|kind| view! { <KindMark kind=kind /> });
    view! {
        <Section id="badges" title="Badges and marks">
            <h3>"Answers"</h3>
            <p class="guide-row">{answers}</p>
            <h3>"Outcomes of rules"</h3>
            <p class="guide-row">{outcomes}</p>
            <h3>"What is known of an input"</h3>
            <p class="guide-row">{states}</p>
            <h3>"Marks of data that is not live or not measured"</h3>
            <p class="guide-row">
                {kinds} <span class="mark mark-hypothetical">"Hypothetical"</span>
                <span class="mark mark-measured">"Measured"</span>
                <span class="mark">"not the default"</span>
            </p>
        </Section>
    }
    .into_any()
}

#[component]
pub fn Buttons() -> impl IntoView {
    view! {
        <Section id="buttons" title="Buttons">
            <div class="button-row">
                <button type="button" class="button">
                    "Default"
                </button>
                <button type="button" class="button button-primary">
                    "Primary"
                </button>
                <button type="button" class="button button-danger">
                    "Danger"
                </button>
                <button type="button" class="button" aria-pressed="true">
                    "Pressed"
                </button>
                <button type="button" class="button" aria-pressed="false">
                    "Not pressed"
                </button>
                <button type="button" class="button" disabled>
                    "Disabled"
                </button>
                <button type="button" class="button button-primary" disabled>
                    "Primary, disabled"
                </button>
                <a class="button" href="#guide-buttons">
                    "A link"
                </a>
            </div>
        </Section>
    }
    .into_any()
}
