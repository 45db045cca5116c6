//! What a body of subscriptions must say to be read, and what is named where it says something else.

use chrono::{DateTime, Utc};
use scaling_mode_engine::alert::NotificationError;
use scaling_mode_engine::subscription::{Page, Status, Told, read};
use serde_json::{Value, json};

/// The most entries of one list, and the mistakes that are named one by one.
const MOST_ENTRIES: usize = 10_000;
const MOST_ERRORS: usize = 100;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn subscription(id: &str, customer: Value, status: &str) -> Value {
    json!({"id": id, "object": "subscription", "customer": customer, "status": status, "cancel_at": null,
        "cancel_at_period_end": false, "created": 1_700_000_000, "items": {"object": "list", "data": [{"id": "si_1"}]}})
}

fn event(kind: &str, object: Value) -> Value {
    json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_790_000_000, "data": {"object": object}})
}

fn told(body: &Value) -> Result<Told, NotificationError> {
    read(&serde_json::to_vec(body).unwrap(), None, now())
}

#[test]
fn one_event_a_list_of_them_and_a_page_are_read() {
    let one =
        event("customer.subscription.updated", subscription("sub_1", json!({"id": "cus_1", "name": "n"}), "past_due"));
    let Told::Events { events, ignored } = told(&one).unwrap() else { panic!("no events") };
    assert_eq!(
        (events[0].subscription.customer.as_deref(), events[0].subscription.status, ignored),
        (Some("cus_1"), Status::PastDue, 0)
    );
    let other = event("invoice.paid", json!({"object": "invoice", "status": 7, "customer": []}));
    let list = json!({"object": "list", "data": [one, other], "has_more": true});
    assert!(matches!(told(&list).unwrap(), Told::Events { events, ignored: 1 } if events.len() == 1));
    assert!(matches!(told(&other).unwrap(), Told::Events { events, ignored: 1 } if events.is_empty()));
    let page = json!({"object": "list", "has_more": false, "data": [subscription("sub_1", json!("cus_1"), "active")]});
    assert!(matches!(told(&page).unwrap(), Told::Page(Page { is_last: true, .. })));
    let empty = json!({"object": "list", "has_more": false, "data": []});
    assert!(matches!(told(&empty).unwrap(), Told::Page(page) if page.subscriptions.is_empty()));
}

#[test]
fn what_is_deleted_is_over_and_what_has_an_end_is_ending() {
    let gone = event("customer.subscription.deleted", subscription("sub_1", json!("cus_1"), "active"));
    assert!(
        matches!(told(&gone).unwrap(), Told::Events { events, .. } if events[0].subscription.status == Status::Canceled)
    );
    let mut ending = event("customer.subscription.updated", subscription("sub_1", json!("cus_1"), "active"));
    ending["data"]["object"]["cancel_at"] = json!(1_800_500_000);
    assert!(matches!(told(&ending).unwrap(), Told::Events { events, .. } if events[0].subscription.is_at_risk()));
}

#[test]
fn fields_that_stripe_leaves_out_are_not_asked_for() {
    let mut bare = event("customer.subscription.updated", subscription("sub_1", json!("cus_1"), "active"));
    let object = bare["data"]["object"].as_object_mut().unwrap();
    object.retain(|name, _| ["id", "object", "status"].contains(&name.as_str()));
    for (customer, customer_account, expected) in [
        (None, None, None),
        (Some(Value::Null), None, None),
        (Some(Value::Null), Some(json!("acct_9")), Some("acct_9")),
        (Some(json!({"id": "cus_1", "object": "customer", "deleted": true})), None, Some("cus_1")),
    ] {
        let mut body = bare.clone();
        for (name, value) in [("customer", customer), ("customer_account", customer_account)] {
            if let Some(value) = value {
                body["data"]["object"][name] = value;
            }
        }
        body["data"]["object"]["cancel_at_period_end"] = Value::Null;
        let Told::Events { events, .. } = told(&body).unwrap() else { panic!("no events") };
        assert_eq!(events[0].subscription.customer.as_deref(), expected, "{body}");
        assert!(!events[0].subscription.is_at_risk());
    }
}

