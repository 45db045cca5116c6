//! Owns what is read for a page or a reading endpoint: parameters checked by name, the store asked, views made.
//! Must not write anything.

use super::context::{self, config, state};
use super::parameters::{limit, out_of_range, range as range_of, time};
use super::{over_time, problem, timeline};
use crate::api::{HealthAnswer, SamplePage, SnapshotPage, SnapshotPair, WhatIfStart};
use crate::domain::explain::sample_words;
use crate::domain::input::InputState;
use crate::domain::policy::EnvironmentKind;
use crate::domain::signal::{Series, Severity, Signal};
use crate::domain::snapshot::Snapshot;
use crate::domain::stream::Span;
use crate::error::{Code, WireError};
use crate::server::store::{FounderPageQuery, ListedSnapshot, SourceSummary, TrendRange};
use crate::server::{charts, clock};
use crate::views::overview::{ChecklistItem, ClockJump, EnvironmentName, Overview, PageData, SampleLine};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use std::sync::Arc;

/// How many snapshots the page shows at once.
const PAGE_ROWS: u32 = 20;

/// `GET health`, by its `type`.
pub async fn health(
    environment: Option<String>,
    view: Option<String>,
    page_limit: Option<String>,
    before: Option<String>,
) -> Result<HealthAnswer, WireError> {
    // A parameter that this view does not use is checked all the same: a typo must not pass in silence.
    limit(page_limit.clone(), 50)?;
    before.as_deref().map(cursor).transpose()?;
    match view.as_deref().unwrap_or("overview") {
        "overview" => overview(environment).await.map(|overview| HealthAnswer::Overview(Box::new(overview))),
        "latest" => latest(environment).await.map(|snapshot| HealthAnswer::Latest(Box::new(snapshot))),
        "list" => list(environment, page_limit, before).await.map(HealthAnswer::List),
        _ => Err(out_of_range("type", "type must be overview, latest or list.")),
    }
}

/// The answer at one glance.
pub async fn overview(environment: Option<String>) -> Result<Overview, WireError> {
    let newest = context::newest(environment).await?;
    Ok(Overview::of(&newest.config, newest.snapshot.as_ref(), newest.proposal.clone()))
}

async fn latest(environment: Option<String>) -> Result<Snapshot, WireError> {
    let newest = context::newest(environment).await?;
    let snapshot = newest.snapshot.clone();
    snapshot.ok_or_else(|| WireError::new(Code::UnknownSnapshot, "Nothing has been evaluated here yet."))
}

async fn list(
    environment: Option<String>,
    page_limit: Option<String>,
    before: Option<String>,
) -> Result<SnapshotPage, WireError> {
    let limit = limit(page_limit, 50)?;
    let state = state()?;
    let config = config(environment).await?;
    let before = before.map(|text| cursor(&text)).transpose()?;
    // Where time goes on, what is of the future was recorded while a clock was ahead.
    let present = (config.kind == EnvironmentKind::Live).then(|| (clock::now() + clock::LEEWAY, String::new()));
    let before = before.or(present);
    let snapshots = state.store.snapshots(&config.environment, limit, before, None).await.map_err(problem::of_store)?;
    let next = (snapshots.len() == limit as usize)
        .then(|| snapshots.last())
        .flatten()
        .map(|last| format!("{}~{}", last.body.as_of.timestamp_millis(), last.id));
    Ok(SnapshotPage { next, snapshots })
}

/// Where a page of snapshots begins: the last one's time and id.
fn cursor(text: &str) -> Result<(DateTime<Utc>, String), WireError> {
    text.split_once('~')
        .and_then(|(at, id)| Some((DateTime::from_timestamp_millis(at.parse().ok()?)?, id.to_owned())))
        .ok_or_else(|| out_of_range("before", "before must be the next of the page before."))
}

/// Two snapshots of one environment, in the order of their time.
pub async fn pair(from: &str, to: Option<String>) -> Result<SnapshotPair, WireError> {
    let one = context::snapshot(from).await?;
    let other = match to.filter(|to| !to.is_empty()) {
        Some(to) => context::snapshot(&to).await?,
        None => latest(Some(one.body.environment.clone())).await?,
    };
    if one.body.environment != other.body.environment {
        return Err(out_of_range(
            "to",
            "The two snapshots are of different environments; there is nothing to compare.",
        ));
    }
    let (before, after) = if one.body.as_of <= other.body.as_of { (one, other) } else { (other, one) };
    Ok(SnapshotPair { after, before })
}

