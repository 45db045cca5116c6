//! Owns how a body is read: one event, a list of events, or a page of subscriptions, each into types of its own, so that a body
//! takes no more memory than it has bytes. Must not know what a subscription counts for.

use super::{Page, Status, Subscription, SubscriptionEvent, Told};
use crate::alert::NotificationError;
use crate::telemetry::{MAX_AHEAD, RowError};
use chrono::{DateTime, Utc};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The most entries of one list.
const MOST_ENTRIES: usize = 10_000;
/// The longest id that is read, in bytes.
const LONGEST_ID: usize = 255;
/// Mistakes that are named one by one.
const MOST_ERRORS: usize = 100;

/// The types of events that tell of a subscription.
const TYPES: [&str; 5] = [
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
];
/// The type after which a subscription is over, whatever its status says.
const DELETED: &str = "customer.subscription.deleted";

/// What a body or an entry says it is.
#[derive(Deserialize)]
struct Kind<'b> {
    #[serde(borrow, default)]
    object: Option<Cow<'b, str>>,
}

#[derive(Deserialize)]
struct EventBody<'b> {
    created: i64,
    #[serde(borrow, default)]
    data: Option<&'b RawValue>,
    id: Cow<'b, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'b, str>,
}

#[derive(Deserialize)]
struct EventData<'b> {
    #[serde(borrow)]
    object: SubscriptionBody<'b>,
}

#[derive(Deserialize)]
struct SubscriptionBody<'b> {
    #[serde(default)]
    cancel_at: Option<i64>,
    cancel_at_period_end: bool,
    #[serde(borrow)]
    customer: Customer<'b>,
    #[serde(borrow)]
    id: Cow<'b, str>,
    #[serde(borrow)]
    object: Cow<'b, str>,
    #[serde(borrow)]
    status: Cow<'b, str>,
}

/// A customer by id, or expanded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Customer<'b> {
    Id(#[serde(borrow)] Cow<'b, str>),
    Expanded {
        #[serde(borrow)]
        id: Cow<'b, str>,
    },
}

#[derive(Deserialize)]
struct ListBody<'b> {
    #[serde(borrow)]
    data: Entries<'b>,
    #[serde(default)]
    has_more: Option<bool>,
}

/// The entries of a list, unread, and no more of them than are taken.
struct Entries<'b>(Vec<&'b RawValue>);

impl<'de: 'b, 'b> Deserialize<'de> for Entries<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = list.next_element()? {
                    if entries.len() == MOST_ENTRIES {
                        return Err(A::Error::custom(format!("more than {MOST_ENTRIES} entries: send them in parts")));
                    }
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_seq(Collect).map(Entries)
    }
}

/// Reads a body. `starting_after` is what its page was asked for with; no event may lie ahead of `now`.
///
/// # Errors
/// [`NotificationError`]; nothing of the body is to be taken then.
pub fn read(body: &[u8], starting_after: Option<&str>, now: DateTime<Utc>) -> Result<Told, NotificationError> {
    let unreadable = |why: &str| NotificationError::Unreadable(why.to_owned());
    let text = std::str::from_utf8(body).map_err(|_| unreadable("The body is no JSON: it is not UTF-8."))?;
    // Left to itself the reader takes a list for an object's fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(unreadable("The body must be a JSON object."));
    }
    let kind: Kind<'_> = serde_json::from_str(text).map_err(|error| {
        NotificationError::Unreadable(format!("The body is no JSON object that says what it is: {error}."))
    })?;
    match kind.object.as_deref() {
        Some("event") if starting_after.is_some() => Err(no_page()),
        Some("event") => match event(text, now) {
            Ok(Some(event)) => Ok(Told::Events { events: vec![event], ignored: 0 }),
            Ok(None) => Ok(Told::Events { events: Vec::new(), ignored: 1 }),
            // The reader does not say which field is of a wrong type.
            Err((field, detail)) if field.is_empty() => {
                Err(NotificationError::Unreadable(format!("The event {detail}.")))
            }
            Err((field, detail)) => Err(NotificationError::Wrong(vec![wrong(None, &field, detail)])),
        },
        Some("list") => list(text, starting_after, now),
        _ => Err(NotificationError::Wrong(vec![wrong(None, "object", "must be event or list, as Stripe writes it")])),
    }
}

