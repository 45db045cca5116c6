//! Owns subscriptions as Stripe's JSON describes them: what makes a customer a client and a client one at risk, which event of a
//! subscription is the later one, and whose events count. Must not know how they are sent, signed or kept.
//! Specification: <https://docs.stripe.com/api/subscriptions/object>, <https://docs.stripe.com/api/events/object>.

mod body;
mod taken;

pub use body::read;
pub use taken::{Refused, Taken};

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

    /// Whether Stripe never changes it again: what comes afterwards was said before.
    pub const fn is_final(self) -> bool {
        matches!(self, Status::Canceled | Status::IncompleteExpired)
    }

    /// Whether it makes its customer a client.
    pub const fn is_of_client(self) -> bool {
        matches!(self, Status::Active | Status::Trialing | Status::PastDue)
    }
}

/// A subscription as Stripe describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `None` if it names none. It is then its own client, unless its customer is known already.
    pub customer: Option<String>,
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

/// A subscription, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Stripe never changes it again.
    pub is_final: bool,
    pub said_at: DateTime<Utc>,
}

/// Whether an event or a list changes what is known of a subscription: the newest counts, and of one time the one delivered last. A
/// final status stays.
pub fn holds(known: Option<Known>, said_at: DateTime<Utc>) -> bool {
    known.is_none_or(|known| !known.is_final && said_at >= known.said_at)
}

/// What an event says has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Created,
    /// It was updated, paused or resumed.
    Changed,
    Deleted,
}

/// An event about a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEvent {
    /// The connected account that it happened in; `None` for the account's own.
    pub account: Option<String>,
    /// Stripe's time of it, in whole seconds.
    pub created: DateTime<Utc>,
    pub id: String,
    /// Live or test mode; `None` if it doesn't say.
    pub is_live: Option<bool>,
    pub kind: EventKind,
    pub subscription: Subscription,
}

impl SubscriptionEvent {
    /// The time that orders it: its second, and within it what can only have come later. A subscription is incomplete before it is
    /// anything else, created before it is changed, and over last; Stripe delivers events of one second in any order.
    pub fn said_at(&self) -> DateTime<Utc> {
        let place = match (self.subscription.status, self.kind) {
            (status, _) if status.is_final() => 3,
            (_, EventKind::Deleted) => 3,
            (Status::Incomplete, _) => 0,
            (_, EventKind::Created) => 1,
            (_, EventKind::Changed) => 2,
        };
        self.created + Duration::milliseconds(place)
    }
}

/// Whose subscriptions a source counts, as its list says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Billing {
    /// The connected account; `None` for the account's own.
    pub account: Option<String>,
    /// Live or test mode; `None` if the list doesn't say.
    pub is_live: Option<bool>,
}

/// Why an event isn't counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    OtherAccount,
    OtherMode,
}

impl Billing {
    /// Whether it counts live mode. Until a list says so, that is assumed.
    pub fn is_live(&self) -> bool {
        self.is_live.unwrap_or(true)
    }

    /// Why an event isn't one of this source's, if it isn't.
    pub fn refuses(&self, event: &SubscriptionEvent) -> Option<Refusal> {
        if event.is_live.is_some_and(|is_live| is_live != self.is_live()) {
            return Some(Refusal::OtherMode);
        }
        (event.account != self.account).then_some(Refusal::OtherAccount)
    }
}

/// The name of a mode, as Stripe's dashboard calls it.
pub const fn mode(is_live: bool) -> &'static str {
    if is_live { "live" } else { "test" }
}

/// A page of the list of all subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The connected account that the list is of; `None` for the account's own.
    pub account: Option<String>,
    pub is_last: bool,
    /// Live or test mode; `None` if no subscription says.
    pub is_live: Option<bool>,
    /// The last subscription of the page before; `None` where this page is the first.
    pub starting_after: Option<String>,
    pub subscriptions: Vec<Subscription>,
}