/// The samples behind a number.
pub async fn samples(
    environment: Option<String>,
    signal: String,
    severity: Option<String>,
    from: String,
    to: String,
) -> Result<SamplePage, WireError> {
    let series = series(&signal, severity)?;
    let needed = |field: &'static str, text: String| {
        time(field, Some(text))?
            .ok_or_else(|| out_of_range(field, format!("{field} is required, as an RFC 3339 time.")))
    };
    let span = Span { from: needed("from", from)?.timestamp_millis(), to: needed("to", to)?.timestamp_millis() };
    let state = state()?;
    let config = config(environment).await?;
    // The newest sample of a gauge is a window of no length: it is read as the sample at its end.
    let span = if span.from == span.to { Span { from: span.from - 1, ..span } } else { span };
    let stored = state.store.samples(&config.environment, series, span, 500).await.map_err(problem::of_store)?;
    let drawn: Vec<charts::Drawn<'_>> = stored
        .iter()
        .filter(|sample| !sample.is_distribution)
        .map(|sample| charts::Drawn {
            at: sample.at,
            source: &sample.source,
            value: sample.atoms as f64 / 10f64.powi(series.signal().unit().decimals().cast_signed()),
        })
        .collect();
    let chart = charts::samples(series.label(), &drawn);
    let samples = stored
        .into_iter()
        .map(|sample| SampleLine {
            at: sample.at,
            fetched_at: sample.fetched_at,
            value: sample_words(series, sample.atoms, sample.aggregation, sample.is_distribution),
            source: sample.source,
        })
        .collect();
    Ok(SamplePage {
        chart,
        environment: config.environment,
        kept_days: state.settings.raw_sample_days,
        kind: config.kind,
        samples,
    })
}

fn series(signal: &str, severity: Option<String>) -> Result<Series, WireError> {
    let known = || Signal::ALL.map(Signal::name).join(", ");
    let signal = Signal::from_name(signal)
        .ok_or_else(|| out_of_range("signal", format!("signal must be one of {}.", known())))?;
    let severity = match severity {
        None => None,
        Some(name) => Some(
            Severity::ALL
                .into_iter()
                .find(|severity| severity.name() == name)
                .ok_or_else(|| out_of_range("severity", "severity must be info, warning or critical."))?,
        ),
    };
    Series::of(signal, severity)
        .ok_or_else(|| out_of_range("severity", "warnings.open needs a severity; the others have none."))
}

/// All that the founder's page shows.
pub async fn page(
    environment: Option<String>,
    asked: timeline::Asked,
    range: Option<String>,
) -> Result<PageData, WireError> {
    let range = range_of(range)?;
    let state = state()?;
    let name = context::name(environment);
    let reader = context::identity()?;
    let known = state.drawn.find(&name, range);
    let lines = state.lines.known(&name);
    let now = clock::now();
    let query = FounderPageQuery {
        drawn: known.as_ref().map(|(at, _)| *at),
        event_rows: timeline::PAGE_ROWS,
        events: timeline::page_filter(asked)?,
        known: lines.keys().cloned().collect(),
        snapshots: PAGE_ROWS,
        // The charts end with the minute, so that every page within it shows the same ones.
        trend: TrendRange { now: now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now), range },
    };
    let read = context::founder_page(&name, &query).await?;
    let over_time = match (read.trend, known) {
        (None, Some((_, drawn))) => drawn,
        (trend, _) => {
            let trend = trend.unwrap_or_default();
            let drawn = Arc::new(over_time::draw(&read.config, &read.span, trend));
            state.drawn.keep(&name, (read.head, read.span.to), drawn.clone());
            drawn
        }
    };
    let snapshots = state.lines.of(&name, &read.snapshots, &lines);
    let snapshot = read.snapshots.into_iter().next().and_then(|newest| match newest {
        ListedSnapshot::Read(snapshot) => Some(*snapshot),
        ListedSnapshot::Known(_) => None,
    });
    Ok(PageData {
        base_url: context::base_url(),
        checklist: checklist(&read.sources, snapshot.as_ref()),
        clock: state.clock.jump().map(|jump| ClockJump { at: jump.at, words: jump.words() }),
        environments: read
            .environments
            .into_iter()
            .filter(|environment| reader.sees(&environment.name))
            .map(|environment| EnvironmentName { kind: environment.kind, name: environment.name })
            .collect(),
        events_next: timeline::next(&read.events, timeline::PAGE_ROWS),
        events: read.events,
        // What happens while the page is made is told to it afterwards.
        head: read.head,
        now,
        overview: Overview::of(&read.config, snapshot.as_ref(), read.proposal),
        snapshot,
        snapshots,
        over_time: (*over_time).clone(),
        config: read.config,
    })
}

/// What a what-if starts from.
pub async fn what_if(environment: Option<String>) -> Result<WhatIfStart, WireError> {
    let newest = context::newest(environment).await?;
    Ok(WhatIfStart { config: newest.config.clone(), snapshot: newest.snapshot.clone() })
}

/// Each signal: whether it is connected, by whom, and how the newest evaluation saw it.
fn checklist(sources: &[SourceSummary], snapshot: Option<&Snapshot>) -> Vec<ChecklistItem> {
    Series::ALL
        .into_iter()
        .map(|series| {
            let own: Vec<&SourceSummary> = sources.iter().filter(|source| source.series == series).collect();
            let input = snapshot.and_then(|snapshot| {
                snapshot
                    .body
                    .inputs
                    .iter()
                    .find(|input| input.signal == series.signal() && input.severity == series.severity())
            });
            ChecklistItem {
                connected: !own.is_empty(),
                data_through: own.iter().filter_map(|source| source.data_through).max(),
                severity: series.severity(),
                signal: series.signal(),
                sources: own.iter().map(|source| source.source.clone()).collect(),
                state: input.map_or(InputState::Missing, |input| input.state),
                unit: series.signal().unit(),
            }
        })
        .collect()
}
