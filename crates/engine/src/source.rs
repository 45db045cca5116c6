//! Owns how a founder adds a source, a signal to it, or removes it: the body of `POST sources`, and how a form becomes one. What
//! a source may be is judged where the settings file is. Must not hold a secret: they are only named.

use super::signal::Severity;
use super::telemetry::RowError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// With what the name of a variable begins that a source may name: no other variable of the process is sent anywhere.
pub const VARIABLE_PREFIX: &str = "SCALING_MODE_SOURCE_";
/// The kinds that may be added. A source of kind sqlite would read any file.
pub const KINDS: [&str; 4] = ["prometheus", "postgres", "mysql", "litellm"];
/// The longest query that may be added, in characters.
pub const MOST_QUERY: usize = 4_000;
/// The longest address, in characters.
pub const MOST_URL: usize = 1_000;
/// The most sources that may be added, in all environments of one server together.
pub const MOST_ADDED: u32 = 50;
/// The most signals of one source.
pub const MOST_SIGNALS: usize = 50;
/// The fields of the form; nothing else is led back to it.
pub const FIELDS: [&str; 11] = [
    "aggregation",
    "complete_through",
    "every_seconds",
    "kind",
    "name",
    "query",
    "severity",
    "signal",
    "token_env",
    "url",
    "url_env",
];

/// The action to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceAction {
    Add,
    AddSignal,
    /// Of a source that sends alerts: one of them is closed, since nobody will resolve it.
    CloseAlert,
    /// Of a source that sends subscriptions: one of its clients is ended, since Stripe no longer has it.
    EndClient,
    Remove,
    /// Of a source that sends by itself: it has gone, and nothing is expected of it until it sends again.
    Retire,
}

impl SourceAction {
    pub const fn name(self) -> &'static str {
        match self {
            SourceAction::Add => "add",
            SourceAction::AddSignal => "add_signal",
            SourceAction::CloseAlert => "close_alert",
            SourceAction::EndClient => "end_client",
            SourceAction::Remove => "remove",
            SourceAction::Retire => "retire",
        }
    }
}

/// The query for one signal, as under `[[source.signal]]` of the settings file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSignal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combine: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_through: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    pub query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    pub signal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// The body of `POST /api/scaling-mode/sources`: the keys of `[[source]]` of the settings file, beside what is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceChange {
    pub action: SourceAction,
    /// For `close_alert`: the fingerprint of the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// For `add`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill_hours: Option<u32>,
    /// For `end_client`: the id of the customer, or of one of its subscriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// `production` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// For `add`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u32>,
    /// For `add`, where it is required: prometheus, postgres, mysql or litellm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// For `add`, of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_hours: Option<u32>,
    pub name: String,
    /// For `remove` and `retire`, optional; for `close_alert` and `end_client`, required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For `add` and `add_signal`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signal: Vec<SourceSignal>,
    /// For `add` of a Prometheus: the environment variable that holds its bearer token; begins with `SCALING_MODE_SOURCE_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// For `add` of a Prometheus: its address, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For `add` of a database: the environment variable that holds its address; begins with `SCALING_MODE_SOURCE_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_env: Option<String>,
}

/// The change of a source, and its settings now, or those before it was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceView {
    /// Where it is asked, without what must not be shown; null where it could not be asked as it was kept.
    pub address: Option<String>,
    pub environment: String,
    /// Null where it could not be asked as it was kept.
    pub every_seconds: Option<u32>,
    /// Null where it could not be asked as it was kept.
    pub kind: Option<String>,
    pub name: String,
    /// What it is asked for.
    pub signals: Vec<String>,
}

/// A mistake of a field.
pub fn wrong(field: &str, detail: impl Into<String>) -> RowError {
    RowError { detail: detail.into(), field: field.to_owned(), index: None }
}

