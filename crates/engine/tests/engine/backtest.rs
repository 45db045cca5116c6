//! Owns what a backtest promises: the same policy answers the same, looser guardrails never freeze more, every change is
//! counted, and the first difference is the stored evaluation that it names.

use crate::support::picture::{Picture, config, hide};
use crate::support::scene::scenes;
use crate::support::{Draw, noon};
use chrono::{DateTime, Duration, Utc};
use proptest::test_runner::{Config as Cases, TestRunner};
use scaling_mode_engine::backtest::{Backtest, BacktestReport, MOST_DIFFERENCES, Recorded};
use scaling_mode_engine::decision::Recommendation;
use scaling_mode_engine::evaluate::{SealedConfig, evaluate};
use scaling_mode_engine::facts::Facts;
use scaling_mode_engine::input::InputState;
use scaling_mode_engine::interval::{Count, Interval, Outcome};
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::policy::{Config, EnvironmentKind, Policy};
use scaling_mode_engine::recent::{Tick, summarise};
use scaling_mode_engine::snapshot::{Origin, SnapshotBody};
use std::num::NonZeroU64;

const TICK: u32 = 15;

/// An environment that is evaluated tick by tick, as the scheduler does it, and what is stored of it.
struct Past {
    configs: Vec<Config>,
    now: DateTime<Utc>,
    stored: Vec<Recorded>,
    ticks: Vec<Tick>,
}

impl Past {
    fn new(config: Config) -> Past {
        Past { configs: vec![config], now: noon(), stored: Vec::new(), ticks: Vec::new() }
    }

    fn in_force(&self) -> &Config {
        &self.configs[self.configs.len() - 1]
    }

    fn change(&mut self, edit: impl FnOnce(&mut Config, DateTime<Utc>)) {
        let mut config = self.in_force().clone();
        config.version += 1;
        edit(&mut config, self.now + Duration::seconds(1));
        self.configs.push(config);
    }

    fn tick(&mut self, picture: &Picture, hidden: bool) {
        self.now += Duration::minutes(i64::from(TICK));
        let sealed = SealedConfig::new(self.in_force().clone());
        let mut inputs = picture.inputs(&sealed.config);
        if hidden {
            inputs.iter_mut().for_each(|input| hide(input, InputState::Missing));
        }
        let recent = summarise(&self.ticks, self.now, &sealed.config, TICK);
        let evaluation = evaluate(&sealed, inputs, recent, self.now, Origin::Scheduled);
        self.ticks.extend(evaluation.tick);
        self.stored.push(Recorded::read(evaluation.snapshot.id, &evaluation.bytes).expect("a body"));
    }

    fn backtest(&self, proposed: &Policy) -> BacktestReport {
        let mut run = Backtest::new(&self.configs, proposed, Vec::new(), None);
        self.stored.iter().for_each(|evaluation| run.judge(evaluation));
        run.finish()
    }

    /// The same from an evaluation on, as it is read from a store: the ticks before the lead, the lead, the rest.
    fn backtest_from(&self, place: usize, proposed: &Policy) -> BacktestReport {
        let from = self.stored[place].as_of;
        let lead = from - Backtest::reach(self.in_force(), proposed);
        let before: Vec<Tick> = self.ticks.iter().copied().filter(|tick| tick.at < lead).collect();
        let mut run = Backtest::new(&self.configs, proposed, before, Some(from));
        self.stored.iter().filter(|stored| stored.as_of >= lead).for_each(|evaluation| run.judge(evaluation));
        run.finish()
    }
}

fn quick(mode: Mode) -> Config {
    let mut config = config(mode);
    config.policy.guardrails.recovery_hours = 1;
    config.policy.guardrails.stabilization_hours = 2;
    config.policy.guardrails.cooldown_hours = 3;
    config
}

/// A past full of trouble, absent ticks, freezes and changes of mode and windows, under one policy.
fn eventful(seed: u64, ticks: usize) -> Past {
    let mut draw = Draw(seed);
    let mut past = Past::new(quick(Mode::Pilot));
    let mut picture = Picture::healthy(14);
    for _ in 0..ticks {
        if draw.chance(12) {
            picture = Picture::healthy(draw.of(&[4, 13, 14, 16]));
            match draw.below(7) {
                0 => picture.warnings = 4,
                1 => picture.warnings = 6,
                2 => (picture.latency_hour, picture.latency_evidence) = (slow(), slow()),
                3 => picture.at_risk = picture.clients / 2,
                4 => picture.spend = Count::exactly(45_000_000),
                _ => {}
            }
        }
        if draw.chance(1) {
            let mode = draw.of(&[Mode::Pilot, Mode::Growth]);
            past.change(|config, now| {
                if config.mode != mode {
                    (config.mode, config.last_mode_change_at, config.policy_since) = (mode, Some(now), now);
                }
            });
        }
        if draw.chance(2) {
            past.change(|config, _| config.frozen = !config.frozen);
        }
        if draw.chance(1) {
            past.change(|config, now| {
                config.policy.windows.sum_window_hours += 1;
                config.policy_since = now;
            });
        }
        if draw.chance(4) {
            past.now += Duration::minutes(i64::from(TICK));
        }
        past.tick(&picture, draw.chance(3));
    }
    past
}

