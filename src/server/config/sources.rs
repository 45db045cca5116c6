//! Owns the part of the settings file that names systems to ask. Credentials are only named in it: `secrets.rs` has where they
//! come from.

mod added;

pub use added::Added;

use super::secrets::{Token, token};
use super::{SettingsError, value_error};
use crate::domain::mapping::{Combine, Rule};
use crate::domain::policy::is_environment_name;
use crate::domain::signal::{Aggregation, Kind, Series, Severity, Signal};
use crate::domain::source::wrong;
use crate::domain::table_rows::RowRule;
use crate::domain::telemetry::{RowError, accept_unit, is_source_name};
use crate::server::sources::outgoing::{Allowed, AskError};
use crate::server::sources::prometheus::{Question, metric_of};
use crate::server::sources::sql::{self, CompleteThrough, Engine, SqlQuestion};
use chrono::Duration;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

/// The most days that are asked for when a source is asked for the first time.
const MOST_BACKFILL_DAYS: u32 = 90;

/// The most hours that rows may come late.
const MOST_LATE_HOURS: u32 = 30 * 24;
/// LiteLLM writes its log a few times a minute at the least; so far behind it is trusted to be whole.
const LITELLM_DELAY_MINUTES: u32 = 5;
/// LiteLLM's own log of what each request cost. It writes a cost of nothing where it knows no price; an answer from its cache
/// does cost nothing. The time is that which the log is indexed by.
const LITELLM: &str = r#"SELECT "startTime" AS at, spend AS value,
    CASE WHEN spend = 0 AND total_tokens > 0 AND lower(coalesce(cache_hit, '')) <> 'true'
        THEN coalesce(nullif(model, ''), 'a model without a name') END AS unpriced
FROM "LiteLLM_SpendLogs""#;

/// `[[source]]`: a system that is asked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow_addresses: Vec<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfill_hours: Option<u32>,
    environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    every_seconds: Option<u32>,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_hours: Option<u32>,
    name: String,
    #[serde(default, rename = "signal", skip_serializing_if = "Vec::is_empty")]
    signals: Vec<Signals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_file: Option<PathBuf>,
}

/// `[[source.signal]]`: what is asked for one signal.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Signals {
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    combine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_through: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factor: Option<f64>,
    query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    signal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

/// Where the address of a database stands, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// In a file, which is read whenever it is asked.
    File(PathBuf),
    /// In the settings file itself: without a password.
    Plain(String),
    Variable(Token),
}

impl DatabaseUrl {
    /// The address with all that is in it.
    ///
    /// # Errors
    /// Where the variable is not set or the file cannot be read.
    pub fn reveal(&self) -> Result<String, AskError> {
        match self {
            DatabaseUrl::File(path) => std::fs::read_to_string(path)
                .map(|text| text.trim().to_owned())
                .map_err(|_| AskError::NoCredentialsFile(path.display().to_string())),
            DatabaseUrl::Plain(url) => Ok(url.clone()),
            DatabaseUrl::Variable(token) => token.reveal().map(str::to_owned),
        }
    }
}

/// How a source is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Prometheus { questions: Vec<Question>, token: Option<Token>, url: Url },
    Sql { engine: Engine, late: Duration, questions: Vec<SqlQuestion>, url: DatabaseUrl },
}

/// A system that is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct PulledSource {
    pub allowed: Allowed,
    pub ask: Ask,
    pub backfill: Duration,
    pub environment: String,
    pub every: Duration,
    pub name: String,
}

impl PulledSource {
    /// Where it is asked, without what must not be shown.
    pub fn address(&self) -> String {
        let url = match &self.ask {
            Ask::Prometheus { url, .. } => return url.to_string(),
            Ask::Sql { url, .. } => url,
        };
        match url {
            DatabaseUrl::File(path) => format!("the database that {} names", path.display()),
            DatabaseUrl::Plain(url) => url.clone(),
            DatabaseUrl::Variable(token) => format!("the database that ${} names", token.variable),
        }
    }
}

impl Source {
    fn pulled(mut self) -> Result<PulledSource, RowError> {
        if !is_environment_name(&self.environment) {
            return Err(wrong("environment", format!("\"{}\" is no name of an environment", self.environment)));
        }
        if !is_source_name(&self.name) {
            return Err(wrong("name", "its name is empty, too long or not printable"));
        }
        let is_prometheus = self.kind == "prometheus";
        let (usual, most) = if is_prometheus { (60, 3_600) } else { (300, 86_400) };
        let every = self.every_seconds.unwrap_or(usual);
        if !(5..=most).contains(&every) {
            return Err(wrong("every_seconds", format!("every_seconds must lie from 5 to {most}")));
        }
        let backfill = self.backfill_hours.unwrap_or(24);
        if backfill > MOST_BACKFILL_DAYS * 24 {
            return Err(wrong("backfill_hours", format!("backfill_hours is at most {}", MOST_BACKFILL_DAYS * 24)));
        }
        let allowed = Allowed { hosts: None, named: std::mem::take(&mut self.allow_addresses) };
        let (environment, name) = (self.environment.clone(), self.name.clone());
        let ask = if is_prometheus { self.prometheus()? } else { self.sql()? };
        Ok(PulledSource {
            allowed,
            ask,
            backfill: Duration::hours(i64::from(backfill)),
            environment,
            every: Duration::seconds(i64::from(every)),
            name,
        })
    }