#[test]
fn the_mode_and_the_account_are_read_where_they_are() {
    let mut body = event("customer.subscription.updated", subscription("sub_1", json!("cus_1"), "active"));
    let of = |body: &Value| {
        let Told::Events { mut events, .. } = told(body).unwrap() else { panic!("no events") };
        let event = events.remove(0);
        (event.is_live, event.account)
    };
    assert_eq!(of(&body), (None, None));
    body["data"]["object"]["livemode"] = json!(false);
    assert_eq!(of(&body), (Some(false), None));
    body["livemode"] = json!(true);
    body["account"] = json!("acct_1");
    assert_eq!(of(&body), (Some(true), Some("acct_1".to_owned())));
    let page = |modes: &[Value]| {
        let data: Vec<Value> = modes
            .iter()
            .map(|mode| {
                let mut one = subscription("sub_1", json!("cus_1"), "active");
                one["livemode"] = mode.clone();
                one
            })
            .collect();
        told(&json!({"object": "list", "has_more": false, "data": data}))
    };
    for (modes, expected) in [
        (vec![Value::Null], None),
        (vec![json!(true), Value::Null, json!(true)], Some(true)),
        (vec![Value::Null, json!(false)], Some(false)),
    ] {
        assert!(matches!(page(&modes).unwrap(), Told::Page(Page { is_live, .. }) if is_live == expected), "{modes:?}");
    }
    let mixed = page(&[json!(true), Value::Null, json!(false)]);
    assert!(
        matches!(&mixed, Err(NotificationError::Wrong(errors)) if errors[0].index == Some(2) && errors[0].field == "livemode"),
        "{mixed:?}"
    );
}

#[test]
fn what_is_wrong_is_named_in_its_place() {
    let good = || event("customer.subscription.updated", subscription("sub_1", json!("cus_1"), "active"));
    for (pointer, value, field) in [
        ("/object", json!("charge"), "object"),
        ("/object", Value::Null, "object"),
        ("/id", json!(""), "id"),
        ("/created", json!(-1), "created"),
        ("/created", json!(1_900_000_000), "created"),
        ("/created", json!(i64::MAX), "created"),
        ("/data", Value::Null, "data"),
        ("/data", json!({}), "data.object"),
        ("/data/object", json!([]), "data.object"),
        ("/data/object", json!({"object": "subscription"}), "data.object.id"),
        ("/data/object/object", json!("invoice"), "data.object.object"),
        ("/data/object/status", json!("dormant"), "data.object.status"),
        ("/data/object/status", json!(7), "data.object"),
        ("/data/object/customer", json!(""), "data.object.customer"),
        ("/data/object/customer", json!({"email": "a@b.example"}), "data.object"),
        ("/data/object/customer", json!(7), "data.object"),
        ("/data/object/id", json!("a b"), "data.object.id"),
    ] {
        let mut body = good();
        *body.pointer_mut(pointer).unwrap() = value.clone();
        match told(&body) {
            Err(NotificationError::Wrong(errors)) => assert_eq!(errors[0].field, field, "{pointer}: {value}"),
            other => panic!("{pointer}: {value}: {other:?}"),
        }
    }
    let mixed =
        json!({"object": "list", "has_more": false, "data": [good(), subscription("sub_1", json!("c"), "active")]});
    assert!(matches!(told(&mixed), Err(NotificationError::Wrong(errors)) if errors[0].index == Some(1)));
    for (list, field) in [
        (json!({"object": "list", "data": [subscription("sub_1", json!("c"), "active")]}), "has_more"),
        (json!({"object": "list", "data": [], "has_more": true}), "data"),
        (json!({"object": "list", "data": {}, "has_more": true}), "data"),
        (json!({"object": "list", "has_more": true}), "data"),
    ] {
        assert!(matches!(told(&list), Err(NotificationError::Wrong(errors)) if errors[0].field == field), "{list}");
    }
    for body in [&b""[..], b"{", b"[]", b"7", b"\xff", b"{\"object\":7}"] {
        assert!(matches!(read(body, None, now()), Err(NotificationError::Unreadable(_))), "{body:?}");
    }
}

#[test]
fn a_list_has_at_most_so_many_entries() {
    let list =
        |entries: usize| format!("{{\"object\":\"list\",\"has_more\":false,\"data\":[{}1]}}", "1,".repeat(entries - 1));
    match read(list(MOST_ENTRIES + 1).as_bytes(), None, now()) {
        Err(NotificationError::Wrong(errors)) => assert!(errors[0].detail.contains("10000 entries"), "{errors:?}"),
        other => panic!("{other:?}"),
    }
    match read(list(MOST_ENTRIES).as_bytes(), None, now()) {
        Err(NotificationError::Wrong(errors)) => assert_eq!(errors.len(), MOST_ERRORS),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_pages_of_subscriptions_follow_others() {
    let one = event("customer.subscription.updated", subscription("sub_1", json!("cus_1"), "active"));
    let body = serde_json::to_vec(&one).unwrap();
    assert!(
        matches!(read(&body, Some("sub_0"), now()), Err(NotificationError::Wrong(errors)) if errors[0].field == "starting_after")
    );
}
