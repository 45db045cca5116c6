//! Owns how a body is read: one event, a list of events, or a page of subscriptions, each into types of its own, so that a body
//! takes no more memory than it has bytes. Must not know what a subscription counts for.

use super::{EventKind, Page, Status, Subscription, SubscriptionEvent, Told};
use crate::alert::NotificationError;
use crate::parts;
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

/// The types of events about a subscription, and what each says has happened. After `deleted` it is over, even if its status says otherwise.
const TYPES: [(&str, EventKind); 5] = [
    ("customer.subscription.created", EventKind::Created),
    ("customer.subscription.updated", EventKind::Changed),
    ("customer.subscription.deleted", EventKind::Deleted),
    ("customer.subscription.paused", EventKind::Changed),
    ("customer.subscription.resumed", EventKind::Changed),
];

/// What a body or an entry says it is.
#[derive(Deserialize)]
struct Kind<'b> {
    #[serde(borrow, default)]
    object: Option<Cow<'b, str>>,
}

#[derive(Deserialize)]
struct EventBody<'b> {
    #[serde(borrow, default)]
    account: Option<Cow<'b, str>>,
    created: i64,
    #[serde(borrow, default)]
    data: Option<&'b RawValue>,
    id: Cow<'b, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'b, str>,
    #[serde(default)]
    livemode: Option<bool>,
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
    #[serde(default)]
    cancel_at_period_end: Option<bool>,
    #[serde(borrow, default)]
    customer: Option<Customer<'b>>,
    /// Names the customer where `customer` doesn't (Accounts v2).
    #[serde(borrow, default)]
    customer_account: Option<Cow<'b, str>>,
    #[serde(borrow)]
    id: Cow<'b, str>,
    #[serde(default)]
    livemode: Option<bool>,
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
    let text = std::str::from_utf8(parts::without_mark(body))
        .map_err(|_| unreadable("The body is no JSON: it is not UTF-8."))?;
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
    let read = each(&entries, |entry| subscription(of_kind(entry)?))?;
    let is_live = read.iter().find_map(|(_, is_live)| *is_live);
    if let Some(index) = read.iter().position(|(_, own)| own.is_some_and(|own| Some(own) != is_live)) {
        let detail = "differs within the list: live and test mode are counted apart, each under a source of its own";
        return Err(NotificationError::Wrong(vec![wrong(u32::try_from(index).ok(), "livemode", detail)]));
    }
    let subscriptions: Vec<Subscription> = read.into_iter().map(|(subscription, _)| subscription).collect();
    let has_more = list.has_more.ok_or_else(|| {
        NotificationError::Wrong(vec![wrong(None, "has_more", "says whether the list is whole, and is missing")])
    })?;
    if has_more && subscriptions.is_empty() {
        return Err(NotificationError::Wrong(vec![wrong(None, "data", "is empty, and yet there is said to be more")]));
    }
    let starting_after = starting_after.map(str::to_owned);
    Ok(Told::Page(Page { account: None, is_last: !has_more, is_live, starting_after, subscriptions }))
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
    let Some((_, kind)) = TYPES.into_iter().find(|(name, _)| *name == body.kind) else {
        return Ok(None);
    };
    let account = body.account.as_deref().map(|account| self::id("account", account)).transpose()?;
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
    let (mut subscription, is_live) =
        subscription(data.object).map_err(|(field, detail)| (format!("data.object.{field}"), detail))?;
    if kind == EventKind::Deleted {
        subscription.status = Status::Canceled;
    }
    Ok(Some(SubscriptionEvent { account, created, id, is_live: body.livemode.or(is_live), kind, subscription }))
}

/// A subscription, and whether it is of live mode, if it says so.
fn subscription(body: SubscriptionBody<'_>) -> Result<(Subscription, Option<bool>), Wrong> {
    if body.object != "subscription" {
        return Err(("object".to_owned(), "must be subscription".to_owned()));
    }
    let status = Status::from_name(&body.status).ok_or_else(|| {
        let known = Status::ALL.map(Status::name).join(", ");
        ("status".to_owned(), format!("is none of {known}: what it counts for is unknown"))
    })?;
    let customer = match &body.customer {
        Some(Customer::Id(id) | Customer::Expanded { id }) => Some(id),
        None => body.customer_account.as_ref(),
    };
    let subscription = Subscription {
        customer: customer.map(|customer| id("customer", customer)).transpose()?,
        id: id("id", &body.id)?,
        is_ending: body.cancel_at_period_end.unwrap_or(false) || body.cancel_at.is_some(),
        status,
    };
    Ok((subscription, body.livemode))
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
    ["created", "data", "id", "object", "status", "type"].into_iter().find(|field| *field == name)
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