fn no_page() -> NotificationError {
    NotificationError::Wrong(vec![wrong(None, "starting_after", "belongs to pages of subscriptions, not to events")])
}

fn list(text: &str, starting_after: Option<&str>, now: DateTime<Utc>) -> Result<Told, NotificationError> {
    let list: ListBody<'_> = serde_json::from_str(text).map_err(|error| {
        NotificationError::Wrong(vec![wrong(None, field_of(&error).unwrap_or("data"), said(&error))])
    })?;
    let entries = list.data.0;
    let is_event = |entry: &&RawValue| {
        serde_json::from_str::<Kind<'_>>(entry.get()).is_ok_and(|kind| kind.object.as_deref() == Some("event"))
    };
    if entries.first().is_some_and(is_event) {
        if starting_after.is_some() {
            return Err(no_page());
        }
        let read = each(&entries, |entry| event(entry, now))?;
        let ignored = read.iter().filter(|event| event.is_none()).count() as u64;
        return Ok(Told::Events { events: read.into_iter().flatten().collect(), ignored });
    }
    let subscriptions = each(&entries, |entry| subscription(of_kind(entry)?))?;
    let has_more = list.has_more.ok_or_else(|| {
        NotificationError::Wrong(vec![wrong(None, "has_more", "says whether the list is whole, and is missing")])
    })?;
    if has_more && subscriptions.is_empty() {
        return Err(NotificationError::Wrong(vec![wrong(None, "data", "is empty, and yet there is said to be more")]));
    }
    Ok(Told::Page(Page { is_last: !has_more, starting_after: starting_after.map(str::to_owned), subscriptions }))
}

type Wrong = (String, String);

/// Reads every entry, or says all that is wrong.
fn each<T>(entries: &[&RawValue], read: impl Fn(&str) -> Result<T, Wrong>) -> Result<Vec<T>, NotificationError> {
    let (mut all, mut errors) = (Vec::with_capacity(entries.len()), Vec::new());
    for (entry, index) in entries.iter().zip(0u32..) {
        match read(entry.get()) {
            Ok(one) => all.push(one),
            Err((field, detail)) if errors.len() < MOST_ERRORS => {
                let field = if field.is_empty() { "data" } else { &field };
                errors.push(wrong(Some(index), field, detail));
            }
            Err(_) => {}
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(NotificationError::Wrong(errors)) }
}

/// An event; `None` where it is of another type.
fn event(text: &str, now: DateTime<Utc>) -> Result<Option<SubscriptionEvent>, Wrong> {
    let kind: Kind<'_> = of_kind(text)?;
    if kind.object.as_deref() != Some("event") {
        return Err(("object".to_owned(), "must be event: a list holds either events or subscriptions".to_owned()));
    }
    let body: EventBody<'_> = of_kind(text)?;
    let id = id("id", &body.id)?;
    if !TYPES.contains(&body.kind.as_ref()) {
        return Ok(None);
    }
    let created = DateTime::from_timestamp(body.created, 0)
        .filter(|created| body.created >= 0 && *created <= now + MAX_AHEAD)
        .ok_or_else(|| {
            ("created".to_owned(), "must be seconds since 1970, and not ahead of the server's clock".to_owned())
        })?;
    let data = body.data.ok_or_else(|| ("data".to_owned(), "is missing".to_owned()))?;
    let data: EventData<'_> = serde_json::from_str(data.get()).map_err(|error| {
        let field = field_of(&error).filter(|field| *field != "object");
        (field.map_or_else(|| "data.object".to_owned(), |field| format!("data.object.{field}")), said(&error))
    })?;
    let mut subscription =
        subscription(data.object).map_err(|(field, detail)| (format!("data.object.{field}"), detail))?;
    if body.kind == DELETED {
        subscription.status = Status::Canceled;
    }
    Ok(Some(SubscriptionEvent { created, id, subscription }))
}

