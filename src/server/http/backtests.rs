//! Owns what the backtest's endpoint and page ask of the server: the proposal read and checked, then run. Must not
//! write anything.

use super::context::{config, state};
use super::problem;
use crate::api::BacktestView;
use crate::domain::backtest::{BacktestReport, BacktestRequest, mistakes};
use crate::domain::policy::{Config, FieldError, Policy};
use crate::domain::policy_fields::{Group, PolicyField, read};
use crate::error::WireError;
use crate::server::backtest::{Plan, backtest};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use std::collections::BTreeMap;

/// `POST backtest`.
pub async fn run(request: BacktestRequest) -> Result<BacktestReport, WireError> {
    let config = config(request.environment.clone()).await?;
    let (from, to) = (request.from, request.to);
    let policy = request.policy(&config.policy).map_err(WireError::of_fields)?;
    tested(&config, policy, from, to).await
}

async fn tested(
    config: &Config,
    policy: Policy,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<BacktestReport, WireError> {
    let plan = Plan { environment: config.environment.clone(), from, policy, to };
    backtest(state()?.store.clone(), plan).await.map_err(problem::of_store)
}

/// The page: the form alone where nothing is asked for yet; else with the result, or with what is wrong.
pub async fn page(environment: Option<String>, fields: BTreeMap<String, String>) -> Result<BacktestView, WireError> {
    let config = config(environment).await?;
    let mut errors = Vec::new();
    let from = day(&fields, "from", NaiveTime::MIN, &mut errors);
    let to = day(&fields, "to", END_OF_DAY, &mut errors);
    let (proposed, unreadable) = read(fields.iter().map(|(name, text)| (name.as_str(), text.as_str())), &config.policy);
    errors.extend(unreadable);
    for mistake in mistakes(&config.policy, &proposed, from, to) {
        if !errors.iter().any(|known| known.field == mistake.field || known.field.starts_with(&mistake.field)) {
            errors.push(mistake);
        }
    }
    let report = if errors.is_empty() && is_asked(&fields) {
        Some(tested(&config, proposed.clone(), from, to).await?)
    } else {
        None
    };
    let mut texts = fields;
    for field in PolicyField::ALL.iter().filter(|field| is_offered(**field)) {
        texts.entry(field.path().to_owned()).or_insert_with(|| field.text(&config.policy));
    }
    Ok(BacktestView { config, errors, report, texts })
}

/// Whether a backtest can judge a field.
const fn is_offered(field: PolicyField) -> bool {
    matches!(field.group(), Group::Limits(_) | Group::Guardrails | Group::Weights | Group::Scoring)
}

/// Opening the page asks for nothing: a backtest costs a second.
fn is_asked(fields: &BTreeMap<String, String>) -> bool {
    fields.keys().any(|name| name == "from" || name == "to" || name.contains('.'))
}

/// The last millisecond of a day: the store keeps no finer times.
const END_OF_DAY: NaiveTime = match NaiveTime::from_hms_milli_opt(23, 59, 59, 999) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// A day as a form sends it, at a time of it, or a whole time as scripts write it; left out where it is blank.
fn day(
    fields: &BTreeMap<String, String>,
    field: &'static str,
    at: NaiveTime,
    errors: &mut Vec<FieldError>,
) -> Option<DateTime<Utc>> {
    let text = fields.get(field).map(|text| text.trim()).filter(|text| !text.is_empty())?;
    let read = text
        .parse::<NaiveDate>()
        .map(|day| day.and_time(at).and_utc())
        .or_else(|_| DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map(|time| time.with_timezone(&Utc)));
    if read.is_err() {
        errors.push(FieldError::new(field, "must be a day, such as 2026-11-24"));
    }
    read.ok()
}
