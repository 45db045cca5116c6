//! Owns the scores: infra health and its parts, AI cost pressure, warning density, churn risk, overall, confidence,
//! demand and utilisation, all as intervals. Must not know rules or answers. Formulas: docs/engine.md, section 6 "Scores".

use super::facts::{ErrorCount, Facts, Paired};
use super::interval::{Count, Interval, settle};
use super::policy::{ModeLimits, Policy, ScoreLine};
use super::snapshot::{InfraParts, Scores, Utilisation};
use super::statistics::wilson;

/// Everything that rules compare, in the form they compare it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// AI spend over the mode's daily limit, as a ratio.
    pub ai_pressure: Interval,
    /// At-risk clients over active ones, 0-1.
    pub churn: Interval,
    /// 1 - (hi - lo) / 100 of overall, 0-1.
    pub confidence: f64,
    /// Active clients over the mode's limit, as a ratio.
    pub demand: Interval,
    /// Open warnings per active client.
    pub density: Interval,
    pub infra: InfraParts,
    pub scores: Scores,
    pub utilisation: Utilisation,
}

/// Scores everything that is known under a policy and a mode's limits.
pub fn score(facts: &Facts, policy: &Policy, limits: &ModeLimits) -> Health {
    let infra = infra_parts(facts, policy);
    let infra_health = weakest(&infra);
    let ai_pressure = facts.spend.over(limits.max_ai_spend_per_day.micros());
    let density = warning_density(facts.counted_warnings(), facts.clients);
    let churn = churn_risk(facts.at_risk, facts.clients);
    let ai_score = percent(ai_pressure);
    let density_score = percent(density);
    let churn_score = percent(churn);
    let weights = &policy.weights;
    let overall = weighted([
        (weights.infra, infra_health),
        (weights.ai_cost, ai_score.map_falling(|score| 100.0 - score)),
        (weights.warnings, density_score.map_falling(|score| 100.0 - score)),
        (weights.churn, churn_score.map_falling(|score| 100.0 - score)),
    ]);
    let posts = facts.posts.map(|posts| posts.over(limits.max_posts_per_day.get()));
    Health {
        ai_pressure,
        churn,
        confidence: settle(1.0 - overall.width() / 100.0),
        demand: facts.clients.over(limits.max_clients.get()),
        density,
        infra,
        scores: Scores {
            ai_cost_pressure: ai_score,
            churn_risk: churn_score,
            infra_health,
            overall,
            warning_density: density_score,
        },
        utilisation: Utilisation {
            ai_spend: ai_pressure,
            posts,
            worst: posts.map_or(ai_pressure, |posts| posts.max(ai_pressure)),
        },
    }
}

/// 100 at *good*, falling linearly to 0 at *bad*.
fn on_line(line: ScoreLine, value: f64) -> f64 {
    settle(((line.bad - value) / (line.bad - line.good)).clamp(0.0, 1.0) * 100.0)
}

/// A score whose best case comes from the last hour and whose worst from the evidence window, never above the best:
/// an outage acts immediately, and one good hour of twenty requests proves nothing.
fn proven(line: ScoreLine, last_hour: Interval, evidence: Interval) -> Interval {
    let hi = on_line(line, last_hour.lo());
    let lo = on_line(line, evidence.hi()).min(hi);
    Interval::new(lo, hi)
}

fn infra_parts(facts: &Facts, policy: &Policy) -> InfraParts {
    let scoring = &policy.scoring;
    let rate = |count: ErrorCount| wilson(count.errors, count.requests);
    InfraParts {
        cpu: facts.cpu.map(|cpu| cpu.map_falling(|value| on_line(scoring.cpu, value))),
        error_rate: facts
            .errors
            .map(|Paired { evidence, last_hour }| proven(scoring.error_rate, rate(last_hour), rate(evidence))),
        latency: facts.latency.map(|Paired { evidence, last_hour }| proven(scoring.latency_ms, last_hour, evidence)),
    }
}

/// The weakest part that applies: a service failing all its requests is not 70 % healthy because its CPU is idle.
fn weakest(parts: &InfraParts) -> Interval {
    [parts.cpu, parts.error_rate, parts.latency].into_iter().flatten().reduce(Interval::min).unwrap_or(Interval::SCORE)
}

/// A ratio as a score: times 100, at most 100.
fn percent(ratio: Interval) -> Interval {
    ratio.map_rising(|value| settle((value * 100.0).min(100.0)))
}

fn weighted(parts: [(f64, Interval); 4]) -> Interval {
    let sum = |bound: fn(Interval) -> f64| {
        let total: f64 = parts.iter().map(|(weight, score)| weight * bound(*score)).sum();
        settle(total.clamp(0.0, 100.0))
    };
    Interval::new(sum(Interval::lo), sum(Interval::hi))
}

/// Warnings per client. Without clients they count as those of one: a score of 0 where nothing is open, else of 100,
/// and always a finite number, which a snapshot can hold.
fn warning_density(open: Count, clients: Count) -> Interval {
    let at = |open: u64, clients: u64| match (open, clients) {
        (0, _) => 0.0,
        (Count::UNBOUNDED, _) => f64::INFINITY,
        (_, Count::UNBOUNDED) => 0.0,
        (open, clients) => open as f64 / clients.max(1) as f64,
    };
    Interval::new(at(open.lo, clients.hi), at(open.hi, clients.lo))
}

/// At-risk clients over active ones, at most 1. Without clients: 0 where nobody is at risk, else 1.
fn churn_risk(at_risk: Count, clients: Count) -> Interval {
    warning_density(at_risk, clients).map_rising(|ratio| ratio.min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> ScoreLine {
        ScoreLine { good: 300.0, bad: 2000.0 }
    }

    #[test]
    fn a_score_is_100_at_good_and_0_at_bad() {
        for (value, score) in [(0.0, 100.0), (300.0, 100.0), (1150.0, 50.0), (2000.0, 0.0), (f64::INFINITY, 0.0)] {
            assert_eq!(on_line(line(), value), score, "{value} ms");
        }
    }

    #[test]
    fn trouble_counts_from_the_last_hour_and_health_from_the_evidence() {
        let good = Interval::exactly(100.0);
        let bad = Interval::exactly(5_000.0);
        assert_eq!(proven(line(), bad, good), Interval::exactly(0.0), "an outage acts at once");
        assert_eq!(proven(line(), good, bad), Interval::SCORE, "a good hour alone proves nothing");
        assert_eq!(proven(line(), good, good), Interval::exactly(100.0));
    }

    #[test]
    fn without_clients_nothing_open_is_no_density_and_anything_open_is_full() {
        let none = Count::exactly(0);
        assert_eq!(warning_density(none, none), Interval::exactly(0.0));
        assert_eq!(percent(warning_density(Count::exactly(1), none)), Interval::exactly(100.0));
        assert_eq!(churn_risk(none, none), Interval::exactly(0.0));
        assert_eq!(churn_risk(Count::exactly(1), none), Interval::exactly(1.0));
    }

    #[test]
    fn an_unknown_part_widens_to_all_that_its_meaning_allows() {
        assert_eq!(warning_density(Count::exactly(0), Count::UNKNOWN), Interval::exactly(0.0));
        assert_eq!(churn_risk(Count::UNKNOWN, Count::exactly(10)), Interval::UNIT);
        let density = warning_density(Count::at_least(5), Count::exactly(10));
        assert_eq!((density.lo(), density.hi()), (0.5, f64::INFINITY));
    }
}
