//! Owns what holds of Stripe's webhook and lists, on the real program.

use crate::people::{create, token};
use crate::serving::{Answer, Server, answer};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use scaling_mode::server::clock;
use serde_json::{Value, json};
use sha2::Sha256;

const DOOR: &str = "/api/stripe";
const SECRET: &str = "whsec_of_the_test";

fn now() -> i64 {
    clock::now().timestamp()
}

fn subscription(id: &str, customer: &str, status: &str) -> Value {
    json!({"id": id, "object": "subscription", "customer": customer, "status": status, "cancel_at": null,
        "cancel_at_period_end": false, "created": 1_700_000_000, "items": {"object": "list", "data": []}})
}

fn event(id: &str, created: i64, subscription: &Value) -> Value {
    json!({"id": id, "object": "event", "type": "customer.subscription.updated", "created": created, "livemode": true,
        "api_version": "2025-03-31.basil", "data": {"object": subscription, "previous_attributes": {}}})
}

fn list(has_more: bool, data: &[Value]) -> Value {
    json!({"object": "list", "url": "/v1/subscriptions", "has_more": has_more, "data": data})
}

#[track_caller]
fn says(answer: &Answer, clients: Value, is_stored: bool) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&answer.json["clients"], &answer.json["is_stored"]), (&clients, &json!(is_stored)), "{answer:?}");
}

fn clients(active: u64, at_risk: u64) -> Value {
    json!({"active": active, "at_risk": at_risk})
}

