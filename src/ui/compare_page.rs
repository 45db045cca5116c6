//! Owns the page that sets two snapshots side by side: what moved, which rule flipped. Must not compare: the domain does.

use super::format::{self, Measure};
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::widgets::{AnswerBadge, OutcomeBadge, PanelHead, StateBadge, TableRegion, TimeStamp};
use super::{links, rules, words};
use crate::api;
use crate::domain::comparison::{InputChange, Moved, Number, RuleChange, compare};
use crate::domain::input::Input;
use crate::domain::snapshot::Snapshot;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ComparePage() -> impl IntoView {
    let query = use_query_map();
    let query = query.read_untracked();
    let pair = OnceResource::new_blocking(api::compare_page(query.get("from").unwrap_or_default(), query.get("to")));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match pair.await {
                    Ok(pair) => view! { <Compared before=pair.before after=pair.after /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Compared(before: Snapshot, after: Snapshot) -> impl IntoView {
    let comparison = compare(&before, &after);
    let environment = after.body.environment.clone();
    let kind = after.body.kind;
    let rules: Vec<_> = comparison.rules.iter().map(rule_row).collect();
    let moved: Vec<_> = comparison.moved.iter().map(moved_row).collect();
    let inputs: Vec<_> = comparison.inputs.iter().map(input_row).collect();
    let flipped = comparison.rules.iter().filter(|rule| rule.flipped).count();
    let lead = match (flipped, before.body.recommendation == after.body.recommendation) {
        (0, true) => "The answer is the same, and no rule flipped.".to_owned(),
        (1, same) => format!("{} 1 rule flipped.", answer_words(same)),
        (count, same) => format!("{} {count} rules flipped.", answer_words(same)),
    };
    let policy = (before.body.config_version != after.body.config_version).then(|| {
        format!(
            "The configuration changed in between, from version {} to {}.",
            before.body.config_version, after.body.config_version
        )
    });
    view! {
        <Title text=format!("Two snapshots of {environment} · Scaling Mode") />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <KindBanner kind=kind />
            <section class="panel" aria-labelledby="compare-title">
                <div class="panel-head">
                    <h1 id="compare-title">{format!("Two snapshots of {environment}")}</h1>
                </div>
                <p>{lead} " " {policy}</p>
                <div class="pair">
                    <Side title="Before" snapshot=before />
                    <Side title="After" snapshot=after />
                </div>
            </section>
            <section class="panel" aria-labelledby="rules-title">
                <PanelHead title="Rules" id="rules-title" kind=kind />
                {table("Rules that flipped or have another threshold", ["Rule", "Before", "After"], rules, "No rule flipped.")}
            </section>
            <section class="panel" aria-labelledby="moved-title">
                <PanelHead title="Scores and load" id="moved-title" kind=kind />
                {table("Scores and loads that moved", ["Number", "Before", "After"], moved, "No score and no load moved.")}
            </section>
            <section class="panel" aria-labelledby="inputs-title">
                <PanelHead title="Inputs" id="inputs-title" kind=kind />
                {table("Inputs that changed", ["Input", "Before", "After"], inputs, "No input changed.")}
            </section>
        </PageFrame>
    }
    .into_any()
}

const fn answer_words(same: bool) -> &'static str {
    if same { "The answer is the same." } else { "The answer changed." }
}

#[component]
fn Side(title: &'static str, snapshot: Snapshot) -> impl IntoView {
    let body = &snapshot.body;
    view! {
        <div class="pair-side">
            <h2>{title}</h2>
            <p>
                <a class="lone-link" href=links::snapshot(&snapshot.id)>
                    <TimeStamp at=body.as_of />
                </a>
            </p>
            <p>
                <AnswerBadge answer=body.recommendation />
                " in "
                {words::mode(body.mode)}
            </p>
            <p>{body.verdict.clone()}</p>
        </div>
    }
}

fn table(caption: &'static str, heads: [&'static str; 3], rows: Vec<AnyView>, none: &'static str) -> AnyView {
    if rows.is_empty() {
        return view! { <p>{none}</p> }.into_any();
    }
    let heads: Vec<_> = heads.into_iter().map(|head| view! { <th scope="col">{head}</th> }).collect();
    view! {
        <TableRegion label=caption>
            <table>
                <caption>{caption}</caption>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

fn rule_row(change: &RuleChange) -> AnyView {
    let side = |rule: &crate::domain::snapshot::Rule| {
        view! {
            <td>
                <OutcomeBadge outcome=rule.outcome />
                <span class="note">{format!("{}, asked for {}", rules::observed(rule), rules::asked(rule))}</span>
            </td>
        }
    };
    view! {
        <tr>
            <th scope="row">{rules::title(&change.after)}</th>
            {side(&change.before)}
            {side(&change.after)}
        </tr>
    }
    .into_any()
}

fn moved_row(moved: &Moved) -> AnyView {
    let (name, measure) = match moved.name {
        Number::Overall => ("Overall health", Measure::Points),
        Number::InfraHealth => ("Infra health", Measure::Points),
        Number::AiCostPressure => ("AI cost pressure", Measure::Points),
        Number::WarningDensity => ("Warning density", Measure::Points),
        Number::ChurnRisk => ("Churn risk", Measure::Points),
        Number::Demand => ("Demand", Measure::Share),
        Number::Utilisation => ("Fullest of posts and AI spend", Measure::Share),
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td class="number">{format::interval(moved.before, measure)}</td>
            <td class="number">{format::interval(moved.after, measure)}</td>
        </tr>
    }
    .into_any()
}

fn input_row(change: &InputChange) -> AnyView {
    let side = |input: &Option<Input>| match input {
        None => view! { <td>"not there"</td> }.into_any(),
        Some(input) => {
            let value = input
                .value
                .map_or_else(|| format::UNKNOWN.to_owned(), |value| format::value(value, words::measure(input.unit)));
            view! {
                <td>
                    {value} " " <StateBadge state=input.state />
                    <span class="note">{input.source.clone().unwrap_or_else(|| "no source".to_owned())}</span>
                </td>
            }
            .into_any()
        }
    };
    let name = change
        .after
        .as_ref()
        .or(change.before.as_ref())
        .map_or("", |input| words::signal(input.signal, input.severity));
    let window = change.after.as_ref().or(change.before.as_ref()).map(|input| words::window(&input.window));
    view! {
        <tr>
            <th scope="row">{name} <span class="note">{window}</span></th>
            {side(&change.before)}
            {side(&change.after)}
        </tr>
    }
    .into_any()
}
