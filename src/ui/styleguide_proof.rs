//! Owns the decision, the scores and the inputs of the styleguide. Must not make a snapshot: the samples do.

use super::decision_panel::DecisionPanel;
use super::inputs_table::InputsTable;
use super::scaling_health_scores_panel::ScalingHealthScoresPanel;
use super::styleguide_example::{Example, Section};
use super::styleguide_samples::Sample;
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn Proofs(samples: Vec<Sample>) -> impl IntoView {
    let panels: Vec<_> = samples
        .into_iter()
        .filter_map(|sample| {
            let snapshot = Arc::new(sample.snapshot?);
            let inputs = snapshot.body.inputs.clone();
            let environment = snapshot.body.environment.clone();
            let policy = Some(sample.config.policy);
            Some(view! {
                <Example id=sample.name title=sample.title>
                    <DecisionPanel snapshot=snapshot.clone() />
                    <ScalingHealthScoresPanel snapshot=snapshot policy=policy />
                    <InputsTable environment=environment caption="Inputs, each in its state" inputs=inputs />
                </Example>
            })
        })
        .collect();
    view! {
        <Section id="proofs" title="Rules, scores and inputs">
            {panels}
        </Section>
    }
    .into_any()
}