/// The content of a body.
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
        "the source counts another account's subscriptions: give account here as for its first list, or name a source of its own"
    )]
    OtherAccount,
    #[error(
        "it is of {} mode, and the source counts {} mode: list with the other key, or name a source of its own (source=NAME)",
        other_mode(.is_live),
        own_mode(.is_live)
    )]
    OtherMode {
        /// The mode that the source counts.
        is_live: bool,
    },
    #[error(
        "the list ends without {0}, which is known and counts: list all subscriptions (status=all) of the same account, and give \
         starting_after here as it was given to Stripe. If Stripe no longer has it, a founder can end its client"
    )]
    Without(String),
}

const fn own_mode(is_live: &bool) -> &'static str {
    mode(*is_live)
}

const fn other_mode(is_live: &bool) -> &'static str {
    mode(!*is_live)
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
            let one = Subscription { customer: None, id: "s".to_owned(), is_ending, status };
            assert_eq!((one.is_of_client(), one.is_at_risk()), (is_of_client, is_at_risk), "{name}");
        }
        assert_eq!(Status::from_name("dormant"), None);
    }

    #[test]
    fn what_was_said_last_holds() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let known = |second, is_final| Some(Known { is_final, said_at: at(second) });
        assert!(holds(None, at(1)) && holds(known(1, false), at(1)) && holds(known(1, false), at(2)));
        assert!(!holds(known(2, false), at(1)) && !holds(known(1, true), at(9)));
    }

    #[test]
    fn events_of_one_second_are_ordered_by_what_they_say() {
        let told = |kind, status| SubscriptionEvent {
            account: None,
            created: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            id: "e".to_owned(),
            is_live: None,
            kind,
            subscription: Subscription { customer: None, id: "s".to_owned(), is_ending: false, status },
        };
        use EventKind::{Changed, Created, Deleted};
        let rising = [
            vec![told(Created, Status::Incomplete), told(Changed, Status::Incomplete)],
            vec![told(Created, Status::Active), told(Created, Status::Trialing)],
            vec![told(Changed, Status::Active), told(Changed, Status::Paused), told(Changed, Status::PastDue)],
            vec![
                told(Deleted, Status::Canceled),
                told(Deleted, Status::Active),
                told(Changed, Status::Canceled),
                told(Changed, Status::IncompleteExpired),
            ],
        ];
        for (place, these) in rising.iter().enumerate() {
            for one in these {
                assert!(these.iter().all(|other| other.said_at() == one.said_at()), "{one:?}");
                assert!(one.said_at() < one.created + Duration::seconds(1));
                for other in rising[place + 1..].iter().flatten() {
                    assert!(one.said_at() < other.said_at(), "{one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn only_events_of_the_sources_mode_and_account_count() {
        let told = |is_live, account: Option<&str>| SubscriptionEvent {
            account: account.map(str::to_owned),
            created: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            id: "e".to_owned(),
            is_live,
            kind: EventKind::Changed,
            subscription: Subscription { customer: None, id: "s".to_owned(), is_ending: false, status: Status::Active },
        };
        let own = |is_live, account: Option<&str>| Billing { account: account.map(str::to_owned), is_live };
        for (billing, event, refusal) in [
            (own(None, None), told(Some(true), None), None),
            (own(None, None), told(None, None), None),
            (own(None, None), told(Some(false), None), Some(Refusal::OtherMode)),
            (own(Some(true), None), told(Some(false), None), Some(Refusal::OtherMode)),
            (own(Some(false), None), told(Some(false), None), None),
            (own(Some(false), None), told(Some(true), None), Some(Refusal::OtherMode)),
            (own(Some(true), None), told(Some(true), Some("acct_1")), Some(Refusal::OtherAccount)),
            (own(Some(true), Some("acct_1")), told(Some(true), Some("acct_1")), None),
            (own(Some(true), Some("acct_1")), told(Some(true), Some("acct_2")), Some(Refusal::OtherAccount)),
            (own(Some(true), Some("acct_1")), told(Some(true), None), Some(Refusal::OtherAccount)),
        ] {
            assert_eq!(billing.refuses(&event), refusal, "{billing:?} {event:?}");
        }
    }
}
