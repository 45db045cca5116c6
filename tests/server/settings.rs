//! Owns what the page of settings promises: changes are reviewed, saved in one act with its event, never over somebody
//! else's; what was entered is kept; an earlier version comes back as a new one. All of it without JavaScript.

use crate::serving::{Answer, Server, answer};
use reqwest::Method;
use serde_json::{Value, json};

const CONFIG: &str = "/api/scaling-mode/config";
const PAGE: &str = "/founder/scaling-mode/settings?environment=production";

/// Posts the form as a browser does.
async fn save(server: &Server, body: &str) -> Answer {
    let request = server
        .request(Method::POST, "/api/scaling-mode/forms/update")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html")
        .body(format!("environment=production&{body}"));
    answer(request).await
}

/// The page that the answer leads to.
async fn led_to(server: &Server, led: &Answer) -> (String, String) {
    assert_eq!(led.status, 302, "{led:?}");
    let location = led.location.clone().expect("somewhere to go");
    let page = server.get(location.split('#').next().expect("an address")).await;
    assert_eq!(page.status, 200, "{location}");
    (location, page.text)
}

async fn changes(server: &Server) -> Vec<Value> {
    let history = server.get("/api/scaling-mode/history?event_type=config_changed").await;
    history.json["events"].as_array().expect("events").clone()
}

/// The tag of the input of that id.
fn input<'p>(page: &'p str, id: &str) -> &'p str {
    let at = page.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {page}"));
    let start = page[..at].rfind('<').expect("a tag");
    &page[start..start + page[start..].find('>').expect("its end")]
}

#[tokio::test]
async fn the_page_shows_every_setting_as_it_is_in_force_beside_its_default() {
    let server = Server::start().await;
    let update = json!({"action": "update", "version": 1, "guardrails": {"max_churn_risk": 0.15}, "not_applicable": ["infra.cpu"]});
    assert_eq!(server.put(CONFIG, &update).await.status, 200);
    let page = server.get(PAGE).await;
    assert_eq!(page.status, 200);
    assert!(input(&page.text, "guardrails.max_churn_risk").contains("value=\"0.15\""));
    assert!(page.text.contains("default 0.2"));
    assert!(!input(&page.text, "mark-guardrails.max_churn_risk").contains("hidden"));
    assert!(input(&page.text, "mark-guardrails.max_ai_cost_pressure").contains("hidden"));
    assert!(input(&page.text, "limits.scale.max_ai_spend_per_day").contains("value=\"2000.00\""));
    let cpu = page.text.split("value=\"infra.cpu\"").nth(1).expect("a box").split('>').next().expect("its end");
    assert!(cpu.contains("checked"), "{cpu}");
    let founder = server.get("/founder/scaling-mode?environment=production").await;
    assert!(founder.text.contains("/founder/scaling-mode/settings?environment=production"));
}

#[tokio::test]
async fn changes_are_reviewed_with_what_they_mean_and_saved_as_one_event() {
    let server = Server::start().await;
    let review = server
        .get(&format!("{PAGE}&version=1&review=1&guardrails.max_churn_risk=0.1&guardrails.cooldown_hours=24"))
        .await;
    assert!(review.text.contains("Changes to confirm"), "{}", review.text);
    assert!(review.text.contains("Stabilization starts anew"));
    assert!(review.text.contains("name=\"guardrails.max_churn_risk\" value=\"0.1\""));
    assert!(changes(&server).await.len() == 1, "a review saves nothing");
    let led = save(&server, "version=1&guardrails.max_churn_risk=0.1").await;
    let (location, page) = led_to(&server, &led).await;
    assert!(location.contains("notice=settings-saved"), "{location}");
    assert!(page.contains("Saved as a new version"));
    let config = server.get(CONFIG).await.json;
    assert_eq!((&config["guardrails"]["max_churn_risk"], &config["version"]), (&json!(0.1), &json!(2)));
    let events = changes(&server).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["reason"], "changed guardrails.max_churn_risk from 0.2 to 0.1");
    let same = save(&server, "version=2&guardrails.max_churn_risk=0.1&reason=again").await;
    assert!(led_to(&server, &same).await.0.contains("notice=nothing-changed"));
    assert_eq!(changes(&server).await.len(), 2);
}

#[tokio::test]
async fn a_wrong_value_is_named_beside_its_field_and_stays_as_it_was_typed() {
    let server = Server::start().await;
    for (query, id, typed, message) in [
        ("guardrails.max_churn_risk=2", "guardrails.max_churn_risk", "value=\"2\"", "Must lie from 0 to 1."),
        ("limits.pilot.max_clients=5", "limits.pilot.max_clients", "value=\"5\"", "Must be higher than in lab"),
        ("guardrails.cooldown_hours=", "guardrails.cooldown_hours", "aria-invalid", "Needs a number."),
        ("time_zone=Mars%2FBase", "time_zone", "value=\"Mars/Base\"", "Must be the IANA name of a time zone"),
    ] {
        let page = server.get(&format!("{PAGE}&version=1&review=1&{query}")).await;
        assert_eq!(page.status, 200);
        let field = input(&page.text, id);
        assert!(field.contains("aria-invalid=\"true\"") && field.contains(typed), "{field}");
        assert!(page.text.contains(message), "{query}");
        assert!(page.text.contains(&format!("href=\"#{id}\"")), "the summary leads to {id}");
        assert!(!page.text.contains("Save these changes"));
        let (location, page) = led_to(&server, &save(&server, &format!("version=1&{query}")).await).await;
        assert!(location.contains("notice=settings-wrong"), "{location}");
        assert!(page.contains(message) && page.contains("Nothing was saved"), "{query}");
    }
    let sum = server.get(&format!("{PAGE}&version=1&review=1&weights.infra=0.5")).await;
    assert!(sum.text.contains("Must sum to 1, not 1.2."), "{}", sum.text);
    let typo = server.get(&format!("{PAGE}&review=1&guardrails.max_chrun_risk=0.1")).await;
    assert!(typo.text.contains("guardrails.max_chrun_risk: is not a setting."));
    assert_eq!(server.get(CONFIG).await.json["version"], 1);
}

