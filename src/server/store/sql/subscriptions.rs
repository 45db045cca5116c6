//! Owns what is kept of subscriptions, how far the lists of all of them have come, and that the number of clients is
//! stored with them. Must not know what makes a client; the domain says that.

use super::super::StoreError;
use super::super::rows::{At, millis, time, unsigned};
use super::super::moving::Value;
use super::{Connection, billing, environments, history, ingest, lived, seals, senders};
use crate::domain::history::NewEvent;
use crate::domain::sender::{Sender, Speaker};
use crate::domain::subscription::{
    Clients, Known, LIST_AGE, Page, PageError, Refused, Status, Subscription, SubscriptionEvent, Taken, Told, holds,
};
use crate::domain::telemetry::AcceptedBatch;
use chrono::{DateTime, Duration, Utc};

/// How long the ids of events are known: longer than one is delivered again, and than Stripe lists it.
const EVENTS_KEPT: Duration = Duration::days(35);
/// How far ahead of `now` a notification may have been heard that was stored before this one.
const OVERTAKEN: Duration = Duration::seconds(5);

/// The status of a subscription whose client a founder has ended. It isn't final: what Stripe says later counts again.
const ENDED: &str = "ended";

/// How far the lists of a source have come.
#[derive(Clone, Debug, Default)]
struct Lists {
    began_at: Option<i64>,
    last_id: Option<String>,
    stored_at: Option<i64>,
    whole_at: Option<i64>,
}

pub(super) async fn take(
    db: &mut Connection,
    environment: &str,
    (source, sender): (&str, &Sender),
    told: &Told,
    now: DateTime<Utc>,
) -> Result<Taken, StoreError> {
    let found = environments::find(db, environment).await?;
    let senders::Source { id, may_revise } = senders::source(db, found.id, source, sender).await?;
    // Any news of subscriptions changes the state of the source.
    if !may_revise {
        return Err(StoreError::SourceOfAnother(source.to_owned()));
    }
    // What Stripe itself or a founder sends to is no token's, even if a token named it first.
    if matches!(sender.speaker, Speaker::Person) && senders::has_owner(db, id).await? {
        senders::disown(db, found.id, source).await?;
    }
    let mut lists = lists(db, id).await?;
    let mut own = billing::of(db, id).await?;
    let has_list = lists.whole_at.is_some();
    let mut taken = Taken {
        clients: None,
        duplicates: 0,
        ignored: 0,
        is_stored: false,
        livemode: own.billing.is_live(),
        refused: Refused::default(),
        taken: 0,
    };
    match told {
        Told::Events { events, ignored } => {
            taken.ignored = *ignored;
            for event in events {
                if let Some(refusal) = own.billing.refuses(event) {
                    taken.refused.add(refusal);
                    continue;
                }
                let is_new = event_is_new(db, id, event, now).await?;
                taken.taken += u64::from(is_new);
                taken.duplicates += u64::from(!is_new);
            }
            forget_events(db, id, now).await?;
        }
        Told::Page(page) => {
            // Before a list was complete nothing counts, so that the source can still turn out to be another's.
            if billing::follow(db, id, page, &mut own, has_list).await? && !has_list {
                forget_all(db, id).await?;
            }
            taken.livemode = own.billing.is_live();
            follow(db, id, page, &mut lists, now).await?;
            taken.taken = page.subscriptions.len() as u64;
        }
    }
    let is_news = match told {
        Told::Events { .. } => taken.taken > 0,
        // While a list is open, what it changes is known in part only.
        Told::Page(page) => page.is_last,
    };
    if lists.whole_at.is_some() {
        let clients = count(db, id).await?;
        taken.clients = Some(clients);
        if is_news {
            let at = not_before_others(&lists, now)?;
            store(db, environment, source, clients, at).await?;
            lists.stored_at = Some(millis(at));
            taken.is_stored = true;
        }
    }
    keep_lists(db, id, &lists).await?;
    Ok(taken)
}

/// Takes an event, if it was not taken before.
async fn event_is_new(
    db: &mut Connection,
    source: i64,
    event: &SubscriptionEvent,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO subscription_events (source_id, id, heard_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(source)
    .bind(&event.id)
    .bind(At::of(now))
    .execute(&mut *db)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    seals::reseal(db, "subscription_events", &[Value::Whole(source), Value::Text(event.id.clone())]).await?;
    tell(db, source, &event.subscription, event.said_at(), None).await?;
    Ok(true)
}

async fn forget_events(db: &mut Connection, source: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    let present = lived::present(db, now).await?;
    sqlx::query("DELETE FROM subscription_events WHERE source_id = $1 AND heard_at < $2")
        .bind(source)
        .bind(At::of(present - EVENTS_KEPT))
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets what is known of subscriptions that turn out to be of another mode or account than the source's list.
async fn forget_all(db: &mut Connection, source: i64) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM subscriptions WHERE source_id = $1",
        "DELETE FROM subscription_events WHERE source_id = $1",
    ] {
        sqlx::query(statement).bind(source).execute(&mut *db).await?;
    }
    Ok(())
}

