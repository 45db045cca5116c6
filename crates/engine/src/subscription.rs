//! Owns subscriptions as a billing system tells of them, in Stripe's JSON: what makes a customer a client and a client one at
//! risk, and what holds where word of a subscription comes late. Must not know how it is sent, signed or kept.
//! Specification: <https://docs.stripe.com/api/subscriptions/object>, <https://docs.stripe.com/api/events/object>.

mod body;

pub use body::read;

use super::signal::{Series, Unit};
use super::telemetry::{Measurement, Sample};
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

/// How far back a list is taken to speak: pages are sent on within this time of being fetched. What an event says of that
/// time holds against the list, which may be older.
pub const LIST_AGE: Duration = Duration::minutes(5);

/// What a subscription is, by its `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Canceled,
    Incomplete,
    IncompleteExpired,
    PastDue,
    Paused,
    Trialing,
    Unpaid,
}

impl Status {
    pub const ALL: [Status; 8] = [
        Status::Active,
        Status::Canceled,
        Status::Incomplete,
        Status::IncompleteExpired,
        Status::PastDue,
        Status::Paused,
        Status::Trialing,
        Status::Unpaid,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Canceled => "canceled",
            Status::Incomplete => "incomplete",
            Status::IncompleteExpired => "incomplete_expired",
            Status::PastDue => "past_due",
            Status::Paused => "paused",
            Status::Trialing => "trialing",
            Status::Unpaid => "unpaid",
        }
    }

    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether it makes its customer a client.
    pub const fn is_of_client(self) -> bool {
        matches!(self, Status::Active | Status::Trialing | Status::PastDue)
    }
}

/// A subscription as it was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub customer: String,
    pub id: String,
    /// It will be cancelled: `cancel_at_period_end`, or a `cancel_at`.
    pub is_ending: bool,
    pub status: Status,
}

impl Subscription {
    pub const fn is_of_client(&self) -> bool {
        self.status.is_of_client()
    }

    /// Whether the client it makes is at risk. One that makes no client puts none at risk: what was cancelled long ago still
    /// carries its `cancel_at_period_end`.
    pub const fn is_at_risk(&self) -> bool {
        self.is_of_client() && (self.is_ending || matches!(self.status, Status::PastDue))
    }
}

/// Whether word of a subscription changes what is known of it: what was said last holds, by the time that it was said of; of
/// one time, what is delivered last.
pub fn holds(known_since: Option<DateTime<Utc>>, said_at: DateTime<Utc>) -> bool {
    known_since.is_none_or(|known| said_at >= known)
}

/// An event that tells of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEvent {
    pub created: DateTime<Utc>,
    pub id: String,
    pub subscription: Subscription,
}

/// A page of the list of all subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub is_last: bool,
    /// The last subscription of the page before; `None` where this page is the first.
    pub starting_after: Option<String>,
    pub subscriptions: Vec<Subscription>,
}

/// What a body tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// In the order of the body; with how many events of other types there were beside them.
    Events {
        events: Vec<SubscriptionEvent>,
        ignored: u64,
    },
    Page(Page),
}

/// Why a page cannot be taken as part of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    #[error("no list is open that this page could follow: begin again with the first page")]
    NothingOpen,
    #[error("the page before it that was taken ended with {0}: a page is missing, begin again with the first one")]
    NotNext(String),
    #[error(
        "the list ends without {0}, which is known and counts: list all subscriptions (status=all) of the same account, and give \
         starting_after here as it was given to Stripe"
    )]
    Without(String),
}

/// How many clients there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Clients {
    pub active: u64,
    pub at_risk: u64,
}

impl Clients {
    pub fn samples(self, at: DateTime<Utc>) -> Vec<Sample> {
        [(Series::ClientsActive, self.active), (Series::ClientsAtRisk, self.at_risk)]
            .map(|(series, count)| {
                let measurement = Measurement::Value(count.saturating_mul(Unit::Clients.atoms()));
                Sample { at, exact: None, id: None, measurement, series }
            })
            .into()
    }
}

/// What has become of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// `None` while no list of all subscriptions has been whole: then it is unknown.
    pub clients: Option<Clients>,
    /// Events that were taken before.
    pub duplicates: u64,
    /// Events of other types.
    pub ignored: u64,
    /// Whether the number of clients was stored.
    pub is_stored: bool,
    /// Events or subscriptions that are new.
    pub taken: u64,
}

impl Taken {
    /// What has become of it, as a sentence.
    pub fn sentence(&self) -> String {
        match self.clients {
            None => "How many clients there are stays unknown, and nothing was stored as a number: events alone do not say how many there \
                     were before them. Send the whole list of subscriptions first, up to the page whose has_more is false."
                .to_owned(),
            Some(clients) if self.is_stored => {
                format!("{} clients, {} of them at risk: stored.", clients.active, clients.at_risk)
            }
            Some(_) if self.duplicates > 0 => "Nothing was stored: all of it was told before.".to_owned(),
            Some(_) if self.ignored > 0 => {
                "Nothing was stored: none of it tells of a subscription (customer.subscription.created, updated, deleted, paused or \
                 resumed)."
                    .to_owned()
            }
            Some(_) if self.taken > 0 => {
                "Nothing was stored yet: the numbers follow with the page whose has_more is false.".to_owned()
            }
            Some(_) => "Nothing was stored: there was nothing in it.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_client_and_puts_one_at_risk() {
        for (name, is_ending, is_of_client, is_at_risk) in [
            ("active", false, true, false),
            ("active", true, true, true),
            ("trialing", false, true, false),
            ("trialing", true, true, true),
            ("past_due", false, true, true),
            ("unpaid", true, false, false),
            ("paused", true, false, false),
            ("canceled", true, false, false),
            ("incomplete", true, false, false),
            ("incomplete_expired", true, false, false),
        ] {
            let status = Status::from_name(name).unwrap();
            let one = Subscription { customer: "c".to_owned(), id: "s".to_owned(), is_ending, status };
            assert_eq!((one.is_of_client(), one.is_at_risk()), (is_of_client, is_at_risk), "{name}");
        }
        assert_eq!(Status::from_name("dormant"), None);
    }

    #[test]
    fn what_was_said_last_holds() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        assert!(holds(None, at(1)) && holds(Some(at(1)), at(1)) && holds(Some(at(1)), at(2)));
        assert!(!holds(Some(at(2)), at(1)));
    }

    #[test]
    fn what_has_become_of_a_body_is_a_sentence() {
        let of = |clients, taken, duplicates, ignored, is_stored| {
            Taken { clients, duplicates, ignored, is_stored, taken }.sentence()
        };
        let clients = Some(Clients { active: 3, at_risk: 1 });
        assert_eq!(of(clients, 1, 0, 0, true), "3 clients, 1 of them at risk: stored.");
        assert!(of(None, 1, 0, 0, false).contains("stays unknown"));
        assert!(of(clients, 0, 1, 0, false).contains("told before"));
        assert!(of(clients, 0, 0, 1, false).contains("none of it tells of a subscription"));
        assert!(of(clients, 5, 0, 0, false).contains("has_more is false"));
    }
}
