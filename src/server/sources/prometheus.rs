//! Owns asking a Prometheus for its series: one query a signal, over a range, so that a gap is filled once it answers again.
//! Must not know the store. An empty result is no data: unknown, never zero.
//! Interface: <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>.

use super::outgoing::{AskError, Outgoing};
use super::remote_write::Gathered;
use crate::domain::mapping::{Mapped, Mapper, Rule, Rules};
use crate::domain::price::PriceTable;
use chrono::{DateTime, Duration, Utc};
use reqwest::Url;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most points of a series that are asked for at once; Prometheus itself allows 11,000.
const MOST_POINTS: i32 = 2_000;

/// One signal of a source: what is asked, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub query: String,
    /// Its metric is the question's place among the source's.
    pub rule: Rule,
}

/// The name under which a question's answer is mapped.
pub fn metric_of(place: usize) -> String {
    format!("question_{place}")
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
    #[serde(rename = "resultType")]
    kind: String,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// Which stretch is asked for: after `from`, up to `to`, every `step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    pub from: DateTime<Utc>,
    pub step: Duration,
    pub to: DateTime<Utc>,
}

impl Stretch {
    /// The first part of a stretch that may be asked for at once, on whole steps.
    pub fn first_part(self) -> Stretch {
        let step = self.step.num_milliseconds().max(1);
        let whole = |at: DateTime<Utc>| DateTime::from_timestamp_millis(at.timestamp_millis().div_euclid(step) * step);
        let from = whole(self.from).unwrap_or(self.from) + self.step;
        let to = whole(self.to).unwrap_or(self.to).min(from + self.step * MOST_POINTS);
        Stretch { from, to, ..self }
    }
}

/// Asks all questions of a source over a stretch.
///
/// # Errors
/// The first question that was not answered; nothing is taken then.
pub async fn ask(
    outgoing: &Outgoing,
    base: &Url,
    token: Option<&str>,
    questions: &[Question],
    stretch: Stretch,
) -> Result<Mapped, AskError> {
    let rules = Rules::only(questions.iter().map(|question| question.rule.clone()).collect());
    let prices = PriceTable::default();
    let mut gathered = Gathered::new(Mapper::new(&rules, &prices, stretch.to + stretch.step));
    for (place, question) in questions.iter().enumerate() {
        let mut url = base.clone();
        url.path_segments_mut().map_err(|()| AskError::NoAddress(base.scheme().to_owned()))?.pop_if_empty().extend([
            "api",
            "v1",
            "query_range",
        ]);
        let time = |at: DateTime<Utc>| format!("{}.{:03}", at.timestamp(), at.timestamp_subsec_millis());
        url.query_pairs_mut()
            .append_pair("query", &question.query)
            .append_pair("start", &time(stretch.from))
            .append_pair("end", &time(stretch.to))
            .append_pair("step", &format!("{}ms", stretch.step.num_milliseconds()));
        let body = outgoing
            .get(&url, |request| match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            })
            .await?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| AskError::Unreadable(format!("{error} ({})", question.query)))?;
        if answer.data.kind != "matrix" {
            return Err(AskError::Unreadable(format!("the query gives a {}: {}", answer.data.kind, question.query)));
        }
        for series in &answer.data.result {
            take(&mut gathered, &metric_of(place), series)?;
        }
    }
    Ok(gathered.finish())
}

fn take(gathered: &mut Gathered<'_>, metric: &str, series: &Series) -> Result<(), AskError> {
    let labels: Vec<(&str, &str)> = series
        .metric
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    for (at, value) in &series.values {
        let value: f64 = value.parse().map_err(|_| AskError::Unreadable(format!("\"{value}\" is no number")))?;
        let at = DateTime::from_timestamp_millis((at * 1000.0).round() as i64);
        gathered.take(metric, &labels, at.ok_or_else(|| AskError::Unreadable("a time is none".to_owned()))?, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_stretch_is_asked_for_in_parts_on_whole_steps() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let long =
            Stretch { from: at("2026-11-01T00:00:30Z"), step: Duration::minutes(1), to: at("2026-11-24T00:00:30Z") };
        let part = long.first_part();
        assert_eq!((part.from, part.to), (at("2026-11-01T00:01:00Z"), at("2026-11-02T09:21:00Z")));
        let short = Stretch { to: at("2026-11-01T00:03:59Z"), ..long }.first_part();
        assert_eq!((short.from, short.to), (at("2026-11-01T00:01:00Z"), at("2026-11-01T00:03:00Z")));
        let nothing = Stretch { to: at("2026-11-01T00:00:40Z"), ..long }.first_part();
        assert!(nothing.to < nothing.from);
    }
}