/// Ends a client that Stripe no longer has, by the id of the customer or of a subscription, with its event. It counts again if
/// Stripe sends something about it later.
pub(super) async fn end_client(
    db: &mut Connection,
    environment: &str,
    (source, client): (&str, &str),
    event: &NewEvent,
) -> Result<Option<Clients>, StoreError> {
    let found = environments::find(db, environment).await?;
    let id = senders::expected(db, found.id, source).await?;
    let mut lists = lists(db, id).await?;
    let at = not_before_others(&lists, event.at)?;
    let ended: Vec<String> = sqlx::query_scalar(concat!(
        "UPDATE subscriptions SET status = $1, is_client = $5, is_at_risk = $5, said_at = $2 WHERE source_id = $3 AND ",
        is!("is_client"),
        " AND customer IN (SELECT customer FROM subscriptions WHERE source_id = $3 AND (customer = $4 OR id = $4)) RETURNING id"
    ))
    .bind(ENDED)
    .bind(At::of(at))
    .bind(id)
    .bind(client)
    .bind(false)
    .fetch_all(&mut *db)
    .await?;
    if ended.is_empty() {
        let known: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM subscriptions WHERE source_id = $1 AND (customer = $2 OR id = $2))",
        )
        .bind(id)
        .bind(client)
        .fetch_one(&mut *db)
        .await?;
        if !known {
            return Err(StoreError::UnknownClient(client.to_owned()));
        }
        // Ended already: nothing is done.
        return Ok(if lists.whole_at.is_some() { Some(count(db, id).await?) } else { None });
    }
    for subscription in ended {
        seals::reseal(db, "subscriptions", &[Value::Whole(id), Value::Text(subscription)]).await?;
    }
    let mut clients = None;
    if lists.whole_at.is_some() {
        let left = count(db, id).await?;
        store(db, environment, source, left, at).await?;
        lists.stored_at = Some(millis(at));
        keep_lists(db, id, &lists).await?;
        clients = Some(left);
    }
    history::append_one(db, environment, event).await?;
    Ok(clients)
}

/// Which of these sources send subscriptions.
pub(super) async fn told_by(
    db: &mut Connection,
    environment: i64,
    sources: &[String],
) -> Result<Vec<String>, StoreError> {
    let all: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sources WHERE environment_id = $1 AND retired_at IS NULL \
         AND EXISTS (SELECT 1 FROM subscription_lists WHERE source_id = sources.id) ORDER BY name",
    )
    .bind(environment)
    .fetch_all(db)
    .await?;
    Ok(all.into_iter().filter(|name| sources.contains(name)).collect())
}

/// Takes a page as the first of a list, or as the one that follows.
async fn follow(
    db: &mut Connection,
    source: i64,
    page: &Page,
    lists: &mut Lists,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let began_at = match (&page.starting_after, &lists.last_id) {
        (None, _) => millis(now),
        (Some(_), None) => return Err(PageError::NothingOpen.into()),
        (Some(after), Some(last)) if after != last => return Err(PageError::NotNext(last.clone()).into()),
        (Some(_), Some(_)) => lists.began_at.unwrap_or(millis(now)),
    };
    for subscription in &page.subscriptions {
        tell(db, source, subscription, now - LIST_AGE, Some(began_at)).await?;
    }
    lists.began_at = Some(began_at);
    lists.last_id = page.subscriptions.last().filter(|_| !page.is_last).map(|last| last.id.clone());
    if page.is_last {
        // What came up after the list began may be missing from it; what was known before may not.
        let missing: Option<String> = sqlx::query_scalar(
            concat!(
                "SELECT id FROM subscriptions WHERE source_id = $1 AND ",
                is!("is_client"),
                " AND listed_at IS DISTINCT FROM $2 AND said_at < $3 ORDER BY id LIMIT 1"
            ),
        )
        .bind(source)
        .bind(At(began_at))
        .bind(At(began_at - LIST_AGE.num_milliseconds()))
        .fetch_optional(db)
        .await?;
        if let Some(id) = missing {
            return Err(PageError::Without(id).into());
        }
        lists.whole_at = Some(millis(now));
    }
    Ok(())
}

