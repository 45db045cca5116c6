//! Owns asking a founder's database for all that it has since it was last asked, and again for what may have come late. Must not
//! know how it is reached. A signal whose statement fails stops none of the others.

use super::{PARTS, Pull, Remembered, not_stored};
use crate::domain::asked_notes::{Unread, UnreadKind};
use crate::domain::history::{EventType, NewEvent};
use crate::domain::money::Usd;
use crate::domain::signal::{Kind, Series};
use crate::domain::stream::Span;
use crate::domain::table_rows::{self, Asked, RefusedRow};
use crate::domain::telemetry::{AcceptedBatch, Measurement};
use crate::server::config::DatabaseUrl;
use crate::server::revision;
use crate::server::sources::outgoing::AskError;
use crate::server::sources::sql::{Answer, CompleteThrough, Engine, Session, SqlQuestion};
use crate::server::store::StoredSample;
use chrono::{DateTime, Duration, DurationRound, Utc};

/// The longest stretch that is asked for at once.
const LONGEST: Duration = Duration::days(1);
/// What is told again within this time has only just come in; later, it is a revision that the history speaks of.
const SETTLED: Duration = Duration::hours(1);
/// Samples that are compared with what a statement says now.
const COMPARED: u32 = 200_000;
/// Who revises, in the history.
const ACTOR: &str = "source";

pub(super) struct Database<'a> {
    pub engine: Engine,
    pub late: Duration,
    pub questions: &'a [SqlQuestion],
    pub url: &'a DatabaseUrl,
}

pub(super) async fn ask(
    pull: Pull<'_>,
    asked: Option<DateTime<Utc>>,
    database: Database<'_>,
    remembered: &mut Remembered,
) -> Result<(), AskError> {
    let url = database.url.reveal()?;
    let mut session = Session::open(database.engine, &url, &pull.source.allowed).await?;
    remembered.new.role.clone_from(&session.notice);
    let minute = |at: DateTime<Utc>| at.duration_trunc(Duration::minutes(1)).unwrap_or(at);
    let to = minute(pull.now);
    let from = minute(asked.map_or(pull.now - pull.source.backfill, |asked| asked - database.late));
    let mut first_failure = None;
    for question in database.questions {
        let done = ask_one(pull, &mut session, question, (from, to), remembered).await;
        let done = done.map_err(|error| named(question, error));
        if let Err(error) = done {
            // A statement that failed has ended its transaction: the others are asked in one of their own.
            session.close().await;
            first_failure.get_or_insert(error);
            session = Session::open(database.engine, &url, &pull.source.allowed).await?;
        }
    }
    session.close().await;
    match first_failure {
        Some(error) => Err(error),
        None => {
            pull.reached(to, remembered).await;
            Ok(())
        }
    }
}

/// What went wrong with a statement, with the signal that it is for.
fn named(question: &SqlQuestion, error: AskError) -> AskError {
    let signal = question.rule.series.signal();
    match error {
        AskError::Statement(said) => AskError::Statement(format!("{said} (query of {signal})")),
        AskError::Rows(why) => AskError::Rows(format!("the query of {signal} cannot be used: {why}")),
        other => other,
    }
}

/// Asks one question over a stretch, in parts that are small enough.
async fn ask_one(
    pull: Pull<'_>,
    session: &mut Session,
    question: &SqlQuestion,
    (mut from, to): (DateTime<Utc>, DateTime<Utc>),
    remembered: &mut Remembered,
) -> Result<(), AskError> {
    let through = match &question.complete {
        CompleteThrough::Unknown => None,
        CompleteThrough::Asked { delay_minutes } => Some(to - Duration::minutes(i64::from(*delay_minutes))),
        // It may say what lies ahead of what was asked for.
        CompleteThrough::Statement(statement) => session.time_of(statement).await?.map(|through| through.min(to)),
    };
    let mut length = LONGEST;
    for _ in 0..PARTS * 10 {
        if from >= to {
            return Ok(());
        }
        let part = (from, to.min(from + length));
        let answer = match session.ask(question, part).await {
            Err(AskError::TooManyRows) if length > Duration::minutes(1) => {
                length = minutes(length / 4);
                continue;
            }
            answer => answer?,
        };
        let is_whole = !answer.columns.at;
        let refused = take(pull, question, answer, part, through).await?;
        note(question, refused, part.1, remembered);
        if is_whole {
            return Ok(());
        }
        from = part.1;
    }
    Err(AskError::TooManyRows)
}

