//! Owns the engine's thresholds as tables: every rule and condition just below, at and just above its line, in each
//! mode where that matters, and the words that go with the answers.

use crate::support::noon;
use crate::support::picture::{Picture, after, config, hide, place, stable};
use chrono::Duration;
use scaling_mode_engine::breach::{Breach, BreachSet};
use scaling_mode_engine::decision::{Assessment, Recommendation, assess};
use scaling_mode_engine::evaluate::{SealedConfig, evaluate};
use scaling_mode_engine::explain::what_would_change;
use scaling_mode_engine::facts::Facts;
use scaling_mode_engine::input::{Input, InputState, Value, WindowName};
use scaling_mode_engine::interval::{Count, Interval, Outcome};
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::policy::{Config, EnvironmentKind};
use scaling_mode_engine::recent::Recent;
use scaling_mode_engine::rule::RuleId;
use scaling_mode_engine::signal::{Severity, Signal};
use scaling_mode_engine::snapshot::{Origin, Snapshot};
use std::collections::HashSet;

const DOLLAR: u64 = 1_000_000;

/// A business that would be given an Increase, to be changed in one thing.
struct Setup {
    config: Config,
    picture: Picture,
    recent: Recent,
    /// A change of the inputs after the picture has given them.
    hidden: Vec<(Signal, InputState)>,
}

impl Setup {
    fn new(mode: Mode) -> Setup {
        let config = config(mode);
        // Exactly the demand that an Increase needs: 4 of 5, 12 of 15, 40 of 50, 400 of 500.
        let clients = config.limits().max_clients.get() * 4 / 5;
        Setup { config, picture: Picture::healthy(clients), recent: stable(), hidden: Vec::new() }
    }

    fn of(mode: Mode, edit: impl FnOnce(&mut Setup)) -> Setup {
        let mut setup = Setup::new(mode);
        edit(&mut setup);
        setup
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = self.picture.inputs(&self.config);
        for input in &mut inputs {
            if let Some((_, state)) = self.hidden.iter().find(|(signal, _)| *signal == input.signal) {
                hide(input, *state);
            }
        }
        inputs
    }

    fn assess(&self) -> Assessment {
        assess(&Facts::from_inputs(&self.inputs()), &self.config, &self.recent, noon())
    }

    fn snapshot(&self) -> Snapshot {
        let sealed = SealedConfig::new(self.config.clone());
        evaluate(&sealed, self.inputs(), self.recent.clone(), noon(), Origin::Scheduled).snapshot
    }

    fn unstable(&mut self) {
        self.recent.stabilization.held = 0;
        self.recent.stabilization.last_three = false;
    }
}

use Outcome::{Failed, Passed, Unknown};
use Recommendation::{Decrease, Freeze, Hold, Increase};
use RuleId::*;

type Edit = fn(&mut Setup);

