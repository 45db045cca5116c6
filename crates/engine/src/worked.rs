//! Owns the worked rules: for each mode, a business in good order, and for each of its numbers the stretches of values that
//! lead to each answer. The engine itself answers; nothing here knows a rule. Every figure is an example, none a measurement.

use super::breach::BreachSet;
use super::break_even::{BreakEven, Situation, bounds, break_even};
use super::decision::{Recommendation, assess};
use super::facts::{ErrorCount, Facts, Paired};
use super::interval::{Count, Interval};
use super::mode::Mode;
use super::policy::{Config, EnvironmentKind, Policy};
use super::recent::{Recent, Stabilization};
use super::rule::RuleId;
use super::scenario_input::InputField;
use chrono::{DateTime, Utc};

/// A stretch of values of one input with the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub answer: Recommendation,
    /// The first value, in the input's units.
    pub from: u64,
    /// The rules that turn the answer where the stretch begins; none for the first.
    pub rules: Vec<RuleId>,
    /// The last value; `None` where it goes on to the end of what is looked at.
    pub to: Option<u64>,
}

/// The stretches of one input, all else being in good order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    pub field: InputField,
    pub stretches: Vec<Stretch>,
}

/// One mode worked through.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkedMode {
    /// What a business in good order answers here.
    pub answer: Recommendation,
    pub config: Config,
    pub facts: Facts,
    pub ladders: Vec<Ladder>,
    pub mode: Mode,
}

/// No more turns than this are followed along one input; there are never so many.
const MOST_TURNS: usize = 16;

/// Works every mode through under a policy.
pub fn work_through(policy: &Policy) -> Vec<WorkedMode> {
    Mode::ALL
        .into_iter()
        .map(|mode| {
            let config = Config::new("worked", EnvironmentKind::Recorded, mode, policy.clone(), DateTime::UNIX_EPOCH);
            let facts = in_good_order(&config);
            let recent = settled(&config);
            let answer = assess(&facts, &config, &recent, DateTime::UNIX_EPOCH).recommendation;
            let ladders = InputField::ALL
                .into_iter()
                .filter(|field| field.value(&facts).is_some())
                .map(|field| ladder(field, &facts, &config, &recent))
                .collect();
            WorkedMode { answer, config, facts, ladders, mode }
        })
        .collect()
}

/// A business in good order: as many clients as an Increase asks for, nobody at risk, nothing open, half the load that an
/// Increase allows, and infrastructure at the lines that count as good. All of it known exactly.
pub fn in_good_order(config: &Config) -> Facts {
    let (policy, limits) = (&config.policy, config.limits());
    let part = |limit: u64, share: f64| (limit as f64 * share) as u64;
    let clients = (limits.max_clients.get() as f64 * policy.guardrails.min_demand_for_increase).ceil() as u64;
    let half = policy.guardrails.max_utilisation_for_increase / 2.0;
    let no_errors = ErrorCount { errors: Count::exactly(0), requests: Count::exactly(1_000_000) };
    let mut facts = Facts {
        at_risk: Count::exactly(0),
        clients: Count::exactly(clients.max(1)),
        complete: true,
        cpu: Some(Interval::exactly(policy.scoring.cpu.good)),
        critical: Count::exactly(0),
        errors: Some(Paired { evidence: no_errors, last_hour: no_errors }),
        latency: Some(Paired {
            evidence: Interval::exactly(policy.scoring.latency_ms.good),
            last_hour: Interval::exactly(policy.scoring.latency_ms.good),
        }),
        posts: Some(Count::exactly(part(limits.max_posts_per_day.get(), half))),
        spend: Count::exactly(part(limits.max_ai_spend_per_day.micros(), half) / 10_000 * 10_000),
        synthetic: false,
        warnings: Count::exactly(0),
    };
    InputField::ErrorRate.set(&mut facts, 0);
    facts
}

/// The conditions have held for as long as an Increase asks, and nothing is to be recovered from.
fn settled(config: &Config) -> Recent {
    const TICK_MINUTES: u32 = 15;
    let expected = u64::from(config.policy.guardrails.stabilization_hours) * 60 / u64::from(TICK_MINUTES);
    Recent {
        previous: None,
        recovered: BreachSet::all(),
        stabilization: Stabilization { expected, held: expected, last_three: true, unsafe_ticks: 0 },
        tick_minutes: TICK_MINUTES,
    }
}

/// Walks one input from its least value up, from turn to turn.
fn ladder(field: InputField, facts: &Facts, config: &Config, recent: &Recent) -> Ladder {
    let as_of: DateTime<Utc> = DateTime::UNIX_EPOCH;
    let start = Situation { as_of, config, facts, recent };
    let (least, _) = bounds(start, field);
    let answer = |units| start.with(field, units).recommendation;
    let mut stretches = vec![Stretch { answer: answer(least), from: least, rules: Vec::new(), to: None }];
    let mut at = least;
    for _ in 0..MOST_TURNS {
        let mut there = *facts;
        field.set(&mut there, at);
        let BreakEven::Known { above: Some(turn), .. } = break_even(Situation { facts: &there, ..start }, field) else {
            break;
        };
        if let Some(last) = stretches.last_mut() {
            last.to = Some(turn.at - field.step());
        }
        at = turn.at;
        stretches.push(Stretch { answer: turn.to, from: turn.at, rules: turn.rules, to: None });
    }
    Ladder { field, stretches }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(mode: Mode) -> Vec<(Recommendation, u64, Option<u64>)> {
        let worked = work_through(&Policy::default());
        let worked = worked.into_iter().find(|worked| worked.mode == mode).unwrap();
        let ladder = worked.ladders.into_iter().find(|ladder| ladder.field == InputField::Clients).unwrap();
        ladder.stretches.into_iter().map(|stretch| (stretch.answer, stretch.from, stretch.to)).collect()
    }

    #[test]
    fn pilot_waits_for_demand_then_increases_and_stays_increasing_over_its_limit() {
        // Twelve of fifteen is the 80 % that an Increase asks for.
        let found = clients(Mode::Pilot);
        assert_eq!(found[0], (Recommendation::Hold, 0, Some(11)));
        assert_eq!((found[1].0, found[1].1), (Recommendation::Increase, 12));
    }

    #[test]
    fn scale_never_increases() {
        let worked = work_through(&Policy::default());
        let scale = worked.iter().find(|worked| worked.mode == Mode::Scale).unwrap();
        assert_eq!(scale.answer, Recommendation::Hold);
        let answers = scale.ladders.iter().flat_map(|ladder| &ladder.stretches).map(|stretch| stretch.answer);
        assert!(answers.into_iter().all(|answer| answer != Recommendation::Increase));
    }

    #[test]
    fn stretches_meet_without_gap_or_overlap_and_each_answers_what_the_engine_answers() {
        for worked in work_through(&Policy::default()) {
            let recent = settled(&worked.config);
            for ladder in &worked.ladders {
                let step = ladder.field.step();
                for pair in ladder.stretches.windows(2) {
                    assert_eq!(pair[0].to.map(|to| to + step), Some(pair[1].from));
                    assert_ne!(pair[0].answer, pair[1].answer);
                }
                for stretch in &ladder.stretches {
                    for units in [Some(stretch.from), stretch.to].into_iter().flatten() {
                        let mut facts = worked.facts;
                        ladder.field.set(&mut facts, units);
                        let found = assess(&facts, &worked.config, &recent, DateTime::UNIX_EPOCH).recommendation;
                        assert_eq!(found, stretch.answer, "{:?} {:?} at {units}", worked.mode, ladder.field);
                    }
                }
            }
        }
    }
}