/// The newest number of a signal of clients; null where it is unknown.
async fn newest(server: &Server, signal: &str) -> Value {
    let snapshot = server.post("/api/scaling-mode/health", &json!({})).await.json;
    let inputs = snapshot["inputs"].as_array().expect("inputs").clone();
    let found = inputs.into_iter().find(|input| input["signal"] == signal).expect("an input");
    found["value"]["hi"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_list_and_then_events_say_how_many_clients_there_are() {
    let server = Server::start().await;
    let (a, b) = (subscription("sub_a", "cus_a", "active"), subscription("sub_b", "cus_b", "trialing"));
    let early = server.post(DOOR, &event("evt_0", now() - 3600, &a)).await;
    says(&early, Value::Null, false);
    assert!(early.json["detail"].as_str().expect("text").contains("stays unknown"), "{early:?}");
    assert_eq!(newest(&server, "clients.active").await, Value::Null);
    says(
        &server.post(DOOR, &list(true, &[b.clone(), subscription("sub_a2", "cus_a", "past_due")])).await,
        Value::Null,
        false,
    );
    assert_eq!(newest(&server, "clients.active").await, Value::Null);
    let rest = list(false, &[a.clone(), subscription("sub_c", "cus_c", "canceled")]);
    let last = server.post(&format!("{DOOR}?starting_after=sub_a2"), &rest).await;
    says(&last, clients(2, 1), true);
    assert_eq!(
        (newest(&server, "clients.active").await, newest(&server, "clients.at_risk").await),
        (json!(2), json!(1))
    );
    // Out of order: what is older changes nothing; the same event again is no news.
    let (gone, before) =
        (event("evt_2", now(), &subscription("sub_b", "cus_b", "canceled")), event("evt_1", now() - 60, &b));
    says(&server.post(DOOR, &gone).await, clients(1, 1), true);
    says(&server.post(DOOR, &before).await, clients(1, 1), true);
    let again = server.post(DOOR, &gone).await;
    says(&again, clients(1, 1), false);
    assert_eq!((&again.json["duplicates"], &again.json["taken"]), (&json!(1), &json!(0)));
    // A list of events, others among them.
    let invoice = json!({"id": "evt_9", "object": "event", "type": "invoice.paid", "created": now(), "data": {"object": {"object": "invoice"}}});
    let several = json!({"object": "list", "has_more": true, "data": [invoice, event("evt_3", now(), &subscription("sub_a2", "cus_a", "active"))]});
    let several = server.post(DOOR, &several).await;
    says(&several, clients(1, 0), true);
    assert_eq!((&several.json["ignored"], &several.json["taken"]), (&json!(1), &json!(1)));
    let ignored = server.post(DOOR, &invoice).await;
    says(&ignored, clients(1, 0), false);
    assert!(
        ignored.json["detail"].as_str().expect("text").contains("none of it tells of a subscription"),
        "{ignored:?}"
    );
    assert_eq!(newest(&server, "clients.active").await, json!(1));
    says(&server.post(&format!("{DOOR}?source=other"), &gone).await, Value::Null, false);
}

/// Checkout makes `created` and `updated` in one second, and Stripe delivers them in any order.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_delivery_within_a_second_changes_nothing() {
    let server = Server::start().await;
    says(&server.post(DOOR, &list(false, &[subscription("sub_old", "cus_old", "active")])).await, clients(1, 0), true);
    let at = now() - 2;
    let told = |id: &str, kind: &str, subscription: &Value| {
        let mut event = event(id, at, subscription);
        event["type"] = json!(format!("customer.subscription.{kind}"));
        event
    };
    let (paid, waiting) = (subscription("sub_a", "cus_a", "active"), subscription("sub_a", "cus_a", "incomplete"));
    says(&server.post(DOOR, &told("evt_1", "updated", &paid)).await, clients(2, 0), true);
    says(&server.post(DOOR, &told("evt_2", "created", &waiting)).await, clients(2, 0), true);
    let old = |status| subscription("sub_old", "cus_old", status);
    says(&server.post(DOOR, &told("evt_3", "deleted", &old("canceled"))).await, clients(1, 0), true);
    for (id, kind) in [("evt_4", "updated"), ("evt_5", "resumed"), ("evt_6", "created")] {
        says(&server.post(DOOR, &told(id, kind, &old("active"))).await, clients(1, 0), true);
    }
    // Final is final, whenever it is said to be otherwise.
    says(&server.post(DOOR, &event("evt_7", now(), &old("active"))).await, clients(1, 0), true);
}

/// A live endpoint also gets the events of test mode, and one for Connect those of connected accounts. Stripe sends events that aren't
/// answered with 2xx again for days, so these are acknowledged, named and not counted.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_test_mode_or_of_another_account_is_named_and_does_not_count() {
    let server = Server::start().await;
    let of = |id: &str, is_live: bool| {
        let mut one = subscription(id, &format!("cus_{id}"), "active");
        one["livemode"] = json!(is_live);
        one
    };
    says(&server.post(DOOR, &list(false, &[of("sub_a", true)])).await, clients(1, 0), true);
    let mut test = event("evt_1", now(), &of("sub_b", false));
    test["livemode"] = json!(false);
    let mut seller = event("evt_2", now(), &of("sub_c", true));
    seller["account"] = json!("acct_1seller");
    for (event, mode, account, named) in [
        (&test, 1, 0, "Refused as other-mode: 1 event of test mode"),
        (&seller, 0, 1, "Refused as other-account: 1 event"),
    ] {
        let refused = server.post(DOOR, event).await;
        says(&refused, clients(1, 0), false);
        assert_eq!(refused.json["refused"], json!({"other_account": account, "other_mode": mode}), "{refused:?}");
        assert!(refused.json["detail"].as_str().expect("text").contains(named), "{refused:?}");
        assert_eq!((&refused.json["taken"], &refused.json["livemode"]), (&json!(0), &json!(true)));
    }
    // A list is the founder's own: it is refused, so that the script that sends it stops.
    for (list, field, index) in [
        (list(false, &[of("sub_a", true), of("sub_b", false)]), "livemode", json!(1)),
        (list(false, &[of("sub_b", false)]), "livemode", Value::Null),
    ] {
        let refused = server.post(DOOR, &list).await;
        assert_eq!((refused.status, refused.json["field"].as_str()), (422, Some(field)), "{refused:?}");
        assert_eq!(refused.json["errors"][0]["index"], index, "{refused:?}");
    }
    let other = server.post(&format!("{DOOR}?account=acct_1seller"), &list(false, &[of("sub_c", true)])).await;
    assert_eq!((other.status, other.json["field"].as_str()), (422, Some("account")), "{other:?}");
    let misplaced = server.post(&format!("{DOOR}?account=acct_1seller"), &seller).await;
    assert_eq!((misplaced.status, misplaced.json["field"].as_str()), (422, Some("account")), "{misplaced:?}");
    // Each under a source of its own is fine.
    let seller_list = list(false, &[of("sub_c", true)]);
    says(&server.post(&format!("{DOOR}?source=seller&account=acct_1seller"), &seller_list).await, clients(1, 0), true);
    says(&server.post(&format!("{DOOR}?source=seller"), &seller).await, clients(1, 0), true);
    says(&server.post(&format!("{DOOR}?source=trial"), &list(false, &[of("sub_b", false)])).await, clients(1, 0), true);
    says(&server.post(&format!("{DOOR}?source=trial"), &test).await, clients(1, 0), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_stripe_leaves_out_or_leaves_empty_are_not_asked_for() {
    let server = Server::start().await;
    says(&server.post(DOOR, &list(false, &[])).await, clients(0, 0), true);
    for (place, object) in [
        json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active"}),
        json!({"id": "sub_2", "object": "subscription", "customer": null, "status": "trialing"}),
        json!({"id": "sub_3", "object": "subscription", "status": "past_due", "cancel_at_period_end": null}),
        json!({"id": "sub_4", "object": "subscription", "customer": null, "customer_account": "acct_9", "status": "active"}),
        json!({"id": "sub_5", "object": "subscription", "customer": {"id": "cus_1", "deleted": true}, "status": "active"}),
    ]
    .into_iter()
    .enumerate()
    {
        let at_risk = u64::from(place >= 2);
        let active = (place as u64 + 1).min(4);
        says(&server.post(DOOR, &event(&format!("evt_{place}"), now(), &object)).await, clients(active, at_risk), true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_founder_ends_a_client_that_stripe_no_longer_has() {
    let server = Server::start().await;
    let one = |number: u32| subscription(&format!("sub_{number}"), &format!("cus_{number}"), "active");
    let all: Vec<Value> = (1..=4).map(one).collect();
    says(&server.post(DOOR, &list(false, &all)).await, clients(4, 0), true);
    let page = server.get("/founder/scaling-mode/connections?environment=production").await.text;
    assert!(page.contains("End a client of stripe"), "{page}");
    let sources = "/api/scaling-mode/sources";
    let end = |client: &str, reason: Option<&str>| json!({"action": "end_client", "name": "stripe", "client": client, "reason": reason});
    for (body, status, field) in [
        (end("cus_1", None), 400, "reason"),
        (end(" ", Some("gone")), 400, "client"),
        (end("cus_9", Some("gone")), 404, "client"),
        (json!({"action": "end_client", "name": "crm", "client": "cus_1", "reason": "gone"}), 404, "name"),
    ] {
        let refused = server.post(sources, &body).await;
        assert_eq!(
            (refused.status, refused.json["errors"][0]["field"].as_str().or(refused.json["field"].as_str())),
            (status, Some(field)),
            "{body}: {refused:?}"
        );
    }
    assert_eq!(server.post(sources, &end("cus_1", Some("deleted in Stripe"))).await.status, 200);
    assert_eq!(newest(&server, "clients.active").await, json!(3));
    let form = server
        .request(Method::POST, "/api/scaling-mode/forms/end-client")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html")
        .body("environment=production&source=stripe&client=sub_2&reason=moved+away");
    assert!(answer(form).await.location.expect("somewhere").contains("notice=client-ended"));
    let by_hand = ["source", "end-client", "stripe", "cus_3", "--reason", "no longer there", "--log", "warn"];
    let (code, said, error) = server.command(&by_hand);
    assert!(code == 0 && said.contains("Clients left: 1, at risk: 0"), "{said}{error}");
    // Once more changes nothing, and leaves no event; another is not there.
    assert_eq!(server.command(&by_hand).0, 0);
    assert_eq!(server.command(&["source", "end-client", "stripe", "cus_9", "--reason", "gone", "--log", "warn"]).0, 1);
    assert_eq!(newest(&server, "clients.active").await, json!(1));
    let history = server.get("/api/scaling-mode/history?event_type=note").await.text;
    for reason in [
        "client cus_1 of stripe was ended: deleted in Stripe",
        "client sub_2 of stripe was ended: moved away",
        "client cus_3 of stripe was ended: no longer there",
    ] {
        assert_eq!(history.matches(reason).count(), 1, "{history}");
    }
    create(&server, "otto@example.com", "founder", None);
    let token = token(&server, "script", &["sources:write"], None);
    let request = server.request(Method::POST, sources).header("authorization", format!("Bearer {token}"));
    assert_eq!(answer(request.json(&end("cus_4", Some("gone")))).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_whole() {
    let server = Server::start().await;
    let a = subscription("sub_a", "cus_a", "active");
    let good = event("evt_1", now(), &a);
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("a place") = value;
        body
    };
    for (body, field, index) in [
        (changed("/object", json!("charge")), "object", Value::Null),
        (changed("/created", json!(now() + 3600)), "created", Value::Null),
        (changed("/data/object/status", json!("dormant")), "data.object.status", Value::Null),
        (list(false, &[a.clone(), json!(7)]), "data", json!(1)),
        (list(false, &[a.clone(), subscription("", "cus_b", "active")]), "id", json!(1)),
        (json!({"object": "list", "data": [a]}), "has_more", Value::Null),
    ] {
        let answer = server.post(DOOR, &body).await;
        assert_eq!((answer.status, answer.json["field"].as_str()), (422, Some(field)), "{answer:?}");
        assert_eq!(answer.json["errors"][0]["index"], index, "{answer:?}");
        assert_eq!(answer.content_type, "application/problem+json");
    }
    let text = good.to_string();
    for body in [&text[..text.len() / 2], "", "[]", "7", "{\"object\":\"event\",\"id\":7}"] {
        let request =
            server.request(Method::POST, DOOR).header("content-type", "application/json").body(body.to_owned());
        let answer = answer(request).await;
        assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
    }
    for (query, body, status, field) in [
        ("?environment=nowhere", &good, 404, Some("environment")),
        ("?source=", &good, 400, Some("source")),
        ("?sauce=x", &good, 400, None),
        ("?starting_after=sub_0", &good, 422, Some("starting_after")),
        ("?starting_after=sub_0", &list(false, &[]), 422, Some("starting_after")),
    ] {
        let answer = server.post(&format!("{DOOR}{query}"), body).await;
        assert_eq!((answer.status, answer.json["field"].as_str()), (status, field), "{query}: {answer:?}");
    }
    assert_eq!(server.get(DOOR).await.status, 405);
    // Nothing of all that was stored.
    says(&server.post(DOOR, &list(false, &[])).await, clients(0, 0), true);
    // A page of a list that is missing a page, all of them passing for first ones.
    says(&server.post(DOOR, &list(true, &[subscription("sub_a", "cus_a", "active")])).await, clients(1, 0), false);
    let cut = server.post(DOOR, &list(false, &[subscription("sub_b", "cus_b", "active")])).await;
    assert_eq!((cut.status, cut.json["field"].as_str()), (422, Some("data")), "{cut:?}");
    assert!(cut.json["detail"].as_str().expect("text").contains("ends without sub_a"), "{cut:?}");
}

async fn signed(server: &Server, body: &Value, at: i64, secret: &str) -> Answer {
    let text = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(format!("{at}.{text}").as_bytes());
    let header = format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()));
    let request = server.request(Method::POST, DOOR).header("content-type", "application/json; charset=utf-8");
    answer(request.header("stripe-signature", header).body(text)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_secret_is_named_only_what_is_signed_with_it_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("scaling-mode.toml"), "[stripe]\nsecret_env = \"STRIPE_SECRET\"\n")
        .expect("a file");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("STRIPE_SECRET", SECRET)]).await;
    let base = list(false, &[subscription("sub_a", "cus_a", "active")]);
    let told = event("evt_1", now(), &subscription("sub_b", "cus_b", "active"));
    for refused in [
        server.post(DOOR, &base).await,
        server.post(DOOR, &told).await,
        signed(&server, &told, now(), "whsec_of_another").await,
        signed(&server, &told, now() - 400, SECRET).await,
        signed(&server, &told, now() + 400, SECRET).await,
    ] {
        assert_eq!(
            (refused.status, refused.json["type"].as_str()),
            (401, Some("urn:scaling-mode:problem:invalid-signature")),
            "{refused:?}"
        );
    }
    says(&signed(&server, &base, now(), SECRET).await, clients(1, 0), true);
    says(&signed(&server, &told, now(), SECRET).await, clients(2, 0), true);
    // Stripe compresses nothing: a compressed body is refused before anything is unpacked.
    let packed = zstd::encode_all(told.to_string().as_bytes(), 3).expect("it packs");
    let request = server.request(Method::POST, DOOR).header("content-type", "application/json");
    let request = request.header("stripe-signature", format!("t={},v1=00", now())).header("content-encoding", "zstd");
    let refused = answer(request.body(packed)).await;
    assert_eq!(
        (refused.status, &refused.json["type"]),
        (415, &json!("urn:scaling-mode:problem:unsupported-media-type")),
        "{refused:?}"
    );
}

/// ASVS 16.5.3.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_named_and_not_there_lets_nothing_in() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("scaling-mode.toml"), "[stripe]\nsecret_env = \"STRIPE_SECRET\"\n")
        .expect("a file");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("STRIPE_SECRET", "")]).await;
    let refused = signed(&server, &list(false, &[]), now(), "").await;
    assert_eq!(refused.status, 401);
    assert!(refused.json["detail"].as_str().expect("text").contains("STRIPE_SECRET"), "{refused:?}");
}
