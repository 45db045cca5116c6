//! Owns the founder's page: what it asks the server for and how its panels are arranged. Must not hold a rule.

use super::actions_panel::ActionsPanel;
use super::command_palette::CommandPalette;
use super::decision_panel::DecisionPanel;
use super::environment_switcher::EnvironmentSwitcher;
use super::first_run_checklist::{FirstRunChecklist, FirstRunChecklistProps};
use super::live_page::LivePage;
use super::notice_region::NoticeRegion;
use super::on_this_page::OnThisPage;
use super::over_time_panel::OverTimePanel;
use super::page_banners::PageBanners;
use super::page_commands::commands;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::page_script::MadeWith;
use super::proposal_panel::ProposalPanel;
use super::scaling_health_scores_panel::ScalingHealthScoresPanel;
use super::scaling_mode_overview::ScalingModeOverview;
use super::scaling_mode_timeline::ScalingModeTimeline;
use super::snapshot_list::SnapshotList;
use super::timeline_filter::TimelineQuery;
use super::visitor::{OpenBanner, Visitor};
use super::words;
use crate::api::{self, FounderPage};
use crate::domain::access::Permission;
use crate::domain::consequence::Load;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use std::sync::Arc;

#[component]
pub fn ScalingModePage() -> impl IntoView {
    let query = use_query_map();
    let query = query.read_untracked();
    let asked = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let timeline = TimelineQuery {
        actor: asked("actor"),
        before: asked("before").and_then(|before| before.parse().ok()),
        event_type: asked("type"),
        from: asked("from"),
        to: asked("to"),
    };
    let page = OnceResource::new_blocking(api::founder_page(
        asked("environment"),
        asked("before"),
        timeline.event_type.clone(),
        timeline.actor.clone(),
        timeline.from.clone(),
        timeline.to.clone(),
        asked("range"),
        asked("notice"),
    ));
    let timeline = StoredValue::new(timeline);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Panels page=page timeline=timeline.get_value() /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Panels(page: FounderPage, timeline: TimelineQuery) -> impl IntoView {
    let data = page.data;
    let environment = data.config.environment.clone();
    let kind = data.config.kind;
    let spans = data.over_time.spans.clone();
    let title = format!("{} · {} · Scaling Mode", words::answer(data.overview.recommendation), environment);
    let snapshot = data.snapshot.clone().map(Arc::new);
    let load = data.snapshot.as_ref().map_or(Load::UNKNOWN, Load::of);
    let policy = data
        .snapshot
        .as_ref()
        .filter(|snapshot| snapshot.body.as_of >= data.config.policy_since)
        .map(|_| data.config.policy.clone());
    let checklist = FirstRunChecklistProps {
        environment: environment.clone(),
        kind,
        items: data.checklist.clone(),
        base_url: data.base_url.clone(),
        windows: data.config.policy.windows,
    };
    // Where nothing is connected, connecting is the first thing to do; later it is the last.
    let is_first_run = !data.checklist.iter().any(|item| item.connected);
    let (checklist_first, checklist_last) =
        if is_first_run { (Some(checklist), None) } else { (None, Some(checklist)) };
    let switcher = view! {
        <CommandPalette commands=commands(&environment, &data.environments) />
        <EnvironmentSwitcher environments=data.environments.clone() current=environment.clone() />
    }
    .into_any();
    let made = MadeWith { at: data.now.timestamp_millis(), newest: data.head };
    let may_change_mode = Visitor::here().may(Permission::ChangeMode, &environment);
    let proposal = data.overview.proposal.clone().filter(|_| may_change_mode).map(|proposal| {
        view! { <ProposalPanel environment=environment.clone() kind=kind proposal=proposal /> }
    });
    let proof = snapshot.clone().map(|snapshot| {
        view! {
            <DecisionPanel snapshot=snapshot.clone() />
            <ScalingHealthScoresPanel snapshot=snapshot policy=policy />
        }
    });
    view! {
        <Title text=title />
        <PageFrame aside=Some(switcher) follow=Some((environment.clone(), made))>
            <LivePage environment=environment.clone() />
            <NoticeRegion notice=page.notice />
            <OpenBanner />
            <PageBanners data=data.clone() />
            <ScalingModeOverview
                overview=data.overview
                limits=data.config.policy.limits
                snapshot=snapshot
            />
            <div id="proposal-place">{proposal}</div>
            <OnThisPage environment=environment.clone() has_proof=proof.is_some() />
            {checklist_first.map(FirstRunChecklist)}
            {proof}
            <ActionsPanel config=data.config load=load />
            <OverTimePanel environment=environment.clone() kind=kind over_time=data.over_time />
            <ScalingModeTimeline
                environment=environment
                kind=kind
                events=data.events
                next=data.events_next
                asked=timeline
                spans=spans
            />
            <SnapshotList kind=kind snapshots=data.snapshots />
            {checklist_last.map(FirstRunChecklist)}
        </PageFrame>
    }
    .into_any()
}
