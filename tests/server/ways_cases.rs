//! The cases of each act: its preparation, its request by each way, and its expected code. Placeholders: `ENV` is the case's environment,
//! `TOKEN` and `LINK` the id of its token or share link, `LONG` a text of 501 characters, `A_MINUTE_AGO` a time.

use crate::ways::Scene;
use reqwest::Method;
use serde_json::{Value, json};

/// A preparation, the same for each way.
#[derive(Clone, Copy, Debug)]
pub enum Before {
    /// An alert is open.
    Alert,
    /// A client of Stripe is counted.
    Client,
    /// A command, its words separated by `|`.
    Command(&'static str),
    /// The environment is frozen.
    Frozen,
    /// There is a person who is a founder of the environment.
    Person,
    /// There is a polled source.
    Polled,
    /// A proposal of this recommendation and mode is open.
    Proposal(&'static str, Option<&'static str>),
    /// There is a share link.
    ShareLink,
    /// A source has sent telemetry.
    Telemetry,
}

/// A case of an act.
#[derive(Clone, Debug)]
pub struct Case {
    pub before: &'static [Before],
    /// `done`, or the code of the refusal.
    pub code: &'static str,
    /// The command's arguments, separated by `|`.
    pub command: &'static str,
    /// The body of the form.
    pub form: &'static str,
    /// The body of the endpoint; for GET, the query.
    pub json: &'static str,
}

impl Case {
    /// The kind of its environment. The scheduler skips recorded environments, so it can't expire a proposal.
    pub fn kind(&self) -> &'static str {
        if self.before.iter().any(|before| matches!(before, Before::Proposal(..))) { "recorded" } else { "live" }
    }

    pub async fn prepare(&self, scene: &Scene, environment: &str) {
        for before in self.before {
            before.make(scene, environment).await;
        }
    }
}

const HOLD: Before = Before::Proposal("hold", None);

impl Before {
    async fn make(self, scene: &Scene, environment: &str) {
        let post = |path: String, body: Value| async move { scene.send(Method::POST, &path, &body).await };
        match self {
            Before::Alert => {
                let alert = json!({"status": "firing", "fingerprint": "aa11", "startsAt": "2026-11-01T03:00:00Z",
                    "endsAt": "0001-01-01T00:00:00Z", "labels": {"alertname": "Disk", "severity": "critical"}, "annotations": {}});
                let body = json!({"version": "4", "truncatedAlerts": 0, "status": "firing", "alerts": [alert]});
                post(format!("/api/alertmanager?environment={environment}"), body).await;
            }
            Before::Client => {
                let subscription = json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active",
                    "cancel_at": null, "cancel_at_period_end": false, "created": 1_700_000_000});
                let body = json!({"object": "list", "has_more": false, "data": [subscription]});
                post(format!("/api/stripe?environment={environment}"), body).await;
            }
            Before::Command(line) => {
                let line = line.replace("ENV", environment);
                let (code, _, said) = scene.command(&line.split('|').collect::<Vec<_>>());
                assert_eq!(code, 0, "{line}: {said}");
            }
            Before::Frozen => {
                let body = json!({"environment": environment, "action": "freeze", "reason": "before"});
                scene.send(Method::PUT, "/api/scaling-mode/config", &body).await;
            }
            Before::Person => {
                let email = format!("{environment}@example.com");
                crate::people::create(&scene.server, &email, "founder", Some(environment));
            }
            Before::Polled => {
                let body = json!({"environment": environment, "action": "add", "name": "metrics", "kind": "prometheus",
                    "url": "http://127.0.0.1:9", "signal": [{"signal": "clients.active", "query": "count(active)"}]});
                post("/api/scaling-mode/sources".to_owned(), body).await;
            }
            Before::Proposal(recommendation, mode) => {
                let body = json!({"environment": environment});
                let snapshot = post("/api/scaling-mode/health".to_owned(), body).await;
                let snapshot = snapshot["id"].as_str().expect("an id");
                let id = format!("proposal-{environment}");
                let statement = "INSERT INTO proposals SELECT ?, id, created_at, created_at + 864000000, ?, NULLIF(?, ''), ?, 'open' \
                    FROM environments WHERE name = ?";
                let values = [id.as_str(), recommendation, mode.unwrap_or_default(), snapshot, environment];
                scene.execute(statement, &values).await;
            }
            Before::ShareLink => {
                let form = format!("name={environment}-link&environment={environment}&days=7&view.answer=on");
                let made = scene.form("make-share-link", form).await;
                assert_eq!(made.status, 200, "{made:?}");
            }
            Before::Telemetry => {
                let sample =
                    json!({"signal": "clients.active", "at": "2026-11-01T03:00:00Z", "value": 5, "unit": "clients"});
                let body = json!({"environment": environment, "source": "crm", "samples": [sample]});
                post("/api/telemetry".to_owned(), body).await;
            }
        }
    }
}

