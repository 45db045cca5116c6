//! Owns the part of the settings file that names systems to ask. Credentials come from the environment, by the name of a
//! variable, and are never shown.

use super::{SettingsError, value_error};
use crate::domain::mapping::{Combine, Rule};
use crate::domain::policy::is_environment_name;
use crate::domain::signal::{Series, Severity, Signal};
use crate::server::sources::outgoing::Allowed;
use crate::server::sources::prometheus::{Question, metric_of};
use chrono::Duration;
use reqwest::Url;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;

/// The most days that are asked for when a source is asked for the first time.
const MOST_BACKFILL_DAYS: u32 = 90;

/// `[[source]]`: a system that is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    #[serde(default)]
    allow_addresses: Vec<IpAddr>,
    backfill_hours: Option<u32>,
    environment: String,
    every_seconds: Option<u32>,
    kind: String,
    name: String,
    #[serde(default, rename = "signal")]
    signals: Vec<Signals>,
    token_env: Option<String>,
    url: String,
}

/// `[[source.signal]]`: what is asked for one signal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signals {
    combine: Option<String>,
    factor: Option<f64>,
    query: String,
    severity: Option<Severity>,
    signal: String,
    unit: Option<String>,
}

/// What must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// What proves who asks, or who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `None` where the variable is not set.
    pub value: Option<Secret>,
    pub variable: String,
}

/// A Prometheus that is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct PulledSource {
    pub allowed: Allowed,
    pub backfill: Duration,
    pub environment: String,
    pub every: Duration,
    pub name: String,
    pub questions: Vec<Question>,
    pub token: Option<Token>,
    pub url: Url,
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub(super) fn variable(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret)
}

impl Source {
    fn pulled(self) -> Result<PulledSource, String> {
        if self.kind != "prometheus" {
            return Err(format!("there is no kind of source \"{}\": prometheus", self.kind));
        }
        if !is_environment_name(&self.environment) {
            return Err(format!("\"{}\" is no name of an environment", self.environment));
        }
        let url = Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| format!("\"{}\" is no address such as http://127.0.0.1:9090", self.url))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("its url holds credentials: name a variable with them in token_env".to_owned());
        }
        let every = self.every_seconds.unwrap_or(60);
        if !(5..=3600).contains(&every) {
            return Err("every_seconds must lie from 5 to 3600".to_owned());
        }
        let backfill = self.backfill_hours.unwrap_or(24);
        if backfill > MOST_BACKFILL_DAYS * 24 {
            return Err(format!("backfill_hours is at most {}", MOST_BACKFILL_DAYS * 24));
        }
        if self.signals.is_empty() {
            return Err("it asks for nothing: add a [[source.signal]] with signal and query".to_owned());
        }
        let questions = self
            .signals
            .into_iter()
            .enumerate()
            .map(|(place, signal)| signal.question(place))
            .collect::<Result<_, _>>()?;
        Ok(PulledSource {
            allowed: Allowed { named: self.allow_addresses },
            backfill: Duration::hours(i64::from(backfill)),
            environment: self.environment,
            every: Duration::seconds(i64::from(every)),
            name: self.name,
            questions,
            token: self
                .token_env
                .map(|variable_name| Token { value: variable(&variable_name), variable: variable_name }),
            url,
        })
    }
}

impl Signals {
    fn question(self, place: usize) -> Result<Question, String> {
        let signal =
            Signal::from_name(&self.signal).ok_or_else(|| format!("there is no signal \"{}\"", self.signal))?;
        let series = Series::of(signal, self.severity).ok_or_else(|| match self.severity {
            Some(_) => format!("{signal} has no severities"),
            None => format!("{signal} needs a severity: info, warning or critical"),
        })?;
        let combine = match self.combine.as_deref() {
            None => None,
            Some(text) => Some(
                Combine::from_name(text)
                    .ok_or_else(|| format!("there is no way to combine gauges \"{text}\": sum, mean, max or min"))?,
            ),
        };
        // A query's buckets carry no unit; those of the conventions are in seconds.
        let unit = self.unit.or_else(|| (series == Series::InfraLatency).then(|| "s".to_owned()));
        let rule = Rule::new(&metric_of(place), series, Rule::usual_take(series));
        let rule = Rule { combine, factor: self.factor.unwrap_or(1.0), unit, ..rule };
        Ok(Question { query: self.query, rule })
    }
}

/// The sources of a file.
pub(super) fn pulled(sources: Vec<Source>) -> Result<Vec<PulledSource>, SettingsError> {
    let mut all: Vec<PulledSource> = Vec::new();
    for source in sources {
        let name = source.name.clone();
        let problem = |problem: String| value_error("source", format!("\"{name}\": {problem}"));
        let source = source.pulled().map_err(problem)?;
        if all.iter().any(|other| (&other.environment, &other.name) == (&source.environment, &source.name)) {
            return Err(value_error("source", format!("\"{name}\" is named twice in {}", source.environment)));
        }
        all.push(source);
    }
    Ok(all)
}
