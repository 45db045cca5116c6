//! Owns alerts as Alertmanager and Grafana send them: what their webhook's body says, how bad an alert is, whether it is open, and when
//! that is no longer known. Must not know how they are sent or kept. Specifications:
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config> and
//! <https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/>.

use super::access::is_hidden;
use super::parts;
use super::signal::{Series, Severity, Signal};
use super::telemetry::{MAX_NAME, Measurement, RowError, Sample};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The versions of the webhook's body that are read: Alertmanager's, and Grafana's own, which has the same fields.
const VERSIONS: [&str; 2] = ["4", "1"];
/// The most alerts of one notification.
const MOST_ALERTS: usize = 10_000;

/// One alert of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// When it was over, where it is.
    pub ended_at: Option<DateTime<Utc>>,
    pub fingerprint: String,
    pub is_firing: bool,
    /// The name of its rule; empty where it has none.
    pub name: String,
    /// `None` counts as nothing: it only proves that its sender is alive.
    pub severity: Option<Severity>,
    pub starts_at: DateTime<Utc>,
}

/// The part of an alert that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertState {
    pub is_open: bool,
    pub starts_at: DateTime<Utc>,
}

impl AlertState {
    /// The state of an alert after a notification about it. Notifications may come late and more than once: what is
    /// said of an earlier firing changes nothing of a later one. Of one firing, the last report counts.
    pub fn after(known: Option<AlertState>, told: &Alert) -> AlertState {
        let fresh = AlertState { is_open: told.is_firing, starts_at: told.starts_at };
        let Some(known) = known else {
            return fresh;
        };
        if told.starts_at >= known.starts_at {
            return fresh;
        }
        // Two Prometheus servers see one alert begin at different times. It is over if it ended after it last began.
        let is_over = !told.is_firing && told.ended_at.is_some_and(|ended| ended > known.starts_at);
        AlertState { is_open: known.is_open && !is_over, ..known }
    }
}

/// An open alert, as its source last sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownAlert {
    pub fingerprint: String,
    /// When it was last repeated.
    pub heard_at: DateTime<Utc>,
    /// It is no longer repeated: nobody knows whether it is still open.
    pub is_unknown: bool,
    /// The name of its rule; empty where it has none.
    pub name: String,
    pub severity: Severity,
    pub starts_at: DateTime<Utc>,
}

/// What a source's alerts come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertCounts {
    /// Alerts that are open.
    pub open: OpenAlerts,
    /// Alerts that were open and are no longer repeated: nobody knows whether they still are.
    pub unknown: OpenAlerts,
}

impl AlertCounts {
    /// The numbers as samples of `warnings.open`, one for each severity, those that are zero among them. A severity with an alert that is
    /// no longer repeated is known only as at least the others.
    pub fn samples(self, at: DateTime<Utc>) -> Vec<Sample> {
        let sample = |severity| {
            let series = Series::of(Signal::WarningsOpen, Some(severity))?;
            let atoms = self.open.of(severity).saturating_mul(series.signal().unit().atoms());
            let is_known = self.unknown.of(severity) == 0;
            let measurement = if is_known { Measurement::Value(atoms) } else { Measurement::AtLeast(atoms) };
            Some(Sample { at, exact: None, id: None, measurement, series })
        };
        Severity::ALL.into_iter().filter_map(sample).collect()
    }
}

/// How many alerts there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenAlerts {
    pub critical: u64,
    pub info: u64,
    pub warning: u64,
}

impl OpenAlerts {
    pub const fn of(self, severity: Severity) -> u64 {
        match severity {
            Severity::Info => self.info,
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }
    }

    pub const fn add(&mut self, severity: Severity, count: u64) {
        let all = match severity {
            Severity::Info => &mut self.info,
            Severity::Warning => &mut self.warning,
            Severity::Critical => &mut self.critical,
        };
        *all = all.saturating_add(count);
    }
}