#[tokio::test]
async fn a_version_that_moved_is_not_overwritten_and_what_was_entered_is_kept() {
    let server = Server::start().await;
    let other = json!({"action": "update", "version": 1, "guardrails": {"cooldown_hours": 48}});
    assert_eq!(server.put(CONFIG, &other).await.status, 200);
    let led = save(&server, "version=1&guardrails.max_churn_risk=0.1&reason=more+care").await;
    let (location, page) = led_to(&server, &led).await;
    assert!(location.contains("notice=settings-moved"), "{location}");
    assert!(page.contains("changed in between") && page.contains("Changes to confirm"));
    assert!(input(&page, "update-reason").contains("value=\"more care\""), "{}", input(&page, "update-reason"));
    assert!(input(&page, "guardrails.max_churn_risk").contains("value=\"0.1\""));
    assert!(input(&page, "guardrails.cooldown_hours").contains("value=\"48\""));
    assert!(page.contains("name=\"version\" value=\"2\""));
    assert_eq!(server.get(CONFIG).await.json["guardrails"]["max_churn_risk"], 0.2);
    // A form that was filled before the other's change sends the old value of a field that it did not touch.
    let review = server
        .get(&format!("{PAGE}&version=1&review=1&guardrails.max_churn_risk=0.1&guardrails.cooldown_hours=24"))
        .await;
    assert!(review.text.contains("changed in between"));
    assert!(!review.text.contains("name=\"guardrails.cooldown_hours\" value=\"24\""));
    let script = server
        .request(Method::POST, "/api/scaling-mode/forms/update")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("environment=production&version=1&guardrails.max_churn_risk=0.1");
    assert_eq!(answer(script).await.status, 409);
}

#[tokio::test]
async fn an_earlier_version_comes_back_as_a_new_one() {
    let server = Server::start().await;
    led_to(&server, &save(&server, "version=1&guardrails.max_churn_risk=0.1&reason=stricter").await).await;
    let set = json!({"action": "set_mode", "mode": "pilot", "old_mode": "lab"});
    assert_eq!(server.put(CONFIG, &set).await.status, 200);
    let page = server.get(PAGE).await.text;
    assert!(
        page.contains("Version 2") && page.contains("stricter") && page.contains("Most churn risk: 0.2 of 1"),
        "{page}"
    );
    assert!(!page.contains("Version 3"), "a mode is no version of the policy");
    assert!(page.contains("restore=1&amp;review=1"), "{page}");
    let review = server.get(&format!("{PAGE}&restore=1&review=1")).await.text;
    assert!(review.contains("name=\"guardrails.max_churn_risk\" value=\"0.2\""), "{review}");
    led_to(&server, &save(&server, "version=3&guardrails.max_churn_risk=0.2&reason=undo").await).await;
    let config = server.get(CONFIG).await.json;
    assert_eq!((&config["version"], &config["guardrails"]["max_churn_risk"]), (&json!(4), &json!(0.2)));
    assert_eq!(config["mode"], "pilot", "only the policy comes back");
    let events = changes(&server).await;
    assert_eq!((events.len(), &events[0]["reason"]), (3, &json!("undo")));
    let unknown = server.get(&format!("{PAGE}&restore=99")).await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn signals_are_declared_by_boxes_and_taken_back_by_none() {
    let server = Server::start().await;
    let boxes = "not_applicable=&not_applicable=infra.cpu&not_applicable=posts.published";
    let review = server.get(&format!("{PAGE}&version=1&review=1&{boxes}")).await.text;
    assert!(review.contains("name=\"not_applicable\" value=\"posts.published,infra.cpu\""), "{review}");
    led_to(&server, &save(&server, "version=1&not_applicable=posts.published%2Cinfra.cpu").await).await;
    assert_eq!(server.get(CONFIG).await.json["not_applicable"], json!(["posts.published", "infra.cpu"]));
    let none = server.get(&format!("{PAGE}&version=2&review=1&not_applicable=")).await.text;
    assert!(none.contains("Changes to confirm") && none.contains("name=\"not_applicable\" value=\"\""), "{none}");
    led_to(&server, &save(&server, "version=2&not_applicable=").await).await;
    assert_eq!(server.get(CONFIG).await.json["not_applicable"], json!([]));
}
