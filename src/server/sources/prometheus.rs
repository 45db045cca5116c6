//! Owns asking a Prometheus for its series: one query a signal, over a range, so that a gap is filled once it answers again.
//! Must not know the store. An empty result is no data: unknown, never zero.
//! Interface: <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>.

mod answer;

use super::outgoing::{AskError, Outgoing, of_status};
use super::remote_write::Gathered;
use crate::domain::mapping::{Mapped, Mapper, Rule, Rules};
use crate::domain::price::PriceTable;
use answer::{Answer, Said};
use chrono::{DateTime, Duration, Utc};
use reqwest::{StatusCode, Url};

/// The most points of a series that are asked for at once; Prometheus itself allows 11,000.
const MOST_POINTS: i32 = 2_000;
/// The most requests for one question and stretch: an answer that cannot be used is asked for again in smaller parts.
const MOST_REQUESTS: usize = 9;

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

    /// The older and the newer half of a stretch, on whole steps; `None` for a single step.
    fn halves(self) -> Option<(Stretch, Stretch)> {
        let step = self.step.num_milliseconds().max(1);
        let steps = i32::try_from((self.to - self.from).num_milliseconds() / step).unwrap_or(i32::MAX);
        let middle = self.from + self.step * (steps / 2);
        (steps > 0).then(|| (Stretch { to: middle, ..self }, Stretch { from: middle + self.step, ..self }))
    }
}

/// What asking all questions over a stretch came to.
#[derive(Debug)]
pub struct Asked {
    /// The first question that was not answered at all: it is to be asked again for all of the stretch.
    pub failed: Option<AskError>,
    pub mapped: Mapped,
    pub unread: Vec<Unread>,
}

/// A stretch of a question whose answer cannot be used, such as one that says that it is partial.
#[derive(Clone, Debug, PartialEq)]
pub struct Unread {
    /// The question's place among the source's.
    pub question: usize,
    pub stretch: Stretch,
    pub why: String,
}

/// Asks all questions of a source over a stretch. A question that is not answered, an answer that cannot be used and a value that
/// cannot be read cost no other.
///
/// # Errors
/// What stopped every question: the address, or nothing that answers there.
pub async fn ask(
    outgoing: &Outgoing,
    base: &Url,
    token: Option<&str>,
    questions: &[Question],
    stretch: Stretch,
) -> Result<Asked, AskError> {
    let rules = Rules::only(questions.iter().map(|question| question.rule.clone()).collect());
    let prices = PriceTable::default();
    let mut gathered = Gathered::new(Mapper::new(&rules, &prices, stretch.to + stretch.step));
    let (mut failed, mut unread) = (None, Vec::new());
    for (place, question) in questions.iter().enumerate() {
        let asking = Asking { base, outgoing, query: &question.query, token };
        let mut open = vec![stretch];
        let mut requests = 0;
        let mut is_answered = false;
        let mut reasons = Vec::new();
        while let Some(part) = open.pop() {
            requests += 1;
            match asking.ask(part).await {
                Ok(answer) => {
                    is_answered = true;
                    take(&mut gathered, &metric_of(place), &answer);
                }
                // A second one that is slow is not the query's fault.
                Err(NotTaken::Failed(error))
                    if is_of_all(&error) || (error == AskError::Slow && failed == Some(AskError::Slow)) =>
                {
                    return Err(error);
                }
                Err(NotTaken::Failed(error)) => {
                    failed.get_or_insert(error);
                    is_answered = true;
                    break;
                }
                Err(NotTaken::Partly { why, is_refused }) => {
                    is_answered |= !is_refused;
                    // The newer half is asked for first: it is what an evaluation needs.
                    match part.halves() {
                        Some((older, newer)) if requests + open.len() + 2 <= MOST_REQUESTS => {
                            open.extend([older, newer]);
                        }
                        _ => reasons.push((part, why)),
                    }
                }
            }
        }
        // Refused over every part of the stretch, it is the query.
        match reasons.first().filter(|_| !is_answered).map(|(_, why)| format!("{why} (query: {})", question.query)) {
            Some(why) => {
                failed.get_or_insert(AskError::Statement(why));
            }
            None => {
                let own = reasons.into_iter().map(|(stretch, why)| Unread { question: place, stretch, why });
                unread.extend(own);
            }
        }
    }
    Ok(Asked { failed, mapped: gathered.finish(), unread })
}

