//! Owns what the sender of subscriptions is answered: what became of the body, in numbers and as a sentence. Must not know how it was
//! stored.

use super::{Clients, Refusal, mode};
use serde::Serialize;

/// Events that don't count, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Of an account whose subscriptions the source doesn't count.
    pub other_account: u64,
    /// Of test mode, if the source counts live mode, or the other way round.
    pub other_mode: u64,
}

impl Refused {
    pub const fn add(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::OtherAccount => self.other_account += 1,
            Refusal::OtherMode => self.other_mode += 1,
        }
    }

    pub const fn is_none(self) -> bool {
        self.other_account == 0 && self.other_mode == 0
    }
}

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// `None` until a list of all subscriptions was complete: the number is unknown.
    pub clients: Option<Clients>,
    /// Events that were taken before.
    pub duplicates: u64,
    /// Events of other types.
    pub ignored: u64,
    /// Whether the number of clients was stored.
    pub is_stored: bool,
    /// Whether the source counts live mode.
    pub livemode: bool,
    pub refused: Refused,
    /// Events or subscriptions that are new.
    pub taken: u64,
}

impl Taken {
    /// What became of it, as a sentence.
    pub fn sentence(&self) -> String {
        let told = match self.clients {
            None => "The number of clients stays unknown, and nothing was stored as a number: events don't say how many clients there \
                     were before them. Send the complete list of subscriptions first, up to the page whose has_more is false."
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
            Some(_) => "Nothing was stored: there was nothing in it that counts.".to_owned(),
        };
        format!("{told}{}", self.refusals())
    }

    /// Which events were refused and why; empty if none were.
    fn refusals(&self) -> String {
        let Refused { other_account, other_mode } = self.refused;
        let events = |count: u64| if count == 1 { "1 event".to_owned() } else { format!("{count} events") };
        let mut text = String::new();
        if other_mode > 0 {
            text.push_str(&format!(
                " Refused as other-mode: {} of {} mode; this source counts {} mode.",
                events(other_mode),
                mode(!self.livemode),
                mode(self.livemode)
            ));
        }
        if other_account > 0 {
            text.push_str(&format!(
                " Refused as other-account: {} of an account whose subscriptions this source doesn't count.",
                events(other_account)
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_body_is_a_sentence() {
        let of = |clients, taken, duplicates, ignored, is_stored| {
            let refused = Refused::default();
            Taken { clients, duplicates, ignored, is_stored, livemode: true, refused, taken }.sentence()
        };
        let clients = Some(Clients { active: 3, at_risk: 1 });
        assert_eq!(of(clients, 1, 0, 0, true), "3 clients, 1 of them at risk: stored.");
        assert!(of(None, 1, 0, 0, false).contains("stays unknown"));
        assert!(of(clients, 0, 1, 0, false).contains("told before"));
        assert!(of(clients, 0, 0, 1, false).contains("none of it tells of a subscription"));
        assert!(of(clients, 5, 0, 0, false).contains("has_more is false"));
    }

    #[test]
    fn what_is_refused_is_named() {
        let mut refused = Refused::default();
        assert!(refused.is_none());
        refused.add(Refusal::OtherMode);
        refused.add(Refusal::OtherAccount);
        refused.add(Refusal::OtherAccount);
        let clients = Some(Clients { active: 3, at_risk: 1 });
        let taken = Taken { clients, duplicates: 0, ignored: 0, is_stored: false, livemode: true, refused, taken: 0 }
            .sentence();
        assert!(taken.contains("other-mode: 1 event of test mode; this source counts live mode."), "{taken}");
        assert!(taken.contains("other-account: 2 events of an account"), "{taken}");
    }
}
