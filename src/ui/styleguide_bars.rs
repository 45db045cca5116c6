//! Owns the bars, mode tracks and loads of the styleguide. Must not judge: loads are those of an example's snapshot.

use super::bars::{Bar, BarSpec, Mark};
use super::loads::Loads;
use super::mode_track::ModeTrack;
use super::styleguide_example::{Example, Section};
use super::styleguide_samples::Sample;
use crate::domain::input::Value;
use crate::domain::interval::Count;
use crate::domain::mode::Mode;
use crate::domain::policy::Limits;
use leptos::prelude::*;
use std::sync::Arc;

/// Each bar: its name, from where to where it goes.
const BARS: [(&str, f64, f64); 5] = [
    ("Known", 0.6, 0.6),
    ("A range", 0.4, 0.8),
    ("Unbounded", 0.5, f64::INFINITY),
    ("Over the limit", 1.15, 1.15),
    ("Zero", 0.0, 0.0),
];

#[component]
pub fn Bars() -> impl IntoView {
    let bars: Vec<_> = BARS
        .into_iter()
        .map(|(name, lo, hi)| {
            let bar = BarSpec { hi, lo, marks: vec![Mark::Limit(1.0), Mark::Guardrail(0.8)], scale: 1.25 };
            view! {
                <div class="guide-example">
                    <p class="guide-name">{name}</p>
                    <Bar bar=bar />
                </div>
            }
        })
        .collect();
    view! {
        <Section id="bars" title="Bars">
            <p class="quiet">"The solid line is a limit, the dashed line a guardrail; hatched is what is not known."</p>
            {bars}
        </Section>
    }
    .into_any()
}

/// A track: its name in ids, its name, the mode, where the answer points, the clients.
type Track = (&'static str, &'static str, Mode, Option<Mode>, Option<u64>);

const TRACKS: [Track; 6] = [
    ("track-lab", "Lab", Mode::Lab, None, Some(4)),
    ("track-pilot", "Pilot", Mode::Pilot, None, Some(12)),
    ("track-growth", "Growth", Mode::Growth, None, Some(30)),
    ("track-scale", "Scale", Mode::Scale, None, None),
    ("track-up", "Pilot, pointing to growth", Mode::Pilot, Some(Mode::Growth), Some(15)),
    ("track-down", "Growth, pointing to pilot", Mode::Growth, Some(Mode::Pilot), Some(12)),
];

#[component]
pub fn Tracks() -> impl IntoView {
    let tracks: Vec<_> = TRACKS
        .into_iter()
        .map(|(id, title, mode, target, clients)| {
            let clients = clients.map(|clients| Value::Count(Count::exactly(clients)));
            view! {
                <Example id=id title=title>
                    <ModeTrack limits=Limits::default() mode=mode target=target clients=clients />
                </Example>
            }
        })
        .collect();
    view! {
        <Section id="tracks" title="Mode track">
            {tracks}
        </Section>
    }
    .into_any()
}

#[component]
pub fn LoadExamples(samples: Vec<Sample>) -> impl IntoView {
    let loads: Vec<_> = samples
        .into_iter()
        .filter_map(|sample| Some((sample.name, sample.title, sample.snapshot?)))
        .map(|(name, title, snapshot)| {
            view! {
                <Example id=name title=title>
                    <Loads snapshot=Arc::new(snapshot) />
                </Example>
            }
        })
        .collect();
    view! {
        <Section id="loads" title="Loads">
            {loads}
        </Section>
    }
    .into_any()
}