/// Remembers the rows that could not be taken.
fn note(question: &SqlQuestion, refused: Vec<RefusedRow>, to: DateTime<Utc>, remembered: &mut Remembered) {
    for row in refused {
        remembered.new.add(Unread {
            at: row.at.unwrap_or(to),
            count: 1,
            cure: "Put these rows right, or leave them out in the signal's query.".to_owned(),
            kind: UnreadKind::Row,
            signal: question.rule.series.shown(),
            why: row.why,
        });
    }
}

/// A length of whole minutes, one at the least.
fn minutes(length: Duration) -> Duration {
    Duration::minutes(length.num_minutes().max(1))
}

async fn take(
    pull: Pull<'_>,
    question: &SqlQuestion,
    answer: Answer,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    through: Option<DateTime<Utc>>,
) -> Result<Vec<RefusedRow>, AskError> {
    let series = question.rule.series;
    let told = if series.signal().kind() == Kind::Sum { told(pull, series, (from, to)).await? } else { Vec::new() };
    let times: Vec<DateTime<Utc>> = told.iter().map(|sample| sample.at).collect();
    let asked = Asked {
        columns: answer.columns,
        from,
        now: pull.now,
        source: &pull.source.name,
        step_seconds: u32::try_from(pull.source.every.num_seconds()).unwrap_or(u32::MAX),
        through: through.map(|through| through.min(to)).filter(|through| *through > from),
        to,
        told: &times,
    };
    let told_now = table_rows::batch(&question.rule, asked, answer.rows).map_err(AskError::Rows)?;
    let Some(batch) = told_now.batch else {
        return Ok(told_now.refused);
    };
    let event = if series == Series::AiSpend {
        let vouched = vouched(pull, series).await?;
        revision_of(pull, (&told, vouched), &batch)
    } else {
        None
    };
    pull.keep(batch, event).await?;
    Ok(told_now.refused)
}

/// What the source has told of a stretch before.
async fn told(
    pull: Pull<'_>,
    series: Series,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<StoredSample>, AskError> {
    let span = Span { from: from.timestamp_millis(), to: to.timestamp_millis() };
    let stored = pull.store.samples(&pull.source.environment, series, span, COMPARED).await;
    let mut stored = stored.map_err(|error| not_stored(&error))?;
    stored.retain(|sample| sample.source == pull.source.name);
    Ok(stored)
}

/// Up to when the source has vouched for a series before.
async fn vouched(pull: Pull<'_>, series: Series) -> Result<Option<DateTime<Utc>>, AskError> {
    let sources = pull.store.sources(&pull.source.environment).await.map_err(|error| not_stored(&error))?;
    let own = sources.iter().find(|own| own.source == pull.source.name && own.series == series);
    Ok(own.and_then(|own| own.data_through))
}

/// What the history is to say of amounts that were settled and have changed.
fn revision_of(
    pull: Pull<'_>,
    (told, heard): (&[StoredSample], Option<DateTime<Utc>>),
    batch: &AcceptedBatch,
) -> Option<NewEvent> {
    let settled = pull.now - SETTLED;
    let now = batch.samples.iter().filter(|sample| sample.at < settled).filter_map(|sample| match sample.measurement {
        Measurement::Value(atoms) | Measurement::AtLeast(atoms) => Some((sample.at, Usd(atoms))),
        _ => None,
    });
    let reason = revision::words(&pull.source.name, &revision::between(told, heard, now))?;
    Some(NewEvent { reason: Some(reason), ..NewEvent::new(EventType::Note, ACTOR, pull.now) })
}