fn subscription(body: SubscriptionBody<'_>) -> Result<Subscription, Wrong> {
    if body.object != "subscription" {
        return Err(("object".to_owned(), "must be subscription".to_owned()));
    }
    let status = Status::from_name(&body.status).ok_or_else(|| {
        let known = Status::ALL.map(Status::name).join(", ");
        ("status".to_owned(), format!("is none of {known}: what it counts for is unknown"))
    })?;
    let customer = match &body.customer {
        Customer::Id(id) | Customer::Expanded { id } => id,
    };
    Ok(Subscription {
        customer: id("customer", customer)?,
        id: id("id", &body.id)?,
        is_ending: body.cancel_at_period_end || body.cancel_at.is_some(),
        status,
    })
}

fn of_kind<'b, T: Deserialize<'b>>(text: &'b str) -> Result<T, Wrong> {
    if !text.trim_start().starts_with('{') {
        return Err((String::new(), "must be a JSON object".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| (field_of(&error).unwrap_or("").to_owned(), said(&error)))
}

fn id(field: &str, text: &str) -> Result<String, Wrong> {
    let is_id = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_id {
        return Err((field.to_owned(), format!("needs 1 to {LONGEST_ID} visible ASCII characters")));
    }
    Ok(text.to_owned())
}

/// The field that the reader's words name; those of types that are wrong name none.
fn field_of(error: &serde_json::Error) -> Option<&'static str> {
    let text = error.to_string();
    let name = text.split("missing field `").nth(1)?.split('`').next()?;
    ["cancel_at_period_end", "created", "customer", "data", "id", "object", "status", "type"]
        .into_iter()
        .find(|field| *field == name)
}

/// The reader's own words.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words: String = text.chars().filter(|character| !character.is_control()).take(300).collect();
    format!("cannot be read: {words}")
}

fn wrong(index: Option<u32>, field: &str, detail: impl Into<String>) -> RowError {
    RowError { detail: detail.into(), field: field.to_owned(), index }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
        let one = event(
            "customer.subscription.updated",
            subscription("sub_1", json!({"id": "cus_1", "name": "n"}), "past_due"),
        );
        let Told::Events { events, ignored } = told(&one).unwrap() else { panic!("no events") };
        assert_eq!(
            (events[0].subscription.customer.as_str(), events[0].subscription.status, ignored),
            ("cus_1", Status::PastDue, 0)
        );
        let other = event("invoice.paid", json!({"object": "invoice", "status": 7, "customer": []}));
        let list = json!({"object": "list", "data": [one, other], "has_more": true});
        assert!(matches!(told(&list).unwrap(), Told::Events { events, ignored: 1 } if events.len() == 1));
        assert!(matches!(told(&other).unwrap(), Told::Events { events, ignored: 1 } if events.is_empty()));
        let page =
            json!({"object": "list", "has_more": false, "data": [subscription("sub_1", json!("cus_1"), "active")]});
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
            ("/data/object", json!({"object": "subscription"}), "data.object.cancel_at_period_end"),
            ("/data/object/object", json!("invoice"), "data.object.object"),
            ("/data/object/status", json!("dormant"), "data.object.status"),
            ("/data/object/status", json!(7), "data.object"),
            ("/data/object/customer", json!(""), "data.object.customer"),
            ("/data/object/customer", Value::Null, "data.object"),
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
        let list = |entries: usize| {
            format!("{{\"object\":\"list\",\"has_more\":false,\"data\":[{}1]}}", "1,".repeat(entries - 1))
        };
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
}