impl SourceChange {
    /// An action on a source with nothing beside it.
    pub fn of(action: SourceAction, environment: Option<String>, name: &str) -> SourceChange {
        SourceChange {
            action,
            alert: None,
            backfill_hours: None,
            client: None,
            environment,
            every_seconds: None,
            kind: None,
            late_hours: None,
            name: name.to_owned(),
            reason: None,
            signal: Vec::new(),
            token_env: None,
            url: None,
            url_env: None,
        }
    }

    /// A form's fields as a change: what is empty is left out.
    ///
    /// # Errors
    /// The field that cannot be read.
    pub fn of_form(
        action: SourceAction,
        environment: Option<String>,
        fields: &BTreeMap<String, String>,
    ) -> Result<SourceChange, RowError> {
        let field = |name: &str| fields.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        let text = |name: &str| field(name).map(str::to_owned);
        let mut change = SourceChange::of(action, environment, field("name").unwrap_or_default());
        change.every_seconds = match field("every_seconds") {
            None => None,
            Some(seconds) => Some(
                seconds.parse().map_err(|_| wrong("every_seconds", "needs a whole number of seconds, such as 60"))?,
            ),
        };
        let severity = match field("severity") {
            None => None,
            Some(name) => Some(
                Severity::ALL
                    .into_iter()
                    .find(|severity| severity.name() == name)
                    .ok_or_else(|| wrong("severity", "is info, warning or critical"))?,
            ),
        };
        (change.kind, change.url) = (text("kind"), text("url"));
        (change.token_env, change.url_env) = (text("token_env"), text("url_env"));
        // Of LiteLLM's log it is known what to ask: no signal need be named.
        if field("signal").is_some() || field("query").is_some() {
            change.signal.push(SourceSignal {
                aggregation: text("aggregation"),
                complete_through: text("complete_through"),
                query: text("query").unwrap_or_default(),
                severity,
                signal: text("signal").unwrap_or_default(),
                ..SourceSignal::default()
            });
        }
        Ok(change)
    }

    /// The first field that does not belong to the action.
    pub fn stray(&self) -> Option<&'static str> {
        let of_source = [
            ("backfill_hours", self.backfill_hours.is_some()),
            ("every_seconds", self.every_seconds.is_some()),
            ("kind", self.kind.is_some()),
            ("late_hours", self.late_hours.is_some()),
            ("token_env", self.token_env.is_some()),
            ("url", self.url.is_some()),
            ("url_env", self.url_env.is_some()),
        ];
        let stray = match self.action {
            SourceAction::Add => &[][..],
            SourceAction::AddSignal
            | SourceAction::CloseAlert
            | SourceAction::EndClient
            | SourceAction::Remove
            | SourceAction::Retire => &of_source,
        };
        let is_adding = matches!(self.action, SourceAction::Add | SourceAction::AddSignal);
        let others = [
            ("alert", self.alert.is_some() && self.action != SourceAction::CloseAlert),
            ("client", self.client.is_some() && self.action != SourceAction::EndClient),
            ("reason", self.reason.is_some() && is_adding),
            ("signal", !self.signal.is_empty() && !is_adding),
        ];
        stray.iter().chain(&others).find(|(_, is_there)| *is_there).map(|(name, _)| *name)
    }
}

/// Whether a source may name a variable of this name.
pub fn is_variable(name: &str) -> bool {
    name.len() <= 128
        && name.strip_prefix(VARIABLE_PREFIX).is_some_and(|rest| {
            !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        })
}

/// What stands for something that is not shown again; no field takes it.
const HIDDEN: &str = "…";

/// The texts that were entered into a form, as far as they may be shown again. Of an address the credentials and the query are hidden, and what
/// is no name of a variable, since it may be the secret itself; all of these are refused with and without what is hidden.
pub fn kept(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    fields
        .iter()
        .filter(|(name, text)| FIELDS.contains(&name.as_str()) && !text.trim().is_empty())
        .map(|(name, text)| {
            let shown = match name.as_str() {
                "url" => without_secrets(text),
                "token_env" | "url_env" if !looks_like_a_variable(text.trim()) => HIDDEN.to_owned(),
                "query" => text.chars().take(MOST_QUERY + 1).collect(),
                _ => text.chars().take(MOST_URL + 1).collect(),
            };
            (name.clone(), shown)
        })
        .collect()
}