/// How bad an alert is, by its label. What says nothing that is known here is a warning: the safe side.
pub fn severity(label: Option<&str>) -> Option<Severity> {
    match label.unwrap_or("").trim().to_ascii_lowercase().as_str() {
        "critical" | "page" => Some(Severity::Critical),
        "info" | "informational" => Some(Severity::Info),
        "none" => None,
        _ => Some(Severity::Warning),
    }
}

/// Why a body cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationError {
    /// It is no JSON object: a sentence.
    Unreadable(String),
    /// All that is wrong with it, each with its field, and its place in `alerts` where it is an alert's.
    Wrong(Vec<RowError>),
}

/// Reads the body of a notification.
///
/// # Errors
/// [`NotificationError`]; nothing of the body is to be taken then.
pub fn read(body: &[u8]) -> Result<Vec<Alert>, NotificationError> {
    let unreadable = |sentence: String| NotificationError::Unreadable(sentence);
    let body = parts::json(body).map_err(|error| unreadable(format!("The body is no JSON: {error}.")))?;
    let fields = parts::fields(body).ok_or_else(|| unreadable("The body must be a JSON object.".to_owned()))?;
    let [version, truncated, list] = those(fields, ["version", "truncatedAlerts", "alerts"]);
    let mut errors = Vec::new();
    if !version.and_then(parts::text).is_some_and(|version| VERSIONS.contains(&version.as_str())) {
        errors.push(wrong(None, "version", "must be \"4\", as Alertmanager sends it, or \"1\", as Grafana does"));
    }
    match truncated.map(|count| serde_json::from_str::<u64>(count).ok()) {
        None | Some(Some(0)) => {}
        Some(Some(cut)) => {
            let detail = format!(
                "{cut} alerts were cut off, so that what is open would be unknown: set max_alerts: 0 in the receiver's webhook_configs \
                 (Grafana: Max Alerts 0 in the contact point)"
            );
            errors.push(wrong(None, "truncatedAlerts", detail));
        }
        Some(None) => errors.push(wrong(None, "truncatedAlerts", "must be a whole number")),
    }
    let mut alerts = Vec::new();
    match list.and_then(parts::items) {
        None => errors.push(wrong(None, "alerts", "must be a list of alerts")),
        Some(list) if list.take(MOST_ALERTS + 1).count() > MOST_ALERTS => {
            errors.push(wrong(None, "alerts", format!("has more than {MOST_ALERTS} alerts: group them")));
        }
        Some(list) => {
            for (alert, index) in list.zip(0u32..) {
                match of(alert) {
                    Ok(alert) => alerts.push(alert),
                    Err((field, detail)) => errors.push(wrong(Some(index), field, detail)),
                }
            }
        }
    }
    if errors.is_empty() { Ok(alerts) } else { Err(NotificationError::Wrong(errors)) }
}

fn wrong(index: Option<u32>, field: &str, detail: impl Into<String>) -> RowError {
    RowError { detail: detail.into(), field: field.to_owned(), index }
}

/// What an object says under each of these names, the last time that it does.
fn those<'t, const N: usize>(
    fields: impl Iterator<Item = (String, &'t str)>,
    names: [&str; N],
) -> [Option<&'t str>; N] {
    let mut found = [None; N];
    for (name, value) in fields {
        if let Some(place) = names.iter().position(|own| **own == name) {
            found[place] = Some(value);
        }
    }
    found
}

