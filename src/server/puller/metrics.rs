//! Owns asking a Prometheus for all that it has since it was last asked, part by part. Must not know how it is reached. What
//! cannot be read is unknown where it is, and asking goes on past it.

use super::{PARTS, Pull, Remembered};
use crate::domain::asked_notes::{Unread, UnreadKind};
use crate::domain::mapping::Mapped;
use crate::domain::telemetry::AcceptedBatch;
use crate::server::config::Token;
use crate::server::sources::outgoing::{AskError, Outgoing};
use crate::server::sources::prometheus::{self, Asked, Question, Stretch};
use chrono::{DateTime, Duration, Utc};
use reqwest::Url;

/// How many steps are asked for again: what arrived late in the system that is asked.
const STEPS_AGAIN: i32 = 3;
/// How long an answer that could not be used is asked for again, since what was missing then may be back.
const ASKED_AGAIN: Duration = Duration::hours(6);

pub(super) async fn ask(
    pull: Pull<'_>,
    asked: Option<DateTime<Utc>>,
    (questions, token, url): (&[Question], Option<&Token>, &Url),
    remembered: &mut Remembered,
) -> Result<(), AskError> {
    let source = pull.source;
    let token = token.map(Token::reveal).transpose()?;
    let outgoing = Outgoing::new(source.allowed.clone())?;
    let mut from = asked.map_or(pull.now - source.backfill, |asked| asked - source.every * STEPS_AGAIN);
    let mut failed = None;
    // From where on something is still to be asked for again.
    let mut open_from: Option<DateTime<Utc>> = None;
    for _ in 0..PARTS {
        let part = Stretch { from, step: source.every, to: pull.now }.first_part();
        if part.to < part.from {
            break;
        }
        let Asked { failed: of_part, mapped, unread } = prometheus::ask(&outgoing, url, token, questions, part).await?;
        note_refused(questions, &mapped, part, remembered);
        for one in unread {
            open_from = Some(open_from.map_or(one.stretch.from, |open| open.min(one.stretch.from)));
            let signal = questions.get(one.question).map(|question| question.rule.series.shown()).unwrap_or_default();
            remembered.new.add(Unread {
                at: one.stretch.to,
                count: 1,
                cure: "See that all of its stores answer, and that the query gives no warning in its own console."
                    .to_owned(),
                kind: UnreadKind::Answer,
                signal,
                why: one.why,
            });
        }
        let batch = AcceptedBatch {
            readings: mapped.readings,
            revises: true,
            samples: mapped.samples,
            source: source.name.clone(),
            step_minutes: u32::try_from(source.every.num_seconds()).ok().map(|seconds| seconds.div_ceil(60)),
            ..AcceptedBatch::default()
        };
        if !batch.signals().is_empty() {
            pull.keep(batch, None).await?;
        }
        failed = failed.or(of_part);
        // Of a question that was not answered all is asked for again: its query may be put right.
        if failed.is_none() {
            let open = open_from.map(|open| open.max(pull.now - ASKED_AGAIN) - source.every);
            let reached = open.map_or(part.to, |open| open.min(part.to));
            pull.reached(asked.map_or(reached, |asked| asked.max(reached)), remembered).await;
        }
        from = part.to;
    }
    failed.map_or(Ok(()), Err)
}

/// Remembers the values that could not be read.
fn note_refused(questions: &[Question], mapped: &Mapped, part: Stretch, remembered: &mut Remembered) {
    for (why, count) in &mapped.refused {
        let at = mapped.refused_until.get(why).copied().unwrap_or(part.to);
        let question = questions.iter().enumerate().find_map(|(place, question)| {
            why.strip_prefix(&format!("{}: ", prometheus::metric_of(place))).map(|why| (question, why))
        });
        let Some((question, why)) = question else { continue };
        remembered.new.add(Unread {
            at,
            count: *count,
            cure: "Correct the signal's query, so that it gives one number at each time.".to_owned(),
            kind: UnreadKind::Value,
            signal: question.rule.series.shown(),
            why: format!("{why} (query: {})", question.query),
        });
    }
}
