//! Owns safe headroom: how many more clients fit before the first limit or guardrail would be met, and which binds
//! first. Must not know how the answer is phrased. It is arithmetic on measured averages, not a forecast.

use super::breach::Breach;
use super::decision::{Assessment, Recommendation};
use super::facts::Facts;
use super::interval::{Count, Outcome};
use super::policy::Config;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Room for more clients at today's measured per-client averages, in the worst case of what is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Headroom {
    /// What binds first: `clients`, `posts`, `ai_spend`, `ai_cost_pressure`, a guardrail's name, `freeze`, or
    /// `frozen` where the founder has frozen the environment.
    pub binding: Cow<'static, str>,
    pub clients: u64,
}

impl Headroom {
    const fn none(binding: &'static str) -> Headroom {
        Headroom { binding: Cow::Borrowed(binding), clients: 0 }
    }
}

/// The safe headroom under an assessment.
pub fn headroom(facts: &Facts, config: &Config, assessment: &Assessment) -> Headroom {
    if assessment.recommendation == Recommendation::Freeze {
        return Headroom::none("freeze");
    }
    if config.frozen {
        return Headroom::none("frozen");
    }
    // On the way back nobody is taken, be the breach there or not yet recovered from.
    if assessment.recommendation == Recommendation::Decrease
        && let Some(breach) = assessment.standing.iter().next()
    {
        return Headroom::none(breach.name());
    }
    if let Some(breach) = Breach::ALL.into_iter().find(|breach| assessment.breach_outcome(*breach) != Outcome::Passed) {
        return Headroom::none(breach.name());
    }
    let limits = config.limits();
    let spend_limit = limits.max_ai_spend_per_day.micros();
    // The guardrail is at or below the limit (it is a share of it, at most 1), so it is the one that binds.
    let pressure_limit = (config.policy.guardrails.max_ai_cost_pressure * spend_limit as f64).floor() as u64;
    let spend_binding = if pressure_limit < spend_limit { "ai_cost_pressure" } else { "ai_spend" };
    let own = [
        ("clients", limits.max_clients.get().saturating_sub(facts.clients.hi)),
        ("posts", facts.posts.map_or(u64::MAX, |posts| room(posts, limits.max_posts_per_day.get(), facts.clients))),
        (spend_binding, room(facts.spend, pressure_limit.min(spend_limit), facts.clients)),
    ];
    let (binding, clients) =
        own.into_iter().reduce(|first, next| if next.1 < first.1 { next } else { first }).unwrap_or(("clients", 0));
    Headroom { binding: Cow::Borrowed(binding), clients }
}

/// How many more clients, each causing today's average load, keep `load` within `limit`.
fn room(load: Count, limit: u64, clients: Count) -> u64 {
    if load.hi == 0 {
        return u64::MAX;
    }
    if load.hi > limit || clients.lo == 0 {
        return 0;
    }
    let spare = u128::from(limit - load.hi);
    u64::try_from(spare * u128::from(clients.lo) / u128::from(load.hi)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_fits_at_the_measured_average() {
        // 12 clients cause 120 posts: 10 each; 80 are left of 200, so 8 more fit.
        assert_eq!(room(Count::exactly(120), 200, Count::exactly(12)), 8);
        assert_eq!(room(Count::exactly(200), 200, Count::exactly(12)), 0);
        assert_eq!(room(Count::exactly(0), 200, Count::exactly(12)), u64::MAX);
        assert_eq!(room(Count::exactly(5), 200, Count::exactly(0)), 0, "no clients, no average");
        assert_eq!(room(Count::UNKNOWN, 200, Count::exactly(12)), 0, "the worst case of unknown is no room");
    }
}