fn of(alert: &str) -> Result<Alert, (&'static str, String)> {
    let names = ["endsAt", "fingerprint", "labels", "startsAt", "status"];
    let [ends_at, fingerprint, labels, starts_at, status] =
        parts::fields(alert).map_or([None; 5], |all| those(all, names));
    let labels = labels.and_then(parts::fields).map_or([None; 2], |all| those(all, ["alertname", "severity"]));
    let [name, severity_label] = labels.map(|label| label.and_then(parts::text));
    let fingerprint = fingerprint
        .and_then(parts::text)
        .filter(|text| (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| ("fingerprint", format!("needs 1 to {MAX_NAME} visible ASCII characters")))?;
    let is_firing = match status.and_then(parts::text).as_deref() {
        Some("firing") => true,
        Some("resolved") => false,
        _ => return Err(("status", "must be firing or resolved".to_owned())),
    };
    let time = |name: &'static str, value: Option<&str>| match value
        .and_then(parts::text)
        .map(|text| DateTime::parse_from_rfc3339(&text))
    {
        Some(Ok(at)) => Ok(at.with_timezone(&Utc)),
        _ => Err((name, "must be an RFC 3339 time, such as 2026-11-24T03:00:00Z".to_owned())),
    };
    let starts_at = time("startsAt", starts_at)?;
    // While an alert fires, its end is not known.
    let ended_at = if is_firing || ends_at.is_none() { None } else { Some(time("endsAt", ends_at)?) };
    Ok(Alert {
        ended_at,
        fingerprint,
        is_firing,
        name: name.as_deref().unwrap_or("").chars().filter(|one| !is_hidden(*one)).take(MAX_NAME).collect(),
        severity: severity(severity_label.as_deref()),
        starts_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn minute(minute: u32) -> DateTime<Utc> {
        format!("2026-11-24T03:{minute:02}:00Z").parse().unwrap()
    }

    fn firing(starts: u32) -> Alert {
        Alert {
            ended_at: None,
            fingerprint: "f".to_owned(),
            is_firing: true,
            name: String::new(),
            severity: Some(Severity::Warning),
            starts_at: minute(starts),
        }
    }

    fn resolved(starts: u32, ended: u32) -> Alert {
        Alert { ended_at: Some(minute(ended)), is_firing: false, ..firing(starts) }
    }

    #[test]
    fn an_alert_is_open_from_its_newest_firing_until_that_is_over() {
        for (told, is_open) in [
            (vec![firing(1)], true),
            (vec![firing(1), firing(1)], true),
            (vec![resolved(1, 2)], false),
            (vec![firing(1), resolved(1, 2)], false),
            // A late report about an earlier firing.
            (vec![firing(5), resolved(1, 2)], true),
            (vec![firing(5), firing(1), resolved(1, 2)], true),
            (vec![firing(5), resolved(5, 6), firing(1)], false),
            // It fires again: for the first time since it was over, or because its sender was cut off for a while.
            (vec![firing(1), resolved(1, 2), firing(3)], true),
            (vec![firing(1), resolved(1, 2), firing(1)], true),
            // Two Prometheus servers saw it begin, the second one earlier.
            (vec![firing(5), resolved(4, 9)], false),
        ] {
            let state = told.iter().fold(None, |known, told| Some(AlertState::after(known, told)));
            assert_eq!(state.unwrap().is_open, is_open, "{told:?}");
        }
    }

    #[test]
    fn labels_say_how_bad_an_alert_is() {
        for (label, expected) in [
            (Some("critical"), Some(Severity::Critical)),
            (Some("Page"), Some(Severity::Critical)),
            (Some("warning"), Some(Severity::Warning)),
            (Some("warn"), Some(Severity::Warning)),
            (Some("info"), Some(Severity::Info)),
            (Some("informational"), Some(Severity::Info)),
            (Some("none"), None),
            (Some("disaster"), Some(Severity::Warning)),
            (Some(""), Some(Severity::Warning)),
            (None, Some(Severity::Warning)),
        ] {
            assert_eq!(severity(label), expected, "{label:?}");
        }
    }

    fn body() -> Value {
        json!({"version": "4", "status": "firing", "truncatedAlerts": 0, "alerts": [
            {"status": "firing", "fingerprint": "a1", "startsAt": "2026-11-24T03:01:00.5Z", "endsAt": "0001-01-01T00:00:00Z",
             "labels": {"alertname": "High", "severity": "critical"}}]})
    }

    fn fields(body: &Value) -> Vec<(Option<u32>, String)> {
        match read(&serde_json::to_vec(body).unwrap()) {
            Err(NotificationError::Wrong(errors)) => {
                errors.into_iter().map(|error| (error.index, error.field)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_notification_is_read() {
        let alerts = read(&serde_json::to_vec(&body()).unwrap()).unwrap();
        assert_eq!((alerts[0].name.as_str(), alerts[0].severity), ("High", Some(Severity::Critical)));
        assert_eq!((alerts[0].is_firing, alerts[0].ended_at), (true, None));
    }

    #[test]
    fn grafanas_own_webhook_is_read() {
        let body = json!({"receiver": "scaling-mode", "status": "firing", "orgId": 1, "version": "1", "truncatedAlerts": 0,
            "groupKey": "{}:{alertname=\"High\"}", "title": "[FIRING:1] High", "state": "alerting", "message": "**Firing**",
            "alerts": [
                {"status": "firing", "labels": {"alertname": "High", "severity": "critical", "grafana_folder": "Ops"},
                 "annotations": {}, "startsAt": "2026-11-24T04:01:00.5+01:00", "endsAt": "0001-01-01T00:00:00Z",
                 "values": {"B": 22, "C": 1}, "valueString": "[ var='B' ]", "fingerprint": "57c6d9296de2ad39",
                 "silenceURL": "", "dashboardURL": "", "panelURL": "", "generatorURL": ""},
                {"status": "resolved", "labels": {"alertname": "DatasourceNoData"}, "startsAt": "2026-11-24T03:01:00Z",
                 "endsAt": "2026-11-24T03:02:00Z", "values": null, "fingerprint": "b2"}]});
        let alerts = read(&serde_json::to_vec(&body).unwrap()).unwrap();
        let first = &alerts[0];
        assert_eq!((first.name.as_str(), first.severity, first.is_firing), ("High", Some(Severity::Critical), true));
        assert_eq!(first.starts_at, minute(1) + chrono::Duration::milliseconds(500));
        assert_eq!((alerts[1].severity, alerts[1].ended_at), (Some(Severity::Warning), Some(minute(2))));
    }

    #[test]
    fn a_severity_with_an_alert_that_is_no_longer_repeated_is_known_only_in_part() {
        let open = OpenAlerts { warning: 2, ..OpenAlerts::default() };
        let unknown = OpenAlerts { critical: 1, warning: 1, ..OpenAlerts::default() };
        let samples = AlertCounts { open, unknown }.samples(minute(0));
        let of = |severity: Severity| {
            let series = Series::of(Signal::WarningsOpen, Some(severity)).unwrap();
            samples.iter().find(|sample| sample.series == series).unwrap().measurement.clone()
        };
        assert_eq!(of(Severity::Info), Measurement::Value(0));
        assert_eq!(of(Severity::Warning), Measurement::AtLeast(2));
        assert_eq!(of(Severity::Critical), Measurement::AtLeast(0));
    }

    #[test]
    fn what_is_wrong_is_named_in_its_place() {
        for (pointer, value, expected) in [
            ("/version", json!("3"), (None, "version")),
            ("/version", json!(4), (None, "version")),
            ("/version", json!(1), (None, "version")),
            ("/version", json!("2"), (None, "version")),
            ("/truncatedAlerts", json!(2), (None, "truncatedAlerts")),
            ("/truncatedAlerts", json!("2"), (None, "truncatedAlerts")),
            ("/alerts", json!({}), (None, "alerts")),
            ("/alerts/0", json!(1), (Some(0), "fingerprint")),
            ("/alerts/0/fingerprint", json!(""), (Some(0), "fingerprint")),
            ("/alerts/0/fingerprint", json!(null), (Some(0), "fingerprint")),
            ("/alerts/0/status", json!("pending"), (Some(0), "status")),
            ("/alerts/0/startsAt", json!("soon"), (Some(0), "startsAt")),
        ] {
            let mut body = body();
            *body.pointer_mut(pointer).unwrap() = value.clone();
            assert_eq!(fields(&body), [(expected.0, expected.1.to_owned())], "{pointer}: {value}");
        }
        assert!(matches!(read(b"[]"), Err(NotificationError::Unreadable(_))));
        assert!(matches!(read(b"{"), Err(NotificationError::Unreadable(_))));
    }
}
