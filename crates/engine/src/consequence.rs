//! Owns what choosing a mode would mean: its caps, and whether today's load would fit them.
//! Must not know how the choice is made or worded; it changes nothing.

use super::input::Value;
use super::interval::{Count, Outcome};
use super::mode::Mode;
use super::policy::{Config, EnvironmentKind, Limits, ModeLimits, Policy};
use super::rule::RuleId;
use super::signal::Signal;
use super::snapshot::Snapshot;
use serde::{Deserialize, Serialize};

/// Today's load, as a snapshot found it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub ai_spend: Value,
    pub clients: Value,
    /// `None` where posts are declared not applicable.
    pub posts: Option<Value>,
}

impl Load {
    /// Nothing is known of today's load.
    pub const UNKNOWN: Load = Load {
        ai_spend: Value::Money(Count::UNKNOWN),
        clients: Value::Count(Count::UNKNOWN),
        posts: Some(Value::Count(Count::UNKNOWN)),
    };

    /// The load that a snapshot's rules compared with the limits.
    pub fn of(snapshot: &Snapshot) -> Load {
        let observed = |id: RuleId| {
            let mut rules = snapshot.body.rules.iter();
            rules.find(|rule| rule.rule == id.name()).and_then(|rule| rule.observed)
        };
        Load {
            ai_spend: observed(RuleId::OverLimitAiSpend).unwrap_or(Load::UNKNOWN.ai_spend),
            clients: observed(RuleId::OverLimitClients).unwrap_or(Load::UNKNOWN.clients),
            posts: observed(RuleId::OverLimitPosts),
        }
    }
}

/// What a mode would allow, and which parts of today's load would fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Consequence {
    pub ai_spend: Outcome,
    pub band: (u64, u64),
    pub clients: Outcome,
    pub limits: ModeLimits,
    pub mode: Mode,
    /// `None` where posts are declared not applicable.
    pub posts: Option<Outcome>,
}

/// What today's load would be under `mode`.
pub fn consequence(limits: &Limits, load: &Load, mode: Mode) -> Consequence {
    let own = limits.of(mode);
    let fits = |value: Value, limit: u64| value.count().map_or(Outcome::Unknown, |count| count.at_most(limit));
    Consequence {
        ai_spend: fits(load.ai_spend, own.max_ai_spend_per_day.micros()),
        band: limits.band(mode),
        clients: fits(load.clients, own.max_clients.get()),
        limits: *own,
        mode,
        posts: load.posts.map(|posts| fits(posts, own.max_posts_per_day.get())),
    }
}

/// What saving another policy would mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyConsequence {
    /// What today's load would be under the mode in force, where its limits change.
    pub limits: Option<Consequence>,
    /// Today's load, as it would be judged.
    pub load: Load,
    /// Stabilization starts again and held answers end.
    pub restarts: bool,
}

/// What saving `policy` over the configuration in force would mean. In a recording nothing starts again.
pub fn of_policy(config: &Config, policy: &Policy, load: &Load) -> PolicyConsequence {
    let posts = if policy.applies(Signal::PostsPublished) { load.posts.or(Load::UNKNOWN.posts) } else { None };
    let load = Load { posts, ..*load };
    let changes = policy.limits.of(config.mode) != config.limits();
    PolicyConsequence {
        limits: changes.then(|| consequence(&policy.limits, &load, config.mode)),
        load,
        restarts: policy.decides_differently(&config.policy) && config.kind != EnvironmentKind::Recorded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Usd;

    fn load(clients: u64, posts: u64, dollars: u64) -> Load {
        Load {
            ai_spend: Value::Money(Count::exactly(Usd::dollars(dollars).micros())),
            clients: Value::Count(Count::exactly(clients)),
            posts: Some(Value::Count(Count::exactly(posts))),
        }
    }

    #[test]
    fn a_lower_mode_names_what_would_be_over_and_equality_fits() {
        let limits = Limits::default();
        let in_lab = consequence(&limits, &load(12, 50, 11), Mode::Lab);
        assert_eq!(
            (in_lab.clients, in_lab.posts, in_lab.ai_spend),
            (Outcome::Failed, Some(Outcome::Passed), Outcome::Failed)
        );
        let in_pilot = consequence(&limits, &load(15, 200, 50), Mode::Pilot);
        assert_eq!(
            (in_pilot.clients, in_pilot.posts, in_pilot.ai_spend),
            (Outcome::Passed, Some(Outcome::Passed), Outcome::Passed)
        );
        assert_eq!(in_pilot.band, (6, 15));
    }

    #[test]
    fn an_unknown_load_is_never_said_to_fit() {
        let result = consequence(&Limits::default(), &Load::UNKNOWN, Mode::Scale);
        assert_eq!(
            (result.clients, result.posts, result.ai_spend),
            (Outcome::Unknown, Some(Outcome::Unknown), Outcome::Unknown)
        );
    }

    #[test]
    fn a_load_reads_back_from_what_the_page_sends_to_the_browser() {
        for sent in [Load::UNKNOWN, load(12, 50, 11), Load { posts: None, ..load(1, 2, 3) }] {
            let text = serde_json::to_string(&sent).unwrap();
            assert_eq!(serde_json::from_str::<Load>(&text).unwrap(), sent, "{text}");
        }
    }

    #[test]
    fn another_policy_restarts_unless_only_days_change_and_its_own_limits_are_judged() {
        let config = |kind| Config::new("production", kind, Mode::Lab, Policy::default(), chrono::DateTime::UNIX_EPOCH);
        let live = config(EnvironmentKind::Live);
        let load = load(5, 50, 10);
        let mut other = Policy { time_zone: "Europe/Berlin".to_owned(), ..Policy::default() };
        let days = of_policy(&live, &other, &load);
        assert_eq!((days.restarts, days.limits), (false, None));
        other.limits.scale.max_clients = std::num::NonZeroU64::MAX;
        assert!(of_policy(&live, &other, &load).limits.is_none(), "the limits of another mode");
        other.limits.lab.max_clients = std::num::NonZeroU64::MIN;
        other.not_applicable.insert(Signal::PostsPublished);
        let lower = of_policy(&live, &other, &load);
        let judged = lower.limits.map(|limits| (limits.clients, limits.posts));
        assert_eq!((lower.restarts, judged), (true, Some((Outcome::Failed, None))));
        assert!(!of_policy(&config(EnvironmentKind::Recorded), &other, &load).restarts);
    }
}