    fn prometheus(self) -> Result<Ask, RowError> {
        if self.url_env.is_some() || self.url_file.is_some() || self.late_hours.is_some() {
            let field = if self.late_hours.is_some() { "late_hours" } else { "url_env" };
            return Err(wrong(field, "url_env, url_file and late_hours are for databases"));
        }
        let url = self.url.unwrap_or_default();
        let url = Url::parse(&url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| wrong("url", "its url is no address such as http://127.0.0.1:9090"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("url", "its url holds credentials: name a variable with them in token_env"));
        }
        let questions = asked(self.signals)?
            .map(|(place, signal)| signal.question(place).map_err(|why| at(place, why)))
            .collect::<Result<_, _>>()?;
        Ok(Ask::Prometheus { questions, token: self.token_env.map(token), url })
    }

    fn sql(self) -> Result<Ask, RowError> {
        let (engine, schemes) = match self.kind.as_str() {
            "litellm" | "postgres" => (Engine::Postgres, ["postgres:", "postgresql:"]),
            "mysql" => (Engine::MySql, ["mysql:", "mariadb:"]),
            "sqlite" => (Engine::Sqlite, ["sqlite:", "sqlite:"]),
            kind => {
                return Err(wrong(
                    "kind",
                    format!("there is no kind of source \"{kind}\": prometheus, postgres, mysql, sqlite or litellm"),
                ));
            }
        };
        if self.token_env.is_some() {
            return Err(wrong(
                "token_env",
                "token_env is for Prometheus: a database's password stands in the url that url_env names",
            ));
        }
        let url = match (self.url, self.url_env, self.url_file) {
            (Some(url), None, None) => DatabaseUrl::Plain(url),
            (None, Some(name), None) => DatabaseUrl::Variable(token(name)),
            (None, None, Some(path)) => DatabaseUrl::File(path),
            _ => return Err(wrong("url_env", "needs one of url, url_env and url_file")),
        };
        if let DatabaseUrl::Plain(url) = &url {
            if !schemes.iter().any(|scheme| url.starts_with(scheme)) {
                return Err(wrong("url", format!("its url is no address that begins with {}//", schemes[0])));
            }
            // What cannot be read may hold anything: it is not said again.
            let parsed = Url::parse(url).map_err(|_| {
                wrong("url", "its url cannot be read; one with a password belongs into a variable that url_env names")
            })?;
            let names_password = parsed.query_pairs().any(|(name, _)| name.to_ascii_lowercase().contains("password"));
            if parsed.password().is_some() || names_password {
                return Err(wrong("url", "its url holds a password: name a variable with the whole url in url_env"));
            }
        }
        let late = self.late_hours.unwrap_or(6);
        if late > MOST_LATE_HOURS {
            return Err(wrong("late_hours", format!("late_hours is at most {MOST_LATE_HOURS}")));
        }
        let signals = if self.kind == "litellm" && self.signals.is_empty() {
            vec![Signals {
                complete_through: Some("now".to_owned()),
                delay_minutes: Some(LITELLM_DELAY_MINUTES),
                query: LITELLM.to_owned(),
                signal: Signal::AiSpend.name().to_owned(),
                ..Signals::default()
            }]
        } else {
            self.signals
        };
        let questions: Vec<SqlQuestion> = asked(signals)?
            .map(|(place, signal)| signal.statement().map_err(|why| at(place, why)))
            .collect::<Result<_, _>>()?;
        // What one statement does not give is taken back: a second one of the same signal would take back the first's.
        let is_asked_before =
            |place: usize| questions[..place].iter().any(|earlier| earlier.rule.series == questions[place].rule.series);
        if let Some(place) = (0..questions.len()).find(|place| is_asked_before(*place)) {
            let signal = questions[place].rule.series.signal();
            let why = format!("it asks for {signal} twice: use UNION ALL in one query, or two sources");
            return Err(at(place, wrong("signal", why)));
        }
        Ok(Ask::Sql { engine, late: Duration::hours(i64::from(late)), questions, url })
    }
}