fn slow() -> Interval {
    Interval::exactly(9_000.0)
}

#[test]
fn the_same_policy_answers_the_same_from_the_first_tick_on_and_from_any_later_one() {
    let mut answers = [0; 4];
    for seed in 0..24 {
        let past = eventful(seed, 300);
        let policy = past.in_force().policy.clone();
        let whole = past.backtest(&policy);
        assert_eq!((whole.different, whole.evaluations), (0, 300), "seed {seed}: {:?}", whole.first());
        assert_eq!(whole.recorded, whole.proposed);
        assert_eq!((whole.from, whole.to), (Some(past.stored[0].as_of), Some(past.stored[299].as_of)));
        for (place, answer) in Recommendation::ALL.into_iter().enumerate() {
            answers[place] += whole.recorded.of(answer).evaluations;
        }
        for place in [1, 60, 250] {
            let part = past.backtest_from(place, &policy);
            assert_eq!((part.different, part.evaluations), (0, 300 - place as u64), "seed {seed} from {place}");
        }
    }
    assert!(answers.iter().all(|count| *count > 100), "the pasts held every answer: {answers:?}");
}

#[test]
fn looser_guardrails_never_freeze_an_evaluation_that_was_not_frozen() {
    let mut spared = 0;
    for seed in 0..24 {
        let past = eventful(seed, 300);
        let mut looser = past.in_force().policy.clone();
        looser.guardrails.max_churn_risk = 0.6;
        looser.guardrails.max_warning_density = 0.5;
        looser.guardrails.max_ai_cost_pressure = 1.0;
        looser.guardrails.min_infra_health /= 2.0;
        looser.guardrails.freeze_below_health /= 2.0;
        let report = past.backtest(&looser);
        assert!(
            report.differences.iter().all(|difference| difference.proposed != Recommendation::Freeze),
            "seed {seed}"
        );
        assert!(report.proposed.freeze.evaluations <= report.recorded.freeze.evaluations, "seed {seed}");
        spared += report.recorded.freeze.evaluations - report.proposed.freeze.evaluations;
    }
    assert!(spared > 100, "some freezes would not have been: {spared}");
}

/// A calm tick and one with six warnings among fourteen clients, in turns: Hold, Decrease, Hold, ...
fn flapping(turns: usize) -> Past {
    let mut config = quick(Mode::Growth);
    config.policy.guardrails.recovery_hours = 0;
    let mut past = Past::new(config);
    let mut troubled = Picture::healthy(14);
    troubled.warnings = 6;
    for _ in 0..turns {
        past.tick(&Picture::healthy(14), false);
        past.tick(&troubled, false);
    }
    past
}

#[test]
fn changes_of_the_answer_and_times_it_came_up_are_counted_on_both_sides() {
    let past = flapping(10);
    let mut proposed = past.in_force().policy.clone();
    proposed.guardrails.max_warning_density = 0.5;
    let report = past.backtest(&proposed);
    assert_eq!(report.headline, "10 of 20 evaluations would have answered differently");
    assert_eq!((report.recorded.changes, report.proposed.changes), (19, 0));
    assert_eq!((report.recorded.decrease.evaluations, report.recorded.decrease.times), (10, 10));
    assert_eq!((report.proposed.hold.evaluations, report.proposed.hold.times), (20, 1));
    assert_eq!((report.differences_total, report.differences.len()), (10, 10));
    let first = report.first().expect("a difference");
    assert_eq!((first.from, first.to, first.evaluations), (past.stored[1].as_of, past.stored[1].as_of, 1));
    assert_eq!((&first.snapshot_id, first.mode), (&past.stored[1].id, Mode::Growth));
    assert_eq!((first.recorded, first.proposed), (Recommendation::Decrease, Recommendation::Hold));
    assert_eq!(first.why, "Would have been met: the guardrail of warnings");
    let turn = &first.rules[0];
    assert_eq!(
        (turn.rule.as_str(), turn.recorded, turn.proposed),
        ("guardrail.warning_density", Outcome::Failed, Outcome::Passed)
    );
}