/// A name, the mode, a change, the rule that is looked at, its outcome, and the answer.
type Case = (&'static str, Mode, Edit, RuleId, Outcome, Recommendation);

const CASES: &[Case] = &[
    // Rule 1. Infra at 0 leaves an overall health of 70; ten clients fit the mode below growth.
    (
        "health at the freeze line",
        Mode::Growth,
        |s| {
            outage(s, 10);
            freeze_line(s, 70.0)
        },
        FreezeHealth,
        Passed,
        Decrease,
    ),
    (
        "health just below it",
        Mode::Growth,
        |s| {
            outage(s, 10);
            freeze_line(s, 70.000_001)
        },
        FreezeHealth,
        Failed,
        Freeze,
    ),
    (
        "health just above it",
        Mode::Growth,
        |s| {
            outage(s, 10);
            freeze_line(s, 69.999_999)
        },
        FreezeHealth,
        Passed,
        Decrease,
    ),
    // Rule 2.
    (
        "clients at the limit",
        Mode::Pilot,
        |s| {
            s.picture.clients = 15;
            s.unstable()
        },
        OverLimitClients,
        Passed,
        Hold,
    ),
    (
        "one client too many, an increase out of reach",
        Mode::Pilot,
        |s| {
            s.picture.clients = 16;
            s.unstable()
        },
        OverLimitClients,
        Failed,
        Freeze,
    ),
    (
        "one client too many, an increase at hand",
        Mode::Pilot,
        |s| s.picture.clients = 16,
        OverLimitClients,
        Failed,
        Increase,
    ),
    (
        "one client too many in scale: there is no mode above",
        Mode::Scale,
        |s| s.picture.clients = 501,
        OverLimitClients,
        Failed,
        Freeze,
    ),
    (
        "one client too many, only missing data in the way",
        Mode::Pilot,
        |s| {
            s.picture.clients = 16;
            s.hidden.push((Signal::ClientsAtRisk, InputState::Missing))
        },
        OverLimitClients,
        Failed,
        Hold,
    ),
    ("posts at the limit", Mode::Pilot, |s| s.picture.posts = Count::exactly(200), OverLimitPosts, Passed, Hold),
    ("one post too many", Mode::Pilot, |s| s.picture.posts = Count::exactly(201), OverLimitPosts, Failed, Freeze),
    (
        "posts that may be too many",
        Mode::Pilot,
        |s| s.picture.posts = Count { lo: 200, hi: 201 },
        OverLimitPosts,
        Unknown,
        Hold,
    ),
    (
        "posts that do not apply",
        Mode::Pilot,
        |s| {
            s.picture.posts = Count::exactly(9_999);
            s.config.policy.not_applicable.insert(Signal::PostsPublished);
        },
        OverLimitPosts,
        Passed,
        Increase,
    ),
    (
        "spend at the limit",
        Mode::Pilot,
        |s| {
            s.picture.spend = Count::exactly(50 * DOLLAR);
            s.config.policy.guardrails.max_ai_cost_pressure = 1.0
        },
        OverLimitAiSpend,
        Passed,
        Hold,
    ),
    (
        "a micro-dollar too much",
        Mode::Pilot,
        |s| {
            s.picture.spend = Count::exactly(50 * DOLLAR + 1);
            s.config.policy.guardrails.max_ai_cost_pressure = 1.0
        },
        OverLimitAiSpend,
        Failed,
        Freeze,
    ),
    // Rule 3: density 0.3, of at least two events.
    (
        "3 warnings for 10 clients",
        Mode::Pilot,
        |s| {
            s.picture.clients = 10;
            s.picture.warnings = 3
        },
        GuardrailWarningDensity,
        Passed,
        Hold,
    ),
    (
        "4 warnings for 10 clients",
        Mode::Pilot,
        |s| {
            s.picture.clients = 10;
            s.picture.warnings = 4
        },
        GuardrailWarningDensity,
        Failed,
        Freeze,
    ),
    (
        "2 for 5: the load fits lab",
        Mode::Pilot,
        |s| {
            s.picture.clients = 5;
            s.picture.warnings = 2
        },
        GuardrailWarningDensity,
        Failed,
        Decrease,
    ),
    (
        "2 for 5 in lab: there is none below",
        Mode::Lab,
        |s| {
            s.picture.clients = 5;
            s.picture.warnings = 2
        },
        GuardrailWarningDensity,
        Failed,
        Freeze,
    ),
    (
        "one warning is no trend",
        Mode::Pilot,
        |s| {
            s.picture.clients = 1;
            s.picture.warnings = 1
        },
        GuardrailWarningDensity,
        Passed,
        Hold,
    ),
    (
        "two are",
        Mode::Pilot,
        |s| {
            s.picture.clients = 2;
            s.picture.warnings = 2
        },
        GuardrailWarningDensity,
        Failed,
        Decrease,
    ),
    (
        "one warning and one critical are two events",
        Mode::Pilot,
        |s| {
            s.picture.clients = 2;
            s.picture.warnings = 1;
            s.picture.critical = 1
        },
        GuardrailWarningDensity,
        Failed,
        Decrease,
    ),
    ("info is only shown", Mode::Pilot, |s| s.picture.info = 99, GuardrailWarningDensity, Passed, Increase),
    (
        "warnings unreported",
        Mode::Pilot,
        |s| s.hidden.push((Signal::WarningsOpen, InputState::Missing)),
        GuardrailWarningDensity,
        Unknown,
        Hold,
    ),
    (
        "two warnings and no client",
        Mode::Pilot,
        |s| {
            s.picture.clients = 0;
            s.picture.warnings = 2
        },
        GuardrailWarningDensity,
        Failed,
        Decrease,
    ),
    ("no warning and no client", Mode::Pilot, |s| s.picture.clients = 0, GuardrailWarningDensity, Passed, Hold),
    // Churn 0.2, of at least two clients.
    (
        "2 of 10 at risk",
        Mode::Pilot,
        |s| {
            s.picture.clients = 10;
            s.picture.at_risk = 2
        },
        GuardrailChurnRisk,
        Passed,
        Hold,
    ),
    (
        "3 of 14 at risk",
        Mode::Pilot,
        |s| {
            s.picture.clients = 14;
            s.picture.at_risk = 3
        },
        GuardrailChurnRisk,
        Failed,
        Freeze,
    ),
    (
        "3 of 15 at risk",
        Mode::Pilot,
        |s| {
            s.picture.clients = 15;
            s.picture.at_risk = 3
        },
        GuardrailChurnRisk,
        Passed,
        Increase,
    ),
    (
        "1 of 2 at risk is no trend",
        Mode::Pilot,
        |s| {
            s.picture.clients = 2;
            s.picture.at_risk = 1
        },
        GuardrailChurnRisk,
        Passed,
        Hold,
    ),
    (
        "2 of 2 are",
        Mode::Pilot,
        |s| {
            s.picture.clients = 2;
            s.picture.at_risk = 2
        },
        GuardrailChurnRisk,
        Failed,
        Decrease,
    ),
    ("churn without clients", Mode::Pilot, |s| s.picture.clients = 0, GuardrailChurnRisk, Passed, Hold),
    (
        "churn of clients unknown",
        Mode::Pilot,
        |s| {
            s.picture.at_risk = 2;
            s.hidden.push((Signal::ClientsActive, InputState::Stale))
        },
        GuardrailChurnRisk,
        Unknown,
        Hold,
    ),
    // AI cost pressure 0.8.
    (
        "80 % of the spend",
        Mode::Pilot,
        |s| s.picture.spend = Count::exactly(40 * DOLLAR),
        GuardrailAiCostPressure,
        Passed,
        Hold,
    ),
    (
        "a micro-dollar above 80 %",
        Mode::Pilot,
        |s| s.picture.spend = Count::exactly(40 * DOLLAR + 1),
        GuardrailAiCostPressure,
        Failed,
        Freeze,
    ),
    (
        "spend of which at least 80 % was seen",
        Mode::Pilot,
        |s| s.picture.spend = Count::at_least(40 * DOLLAR),
        GuardrailAiCostPressure,
        Unknown,
        Hold,
    ),
    (
        "spend of which more was seen",
        Mode::Pilot,
        |s| s.picture.spend = Count::at_least(40 * DOLLAR + 1),
        GuardrailAiCostPressure,
        Failed,
        Freeze,
    ),
    // Infra 50: half-way between 300 and 2000 ms.
    ("latency half-way", Mode::Pilot, |s| latency(s, 1_150.0), GuardrailInfraHealth, Passed, Increase),
    ("latency beyond", Mode::Pilot, |s| latency(s, 1_150.1), GuardrailInfraHealth, Failed, Freeze),
    (
        "latency beyond, the load fits pilot",
        Mode::Growth,
        |s| {
            s.picture.clients = 15;
            latency(s, 1_150.1)
        },
        GuardrailInfraHealth,
        Failed,
        Decrease,
    ),
    (
        "only the evidence is bad: a good hour proves nothing",
        Mode::Pilot,
        |s| s.picture.latency_evidence = Interval::exactly(9_000.0),
        GuardrailInfraHealth,
        Unknown,
        Hold,
    ),
    (
        "only the hour is bad: an outage acts at once",
        Mode::Pilot,
        |s| s.picture.latency_hour = Interval::exactly(9_000.0),
        GuardrailInfraHealth,
        Failed,
        Freeze,
    ),
    // What fits the lower mode: 5 clients, 50 posts, $10.
    ("all of it fits", Mode::Pilot, |s| fits(s, 5, 50, 10 * DOLLAR), DecreaseFits, Passed, Decrease),
    ("a client too many to fit", Mode::Pilot, |s| fits(s, 6, 50, 10 * DOLLAR), DecreaseFits, Failed, Freeze),
    ("a post too many to fit", Mode::Pilot, |s| fits(s, 5, 51, 10 * DOLLAR), DecreaseFits, Failed, Freeze),
    ("a micro-dollar too much to fit", Mode::Pilot, |s| fits(s, 5, 50, 10 * DOLLAR + 1), DecreaseFits, Failed, Freeze),
    (
        "it is not known whether it fits",
        Mode::Pilot,
        |s| {
            fits(s, 5, 50, DOLLAR);
            s.hidden.push((Signal::PostsPublished, InputState::Missing))
        },
        DecreaseFits,
        Unknown,
        Freeze,
    ),
    ("nothing lies below lab", Mode::Lab, |s| fits(s, 1, 1, 1), DecreaseFits, Failed, Freeze),
    // Rule 4.
    ("lab has a mode above", Mode::Lab, |_| {}, IncreaseNextMode, Passed, Increase),
    ("pilot has a mode above", Mode::Pilot, |_| {}, IncreaseNextMode, Passed, Increase),
    ("growth has a mode above", Mode::Growth, |_| {}, IncreaseNextMode, Passed, Increase),
    ("scale has none", Mode::Scale, |_| {}, IncreaseNextMode, Failed, Hold),
    ("demand at 80 %", Mode::Growth, |s| s.picture.clients = 40, IncreaseDemand, Passed, Increase),
    ("demand just below", Mode::Growth, |s| s.picture.clients = 39, IncreaseDemand, Failed, Hold),
    (
        "demand unknown",
        Mode::Growth,
        |s| s.hidden.push((Signal::ClientsActive, InputState::Missing)),
        IncreaseDemand,
        Unknown,
        Hold,
    ),
    ("health at its line", Mode::Pilot, |s| health_line(s, 96.0), IncreaseHealth, Passed, Increase),
    ("health just below its line", Mode::Pilot, |s| health_line(s, 96.000_001), IncreaseHealth, Failed, Hold),
    ("posts at 70 %", Mode::Pilot, |s| s.picture.posts = Count::exactly(140), IncreaseUtilisation, Passed, Increase),
    ("posts above 70 %", Mode::Pilot, |s| s.picture.posts = Count::exactly(141), IncreaseUtilisation, Failed, Hold),
    (
        "spend at 70 %",
        Mode::Pilot,
        |s| s.picture.spend = Count::exactly(35 * DOLLAR),
        IncreaseUtilisation,
        Passed,
        Increase,
    ),
    (
        "spend above 70 %",
        Mode::Pilot,
        |s| s.picture.spend = Count::exactly(35 * DOLLAR + 1),
        IncreaseUtilisation,
        Failed,
        Hold,
    ),
    (
        "posts not known",
        Mode::Pilot,
        |s| s.hidden.push((Signal::PostsPublished, InputState::Stale)),
        IncreaseUtilisation,
        Unknown,
        Hold,
    ),
    (
        "3 warnings for 10 of 12",
        Mode::Pilot,
        |s| {
            tenth_demand(s);
            s.picture.warnings = 3
        },
        IncreaseWarningDensity,
        Passed,
        Increase,
    ),
    (
        "a single warning of a single client keeps an increase away",
        Mode::Pilot,
        |s| {
            tenth_demand(s);
            s.picture.clients = 1;
            s.picture.warnings = 1
        },
        IncreaseWarningDensity,
        Failed,
        Hold,
    ),
    (
        "2 of 10 at risk, an increase",
        Mode::Pilot,
        |s| {
            tenth_demand(s);
            s.picture.at_risk = 2
        },
        IncreaseChurnRisk,
        Passed,
        Increase,
    ),
    (
        "a single client at risk of three keeps an increase away",
        Mode::Pilot,
        |s| {
            tenth_demand(s);
            s.picture.clients = 3;
            s.picture.at_risk = 1
        },
        IncreaseChurnRisk,
        Failed,
        Hold,
    ),
    (
        "AI pressure at its line",
        Mode::Pilot,
        |s| {
            s.config.policy.guardrails.max_utilisation_for_increase = 1.0;
            s.picture.spend = Count::exactly(40 * DOLLAR)
        },
        IncreaseAiCostPressure,
        Passed,
        Increase,
    ),
    (
        "AI pressure unknown",
        Mode::Pilot,
        |s| s.hidden.push((Signal::AiSpend, InputState::Missing)),
        IncreaseAiCostPressure,
        Unknown,
        Hold,
    ),
    ("infra at its line", Mode::Pilot, |s| latency(s, 1_150.0), IncreaseInfraHealth, Passed, Increase),
    (
        "infra unknown",
        Mode::Pilot,
        |s| s.hidden.push((Signal::InfraRequests, InputState::Missing)),
        IncreaseInfraHealth,
        Unknown,
        Hold,
    ),
    ("no critical warning", Mode::Pilot, |s| s.picture.warnings = 1, IncreaseCriticalWarnings, Passed, Increase),
    ("one critical warning", Mode::Pilot, |s| s.picture.critical = 1, IncreaseCriticalWarnings, Failed, Hold),
    (
        "one critical warning where one is allowed",
        Mode::Pilot,
        |s| {
            s.picture.critical = 1;
            s.config.policy.guardrails.max_critical_warnings = 1
        },
        IncreaseCriticalWarnings,
        Passed,
        Increase,
    ),
    ("evidence at its line", Mode::Pilot, |s| evidence_line(s, 0.85), IncreaseConfidence, Passed, Increase),
    ("evidence below its line", Mode::Pilot, |s| evidence_line(s, 0.850_001), IncreaseConfidence, Failed, Hold),
    (
        "evidence below its line, inputs open",
        Mode::Pilot,
        |s| {
            evidence_line(s, 0.85);
            s.hidden.push((Signal::ClientsAtRisk, InputState::Missing))
        },
        IncreaseConfidence,
        Unknown,
        Hold,
    ),
    (
        "thin evidence over the limit brings no freeze",
        Mode::Pilot,
        |s| {
            evidence_line(s, 0.9);
            s.picture.clients = 16
        },
        IncreaseConfidence,
        Failed,
        Hold,
    ),
    ("not frozen", Mode::Growth, |_| {}, IncreaseNotFrozen, Passed, Increase),
    ("frozen by the founder", Mode::Pilot, |s| s.config.frozen = true, IncreaseNotFrozen, Failed, Hold),
    (
        "a second before the cool-down is over",
        Mode::Pilot,
        |s| changed(s, 24 * 3_600 - 1),
        IncreaseCooldown,
        Failed,
        Hold,
    ),
    ("when the cool-down is over", Mode::Pilot, |s| changed(s, 24 * 3_600), IncreaseCooldown, Passed, Increase),
    ("92 of 96 ticks", Mode::Pilot, |s| s.recent.stabilization.held = 92, IncreaseStabilization, Passed, Increase),
    ("91 of 96 ticks", Mode::Pilot, |s| s.recent.stabilization.held = 91, IncreaseStabilization, Failed, Hold),
    (
        "one of the last three failed",
        Mode::Pilot,
        |s| s.recent.stabilization.last_three = false,
        IncreaseStabilization,
        Failed,
        Hold,
    ),
    (
        "a freeze among the rest",
        Mode::Pilot,
        |s| s.recent.stabilization.unsafe_ticks = 1,
        IncreaseStabilization,
        Failed,
        Hold,
    ),
    // After a breach.
    ("nothing to recover from", Mode::Pilot, |s| s.recent = after(Hold, BreachSet::EMPTY), Recovery, Passed, Increase),
    (
        "a breach recovered from",
        Mode::Pilot,
        |s| s.recent = after(Freeze, set(Breach::Health)),
        Recovery,
        Passed,
        Increase,
    ),
    (
        "a breach not clear for long enough",
        Mode::Pilot,
        |s| {
            s.recent = after(Freeze, set(Breach::Health));
            s.recent.recovered = BreachSet::EMPTY
        },
        Recovery,
        Failed,
        Freeze,
    ),
    (
        "a decrease is kept where the load still fits",
        Mode::Pilot,
        |s| {
            s.picture.clients = 5;
            s.recent = after(Decrease, set(Breach::ChurnRisk));
            s.recent.recovered = BreachSet::EMPTY
        },
        Recovery,
        Failed,
        Decrease,
    ),
    (
        "and becomes a freeze where it no longer does",
        Mode::Pilot,
        |s| {
            s.recent = after(Decrease, set(Breach::ChurnRisk));
            s.recent.recovered = BreachSet::EMPTY
        },
        Recovery,
        Failed,
        Freeze,
    ),
    (
        "3 of 10 warnings are kept but not clear by 10 %",
        Mode::Pilot,
        |s| {
            s.picture.clients = 10;
            s.picture.warnings = 3;
            s.recent = after(Freeze, set(Breach::WarningDensity))
        },
        Recovery,
        Failed,
        Freeze,
    ),
    (
        "spend clear by exactly 10 %",
        Mode::Pilot,
        |s| {
            s.picture.spend = Count::exactly(36 * DOLLAR);
            s.recent = after(Freeze, set(Breach::AiCostPressure))
        },
        Recovery,
        Passed,
        Hold,
    ),
    (
        "spend not clear by 10 %",
        Mode::Pilot,
        |s| {
            s.picture.spend = Count::exactly(36 * DOLLAR + 1);
            s.recent = after(Freeze, set(Breach::AiCostPressure))
        },
        Recovery,
        Failed,
        Freeze,
    ),
    (
        "infra clear by 5 points",
        Mode::Pilot,
        |s| {
            latency(s, 1_065.0);
            s.recent = after(Freeze, set(Breach::InfraHealth))
        },
        Recovery,
        Passed,
        Increase,
    ),
    (
        "infra not clear by 5 points",
        Mode::Pilot,
        |s| {
            latency(s, 1_065.1);
            s.recent = after(Freeze, set(Breach::InfraHealth))
        },
        Recovery,
        Failed,
        Freeze,
    ),
    (
        "limits kept again: no recovery is asked",
        Mode::Pilot,
        |s| {
            s.recent = after(Freeze, set(Breach::OverLimit));
            s.recent.recovered = BreachSet::EMPTY;
            s.unstable()
        },
        Recovery,
        Passed,
        Hold,
    ),
    (
        "limits not known to be kept",
        Mode::Pilot,
        |s| {
            s.recent = after(Freeze, set(Breach::OverLimit));
            s.hidden.push((Signal::PostsPublished, InputState::Missing))
        },
        Recovery,
        Failed,
        Freeze,
    ),
];

fn set(breach: Breach) -> BreachSet {
    let mut set = BreachSet::EMPTY;
    set.insert(breach);
    set
}

fn latency(setup: &mut Setup, ms: f64) {
    setup.picture.latency_hour = Interval::exactly(ms);
    setup.picture.latency_evidence = Interval::exactly(ms);
}

fn outage(setup: &mut Setup, clients: u64) {
    setup.picture.clients = clients;
    latency(setup, 9_000.0);
}

fn freeze_line(setup: &mut Setup, line: f64) {
    setup.config.policy.guardrails.freeze_below_health = line;
}

/// Ten clients with two at risk: churn 20, overall 96.
fn health_line(setup: &mut Setup, line: f64) {
    tenth_demand(setup);
    setup.picture.at_risk = 2;
    setup.config.policy.guardrails.min_health_for_increase = line;
}

/// Ten clients, and a demand that even one client gives.
fn tenth_demand(setup: &mut Setup) {
    setup.picture.clients = 10;
    setup.config.policy.guardrails.min_demand_for_increase = 0.05;
}

/// Evidence that leaves infra between 50 and 100, so overall between 85 and 100: complete to 85 %.
fn evidence_line(setup: &mut Setup, line: f64) {
    setup.picture.latency_evidence = Interval::exactly(1_150.0);
    setup.config.policy.guardrails.min_confidence_for_change = line;
}

fn changed(setup: &mut Setup, seconds_ago: i64) {
    setup.config.last_mode_change_at = Some(noon() - Duration::seconds(seconds_ago));
}

/// An outage with this load.
fn fits(setup: &mut Setup, clients: u64, posts: u64, spend: u64) {
    outage(setup, clients);
    setup.picture.posts = Count::exactly(posts);
    setup.picture.spend = Count::exactly(spend);
}

#[test]
fn every_rule_turns_exactly_at_its_line() {
    for (name, mode, edit, rule, outcome, answer) in CASES {
        let assessment = Setup::of(*mode, edit).assess();
        let found = assessment.result(*rule);
        assert_eq!(found.outcome, *outcome, "{name}: {found:?}");
        assert_eq!(assessment.recommendation, *answer, "{name}: {:?}", assessment.results);
    }
}

#[test]
fn every_rule_is_in_the_table_and_seen_to_fail_and_to_pass() {
    let seen: HashSet<(RuleId, Outcome)> = CASES.iter().map(|case| (case.3, case.4)).collect();
    for rule in RuleId::ALL {
        // The conditions that repeat a guardrail are broken together with it.
        let repeats = matches!(rule, IncreaseAiCostPressure | IncreaseInfraHealth);
        assert!(seen.contains(&(rule, Passed)), "{}", rule.name());
        assert!(repeats || seen.contains(&(rule, Failed)), "{}", rule.name());
    }
}

#[test]
fn every_rule_is_recorded_in_its_place_whichever_fired() {
    for (_, mode, edit, ..) in CASES {
        let snapshot = Setup::of(*mode, edit).snapshot();
        let names: Vec<&str> = snapshot.body.rules.iter().map(|rule| rule.rule.as_ref()).collect();
        assert_eq!(names, RuleId::ALL.map(RuleId::name));
    }
}

#[test]
fn infra_health_is_the_weakest_of_the_parts_that_apply() {
    type Case = (&'static str, &'static [Signal], f64, f64, u64, f64);
    let cases: [Case; 7] = [
        // CPU 0.775 scores 50, latency 640 ms scores 80; no error in a million scores 100.
        ("CPU is weakest", &[], 0.775, 640.0, 0, 50.0),
        ("latency is weakest", &[], 0.2, 640.0, 0, 80.0),
        ("errors are weakest", &[], 0.2, 640.0, 1_000_000, 0.0),
        ("without CPU", &[Signal::InfraCpu], 0.95, 640.0, 0, 80.0),
        ("without latency", &[Signal::InfraLatency], 0.775, 9_000.0, 0, 50.0),
        ("without errors", &[Signal::InfraErrors], 0.2, 640.0, 1_000_000, 80.0),
        ("without requests there is no error rate either", &[Signal::InfraRequests], 0.2, 640.0, 1_000_000, 80.0),
    ];
    for (name, gone, cpu, ms, errors, expected) in cases {
        let setup = Setup::of(Mode::Pilot, |setup| {
            setup.config.policy.not_applicable.extend(gone);
            setup.picture.cpu = Interval::exactly(cpu);
            latency(setup, ms);
            setup.picture.requests_hour = Count::exactly(1_000_000);
            setup.picture.requests_evidence = Count::exactly(1_000_000);
            setup.picture.errors_hour = Count::exactly(errors);
            setup.picture.errors_evidence = Count::exactly(errors);
        });
        assert_eq!(setup.assess().health.scores.infra_health, Interval::exactly(expected), "{name}");
    }
}

#[test]
fn what_does_not_apply_is_not_waited_for() {
    for gone in
        [Signal::PostsPublished, Signal::InfraCpu, Signal::InfraLatency, Signal::InfraErrors, Signal::InfraRequests]
    {
        let setup = Setup::of(Mode::Pilot, |setup| {
            setup.config.policy.not_applicable.insert(gone);
        });
        let body = setup.snapshot().body;
        assert_eq!(body.recommendation, Increase, "{gone}: {}", body.narrative);
        assert_eq!((body.confidence, body.truth.completeness), (1.0, 1.0), "{gone}");
        assert!(body.truth.notes.iter().any(|note| note.contains(gone.name())), "{:?}", body.truth.notes);
    }
}

#[test]
fn scores_follow_their_formulas() {
    let setup = Setup::of(Mode::Pilot, |setup| {
        setup.picture.clients = 10;
        setup.picture.at_risk = 1;
        setup.picture.warnings = 2;
        setup.picture.spend = Count::exactly(20 * DOLLAR);
        setup.picture.posts = Count::exactly(50);
        latency(setup, 640.0);
    });
    let health = setup.assess().health;
    let exactly = Interval::exactly;
    // .30 * 80 + .25 * (100 - 40) + .25 * (100 - 20) + .20 * (100 - 10)
    assert_eq!(health.scores.overall, exactly(77.0));
    assert_eq!(health.scores.ai_cost_pressure, exactly(40.0));
    assert_eq!(health.scores.warning_density, exactly(20.0));
    assert_eq!(health.scores.churn_risk, exactly(10.0));
    assert_eq!(health.confidence, 1.0);
    // The reason to move, and the load already carried: not the same thing.
    assert_eq!(health.demand, Count::exactly(10).over(15));
    assert_eq!(health.utilisation.worst, exactly(0.4));
    assert_eq!(health.utilisation.posts, Some(exactly(0.25)));
}

#[test]
fn nothing_known_is_every_score_and_a_hold() {
    let all = [
        Signal::ClientsActive,
        Signal::ClientsAtRisk,
        Signal::WarningsOpen,
        Signal::PostsPublished,
        Signal::AiSpend,
        Signal::InfraCpu,
        Signal::InfraLatency,
        Signal::InfraRequests,
        Signal::InfraErrors,
    ];
    for mode in Mode::ALL {
        let body = Setup::of(mode, |setup| setup.hidden = all.map(|signal| (signal, InputState::Missing)).to_vec())
            .snapshot()
            .body;
        assert_eq!(body.scores.overall, Interval::SCORE);
        assert_eq!((body.recommendation, body.confidence, body.headroom.clients), (Hold, 0.0, 0));
        assert_eq!(body.verdict, format!("Hold in {mode}: nothing is connected yet"));
    }
}

#[test]
fn headroom_is_what_fits_before_the_first_line_and_names_it() {
    let cases: [(&str, Edit, u64, &str); 14] = [
        ("clients alone", |_| {}, 3, "clients"),
        ("full", |s| s.picture.clients = 15, 0, "clients"),
        (
            "10 posts a client leave 80: 8 more, but clients bind",
            |s| s.picture.posts = Count::exactly(120),
            3,
            "clients",
        ),
        ("15 posts a client leave 20: one more", |s| s.picture.posts = Count::exactly(180), 1, "posts"),
        ("posts at the limit", |s| s.picture.posts = Count::exactly(200), 0, "posts"),
        (
            "$3 a client leaves $4 of $40: one more",
            |s| s.picture.spend = Count::exactly(36 * DOLLAR),
            1,
            "ai_cost_pressure",
        ),
        (
            "the limit itself where the guardrail is no lower",
            |s| {
                s.config.policy.guardrails.max_ai_cost_pressure = 1.0;
                s.picture.spend = Count::exactly(48 * DOLLAR)
            },
            0,
            "ai_spend",
        ),
        ("the worst case of posts", |s| s.picture.posts = Count { lo: 0, hi: 180 }, 1, "posts"),
        (
            "no clients, no average",
            |s| {
                s.picture.clients = 0;
                s.picture.posts = Count::exactly(1)
            },
            0,
            "posts",
        ),
        ("no clients, no load", |s| s.picture.clients = 0, 15, "clients"),
        (
            "a guardrail that is not known",
            |s| s.hidden.push((Signal::ClientsAtRisk, InputState::Missing)),
            0,
            "churn_risk",
        ),
        ("frozen by the founder", |s| s.config.frozen = true, 0, "frozen"),
        ("a freeze", |s| latency(s, 9_000.0), 0, "freeze"),
        (
            "a decrease that is only kept up",
            |s| {
                s.picture.clients = 4;
                s.recent = after(Decrease, set(Breach::ChurnRisk));
                s.recent.recovered = BreachSet::EMPTY
            },
            0,
            "churn_risk",
        ),
    ];
    for (name, edit, clients, binding) in cases {
        let headroom = Setup::of(Mode::Pilot, edit).snapshot().body.headroom;
        assert_eq!((headroom.clients, headroom.binding.as_ref()), (clients, binding), "{name}");
    }
}

#[test]
fn verdicts_lead_with_clients_and_say_why() {
    let cases: [(Mode, Edit, &str); 19] = [
        (Mode::Pilot, |_| {}, "Move up to growth: every condition holds"),
        (Mode::Pilot, |s| s.unstable(), "Stay in pilot: room for 3 more clients; the client limit binds first"),
        (
            Mode::Pilot,
            |s| {
                s.picture.clients = 14;
                s.unstable()
            },
            "Stay in pilot: room for 1 more client; the client limit binds first",
        ),
        (
            Mode::Pilot,
            |s| {
                s.picture.clients = 15;
                s.unstable()
            },
            "Stay in pilot: no room for more clients; the client limit binds",
        ),
        (
            Mode::Pilot,
            |s| s.picture.posts = Count::exactly(180),
            "Stay in pilot: room for 1 more client; posts binds first",
        ),
        (
            Mode::Pilot,
            |s| s.hidden.push((Signal::ClientsAtRisk, InputState::Missing)),
            "Hold in pilot: churn data is missing",
        ),
        (
            Mode::Pilot,
            |s| s.hidden.push((Signal::WarningsOpen, InputState::Missing)),
            "Hold in pilot: warnings are missing",
        ),
        (
            Mode::Pilot,
            |s| s.hidden.push((Signal::AiSpend, InputState::Stale)),
            "Hold in pilot: AI spend is stale (40 h old; it counts up to 36 h)",
        ),
        (Mode::Pilot, |s| s.config.frozen = true, "Hold in pilot, take nobody: you have frozen it"),
        (
            Mode::Pilot,
            |s| {
                s.picture.clients = 16;
                s.hidden.push((Signal::ClientsAtRisk, InputState::Missing))
            },
            "Hold in pilot: over the limit, take nobody",
        ),
        (
            Mode::Pilot,
            |s| {
                s.picture.clients = 16;
                s.unstable()
            },
            "Freeze, take nobody: over the limit, and an increase is out of reach",
        ),
        (Mode::Pilot, |s| latency(s, 9_000.0), "Freeze, take nobody: infra health is 0"),
        (Mode::Growth, |s| outage(s, 10), "Step back to pilot: infra health is 0"),
        (
            Mode::Pilot,
            |s| {
                outage(s, 12);
                freeze_line(s, 80.0)
            },
            "Freeze, take nobody: overall health is 70",
        ),
        (Mode::Pilot, |s| s.picture.warnings = 4, "Freeze, take nobody: warning density is over its guardrail"),
        (Mode::Pilot, |s| s.picture.at_risk = 3, "Freeze, take nobody: churn risk is over its guardrail"),
        (
            Mode::Pilot,
            |s| s.picture.spend = Count::exactly(41 * DOLLAR),
            "Freeze, take nobody: AI cost pressure is over its guardrail",
        ),
        (
            Mode::Pilot,
            |s| {
                s.recent = after(Freeze, set(Breach::ChurnRisk));
                s.recent.recovered = BreachSet::EMPTY
            },
            "Freeze, take nobody: churn risk has not been clear for long enough",
        ),
        (Mode::Pilot, |s| s.config.kind = EnvironmentKind::Synthetic, "Hold: synthetic data decides nothing"),
    ];
    for (mode, edit, expected) in cases {
        assert_eq!(Setup::of(mode, edit).snapshot().body.verdict, expected);
    }
}

#[test]
fn over_the_limit_with_only_missing_data_takes_nobody() {
    for hidden in [Signal::ClientsAtRisk, Signal::WarningsOpen, Signal::InfraErrors] {
        let body = Setup::of(Mode::Pilot, |setup| {
            setup.picture.clients = 16;
            setup.hidden.push((hidden, InputState::Missing));
        })
        .snapshot()
        .body;
        assert_eq!((body.recommendation, body.headroom.clients), (Hold, 0), "{hidden}");
        assert_eq!(body.verdict, "Hold in pilot: over the limit, take nobody");
        let blocked = body.truth.blocked.expect("an increase that missing data blocks is shown");
        assert_eq!(blocked.recommendation, Increase);
    }
}

#[test]
fn an_increase_that_missing_data_could_undo_is_blocked_by_name() {
    let body =
        Setup::of(Mode::Pilot, |setup| setup.hidden.push((Signal::ClientsAtRisk, InputState::Missing))).snapshot().body;
    let blocked = body.truth.blocked.expect("blocked");
    assert_eq!(
        (blocked.recommendation, blocked.reason.as_str()),
        (Increase, "it depends on what is not known: churn data")
    );
    // Where a condition certainly fails, nothing is blocked: the answer would be Hold anyway.
    let failing = Setup::of(Mode::Pilot, |setup| {
        setup.hidden.push((Signal::ClientsAtRisk, InputState::Missing));
        setup.picture.critical = 1;
    });
    assert_eq!(failing.snapshot().body.truth.blocked, None);
}

#[test]
fn what_would_change_lists_what_fails_nearest_first_and_the_unknown_last() {
    let lines = what_would_change(
        &Setup::of(Mode::Pilot, |setup| {
            // Demand lacks 1 of 12 (8%), posts exceed 70 % by a fortieth, stabilization lacks all.
            setup.picture.clients = 11;
            setup.picture.posts = Count::exactly(145);
            setup.unstable();
            setup.hidden.push((Signal::ClientsAtRisk, InputState::Missing));
        })
        .snapshot(),
    );
    let starts: Vec<String> = lines.iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect();
    let expected = [
        "The higher of posts and AI spend, at its worst",
        "Clients as a share of the limit",
        "Ticks that met the conditions; one of the last three did not",
        "Share of clients at risk, at its worst",
    ];
    assert_eq!(starts, expected, "{lines:#?}");

    let freeze = what_would_change(&Setup::of(Mode::Pilot, |setup| latency(setup, 9_000.0)).snapshot());
    assert_eq!(freeze, ["The weakest of CPU, latency and error rate: it is 0, needed is at least 50."]);
    let frozen = what_would_change(&Setup::of(Mode::Pilot, |setup| setup.config.frozen = true).snapshot());
    assert_eq!(frozen, ["The environment is frozen: unfreeze it when its reason is gone."]);
    assert!(what_would_change(&Setup::new(Mode::Pilot).snapshot()).is_empty(), "an increase asks for no other answer");
}

#[test]
fn every_answer_but_increase_says_what_would_change_it() {
    for (name, mode, edit, _, _, answer) in CASES {
        let lines = what_would_change(&Setup::of(*mode, edit).snapshot());
        assert_eq!(lines.is_empty(), *answer == Increase, "{name}: {lines:?}");
        assert!(lines.iter().all(|line| line.ends_with('.') && !line.contains("inf")), "{name}: {lines:?}");
    }
}

#[test]
fn synthetic_inputs_decide_nothing_wherever_they_are() {
    // Even where a mistake let them into an environment of another kind.
    let mut setup = Setup::new(Mode::Pilot);
    setup.config.kind = EnvironmentKind::Live;
    let mut inputs = setup.inputs();
    let clients = place(&inputs, Signal::ClientsActive, WindowName::Latest, None);
    inputs[clients].state = InputState::Synthetic;
    let sealed = SealedConfig::new(setup.config.clone());
    let body = evaluate(&sealed, inputs, setup.recent.clone(), noon(), Origin::Scheduled).snapshot.body;
    assert_eq!((body.recommendation, body.target_mode), (Hold, None));
    assert!(body.verdict.contains("synthetic"), "{}", body.verdict);
}

#[test]
fn a_shown_only_input_changes_no_answer() {
    let setup = Setup::new(Mode::Pilot);
    let mut inputs = setup.inputs();
    let info = place(&inputs, Signal::WarningsOpen, WindowName::Latest, Some(Severity::Info));
    let today = place(&inputs, Signal::AiSpend, WindowName::Today, None);
    inputs[info].value = Some(Value::Count(Count::exactly(10_000)));
    hide(&mut inputs[today], InputState::Missing);
    let facts = Facts::from_inputs(&inputs);
    assert!(facts.complete);
    assert_eq!(assess(&facts, &setup.config, &setup.recent, noon()).recommendation, Increase);
}
