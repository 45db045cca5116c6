//! Owns the page of an environment's sources: which speak, for which signals, how much of the last day they cover, and what is
//! wrong with those that do not. Must not know how a source is reached.

use super::closing_form::{EndClient, OpenAlerts};
use super::format;
use super::links;
use super::local_time::Age;
use super::notice_region::NoticeRegion;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::page_script::MadeWith;
use super::source_form::{AddSignal, AddSource, RemoveSource, RetireSource};
use super::visitor::{NotYours, Visitor};
use super::widgets::{EnvironmentField, KindMark, TableRegion, TimeStamp};
use super::words;
use crate::api;
use crate::domain::access::Permission;
use crate::domain::connection::{CELLS, ConnectedSignal, Connection, ConnectionState, Connections};
use crate::domain::source::FIELDS;
use crate::views::source_form::SourceForm;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ConnectionsPage() -> impl IntoView {
    let query = use_query_map().read_untracked().clone();
    let environment = query.get("environment");
    let entered = FIELDS.into_iter().filter_map(|name| Some((name.to_owned(), query.get(name)?))).collect();
    let (notice, to) = (query.get("notice"), query.get("to"));
    let form = OnceResource::new_blocking(api::source_form(environment.clone(), notice, to, entered));
    let connections = OnceResource::new_blocking(api::connections_page(environment, query.get("after"), None));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match (connections.await, form.await) {
                    (Ok(connections), Ok(form)) => view! { <Shown connections=connections form=form /> }.into_any(),
                    (Err(error), _) | (_, Err(error)) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Shown(connections: Connections, form: SourceForm) -> impl IntoView {
    let Connections { as_of, config, connections, next, prices_version, total } = connections;
    let environment = config.environment.clone();
    // Nothing is followed; ages count from here.
    let made = MadeWith { at: as_of.timestamp_millis(), newest: 0 };
    let may_add = Visitor::here().may(Permission::AddSources, &environment);
    let is_empty = total == 0;
    let shown = connections.len() as u64;
    let pages = (shown < total).then(|| {
        view! {
            <nav class="pages" aria-label="Pages of connections">
                <span class="quiet">{format!("{shown} of {total} sources")}</span>
                " "
                <a href=links::connections(&environment)>"First page"</a>
                {next.map(|name| view! { " " <a href=links::connections_after(&environment, &name)>"Next page"</a> })}
            </nav>
        }
    });
    let panels: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(place, connection)| panel(&environment, place, &connection, &form))
        .collect();
    view! {
        <Title text=format!("Connections of {environment} · Scaling Mode") />
        <PageFrame follow=Some((String::new(), made))>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <NoticeRegion notice=form.notice.clone() />
            <section class="panel" aria-labelledby="connections-title">
                <div class="panel-head">
                    <h1 id="connections-title">{format!("Connections of {environment}")}</h1>
                    <KindMark kind=config.kind />
                </div>
                <p>
                    "Where each number comes from, and how much of the last day it covers. A source that is silent or fails leaves its signals unknown; it never counts as zero and stops no other."
                </p>
                <p class="quiet">
                    "As of " <TimeStamp at=as_of />
                    {prices_version.map(|version| format!(". Prices of AI models: {version}"))}
                </p>
                {is_empty
                    .then(|| {
                        view! {
                            <p>
                                "Nothing has been sent yet. "
                                <a href=format!("{}#connect", links::page(&environment))>
                                    "How to connect each signal"
                                </a>
                            </p>
                        }
                    })}
            </section>
            {panels}
            {pages}
            {if may_add {
                view! { <AddSource environment=environment form=form /> }.into_any()
            } else {
                view! { <NotYours permission=Permission::AddSources /> }.into_any()
            }}
        </PageFrame>
    }
    .into_any()
}

const fn state_words(state: ConnectionState) -> (&'static str, &'static str) {
    match state {
        ConnectionState::Failing => ("Failing", "outcome-failed"),
        ConnectionState::Late => ("Late", "outcome-unknown"),
        ConnectionState::Receiving => ("Receiving", "outcome-passed"),
        ConnectionState::Waiting => ("Nothing yet", "outcome-unknown"),
    }
}

fn panel(environment: &str, place: usize, connection: &Connection, form: &SourceForm) -> AnyView {
    let (state, class) = state_words(connection.state);
    let title = format!("source-{place}");
    let labelled_by = title.clone();
    let way = match &connection.asking {
        Some(asking) => format!("Asked every {} s: {}", asking.every_seconds, asking.address),
        None if connection.failure.is_some() => "Not asked".to_owned(),
        None => "Sends by itself".to_owned(),
    };
    let failure = connection.failure.as_ref().map(|failure| {
        view! {
            <div class="banner banner-stale" role="status">
                <p>
                    <strong>{format!("{} failed: ", connection.name)}</strong>
                    {failure.problem.clone()}
                    ". "
                    {failure.cure.clone()}
                    " "
                    <code>{failure.code.clone()}</code>
                </p>
            </div>
        }
    });
    let notice = connection.notice.as_ref().map(|notice| {
        view! {
            <div class="banner banner-stale" role="status">
                <p>
                    <strong>{format!("{} answers, but ", connection.name)}</strong>
                    {notice.clone()}
                    "."
                </p>
            </div>
        }
    });
    let visitor = Visitor::here();
    let may_add = visitor.may(Permission::AddSources, environment);
    let may_operate = visitor.may(Permission::OperateSources, environment);
    let test = (connection.asking.is_some() && may_operate).then(|| {
        view! {
            <form method="post" action=links::form("ask-source")>
                <EnvironmentField environment=environment.to_owned() />
                <input type="hidden" name="source" value=connection.name.clone() />
                <button type="submit" class="button">{format!("Ask {} now", connection.name)}</button>
            </form>
        }
    });
    let changes = (connection.is_added && may_operate).then(|| {
        let name = connection.name.clone();
        view! {
            {may_add
                .then(|| {
                    view! {
                        <AddSignal environment=environment.to_owned() place=place source=name.clone() form=form.clone() />
                    }
                })}
            <RemoveSource environment=environment.to_owned() place=place source=name />
        }
    });
    let sends_by_itself = connection.asking.is_none() && !connection.is_added;
    let retiring = (sends_by_itself && may_add).then(|| {
        let name = connection.name.clone();
        view! { <RetireSource environment=environment.to_owned() place=place source=name /> }
    });
    let alerts = (!connection.alerts.is_empty()).then(|| {
        let (alerts, name) = (connection.alerts.clone(), connection.name.clone());
        let environment = environment.to_owned();
        view! { <OpenAlerts alerts=alerts environment=environment may_close=may_add place=place source=name /> }
    });
    let ending = (connection.has_subscriptions && may_add).then(|| {
        let name = connection.name.clone();
        view! { <EndClient environment=environment.to_owned() place=place source=name /> }
    });
    let rows: Vec<_> = connection.signals.iter().map(row).collect();
    view! {
        <section class="panel connection" aria-labelledby=labelled_by>
            <div class="panel-head">
                <h2 id=title>{connection.name.clone()}</h2>
                <span class=format!("badge {class}")>{state}</span>
            </div>
            <p class="quiet">
                {way}
                {connection
                    .succeeded_at
                    .map(|at| view! { ". Last answered " <TimeStamp at=at /> })}
            </p>
            {failure}
            {notice}
            {(!rows.is_empty())
                .then(|| {
                    view! {
                        <TableRegion label=format!("Signals of {}", connection.name)>
                            <table>
                                <caption>"Darker is covered; the right end is now"</caption>
                                <thead>
                                    <tr>
                                        <th scope="col">"Signal"</th>
                                        <th scope="col">"Data through"</th>
                                        <th scope="col">"Fetched at"</th>
                                        <th scope="col">"Last 24 h"</th>
                                    </tr>
                                </thead>
                                <tbody>{rows}</tbody>
                            </table>
                        </TableRegion>
                    }
                })}
            {alerts}
            {test}
            {ending}
            {changes}
            {retiring}
        </section>
    }
    .into_any()
}

fn row(signal: &ConnectedSignal) -> AnyView {
    let time = |at: Option<DateTime<Utc>>| match at {
        Some(at) => view! {
            <TimeStamp at=at />
            <Age />
        }
        .into_any(),
        None => format::UNKNOWN.into_any(),
    };
    let unpriced = (!signal.unpriced.is_empty())
        .then(|| view! { <span class="quiet">{format!("no price for {}", signal.unpriced.join(", "))}</span> });
    let uncounted: Vec<_> = signal
        .uncounted
        .iter()
        .map(|one| view! { <span class="quiet">{format!("Not all counted: {}. {}", one.problem, one.cure)}</span> })
        .collect();
    view! {
        <tr>
            <th scope="row">
                {words::signal(signal.signal, signal.severity)}
                {(!signal.is_fresh)
                    .then(|| view! { " " <span class="badge state-stale">"too old to count"</span> })}
                {unpriced}
                {uncounted}
            </th>
            <td>{time(signal.data_through)}</td>
            <td>{time(signal.fetched_at)}</td>
            <td>
                {strip(signal)}
                <span class="quiet">{format!("{:.0} % covered", signal.covered())}</span>
            </td>
        </tr>
    }
    .into_any()
}

/// The last day in quarters of an hour: full where all of it is covered.
fn strip(signal: &ConnectedSignal) -> AnyView {
    let cells: Vec<_> = signal
        .cells
        .iter()
        .enumerate()
        .filter(|(_, covered)| **covered > 0)
        .map(|(place, covered)| {
            view! {
                <rect
                    x=place.to_string()
                    y="0"
                    width="1"
                    height="12"
                    fill-opacity=format!("{:.2}", 0.25 + f64::from(*covered) / 100.0 * 0.75)
                ></rect>
            }
        })
        .collect();
    view! {
        <svg
            class="strip"
            viewBox=format!("0 0 {CELLS} 12")
            preserveAspectRatio="none"
            role="img"
            aria-label=format!("{:.0} % of the last 24 hours covered", signal.covered())
        >
            {cells}
        </svg>
    }
    .into_any()
}