fn looks_like_a_variable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn without_secrets(url: &str) -> String {
    let mut shown: String = url.chars().take(MOST_URL + 1).collect();
    if let Some(at) = shown.find(['?', '#']) {
        shown.truncate(at + 1);
    }
    if let Some(end) = shown.rfind('@') {
        let start = shown.find("://").map_or(0, |at| at + 3).min(end);
        shown.replace_range(start..end, HIDDEN);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn only_variables_meant_for_sources_may_be_named() {
        for (name, may) in [
            ("SCALING_MODE_SOURCE_SHOP", true),
            ("SCALING_MODE_SOURCE_SHOP_2", true),
            ("SCALING_MODE_SOURCE_", false),
            ("SCALING_MODE_SOURCE_shop", false),
            ("SCALING_MODE_SOURCE_A=B", false),
            ("scaling_mode_source_SHOP", false),
            ("SCALING_MODE_DATABASE_URL", false),
            ("AWS_SECRET_ACCESS_KEY", false),
            (" SCALING_MODE_SOURCE_SHOP", false),
        ] {
            assert_eq!(is_variable(name), may, "{name}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_led_back() {
        let typed = fields(&[
            ("name", "shop"),
            ("token_env", "hunter2"),
            ("url", "http://a:hunter2@x/y"),
            ("url_env", "HOME"),
            ("query", "SELECT 1"),
            ("notice", "prize"),
        ]);
        let shown = fields(&[
            ("name", "shop"),
            ("token_env", "…"),
            ("url", "http://…@x/y"),
            ("url_env", "HOME"),
            ("query", "SELECT 1"),
        ]);
        assert_eq!(kept(&typed), shown);
        for (url, kept) in [
            ("http://x/y?token=hunter2", "http://x/y?"),
            ("http://x", "http://x"),
            ("a:hunter2@x", "…@x"),
            ("http://a:hunter2/@x?y", "http://…@x?"),
        ] {
            assert_eq!(without_secrets(url), kept);
        }
    }

    #[test]
    fn a_form_leaves_out_what_is_empty() {
        let typed =
            fields(&[("name", " shop "), ("kind", "litellm"), ("url", " "), ("every_seconds", ""), ("query", "")]);
        let change = SourceChange::of_form(SourceAction::Add, None, &typed).unwrap();
        let expected =
            SourceChange { kind: Some("litellm".to_owned()), ..SourceChange::of(SourceAction::Add, None, "shop") };
        assert_eq!(change, expected);
        let soon = SourceChange::of_form(SourceAction::Add, None, &fields(&[("every_seconds", "soon")]));
        assert_eq!(soon.unwrap_err().field, "every_seconds");
    }

    #[test]
    fn what_does_not_belong_to_an_action_is_named() {
        let mut change = SourceChange::of(SourceAction::Remove, None, "shop");
        assert_eq!(change.stray(), None);
        change.url = Some("http://x".to_owned());
        assert_eq!(change.stray(), Some("url"));
        change.action = SourceAction::Add;
        assert_eq!(change.stray(), None);
        change.reason = Some("why".to_owned());
        assert_eq!(change.stray(), Some("reason"));
        let mut change = SourceChange::of(SourceAction::CloseAlert, None, "alertmanager");
        (change.alert, change.reason) = (Some("aa11".to_owned()), Some("silenced".to_owned()));
        assert_eq!(change.stray(), None);
        change.client = Some("cus_1".to_owned());
        assert_eq!(change.stray(), Some("client"));
        change.action = SourceAction::EndClient;
        assert_eq!(change.stray(), Some("alert"));
    }
}