/// The signals with their places.
fn asked(signals: Vec<Signals>) -> Result<impl Iterator<Item = (usize, Signals)>, RowError> {
    if signals.is_empty() {
        return Err(wrong("signal", "it asks for nothing: add a [[source.signal]] with signal and query"));
    }
    Ok(signals.into_iter().enumerate())
}

/// A mistake of the signal at that place.
fn at(place: usize, why: RowError) -> RowError {
    RowError { index: u32::try_from(place).ok(), ..why }
}

impl Signals {
    fn series(&self) -> Result<Series, RowError> {
        let signal = Signal::from_name(&self.signal)
            .ok_or_else(|| wrong("signal", format!("there is no signal \"{}\"", self.signal)))?;
        Series::of(signal, self.severity).ok_or_else(|| match self.severity {
            Some(_) => wrong("severity", format!("{signal} has no severities")),
            None => wrong("severity", format!("{signal} needs a severity: info, warning or critical")),
        })
    }

    fn question(self, place: usize) -> Result<Question, RowError> {
        if self.aggregation.is_some() || self.complete_through.is_some() || self.delay_minutes.is_some() {
            let field = if self.aggregation.is_some() { "aggregation" } else { "complete_through" };
            return Err(wrong(field, "aggregation, complete_through and delay_minutes are for databases"));
        }
        let series = self.series()?;
        if self.query.trim().is_empty() {
            return Err(wrong("query", format!("the query of {} is empty", series.signal())));
        }
        let combine = match self.combine.as_deref() {
            None => None,
            Some(text) => Some(Combine::from_name(text).ok_or_else(|| {
                wrong("combine", format!("there is no way to combine gauges \"{text}\": sum, mean, max or min"))
            })?),
        };
        // A query's buckets carry no unit; those of the conventions are in seconds.
        let unit = self.unit.or_else(|| (series == Series::InfraLatency).then(|| "s".to_owned()));
        let rule = Rule::new(&metric_of(place), series, Rule::usual_take(series));
        let rule = Rule { combine, factor: self.factor.unwrap_or(1.0), unit, ..rule };
        Ok(Question { query: self.query, rule })
    }

    fn statement(self) -> Result<SqlQuestion, RowError> {
        if self.combine.is_some() || self.factor.is_some() {
            return Err(wrong("combine", "combine and factor are for Prometheus: a statement can do both"));
        }
        let series = self.series()?;
        let signal = series.signal();
        let checked = |field: &str, text: &str| {
            sql::statement(text).map_err(|why| wrong(field, format!("the query of {signal} {why}")))
        };
        let unit = self.unit.unwrap_or_else(|| signal.unit().name().to_owned());
        accept_unit(signal, &unit).map_err(|(_, why)| wrong("unit", why))?;
        let aggregation = match self.aggregation.as_deref() {
            None => None,
            Some(name) => Some(
                Aggregation::from_name(name)
                    .filter(|_| series == Series::InfraLatency)
                    .ok_or_else(|| wrong("aggregation", "aggregation is p95 or mean, and only of infra.latency"))?,
            ),
        };
        if series == Series::InfraLatency && aggregation.is_none() {
            return Err(wrong("aggregation", "infra.latency from a table needs its aggregation: p95 or mean"));
        }
        let complete = match self.complete_through.as_deref() {
            None => CompleteThrough::Unknown,
            Some(_) if signal.kind() != Kind::Sum => {
                return Err(wrong(
                    "complete_through",
                    format!("complete_through is for what happens; {signal} is what is"),
                ));
            }
            Some("now") => CompleteThrough::Asked { delay_minutes: self.delay_minutes.unwrap_or(0) },
            Some(text) => CompleteThrough::Statement(checked("complete_through", text)?),
        };
        if self.delay_minutes.is_some() && !matches!(complete, CompleteThrough::Asked { .. }) {
            return Err(wrong("delay_minutes", "delay_minutes goes with complete_through = \"now\""));
        }
        let rule = RowRule { aggregation, series, unit };
        Ok(SqlQuestion { complete, rule, statement: checked("query", &self.query)? })
    }
}

/// The sources of a file.
pub(super) fn pulled(sources: Vec<Source>) -> Result<Vec<PulledSource>, SettingsError> {
    let mut all: Vec<PulledSource> = Vec::new();
    for source in sources {
        let name = source.name.clone();
        let problem = |why: RowError| value_error("source", format!("\"{name}\": {}", why.detail));
        let source = source.pulled().map_err(problem)?;
        if all.iter().any(|other| (&other.environment, &other.name) == (&source.environment, &source.name)) {
            return Err(value_error("source", format!("\"{name}\" is named twice in {}", source.environment)));
        }
        all.push(source);
    }
    Ok(all)
}
