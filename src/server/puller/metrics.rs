//! Owns asking a Prometheus for all that it has since it was last asked, part by part. Must not know how it is reached.

use super::{PARTS, Pull};
use crate::domain::telemetry::AcceptedBatch;
use crate::server::config::Token;
use crate::server::sources::outgoing::{AskError, Outgoing};
use crate::server::sources::prometheus::{self, Question, Stretch};
use chrono::{DateTime, Utc};
use reqwest::Url;

/// How many steps are asked for again: what arrived late in the system that is asked.
const STEPS_AGAIN: i32 = 3;

pub(super) async fn ask(
    pull: Pull<'_>,
    asked: Option<DateTime<Utc>>,
    (questions, token, url): (&[Question], Option<&Token>, &Url),
) -> Result<(), AskError> {
    let source = pull.source;
    let token = token.map(Token::reveal).transpose()?;
    let outgoing = Outgoing::new(source.allowed.clone())?;
    let mut from = asked.map_or(pull.now - source.backfill, |asked| asked - source.every * STEPS_AGAIN);
    for _ in 0..PARTS {
        let part = Stretch { from, step: source.every, to: pull.now }.first_part();
        if part.to < part.from {
            return Ok(());
        }
        let mapped = prometheus::ask(&outgoing, url, token, questions, part).await?;
        if let Some(why) = mapped.refused.keys().next() {
            let query = questions
                .iter()
                .enumerate()
                .find(|(place, _)| why.starts_with(&prometheus::metric_of(*place)))
                .map_or("", |(_, question)| question.query.as_str());
            let why = why.split_once(": ").map_or(why.as_str(), |(_, why)| why);
            return Err(AskError::Unreadable(format!("{why} (query: {query})")));
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
        pull.reached(part.to, None).await;
        from = part.to;
    }
    Ok(())
}