#[test]
fn a_long_list_of_differences_is_cut_and_says_how_many_there_are() {
    let past = flapping(MOST_DIFFERENCES + 50);
    let mut proposed = past.in_force().policy.clone();
    proposed.guardrails.max_warning_density = 0.5;
    let report = past.backtest(&proposed);
    assert_eq!(report.differences.len(), MOST_DIFFERENCES);
    assert_eq!((report.differences_total, report.different), (150, 150));
}

#[test]
fn evaluations_one_after_the_other_that_differ_alike_are_one_stretch() {
    let mut past = Past::new(quick(Mode::Growth));
    for clients in [14, 45, 45, 45, 45, 14] {
        past.tick(&Picture::healthy(clients), false);
    }
    let mut proposed = past.in_force().policy.clone();
    proposed.limits.growth.max_clients = NonZeroU64::new(40).expect("above zero");
    let report = past.backtest(&proposed);
    let first = report.first().expect("a difference");
    assert_eq!((first.from, first.to, first.evaluations), (past.stored[1].as_of, past.stored[4].as_of, 4));
    assert_eq!((first.recorded, first.proposed), (Recommendation::Hold, Recommendation::Freeze));
    assert_eq!(first.why, "Would not have been met: the client limit");
    assert_eq!((report.proposed.freeze.evaluations, report.proposed.freeze.times), (4, 1));
}

#[test]
fn the_mode_stays_what_it_was_and_the_evaluations_of_each_are_kept_apart() {
    let mut past = flapping(3);
    past.change(|config, now| {
        (config.mode, config.last_mode_change_at, config.policy_since) = (Mode::Scale, Some(now), now)
    });
    past.tick(&Picture::healthy(14), false);
    let mut proposed = past.in_force().policy.clone();
    proposed.guardrails.max_warning_density = 0.5;
    let report = past.backtest(&proposed);
    let shares: Vec<_> = report.modes.iter().map(|share| (share.mode, share.different, share.evaluations)).collect();
    assert_eq!(shares, [(Mode::Growth, 3, 6), (Mode::Scale, 0, 1)]);
    assert!(report.notes.iter().any(|note| note.contains("growth and scale")), "{:?}", report.notes);
}

#[test]
fn a_policy_change_meanwhile_is_said_and_the_proposed_policy_applies_throughout() {
    let mut past = flapping(3);
    past.change(|config, now| {
        config.policy.guardrails.max_warning_density = 0.5;
        config.policy_since = now;
    });
    past.tick(&Picture::healthy(14), false);
    let report = past.backtest(&past.in_force().policy.clone());
    assert_eq!((report.different, report.proposed.changes), (3, 0));
    assert!(report.notes.iter().any(|note| note.contains("changed once")), "{:?}", report.notes);
    assert!(report.notes.iter().any(|note| note.contains("exactly as what is in force")), "{:?}", report.notes);
}

#[test]
fn synthetic_data_answers_hold_under_every_proposal() {
    let mut config = quick(Mode::Growth);
    config.kind = EnvironmentKind::Synthetic;
    let mut past = Past::new(config);
    past.tick(&Picture::healthy(45), false);
    let mut proposed = past.in_force().policy.clone();
    proposed.limits.growth.max_clients = NonZeroU64::new(40).expect("above zero");
    let report = past.backtest(&proposed);
    assert_eq!((report.different, report.proposed.hold.evaluations), (0, 1));
    assert!(report.notes[0].starts_with("Synthetic data decides nothing"), "{:?}", report.notes);
}

#[test]
fn an_evaluation_whose_configuration_is_not_known_is_left_out_and_said() {
    let mut past = flapping(2);
    past.stored[3].config_version = 99;
    let report = past.backtest(&past.in_force().policy.clone());
    assert_eq!((report.evaluations, report.different), (3, 0));
    assert!(report.notes.iter().any(|note| note.starts_with("Not judged: 1.")), "{:?}", report.notes);
}

#[test]
fn what_is_read_of_a_stored_evaluation_is_what_it_was_made_from() {
    let mut runner = TestRunner::new(Cases { cases: 400, failure_persistence: None, ..Cases::default() });
    runner
        .run(&scenes(true), |scene| {
            let sealed = SealedConfig::new(scene.config.clone());
            let made = evaluate(&sealed, scene.inputs.clone(), scene.recent.clone(), noon(), Origin::Scheduled);
            let body: SnapshotBody = serde_json::from_slice(&made.bytes).expect("a body");
            let read = Recorded::read("id".to_owned(), &made.bytes).expect("a body");
            assert_eq!(read.facts, Facts::from_inputs(&scene.inputs));
            assert_eq!((read.recent, read.as_of, read.recommendation), (body.recent, body.as_of, body.recommendation));
            assert!(read.same_engine && read.config_version == scene.config.version);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(Recorded::read("id".to_owned(), b"{}").is_err());
}