/// Keeps what is said of a subscription, unless what is known was said later.
async fn tell(
    db: &mut Connection,
    source: i64,
    subscription: &Subscription,
    said_at: DateTime<Utc>,
    listed_at: Option<i64>,
) -> Result<(), StoreError> {
    let before: Option<(String, String, At)> =
        sqlx::query_as("SELECT customer, status, said_at FROM subscriptions WHERE source_id = $1 AND id = $2")
            .bind(source)
            .bind(&subscription.id)
            .fetch_optional(&mut *db)
            .await?;
    let known = match &before {
        Some((_, status, said_at)) => {
            let is_final = Status::from_name(status).is_some_and(Status::is_final);
            Some(Known { is_final, said_at: said_at.time()? })
        }
        None => None,
    };
    // A subscription without a customer counts as a client of its own, rather than as none.
    let customer = subscription.customer.clone().or(before.map(|(customer, _, _)| customer));
    let customer = customer.unwrap_or_else(|| subscription.id.clone());
    if !holds(known, said_at) {
        // A list has held it all the same.
        if listed_at.is_some() {
            sqlx::query("UPDATE subscriptions SET listed_at = $1 WHERE source_id = $2 AND id = $3")
                .bind(listed_at.map(At))
                .bind(source)
                .bind(&subscription.id)
                .execute(&mut *db)
                .await?;
            seals::reseal(db, "subscriptions", &[Value::Whole(source), Value::Text(subscription.id.clone())]).await?;
        }
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO subscriptions (source_id, id, customer, status, is_client, is_at_risk, said_at, listed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (source_id, id) DO UPDATE SET customer = excluded.customer, \
         status = excluded.status, is_client = excluded.is_client, is_at_risk = excluded.is_at_risk, \
         said_at = excluded.said_at, listed_at = coalesce(excluded.listed_at, subscriptions.listed_at)",
    )
    .bind(source)
    .bind(&subscription.id)
    .bind(&customer)
    .bind(subscription.status.name())
    .bind(subscription.is_of_client())
    .bind(subscription.is_at_risk())
    .bind(At::of(said_at))
    .bind(listed_at.map(At))
    .execute(&mut *db)
    .await?;
    seals::reseal(db, "subscriptions", &[Value::Whole(source), Value::Text(subscription.id.clone())]).await
}

/// How many clients a source knows of: each customer once, however many subscriptions there are.
async fn count(db: &mut Connection, source: i64) -> Result<Clients, StoreError> {
    let (active, at_risk): (i64, i64) = sqlx::query_as(
        concat!(
            "SELECT count(DISTINCT customer), count(DISTINCT CASE WHEN ",
            is!("is_at_risk"),
            " THEN customer END) FROM subscriptions WHERE source_id = $1 AND ",
            is!("is_client")
        ),
    )
    .bind(source)
    .fetch_one(db)
    .await?;
    Ok(Clients { active: unsigned(active)?, at_risk: unsigned(at_risk)? })
}

async fn store(
    db: &mut Connection,
    environment: &str,
    source: &str,
    clients: Clients,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let batch = AcceptedBatch {
        // Two notifications of one instant: the later one knows more.
        revises: true,
        samples: clients.samples(at),
        source: source.to_owned(),
        ..AcceptedBatch::default()
    };
    ingest::ingest(db, environment, &batch, at, None).await?;
    Ok(())
}

/// The time of the numbers that are stored now: where two notifications arrive together, the one that is stored last knows both.
fn not_before_others(lists: &Lists, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
    let stored = lists.stored_at.map(time).transpose()?;
    // Further ahead it is the clock that was wrong.
    Ok(stored.filter(|stored| *stored > now && *stored <= now + OVERTAKEN).unwrap_or(now))
}

async fn lists(db: &mut Connection, source: i64) -> Result<Lists, StoreError> {
    type Columns = (Option<At>, Option<String>, Option<At>, Option<At>);
    let row: Option<Columns> =
        sqlx::query_as("SELECT began_at, last_id, stored_at, whole_at FROM subscription_lists WHERE source_id = $1")
            .bind(source)
            .fetch_optional(db)
            .await?;
    Ok(row.map_or_else(Lists::default, |(began_at, last_id, stored_at, whole_at)| Lists {
        began_at: began_at.map(|at| at.0),
        last_id,
        stored_at: stored_at.map(|at| at.0),
        whole_at: whole_at.map(|at| at.0),
    }))
}

async fn keep_lists(db: &mut Connection, source: i64, lists: &Lists) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO subscription_lists (source_id, began_at, last_id, stored_at, whole_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (source_id) DO UPDATE SET began_at = excluded.began_at, last_id = excluded.last_id, \
         stored_at = excluded.stored_at, whole_at = excluded.whole_at",
    )
    .bind(source)
    .bind(lists.began_at.map(At))
    .bind(&lists.last_id)
    .bind(lists.stored_at.map(At))
    .bind(lists.whole_at.map(At))
    .execute(&mut *db)
    .await?;
    seals::reseal(db, "subscription_lists", &[Value::Whole(source)]).await
}