/// Whether nothing else of the same system would be answered either.
const fn is_of_all(error: &AskError) -> bool {
    !matches!(
        error,
        AskError::Status(_) | AskError::TooLarge | AskError::Unreadable(_) | AskError::Statement(_) | AskError::Slow
    )
}

/// One question to a system.
struct Asking<'a> {
    base: &'a Url,
    outgoing: &'a Outgoing,
    query: &'a str,
    token: Option<&'a str>,
}

/// Why an answer was not taken.
enum NotTaken {
    Failed(AskError),
    /// A smaller part of the stretch may be answered; `is_refused` if the query was, and not what it gave.
    Partly {
        why: String,
        is_refused: bool,
    },
}

impl From<AskError> for NotTaken {
    fn from(error: AskError) -> NotTaken {
        NotTaken::Failed(error)
    }
}

impl Asking<'_> {
    async fn ask(&self, stretch: Stretch) -> Result<Answer, NotTaken> {
        let Asking { base, outgoing, query, token } = *self;
        let mut url = base.clone();
        url.path_segments_mut().map_err(|()| AskError::NoAddress(base.scheme().to_owned()))?.pop_if_empty().extend([
            "api",
            "v1",
            "query_range",
        ]);
        let time = |at: DateTime<Utc>| format!("{}.{:03}", at.timestamp(), at.timestamp_subsec_millis());
        url.query_pairs_mut()
            .append_pair("query", query)
            .append_pair("start", &time(stretch.from))
            .append_pair("end", &time(stretch.to))
            .append_pair("step", &format!("{}ms", stretch.step.num_milliseconds()));
        let (status, body) = outgoing
            .answer(&url, |request| match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            })
            .await?;
        let read: Result<Answer, serde_json::Error> = serde_json::from_slice(&body);
        let said = read.as_ref().ok().and_then(Answer::error);
        match (status, said) {
            // The query cannot be read: no part of the stretch would be answered.
            (StatusCode::BAD_REQUEST, Some(said)) => {
                return Err(AskError::Statement(format!("{said} (query: {query})")).into());
            }
            // It cannot be computed, perhaps at some of the times only.
            (StatusCode::UNPROCESSABLE_ENTITY, Some(why)) => return Err(NotTaken::Partly { why, is_refused: true }),
            _ => of_status(status)?,
        }
        let answer = read.map_err(|error| AskError::Unreadable(format!("{error} (query: {query})")))?;
        let is_partial = status == StatusCode::PARTIAL_CONTENT;
        if let Some(why) = answer.partial().or_else(|| is_partial.then(|| "status 206".to_owned())) {
            return Err(NotTaken::Partly { why: format!("the answer is partial: {why}"), is_refused: false });
        }
        if answer.kind() != "matrix" {
            return Err(AskError::Unreadable(format!("the query gives a {}: {query}", answer.kind())).into());
        }
        Ok(answer)
    }
}

/// Takes what can be read of an answer; what cannot is refused where it is.
fn take(gathered: &mut Gathered<'_>, metric: &str, answer: &Answer) {
    for series in answer.series() {
        let labels = series.labels();
        for (at, value) in &series.values {
            let time = at.number().map(|at| (at * 1000.0).round() as i64).and_then(DateTime::from_timestamp_millis);
            match (time, value.number()) {
                (Some(at), Some(value)) => gathered.take(metric, &labels, at, value),
                (None, _) => gathered.refuse(metric, "has a time that cannot be read", None),
                (at, None) => {
                    let said =
                        if let Said::Text(text) = value { text.chars().take(40).collect() } else { String::new() };
                    gathered.refuse(metric, &format!("its value \"{said}\" is not a number"), at);
                }
            }
        }
        if !series.histograms.is_empty() {
            gathered.refuse(
                metric,
                "is a native histogram: ask for the buckets of a classic one, or for a number",
                None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_halved_on_whole_steps_down_to_one() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let stretch = |from, to| Stretch { from: at(from), step: Duration::minutes(1), to: at(to) };
        let (older, newer) = stretch("2026-11-01T00:01:00Z", "2026-11-01T00:04:00Z").halves().unwrap();
        assert_eq!(older, stretch("2026-11-01T00:01:00Z", "2026-11-01T00:02:00Z"));
        assert_eq!(newer, stretch("2026-11-01T00:03:00Z", "2026-11-01T00:04:00Z"));
        assert_eq!(stretch("2026-11-01T00:01:00Z", "2026-11-01T00:01:00Z").halves(), None);
    }

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
