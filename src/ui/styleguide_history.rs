//! Owns the lists of the styleguide: timeline, proposal, checklist, snapshots, charts; each filled and empty. Must not make
//! what they list.

use super::first_run_checklist::FirstRunChecklist;
use super::over_time_panel::{OverTimePanel, figure};
use super::page_error::ErrorSection;
use super::proposal_panel::ProposalPanel;
use super::scaling_mode_timeline::ScalingModeTimeline;
use super::snapshot_list::SnapshotList;
use super::styleguide_example::{Example, Section};
use super::styleguide_samples::{Sample, checklist, events, proposal};
use super::styleguide_snapshots::EXAMPLE;
use super::timeline_filter::TimelineQuery;
use crate::api::StyleguideCharts;
use crate::domain::policy::EnvironmentKind::{Live, Synthetic};
use crate::domain::policy::Windows;
use crate::domain::trend::{OverTime, Spans};
use crate::views::overview::SnapshotLine;
use leptos::prelude::*;

#[component]
pub fn Lists(samples: Vec<Sample>, spans: Spans) -> impl IntoView {
    let environment = || EXAMPLE.to_owned();
    let lines: Vec<SnapshotLine> =
        samples.iter().filter_map(|sample| sample.snapshot.as_ref()).map(SnapshotLine::of).collect();
    let proposal = proposal()
        .map(|proposal| view! { <ProposalPanel environment=environment() kind=Synthetic proposal=proposal /> });
    let asked = TimelineQuery { event_type: Some("frozen".to_owned()), ..TimelineQuery::default() };
    view! {
        <Section id="lists" title="Lists and panels">
            <Example id="proposal" title="An open proposal">
                {proposal}
            </Example>
            <Example id="checklist" title="Checklist: connected, stale, missing, not applicable">
                <FirstRunChecklist
                    environment=environment()
                    kind=Live
                    items=checklist()
                    base_url="http://localhost:3008".to_owned()
                    windows=Windows::default()
                />
            </Example>
            <Example id="timeline" title="Timeline: an event of each type">
                <ScalingModeTimeline
                    environment=environment()
                    kind=Synthetic
                    events=events()
                    next=Some(1)
                    asked=TimelineQuery::default()
                    spans=spans
                />
            </Example>
            <Example id="snapshots" title="Snapshots">
                <SnapshotList kind=Synthetic snapshots=lines />
            </Example>
        </Section>
        <Section id="empty" title="Empty states and errors">
            <Example id="timeline-empty" title="Timeline: nothing yet">
                <ScalingModeTimeline
                    environment=environment()
                    kind=Synthetic
                    events=Vec::new()
                    next=None
                    asked=TimelineQuery::default()
                    spans=Spans::default()
                />
            </Example>
            <Example id="timeline-none" title="Timeline: nothing matches">
                <ScalingModeTimeline
                    environment=environment()
                    kind=Synthetic
                    events=Vec::new()
                    next=None
                    asked=asked
                    spans=Spans::default()
                />
            </Example>
            <Example id="snapshots-empty" title="Snapshots: none yet">
                <SnapshotList kind=Synthetic snapshots=Vec::new() />
            </Example>
            <Example id="error" title="Page error">
                <ErrorSection
                    title="There is no such page".to_owned()
                    detail="The address leads nowhere.".to_owned()
                    advice="It may be mistyped; everything starts from the founder's page."
                />
            </Example>
        </Section>
    }
    .into_any()
}

/// The charts stand in no example of their own: their read-out finds them by their ids.
#[component]
pub fn Charts(charts: StyleguideCharts) -> impl IntoView {
    let calendar: Vec<_> = charts.calendar.into_iter().map(figure).collect();
    let empty = OverTime { charts: Vec::new(), points: Vec::new(), ..charts.over_time.clone() };
    view! {
        <Section id="charts" title="Charts and range choice">
            <OverTimePanel environment=EXAMPLE.to_owned() kind=Synthetic over_time=charts.over_time />
            <div class="panel">
                {calendar}
            </div>
            <Example id="charts-empty" title="Too little to draw">
                <OverTimePanel environment=EXAMPLE.to_owned() kind=Synthetic over_time=empty />
            </Example>
        </Section>
    }
    .into_any()
}
