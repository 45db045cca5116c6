//! Owns the founder's page: what it asks the server for and how its panels are arranged. Must not hold a rule.

use super::actions_panel::ActionsPanel;
use super::decision_panel::DecisionPanel;
use super::environment_switcher::EnvironmentSwitcher;
use super::first_run_checklist::{FirstRunChecklist, FirstRunChecklistProps};
use super::notice_region::NoticeRegion;
use super::on_this_page::OnThisPage;
use super::page_banners::PageBanners;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::proposal_panel::ProposalPanel;
use super::scaling_health_scores_panel::ScalingHealthScoresPanel;
use super::scaling_mode_overview::ScalingModeOverview;
use super::scaling_mode_timeline::ScalingModeTimeline;
use super::snapshot_list::SnapshotList;
use super::trend_chart::TrendChart;
use super::words;
use crate::api::{self, FounderPage};
use crate::domain::consequence::Load;
use crate::domain::history::EventType;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use std::sync::Arc;

#[component]
pub fn ScalingModePage() -> impl IntoView {
    let query = use_query_map();
    let query = query.read_untracked();
    let asked = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let before = asked("before").and_then(|before| before.parse().ok());
    let event_type = asked("type");
    let filter = event_type.as_deref().and_then(EventType::from_name);
    let page = OnceResource::new_blocking(api::founder_page(
        asked("environment"),
        asked("before"),
        event_type,
        asked("notice"),
    ));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Panels page=page filter=filter before=before /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Panels(page: FounderPage, filter: Option<EventType>, before: Option<u64>) -> impl IntoView {
    let data = page.data;
    let environment = data.config.environment.clone();
    let kind = data.config.kind;
    let title = format!("{} · {} · Scaling Mode", words::answer(data.overview.recommendation), environment);
    let snapshot = data.snapshot.clone().map(Arc::new);
    let load = data.snapshot.as_ref().map_or(Load::UNKNOWN, Load::of);
    let policy = data
        .snapshot
        .as_ref()
        .filter(|snapshot| snapshot.body.as_of >= data.config.policy_since)
        .map(|_| data.config.policy.clone());
    let checklist = FirstRunChecklistProps { environment: environment.clone(), kind, items: data.checklist.clone() };
    // Where nothing is connected, connecting is the first thing to do; later it is the last.
    let is_first_run = !data.checklist.iter().any(|item| item.connected);
    let (checklist_first, checklist_last) =
        if is_first_run { (Some(checklist), None) } else { (None, Some(checklist)) };
    let switcher =
        view! { <EnvironmentSwitcher environments=data.environments.clone() current=environment.clone() /> }.into_any();
    let proposal = data.overview.proposal.clone().map(|proposal| {
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
        <PageFrame aside=Some(switcher)>
            <NoticeRegion notice=page.notice />
            <PageBanners data=data.clone() />
            <ScalingModeOverview
                overview=data.overview
                limits=data.config.policy.limits
                snapshot=snapshot
                now=data.now
            />
            {proposal}
            <OnThisPage environment=environment.clone() has_proof=proof.is_some() />
            {checklist_first.map(FirstRunChecklist)}
            {proof}
            <ActionsPanel config=data.config load=load />
            <TrendChart kind=kind svg=data.trend_svg snapshots=data.snapshots.clone() />
            <ScalingModeTimeline
                environment=environment
                kind=kind
                events=data.events
                next=data.events_next
                filter=filter
                before=before
            />
            <SnapshotList kind=kind snapshots=data.snapshots />
            {checklist_last.map(FirstRunChecklist)}
        </PageFrame>
    }
    .into_any()
}