const fn case(code: &'static str, json: &'static str, form: &'static str, command: &'static str) -> Case {
    Case { before: &[], code, command, form, json }
}

const fn after(before: &'static [Before], case: Case) -> Case {
    Case { before, ..case }
}

/// The cases of an act; empty if it has no case.
#[rustfmt::skip]
pub fn cases(act: &str) -> Vec<Case> {
    use Before::{Alert, Client, Command, Frozen, Person, Polled, ShareLink, Telemetry};
    match act {
        "configuration::change set_mode" => vec![
            case("done", r#"{"environment":"ENV","action":"set_mode","mode":"pilot","old_mode":"lab"}"#, "environment=ENV&mode=pilot&old_mode=lab", "pilot|--old-mode|lab|--environment|ENV"),
            case("done", r#"{"environment":"ENV","action":"set_mode","mode":"lab","old_mode":"lab"}"#, "environment=ENV&mode=lab&old_mode=lab", "lab|--old-mode|lab|--environment|ENV"),
            case("done", r#"{"environment":"ENV","action":"set_mode","mode":"scale","old_mode":"lab","reason":" why "}"#, "environment=ENV&mode=scale&old_mode=lab&reason=+why+", "scale|--old-mode|lab|--environment|ENV|--reason| why "),
            case("conflict", r#"{"environment":"ENV","action":"set_mode","mode":"pilot","old_mode":"growth"}"#, "environment=ENV&mode=pilot&old_mode=growth", "pilot|--old-mode|growth|--environment|ENV"),
            case("out-of-range", r#"{"environment":"ENV","action":"set_mode","mode":"pilot","old_mode":"lab","reason":"LONG"}"#, "environment=ENV&mode=pilot&old_mode=lab&reason=LONG", "pilot|--old-mode|lab|--environment|ENV|--reason|LONG"),
            case("unknown-environment", r#"{"environment":"nowhere","action":"set_mode","mode":"pilot","old_mode":"lab"}"#, "environment=nowhere&mode=pilot&old_mode=lab", "pilot|--old-mode|lab|--environment|nowhere"),
        ],
        "configuration::change freeze" => vec![
            case("done", r#"{"environment":"ENV","action":"freeze","reason":"outage"}"#, "environment=ENV&reason=outage", "--environment|ENV|--reason|outage"),
            after(&[Frozen], case("done", r#"{"environment":"ENV","action":"freeze","reason":"outage"}"#, "environment=ENV&reason=outage", "--environment|ENV|--reason|outage")),
            case("out-of-range", r#"{"environment":"ENV","action":"freeze","reason":" "}"#, "environment=ENV&reason=+", "--environment|ENV|--reason| "),
            case("out-of-range", r#"{"environment":"ENV","action":"freeze","reason":"LONG"}"#, "environment=ENV&reason=LONG", "--environment|ENV|--reason|LONG"),
            case("unknown-environment", r#"{"environment":"nowhere","action":"freeze","reason":"outage"}"#, "environment=nowhere&reason=outage", "--environment|nowhere|--reason|outage"),
        ],
        "configuration::change unfreeze" => vec![
            after(&[Frozen], case("done", r#"{"environment":"ENV","action":"unfreeze","reason":"over"}"#, "environment=ENV&reason=over", "--environment|ENV|--reason|over")),
            after(&[Frozen], case("out-of-range", r#"{"environment":"ENV","action":"unfreeze","reason":""}"#, "environment=ENV&reason=", "--environment|ENV|--reason|")),
        ],
        "configuration::change set_auto_mode" => vec![
            case("done", r#"{"environment":"ENV","action":"set_auto_mode","enabled":true}"#, "environment=ENV&enabled=true", ""),
            case("unknown-environment", r#"{"environment":"nowhere","action":"set_auto_mode","enabled":true}"#, "environment=nowhere&enabled=true", ""),
        ],
        "configuration::change accept_proposal" => vec![
            after(&[HOLD], case("done", r#"{"environment":"ENV","action":"accept_proposal","proposal_id":"proposal-ENV"}"#, "environment=ENV&proposal_id=proposal-ENV", "")),
            after(&[Before::Proposal("increase", Some("pilot"))], case("recommendation-changed", r#"{"environment":"ENV","action":"accept_proposal","proposal_id":"proposal-ENV"}"#, "environment=ENV&proposal_id=proposal-ENV", "")),
            case("unknown-proposal", r#"{"environment":"ENV","action":"accept_proposal","proposal_id":"none"}"#, "environment=ENV&proposal_id=none", ""),
        ],
        "configuration::change dismiss_proposal" => vec![
            after(&[HOLD], case("done", r#"{"environment":"ENV","action":"dismiss_proposal","proposal_id":"proposal-ENV","reason":"not now"}"#, "environment=ENV&proposal_id=proposal-ENV&reason=not+now", "")),
            case("unknown-proposal", r#"{"environment":"ENV","action":"dismiss_proposal","proposal_id":"none"}"#, "environment=ENV&proposal_id=none", ""),
        ],
        "configuration::change update" => vec![
            case("done", r#"{"environment":"ENV","action":"update","version":1,"time_zone":"Europe/Berlin"}"#, "environment=ENV&version=1&time_zone=Europe%2FBerlin", ""),
            case("conflict", r#"{"environment":"ENV","action":"update","version":9,"time_zone":"Europe/Berlin"}"#, "environment=ENV&version=9&time_zone=Europe%2FBerlin", ""),
            case("out-of-range", r#"{"environment":"ENV","action":"update","version":1,"time_zone":"Mars"}"#, "environment=ENV&version=1&time_zone=Mars", ""),
        ],
        "evaluation::evaluate" => vec![
            case("done", r#"{"environment":"ENV"}"#, "environment=ENV", "--environment|ENV"),
            case("unknown-environment", r#"{"environment":"nowhere"}"#, "environment=nowhere", "--environment|nowhere"),
        ],
        "export::export" => vec![
            case("done", "", "", "ENV.jsonl|--environment|ENV"),
            case("unknown-environment", "", "", "ENV.jsonl|--environment|nowhere"),
        ],
        "history::read" => vec![
            case("done", "environment=ENV", "", "--environment|ENV"),
            case("unknown-environment", "environment=nowhere", "", "--environment|nowhere"),
        ],
        "telemetry::take" => vec![
            case("done", r#"{"environment":"ENV","source":"crm","samples":[{"signal":"clients.active","at":"A_MINUTE_AGO","value":5,"unit":"clients"}]}"#, "", ""),
            case("rejected", r#"{"environment":"ENV","source":"crm","samples":[{"signal":"clients.active","at":"A_MINUTE_AGO","value":-5,"unit":"clients"}]}"#, "", ""),
        ],
        "sources::change add" => vec![
            case("done", r#"{"environment":"ENV","action":"add","name":"metrics","kind":"prometheus","url":"http://127.0.0.1:9","signal":[{"signal":"clients.active","query":"up"}]}"#, "environment=ENV&name=metrics&kind=prometheus&url=http%3A%2F%2F127.0.0.1%3A9&signal=clients.active&query=up", ""),
            after(&[Polled], case("source-exists", r#"{"environment":"ENV","action":"add","name":"metrics","kind":"prometheus","url":"http://127.0.0.1:9","signal":[{"signal":"clients.active","query":"up"}]}"#, "environment=ENV&name=metrics&kind=prometheus&url=http%3A%2F%2F127.0.0.1%3A9&signal=clients.active&query=up", "")),
            case("out-of-range", r#"{"environment":"ENV","action":"add","name":"metrics","kind":"sqlite","url":"http://127.0.0.1:9","signal":[{"signal":"clients.active","query":"up"}]}"#, "environment=ENV&name=metrics&kind=sqlite&url=http%3A%2F%2F127.0.0.1%3A9&signal=clients.active&query=up", ""),
        ],
        "sources::change add_signal" => vec![
            after(&[Polled], case("done", r#"{"environment":"ENV","action":"add_signal","name":"metrics","signal":[{"signal":"clients.at_risk","query":"up"}]}"#, "environment=ENV&name=metrics&signal=clients.at_risk&query=up", "")),
            case("unknown-source", r#"{"environment":"ENV","action":"add_signal","name":"none","signal":[{"signal":"clients.at_risk","query":"up"}]}"#, "environment=ENV&name=none&signal=clients.at_risk&query=up", ""),
        ],
        "sources::change remove" => vec![
            after(&[Polled], case("done", r#"{"environment":"ENV","action":"remove","name":"metrics","reason":"moved"}"#, "environment=ENV&source=metrics&reason=moved", "")),
            case("unknown-source", r#"{"environment":"ENV","action":"remove","name":"none"}"#, "environment=ENV&source=none", ""),
        ],
        "sources::change retire" => vec![
            after(&[Telemetry], case("done", r#"{"environment":"ENV","action":"retire","name":"crm","reason":"gone"}"#, "environment=ENV&source=crm&reason=gone", "crm|--environment|ENV|--reason|gone")),
            after(&[Telemetry], case("done", r#"{"environment":"ENV","action":"retire","name":"crm","reason":" "}"#, "environment=ENV&source=crm&reason=+", "crm|--environment|ENV|--reason| ")),
            after(&[Telemetry], case("out-of-range", r#"{"environment":"ENV","action":"retire","name":"crm","reason":"LONG"}"#, "environment=ENV&source=crm&reason=LONG", "crm|--environment|ENV|--reason|LONG")),
            case("unknown-source", r#"{"environment":"ENV","action":"retire","name":"none"}"#, "environment=ENV&source=none", "none|--environment|ENV"),
            after(&[Polled], case("source-exists", r#"{"environment":"ENV","action":"retire","name":"metrics"}"#, "environment=ENV&source=metrics", "metrics|--environment|ENV")),
        ],
        "sources::change close_alert" => vec![
            after(&[Alert], case("done", r#"{"environment":"ENV","action":"close_alert","name":"alertmanager","alert":"aa11","reason":"gone"}"#, "environment=ENV&source=alertmanager&alert=aa11&reason=gone", "alertmanager|aa11|--environment|ENV|--reason|gone")),
            after(&[Alert], case("unknown-alert", r#"{"environment":"ENV","action":"close_alert","name":"alertmanager","alert":"zz","reason":"gone"}"#, "environment=ENV&source=alertmanager&alert=zz&reason=gone", "alertmanager|zz|--environment|ENV|--reason|gone")),
            after(&[Alert], case("out-of-range", r#"{"environment":"ENV","action":"close_alert","name":"alertmanager","alert":"aa11","reason":" "}"#, "environment=ENV&source=alertmanager&alert=aa11&reason=+", "alertmanager|aa11|--environment|ENV|--reason| ")),
            after(&[Alert], case("out-of-range", r#"{"environment":"ENV","action":"close_alert","name":"alertmanager","alert":" ","reason":"gone"}"#, "environment=ENV&source=alertmanager&alert=+&reason=gone", "alertmanager| |--environment|ENV|--reason|gone")),
        ],
        "sources::change end_client" => vec![
            after(&[Client], case("done", r#"{"environment":"ENV","action":"end_client","name":"stripe","client":"cus_1","reason":"gone"}"#, "environment=ENV&source=stripe&client=cus_1&reason=gone", "stripe|cus_1|--environment|ENV|--reason|gone")),
            after(&[Client], case("unknown-client", r#"{"environment":"ENV","action":"end_client","name":"stripe","client":"cus_9","reason":"gone"}"#, "environment=ENV&source=stripe&client=cus_9&reason=gone", "stripe|cus_9|--environment|ENV|--reason|gone")),
        ],
        "environments::create" => vec![
            case("done", "", "", "ENV-new|--kind|live"),
            case("environment-exists", "", "", "ENV|--kind|live"),
            case("out-of-range", "", "", "No Name|--kind|live"),
        ],
        "environments::list" => vec![case("done", "", "", "")],
        "people::create" => vec![
            case("done", "", "", "ENV@example.com|--role|viewer|--environment|ENV"),
            after(&[Person], case("person-exists", "", "", "ENV@example.com|--role|viewer|--environment|ENV")),
            case("out-of-range", "", "", "nobody|--environment|ENV"),
            case("unknown-environment", "", "", "ENV@example.com|--environment|nowhere"),
        ],
        "people::set_role" => vec![
            after(&[Person], case("done", "", "email=ENV%40example.com&environment=ENV&role=viewer", "")),
            after(&[Person], case("done", "", "email=ENV%40example.com&environment=ENV&role=none", "")),
            case("last-founder", "", "email=anna%40example.com&environment=*&role=viewer", ""),
            case("unknown-person", "", "email=ENV%40example.com&environment=ENV&role=viewer", ""),
        ],
        "people::set_disabled enable" => vec![
            after(&[Person, Command("person|disable|ENV@example.com")], case("done", "", "email=ENV%40example.com&disabled=false", "ENV@example.com")),
            case("unknown-person", "", "email=ENV%40example.com&disabled=false", "ENV@example.com"),
        ],
        "people::set_disabled disable" => vec![
            after(&[Person], case("done", "", "email=ENV%40example.com&disabled=true", "ENV@example.com")),
            case("last-founder", "", "email=anna%40example.com&disabled=true", "anna@example.com"),
            case("unknown-person", "", "email=ENV%40example.com&disabled=true", "ENV@example.com"),
            case("out-of-range", "", "email=nobody&disabled=true", "nobody"),
        ],
        "people::reset_proofs" => vec![
            after(&[Person], case("done", "", "email=ENV%40example.com", "ENV@example.com")),
            case("unknown-person", "", "email=ENV%40example.com", "ENV@example.com"),
        ],
        "invitations::invite" => vec![
            case("done", "", "email=ENV%40example.com&environment=ENV&role=viewer", ""),
            case("out-of-range", "", "email=ENV%40example.com&environment=ENV&role=king", ""),
            case("unknown-environment", "", "email=ENV%40example.com&environment=nowhere&role=viewer", ""),
        ],
        "invitations::reset_password" => vec![
            after(&[Person], case("done", "", "", "ENV@example.com")),
            case("unknown-person", "", "", "ENV@example.com"),
        ],
        "tokens::create" => vec![
            case("done", "", "name=ENV-token&environment=ENV&days=730&scope.telemetry%3Awrite=on&sources=crm", "ENV-token|--environment|ENV|--days|730|--scope|telemetry:write|--source|crm"),
            case("done", "", "name=ENV-token&environment=*&days=&scope.health%3Aread=on", "ENV-token|--scope|health:read"),
            case("out-of-range", "", "name=ENV-token&environment=ENV&days=731&scope.health%3Aread=on", "ENV-token|--environment|ENV|--days|731|--scope|health:read"),
            case("out-of-range", "", "name=ENV-token&environment=ENV&days=0&scope.health%3Aread=on", "ENV-token|--environment|ENV|--days|0|--scope|health:read"),
            case("out-of-range", "", "name=+&environment=ENV&days=&scope.health%3Aread=on", " |--environment|ENV|--scope|health:read"),
            case("out-of-range", "", "name=ENV-token&environment=ENV&days=&scope.health%3Aread=on&sources=LONG", "ENV-token|--environment|ENV|--scope|health:read|--source|LONG"),
            after(&[Command("token|create|ENV-token|--scope|health:read|--environment|ENV")], case("name-taken", "", "name=ENV-token&environment=ENV&days=&scope.health%3Aread=on", "ENV-token|--environment|ENV|--scope|health:read")),
            case("unknown-environment", "", "name=ENV-token&environment=nowhere&days=&scope.health%3Aread=on", "ENV-token|--environment|nowhere|--scope|health:read"),
        ],
        "tokens::revoke" => vec![
            after(&[Command("token|create|ENV-token|--scope|health:read|--environment|ENV")], case("done", "", "id=TOKEN", "ENV-token")),
            case("out-of-range", "", "id=0", "ENV-token"),
        ],
        "tokens::list" => vec![case("done", "", "", "")],
        "share_links::create" => vec![
            case("done", "", "name=ENV-link&environment=ENV&days=365&view.answer=on&passphrase=zebra+lamp+quietly", ""),
            case("out-of-range", "", "name=ENV-link&environment=ENV&days=366&view.answer=on", ""),
            case("out-of-range", "", "name=ENV-link&environment=*&days=7&view.answer=on", ""),
        ],
        "share_links::revoke" => vec![
            after(&[ShareLink], case("done", "", "id=LINK", "")),
            case("out-of-range", "", "id=0", ""),
        ],
        "share_links::list" => vec![case("done", "", "", "")],
        _ => Vec::new(),
    }
}
