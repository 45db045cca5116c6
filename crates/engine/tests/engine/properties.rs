//! Owns the promises of docs/engine.md as properties over generated scenes: what no missing input may undo, what no
//! worsening may improve, what narrowing may never widen, and what no sequence of ticks may cut short.
//! Every property counts the cases that could have broken it, so that none of them passes without having been tried.

#![expect(clippy::disallowed_methods, reason = "a test is told by the environment how long to run")]

use crate::support::completion::{complete, is_open};
use crate::support::picture::{Picture, config};
use crate::support::scene::{Scene, scenes};
use crate::support::{Draw, noon};
use chrono::{DateTime, Duration, Utc};
use proptest::test_runner::{Config as Cases, TestRunner};
use scaling_mode_engine::breach::{Breach, BreachSet};
use scaling_mode_engine::canonical;
use scaling_mode_engine::decision::{Assessment, Recommendation, assess};
use scaling_mode_engine::evaluate::{Evaluation, Proof, SealedConfig, evaluate, prove};
use scaling_mode_engine::facts::Facts;
use scaling_mode_engine::headroom::headroom;
use scaling_mode_engine::input::{Input, InputState, Value, WindowName};
use scaling_mode_engine::interval::{Count, Interval, Outcome};
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::policy::{Config, EnvironmentKind};
use scaling_mode_engine::recent::{Recent, Tick, summarise};
use scaling_mode_engine::rule::RuleId;
use scaling_mode_engine::snapshot::{Origin, SnapshotBody};
use scaling_mode_engine::truth::{gate, untraceable};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Counts cases by name and demands a least number of each.
#[derive(Default)]
struct Tally(Cell<BTreeMap<&'static str, u64>>);

impl Tally {
    fn add(&self, name: &'static str) {
        let mut counts = self.0.take();
        *counts.entry(name).or_default() += 1;
        self.0.set(counts);
    }

    #[track_caller]
    fn at_least(&self, least: &[(&'static str, u64)]) {
        let counts = self.0.take();
        for (name, wanted) in least {
            let seen = counts.get(name).copied().unwrap_or(0);
            assert!(seen >= *wanted, "only {seen} cases of {name}, wanted {wanted}: {counts:?}");
        }
    }
}

/// `cases`, times what `PROPERTY_FACTOR` says: for a long run before a release.
fn cases(cases: u32) -> Cases {
    let factor = std::env::var("PROPERTY_FACTOR").ok().and_then(|text| text.parse().ok()).unwrap_or(1u32);
    Cases { cases: cases * factor, failure_persistence: None, ..Cases::default() }
}

/// Runs `check` on so many scenes and shrinks to the simplest one that fails.
#[track_caller]
fn for_scenes(count: u32, hazy: bool, check: impl Fn(&Scene)) {
    let mut runner = TestRunner::new(cases(count));
    let outcome = runner.run(&scenes(hazy), |scene| {
        check(&scene);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn assess_inputs(scene: &Scene, inputs: &[Input]) -> Assessment {
    assess(&Facts::from_inputs(inputs), &scene.config, &scene.recent, noon())
}

fn evaluate_scene(scene: &Scene) -> Evaluation {
    let sealed = SealedConfig::new(scene.config.clone());
    evaluate(&sealed, scene.inputs.clone(), scene.recent.clone(), noon(), Origin::Scheduled)
}

#[test]
fn no_completion_of_the_missing_inputs_undoes_an_increase_or_a_new_decrease_or_freeze() {
    let tally = Tally::default();
    for_scenes(6_000, true, |scene| {
        let before = assess_inputs(scene, &scene.inputs);
        if !scene.inputs.iter().any(is_open) || before.recommendation == Recommendation::Hold || before.held {
            return;
        }
        tally.add(before.recommendation.name());
        if scene.recent.previous.as_ref().is_some_and(|previous| !previous.standing.is_empty()) {
            tally.add("with standing breaches");
        }
        let mut draw = Draw(scene.seed);
        for _ in 0..40 {
            let inputs = complete(&mut draw, &scene.inputs, &scene.config);
            let after = assess_inputs(scene, &inputs);
            let upheld = match before.recommendation {
                Recommendation::Increase => after.recommendation == Recommendation::Increase,
                _ => after.recommendation >= Recommendation::Decrease,
            };
            assert!(upheld, "{:?} became {:?}\n{inputs:#?}", before.recommendation, after.recommendation);
        }
    });
    tally.at_least(&[("increase", 50), ("decrease", 20), ("freeze", 300), ("with standing breaches", 50)]);
}

#[test]
fn hidden_inputs_never_raise_the_answer_toward_increase() {
    // The other direction: no matter what the complete data answers, hiding parts of it never invents an Increase.
    let tally = Tally::default();
    for_scenes(6_000, true, |scene| {
        let truth = assess_inputs(scene, &scene.picture.inputs(&scene.config));
        let shown = assess_inputs(scene, &scene.inputs);
        // Sources that disagree may both be wrong, so only what is hidden is compared.
        if scene.inputs.iter().any(|input| input.state == InputState::Contradictory && input.value.is_some()) {
            return;
        }
        if shown.recommendation == Recommendation::Increase {
            tally.add("increase");
            assert_eq!(truth.recommendation, Recommendation::Increase);
        }
        if shown.recommendation >= Recommendation::Decrease && !shown.held {
            tally.add("caution");
            assert!(truth.recommendation >= Recommendation::Decrease, "{:?}", truth.recommendation);
        }
    });
    tally.at_least(&[("increase", 100), ("caution", 300)]);
}

/// Makes one thing worse by a little, to a line, or by a lot.
fn worsen(draw: &mut Draw, picture: &mut Picture, config: &Config) -> &'static str {
    let limits = config.limits();
    let raise = |draw: &mut Draw, count: &mut Count, most: u64, line: u64| {
        let to_line = line.saturating_sub(count.lo);
        let far = draw.below(1_000_000);
        let by = draw.of(&[1, 1, to_line, to_line.saturating_add(1), far]);
        count.lo = count.lo.saturating_add(by).min(most);
        count.hi = count.hi.saturating_add(by).min(most);
    };
    let slow = |draw: &mut Draw, latency: &mut Interval| {
        let far = draw.share() * 5_000.0;
        let by = draw.of(&[1.0, 50.0, far]);
        *latency = Interval::new(latency.lo() + by, latency.hi() + by);
    };
    match draw.below(9) {
        0 => {
            let cpu = (picture.cpu.lo() + draw.share()).min(1.0);
            picture.cpu = Interval::exactly(cpu);
            "cpu"
        }
        1 => {
            slow(draw, &mut picture.latency_hour);
            "latency"
        }
        2 => {
            slow(draw, &mut picture.latency_evidence);
            "latency"
        }
        3 => {
            let by = draw.below(picture.requests_hour.lo - picture.errors_hour.lo + 1);
            picture.errors_hour = Count::exactly(picture.errors_hour.lo + by);
            picture.errors_evidence =
                Count::exactly((picture.errors_evidence.lo + by).min(picture.requests_evidence.lo));
            "errors"
        }
        4 => {
            let by = draw.below(picture.requests_evidence.lo - picture.errors_evidence.lo + 1);
            picture.errors_evidence = Count::exactly(picture.errors_evidence.lo + by);
            "errors"
        }
        5 => {
            picture.at_risk += draw.of(&[0, 1, 2, 5]).min(picture.clients - picture.at_risk);
            "at-risk clients"
        }
        6 => {
            let by = draw.of(&[1, 1, 2, 100]);
            if draw.chance(50) {
                picture.critical += by
            } else {
                picture.warnings += by
            }
            "warnings"
        }
        7 => {
            raise(draw, &mut picture.posts, u64::MAX - 1, limits.max_posts_per_day.get());
            "posts"
        }
        _ => {
            raise(draw, &mut picture.spend, u64::MAX - 1, limits.max_ai_spend_per_day.micros());
            "spend"
        }
    }
}

#[test]
fn making_anything_worse_never_moves_the_answer_toward_increase() {
    let tally = Tally::default();
    for_scenes(8_000, false, |scene| {
        let mut draw = Draw(scene.seed);
        // Confidence is the width of an interval, and worse numbers may narrow it. Where more confidence is asked for
        // than health, that alone can open the way; at or below it (the default), health decides first.
        let rails = &scene.config.policy.guardrails;
        if rails.min_confidence_for_change * 100.0 > rails.min_health_for_increase {
            return;
        }
        let mut picture = scene.picture;
        let mut before = assess_inputs(scene, &picture.inputs(&scene.config));
        for _ in 0..12 {
            let earlier = picture;
            let what = worsen(&mut draw, &mut picture, &scene.config);
            let after = assess_inputs(scene, &picture.inputs(&scene.config));
            assert!(
                after.recommendation >= before.recommendation,
                "more {what} turned {:?} into {:?}\nfrom {earlier:?}\nto   {picture:?}",
                before.recommendation,
                after.recommendation
            );
            tally.add(what);
            if after.recommendation > before.recommendation {
                tally.add(after.recommendation.name());
            }
            if after.held {
                tally.add("held");
            }
            before = after;
        }
    });
    let mut least = ["cpu", "latency", "errors", "at-risk clients", "warnings", "posts", "spend"]
        .map(|what| (what, 2_000))
        .to_vec();
    least.extend([("hold", 200), ("decrease", 30), ("freeze", 500), ("held", 1_000)]);
    tally.at_least(&least);
}

/// Narrows one open input: within what is known of it, or to a value where nothing is.
fn narrow(draw: &mut Draw, scene: &Scene, inputs: &[Input]) -> Vec<Input> {
    let completed = complete(draw, inputs, &scene.config);
    let mut narrower = inputs.to_vec();
    for (place, input) in narrower.iter_mut().enumerate().filter(|(_, input)| is_open(input)) {
        if !draw.chance(40) {
            continue;
        }
        let Some(to) = completed[place].value else {
            continue;
        };
        match (draw.below(3), input.value, to) {
            // Some of the way: the value is within, and the input stays as open as it was.
            (0, Some(Value::Count(own)), Value::Count(to)) => {
                input.value =
                    Some(Value::Count(Count { lo: draw.between(own.lo, to.lo), hi: draw.between(to.hi, own.hi) }));
            }
            (0, Some(Value::Money(own)), Value::Money(to)) => {
                input.value =
                    Some(Value::Money(Count { lo: draw.between(own.lo, to.lo), hi: draw.between(to.hi, own.hi) }));
            }
            (0, None, Value::Count(to)) => {
                input.state = InputState::Partial;
                input.value = Some(Value::Count(Count::at_least(draw.between(0, to.lo))));
            }
            (0, None, Value::Money(to)) => {
                input.state = InputState::Partial;
                input.value = Some(Value::Money(Count::at_least(draw.between(0, to.lo))));
            }
            _ => *input = completed[place].clone(),
        }
    }
    narrower
}

#[test]
fn narrowing_an_input_narrows_every_score_and_never_lowers_confidence() {
    let tally = Tally::default();
    for_scenes(6_000, true, |scene| {
        let mut draw = Draw(scene.seed);
        let mut inputs = scene.inputs.clone();
        let mut before = assess_inputs(scene, &inputs);
        for _ in 0..6 {
            let narrower = narrow(&mut draw, scene, &inputs);
            let after = assess_inputs(scene, &narrower);
            let (wide, tight) = (before.health, after.health);
            let mut pairs = vec![
                ("overall", wide.scores.overall, tight.scores.overall),
                ("infra", wide.scores.infra_health, tight.scores.infra_health),
                ("AI cost", wide.scores.ai_cost_pressure, tight.scores.ai_cost_pressure),
                ("warnings", wide.scores.warning_density, tight.scores.warning_density),
                ("churn", wide.scores.churn_risk, tight.scores.churn_risk),
                ("demand", wide.demand, tight.demand),
                ("density", wide.density, tight.density),
                ("churn ratio", wide.churn, tight.churn),
                ("AI pressure", wide.ai_pressure, tight.ai_pressure),
                ("utilisation", wide.utilisation.worst, tight.utilisation.worst),
            ];
            for (name, one, two) in [
                ("CPU", wide.infra.cpu, tight.infra.cpu),
                ("error rate", wide.infra.error_rate, tight.infra.error_rate),
                ("latency", wide.infra.latency, tight.infra.latency),
                ("posts", wide.utilisation.posts, tight.utilisation.posts),
            ] {
                assert_eq!(one.is_some(), two.is_some());
                pairs.extend(one.zip(two).map(|(one, two)| (name, one, two)));
            }
            for (name, one, two) in pairs {
                assert!(one.contains(two), "{name} left {one:?} for {two:?}\nfrom {inputs:#?}\nto {narrower:#?}");
            }
            assert!(tight.confidence >= wide.confidence);
            for (one, two) in before.results.iter().zip(&after.results) {
                if one.outcome != Outcome::Unknown && one.rule != RuleId::Recovery {
                    assert_eq!(one.outcome, two.outcome, "{} was certain", one.rule.name());
                }
            }
            if tight.confidence > wide.confidence {
                tally.add("surer");
            }
            (before, inputs) = (after, narrower);
        }
    });
    tally.at_least(&[("surer", 1_000)]);
}

/// Every number of a JSON value, wherever it is; a null that stands for one is the caller's business.
fn assert_scores_are_scores(body: &SnapshotBody) {
    let scores = &body.scores;
    let parts = [body.infra.cpu, body.infra.error_rate, body.infra.latency];
    for score in
        [scores.overall, scores.infra_health, scores.ai_cost_pressure, scores.warning_density, scores.churn_risk]
            .into_iter()
            .chain(parts.into_iter().flatten())
    {
        assert!(0.0 <= score.lo() && score.lo() <= score.hi() && score.hi() <= 100.0, "{score:?}");
    }
    assert!((0.0..=1.0).contains(&body.confidence), "{}", body.confidence);
    assert!((0.0..=1.0).contains(&body.truth.completeness));
    let shares =
        [Some(body.demand), Some(body.utilisation.ai_spend), body.utilisation.posts, Some(body.utilisation.worst)];
    for share in shares.into_iter().flatten() {
        assert!(share.lo() >= 0.0 && share.lo().is_finite() && share.lo() <= share.hi(), "{share:?}");
    }
    for rule in &body.rules {
        if let Some(Value::Real(observed)) = rule.observed {
            assert!(observed.lo().is_finite() && observed.lo() <= observed.hi(), "{} observed {observed:?}", rule.rule);
        }
    }
}

#[test]
fn every_snapshot_is_complete_finite_traceable_provable_and_within_its_bounds() {
    let tally = Tally::default();
    for_scenes(4_000, true, |scene| {
        let Evaluation { bytes, snapshot, tick } = evaluate_scene(scene);
        let body = &snapshot.body;
        assert_scores_are_scores(body);
        tally.add(body.recommendation.name());

        // What it says.
        if body.recommendation == Recommendation::Freeze {
            assert_eq!((body.headroom.clients, body.headroom.binding.as_ref()), (0, "freeze"));
        }
        if body.recommendation == Recommendation::Decrease {
            assert_eq!(body.headroom.clients, 0, "nobody is taken on the way back");
            let lower = body.mode.previous().expect("never below lab");
            assert_eq!(body.target_mode, Some(lower));
            let (limits, facts) = (scene.config.policy.limits.of(lower), Facts::from_inputs(&body.inputs));
            assert_eq!(facts.clients.at_most(limits.max_clients.get()), Outcome::Passed);
            assert_eq!(facts.spend.at_most(limits.max_ai_spend_per_day.micros()), Outcome::Passed);
            assert!(facts.posts.is_none_or(|posts| posts.at_most(limits.max_posts_per_day.get()) == Outcome::Passed));
        }
        if body.recommendation == Recommendation::Increase {
            assert_eq!(body.target_mode, body.mode.next());
            assert!(body.target_mode.is_some() && !body.frozen);
        }
        assert_eq!(
            body.target_mode.is_some(),
            matches!(body.recommendation, Recommendation::Increase | Recommendation::Decrease)
        );
        if body.kind == EnvironmentKind::Synthetic {
            tally.add("synthetic");
            assert_eq!(body.recommendation, Recommendation::Hold);
            assert!(!body.held && body.verdict.contains("synthetic"));
            assert!(body.truth.notes.iter().any(|note| note.contains("synthetic")), "{:?}", body.truth.notes);
        }

        let tick = tick.expect("a scheduled evaluation is a tick");
        assert_eq!(tick.at, noon());
        if body.kind != EnvironmentKind::Synthetic {
            assert_eq!(tick.ruled, body.recommendation);
        }
        assert_eq!(tick.standing.is_empty(), tick.ruled < Recommendation::Decrease, "{tick:?}");

        // What it rests on.
        assert_eq!(untraceable(body), None, "{}\n{}", body.verdict, body.narrative);
        assert!(!body.narrative.is_empty());

        // How it is kept: costly to look at, so not every time.
        if !scene.seed.is_multiple_of(4) {
            return;
        }
        tally.add("kept");
        let text = std::str::from_utf8(&bytes).expect("JSON is UTF-8");
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("canonical JSON reads back");
        assert!(canonical::keys_ascend(&value, text), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf,") && !text.contains("Infinity"));
        assert_eq!(canonical::digest(&bytes), snapshot.digest);
        let again: SnapshotBody = serde_json::from_slice(&bytes).expect("a body reads back");
        assert_eq!(canonical::to_vec(&again), bytes, "a body reads back as itself");
        assert_eq!(evaluate_scene(scene).bytes, bytes, "the same arguments give the same bytes");
        let sealed = SealedConfig::new(scene.config.clone());
        assert!(matches!(prove(&bytes, &snapshot.digest, Some(&sealed)), Proof::Proved(_)));
        let config = String::from_utf8(canonical::to_vec(&scene.config)).expect("JSON is UTF-8");
        assert!(canonical::keys_ascend(&serde_json::from_str(&config).expect("reads back"), &config), "{config}");
    });
    tally.at_least(&[
        ("increase", 100),
        ("hold", 500),
        ("decrease", 20),
        ("freeze", 300),
        ("synthetic", 100),
        ("kept", 500),
    ]);
}

#[test]
fn an_altered_snapshot_is_broken_whichever_byte_was_altered() {
    let tally = Tally::default();
    for_scenes(60, true, |scene| {
        let Evaluation { bytes, snapshot, .. } = evaluate_scene(scene);
        let sealed = SealedConfig::new(scene.config.clone());
        let mut draw = Draw(scene.seed);
        for _ in 0..60 {
            let place = draw.below(bytes.len() as u64) as usize;
            let mut altered = bytes.clone();
            altered[place] = match altered[place] {
                digit @ b'0'..=b'9' => b'0' + (digit - b'0' + 1 + draw.below(9) as u8) % 10,
                letter @ b'a'..=b'z' => b'a' + (letter - b'a' + 1 + draw.below(25) as u8) % 26,
                other => other ^ 1,
            };
            assert!(matches!(prove(&altered, &snapshot.digest, Some(&sealed)), Proof::Broken(_)));
            // A forger who could also replace the digest is caught wherever evaluating again says otherwise.
            let Ok(body) = serde_json::from_slice::<SnapshotBody>(&altered) else {
                continue;
            };
            let digest = canonical::digest(&altered);
            let derived = body.recommendation != snapshot.body.recommendation
                || body.scores != snapshot.body.scores
                || body.headroom != snapshot.body.headroom
                || body.verdict != snapshot.body.verdict
                || body.narrative != snapshot.body.narrative
                || body.confidence != snapshot.body.confidence
                || body.mode != snapshot.body.mode
                || body
                    .rules
                    .iter()
                    .zip(&snapshot.body.rules)
                    .any(|(one, two)| one.outcome != two.outcome || one.detail != two.detail);
            if derived && body.engine_version == snapshot.body.engine_version {
                tally.add("derived");
                assert!(matches!(prove(&altered, &digest, Some(&sealed)), Proof::Broken(_)), "byte {place}");
            }
        }
    });
    tally.at_least(&[("derived", 100)]);
}

#[test]
fn a_narrative_with_a_number_that_nothing_recorded_gives_is_caught_and_never_leaves() {
    for_scenes(600, true, |scene| {
        let honest = evaluate_scene(scene).snapshot.body;
        let mut draw = Draw(scene.seed);
        let foreign = draw.of(&["98765.4", "31415926", "271828.18"]);
        for in_verdict in [false, true] {
            let mut body = honest.clone();
            let words = if in_verdict { &mut body.verdict } else { &mut body.narrative };
            // In place of a number that was there, or after the last word.
            let number = words.find(|character: char| character.is_ascii_digit());
            *words = match number {
                Some(place) => format!(
                    "{}{foreign} {}",
                    &words[..place],
                    words[place..].trim_start_matches(|character: char| character.is_ascii_digit() || character == '.')
                ),
                None => format!("{words} {foreign}"),
            };
            assert_eq!(untraceable(&body).as_deref(), Some(foreign), "{}\n{}", body.verdict, body.narrative);
            gate(&mut body);
            assert!(body.recommendation >= Recommendation::Hold && body.recommendation >= honest.recommendation);
            assert!(body.narrative.is_empty() && !body.verdict.contains(foreign));
            let blocked = body.truth.blocked.expect("it says that it was held back");
            assert_eq!(blocked.recommendation, honest.recommendation, "it says what was held back");
            let answer = body.recommendation.name();
            assert!(body.verdict.to_lowercase().starts_with(answer), "{answer}: {}", body.verdict);
        }
    });
}

#[test]
fn the_headroom_fits_and_is_not_one_too_many() {
    let tally = Tally::default();
    for_scenes(6_000, false, |scene| {
        let facts = Facts::from_inputs(&scene.inputs);
        let assessment = assess(&facts, &scene.config, &scene.recent, noon());
        let room = headroom(&facts, &scene.config, &assessment);
        if room.clients == 0 || scene.picture.clients == 0 {
            return;
        }
        tally.add("room");
        // So many more clients, each causing today's average in its worst case.
        let grown = |count: Count, by: u64| {
            let total = u128::from(count.hi) * u128::from(scene.picture.clients + by);
            Count::exactly(u64::try_from(total.div_ceil(u128::from(scene.picture.clients))).unwrap_or(u64::MAX - 1))
        };
        let then = |by: u64| {
            let mut facts = facts;
            facts.clients = Count::exactly(scene.picture.clients + by);
            facts.posts = facts.posts.map(|posts| grown(posts, by));
            facts.spend = grown(facts.spend, by);
            let grown = assess(&facts, &scene.config, &scene.recent, noon());
            [
                RuleId::OverLimitClients,
                RuleId::OverLimitPosts,
                RuleId::OverLimitAiSpend,
                RuleId::GuardrailAiCostPressure,
            ]
            .into_iter()
            .all(|rule| grown.result(rule).outcome == Outcome::Passed)
        };
        assert!(then(room.clients), "{room:?} does not fit {:?}", scene.picture);
        // Micro-dollars are integers, so a line between two of them may be one client off for AI spend alone.
        if matches!(room.binding.as_ref(), "clients" | "posts") {
            tally.add("exact");
            assert!(!then(room.clients + 1), "{room:?} leaves one out of {:?}", scene.picture);
        }
    });
    tally.at_least(&[("room", 500), ("exact", 300)]);
}

// ---- sequences of ticks ----

/// What a stretch of time is like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weather {
    Fine,
    /// Neither broken nor clear by the margin.
    Close,
    Outage,
    Warnings,
    Churn,
    Unknown,
    OverLimit,
}

impl Weather {
    const ALL: [Weather; 7] = [
        Weather::Fine,
        Weather::Close,
        Weather::Outage,
        Weather::Warnings,
        Weather::Churn,
        Weather::Unknown,
        Weather::OverLimit,
    ];

    fn inputs(self, config: &Config) -> Vec<Input> {
        let mut picture = Picture::healthy(14);
        match self {
            Weather::Fine | Weather::Unknown => {}
            // Density 4/14 = 0.286: under the guardrail of 0.3, over the 0.27 that recovery asks for.
            Weather::Close => picture.warnings = 4,
            Weather::Outage => {
                picture.latency_hour = Interval::exactly(9_000.0);
                picture.latency_evidence = Interval::exactly(9_000.0);
                picture.warnings = 9;
                picture.spend = Count::exactly(45_000_000);
            }
            Weather::Warnings => picture.warnings = 6,
            Weather::Churn => {
                picture.clients = 5;
                picture.at_risk = 2;
            }
            Weather::OverLimit => {
                picture.clients = 16;
                picture.at_risk = 2;
                picture.posts = Count::exactly(150);
            }
        }
        let mut inputs = picture.inputs(config);
        if self == Weather::Unknown {
            for input in &mut inputs {
                crate::support::picture::hide(input, InputState::Missing);
            }
        }
        inputs
    }
}

struct Run {
    config: Config,
    /// Ticks kept, as a store keeps them.
    ticks: Vec<Tick>,
    now: DateTime<Utc>,
}

const TICK: u32 = 15;

impl Run {
    fn new(recovery_hours: u32, stabilization_hours: u32) -> Run {
        let mut config = config(Mode::Pilot);
        config.policy.guardrails.recovery_hours = recovery_hours;
        config.policy.guardrails.stabilization_hours = stabilization_hours;
        Run { config, ticks: Vec::new(), now: noon() }
    }

    fn recent(&self) -> Recent {
        summarise(&self.ticks, self.now, &self.config, TICK)
    }

    /// One step of the clock; `None` where the tick is absent.
    fn step(&mut self, weather: Weather, absent: bool) -> Option<Evaluation> {
        self.now += Duration::minutes(i64::from(TICK));
        if absent {
            return None;
        }
        let evaluation = self.evaluate(weather, Origin::Scheduled);
        self.ticks.extend(evaluation.tick);
        Some(evaluation)
    }

    fn evaluate(&self, weather: Weather, origin: Origin) -> Evaluation {
        let sealed = SealedConfig::new(self.config.clone());
        evaluate(&sealed, weather.inputs(&self.config), self.recent(), self.now, origin)
    }

    fn change_policy(&mut self) {
        self.config.version += 1;
        self.config.policy_since = self.now + Duration::seconds(1);
    }

    /// The tick `steps` before now under the policy in force, if there was one.
    fn tick_before(&self, steps: u32) -> Option<&Tick> {
        let at = self.now - Duration::minutes(i64::from(steps * TICK));
        self.ticks.iter().find(|tick| tick.at == at && tick.at >= self.config.policy_since)
    }

    fn last_before(&self) -> Option<&Tick> {
        self.ticks.iter().rev().find(|tick| tick.at < self.now && tick.at >= self.config.policy_since)
    }
}

#[test]
fn no_sequence_of_ticks_leaves_freeze_or_decrease_before_every_breach_has_recovered() {
    let tally = Tally::default();
    let mut runner = TestRunner::new(cases(60));
    runner
        .run(&proptest::prelude::any::<u64>(), |seed| {
            let mut draw = Draw(seed);
            let recovery_hours = draw.of(&[0, 1, 1, 2, 3]);
            let mut run = Run::new(recovery_hours, draw.of(&[1, 2, 4]));
            let mut weather = Weather::Fine;
            for _ in 0..110 {
                if draw.chance(12) {
                    weather = draw.of(&Weather::ALL);
                } else if draw.chance(8) {
                    weather = Weather::Fine;
                }
                if draw.chance(2) {
                    run.change_policy();
                    tally.add("policy changed");
                }
                let Some(evaluation) = run.step(weather, draw.chance(4)) else {
                    tally.add("absent");
                    continue;
                };
                let tick = evaluation.tick.expect("scheduled");
                let body = &evaluation.snapshot.body;
                check_step(&run, &tick, body, &tally);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    tally.at_least(&[
        ("left", 100),
        ("held", 300),
        ("absent", 100),
        ("policy changed", 50),
        ("increase", 50),
        ("ended at once", 20),
    ]);
}

fn check_step(run: &Run, tick: &Tick, body: &SnapshotBody, tally: &Tally) {
    let rails = &run.config.policy.guardrails;
    let slots = |hours: u32| hours * 60 / TICK;
    let previous = run.last_before();
    let recovered = |breach: Breach| {
        tick.clear.contains(breach)
            && (1..=slots(rails.recovery_hours))
                .all(|step| run.tick_before(step).is_some_and(|tick| tick.clear.contains(breach)))
    };
    if body.held {
        tally.add("held");
    }
    if let Some(previous) = previous.filter(|previous| previous.ruled >= Recommendation::Decrease) {
        let owed: Vec<Breach> =
            previous.standing.without(Breach::OverLimit).iter().filter(|breach| !recovered(*breach)).collect();
        if tick.ruled < Recommendation::Decrease {
            assert_eq!(owed, [], "left {:?} with breaches not recovered from", previous.ruled);
            tally.add("left");
            if previous.standing.without(Breach::OverLimit).is_empty() {
                tally.add("ended at once");
            }
        }
        if !owed.is_empty() && previous.ruled == Recommendation::Freeze {
            assert_eq!(tick.ruled, Recommendation::Freeze, "a Freeze stays one until its breaches have recovered");
        }
        for breach in owed {
            assert!(tick.standing.contains(breach), "{breach:?} is forgotten");
        }
    }
    if body.held {
        assert!(previous.is_some(), "nothing before the policy in force holds an answer");
    }
    // A Freeze or Decrease is one of today's breaches, or one that has been active since a tick under this policy.
    for breach in tick.standing.iter() {
        let stood = previous.is_some_and(|previous| previous.standing.contains(breach));
        let rule = match breach {
            Breach::Health => RuleId::FreezeHealth,
            Breach::OverLimit => continue,
            Breach::WarningDensity => RuleId::GuardrailWarningDensity,
            Breach::ChurnRisk => RuleId::GuardrailChurnRisk,
            Breach::AiCostPressure => RuleId::GuardrailAiCostPressure,
            Breach::InfraHealth => RuleId::GuardrailInfraHealth,
        };
        let broken = body.rules.iter().any(|line| line.rule == rule.name() && line.outcome == Outcome::Failed);
        assert!(broken || (stood && !recovered(breach)), "{breach:?} stands for nothing");
    }
    if body.recommendation == Recommendation::Increase {
        tally.add("increase");
        let expected = slots(rails.stabilization_hours);
        let window: Vec<Option<&Tick>> = (1..=expected).map(|step| run.tick_before(step)).collect();
        let met = window.iter().filter(|tick| tick.is_some_and(|tick| tick.conditions_met)).count() as u32;
        assert!(met * 100 >= expected * 95, "{met} of {expected}");
        assert!((1..=3).all(|step| { run.tick_before(step).is_some_and(|tick| tick.conditions_met) }));
        for tick in window.into_iter().flatten() {
            let by_rule_2 = tick.standing.without(Breach::OverLimit).is_empty();
            assert!(tick.ruled < Recommendation::Decrease || by_rule_2, "{tick:?} lies within the window");
        }
    }
}

#[test]
fn evaluations_on_demand_change_nothing_that_comes_after() {
    for seed in 0..20 {
        let (mut quiet, mut asked) = (Run::new(1, 1), Run::new(1, 1));
        let mut draw = Draw(seed);
        for _ in 0..40 {
            let (weather, absent) = (draw.of(&Weather::ALL), draw.chance(10));
            for _ in 0..draw.below(4) {
                let on_demand = asked.evaluate(draw.of(&Weather::ALL), Origin::OnDemand);
                assert!(on_demand.tick.is_none());
                asked.ticks.extend(on_demand.tick);
            }
            let (one, two) = (quiet.step(weather, absent), asked.step(weather, absent));
            assert_eq!(one.map(|evaluation| evaluation.bytes), two.map(|evaluation| evaluation.bytes));
        }
    }
}

#[test]
fn recovery_takes_its_hours_and_an_absent_tick_delays_it() {
    let leaves_after = |absent: &[u32]| {
        let mut run = Run::new(2, 24);
        for _ in 0..3 {
            let answer = run.step(Weather::Outage, false).expect("present");
            assert_eq!(answer.snapshot.body.recommendation, Recommendation::Freeze);
        }
        (1..100)
            .find(|step| {
                run.step(Weather::Fine, absent.contains(step))
                    .is_some_and(|answer| answer.snapshot.body.recommendation < Recommendation::Decrease)
            })
            .expect("a recovery ends")
    };
    // Eight clear ticks make two hours; the ninth finds them all behind it.
    assert_eq!(leaves_after(&[]), 9);
    assert_eq!(leaves_after(&[1]), 10, "an absent first tick");
    assert_eq!(leaves_after(&[4]), 13, "an absent tick within");
    assert_eq!(leaves_after(&[8]), 17, "an absent last tick");
    assert_eq!(leaves_after(&[3, 9]), 18, "two absent ones");
}

#[test]
fn extra_ticks_never_stand_in_for_absent_ones() {
    // A scheduler that ticked every five minutes and then fell silent has not watched for two hours.
    let config = Run::new(2, 2).config;
    let tick = |minutes: i64| Tick {
        at: noon() - Duration::minutes(minutes),
        clear: BreachSet::all(),
        conditions_met: true,
        ruled: Recommendation::Hold,
        standing: BreachSet::EMPTY,
    };
    let regular: Vec<Tick> = (1..=8).rev().map(|step| tick(step * 15)).collect();
    let full = summarise(&regular, noon(), &config, TICK);
    assert!(full.stabilization.is_stable() && full.recovered == BreachSet::all());

    let dense_with_a_gap: Vec<Tick> =
        [115, 110, 105, 100, 95, 90, 45, 40, 35, 30, 25, 20, 15, 10, 5].map(tick).to_vec();
    let recent = summarise(&dense_with_a_gap, noon(), &config, TICK);
    assert_eq!(recent.recovered, BreachSet::EMPTY, "an hour was not watched");
    assert!(recent.stabilization.held < recent.stabilization.needed(), "{:?}", recent.stabilization);

    // A window shorter than a tick asks for that tick; it never asks for nothing.
    let none = summarise(&[], noon(), &config, 180);
    assert!(!none.stabilization.is_stable() && none.recovered == BreachSet::EMPTY);
    let one = summarise(&[tick(180)], noon(), &config, 180);
    assert!(one.stabilization.is_stable() && one.recovered == BreachSet::all());
}

#[test]
fn a_change_of_policy_ends_held_answers_but_no_breach_that_is_still_there() {
    let mut run = Run::new(6, 24);
    run.step(Weather::Outage, false);
    let held = run.step(Weather::Fine, false).expect("present").snapshot.body;
    assert_eq!((held.recommendation, held.held), (Recommendation::Freeze, true));
    run.change_policy();
    let after = run.step(Weather::Fine, false).expect("present").snapshot.body;
    assert_eq!((after.recommendation, after.held), (Recommendation::Hold, false));
    run.step(Weather::Outage, false);
    run.change_policy();
    let still = run.step(Weather::Outage, false).expect("present").snapshot.body;
    assert_eq!((still.recommendation, still.held), (Recommendation::Freeze, false));
}

#[test]
fn over_the_limit_ends_when_the_limits_are_kept_and_never_counts_against_stabilization() {
    let mut run = Run::new(6, 1);
    let over = run.step(Weather::OverLimit, false).expect("present").snapshot.body;
    assert_eq!(over.recommendation, Recommendation::Freeze, "{}", over.verdict);
    let unknown = run.step(Weather::Unknown, false).expect("present").snapshot.body;
    assert_eq!(
        (unknown.recommendation, unknown.held),
        (Recommendation::Freeze, true),
        "it is not known that the limits are kept"
    );
    let kept = run.step(Weather::Fine, false).expect("present").snapshot.body;
    assert_eq!(kept.recommendation, Recommendation::Hold, "no recovery is asked");
    for _ in 0..3 {
        run.step(Weather::Fine, false);
    }
    let steady = run.step(Weather::Fine, false).expect("present").snapshot.body;
    assert_eq!(steady.recent.stabilization.unsafe_ticks, 0);
    assert_eq!(steady.recommendation, Recommendation::Increase);
}

#[test]
fn hours_seen_are_windows_of_inputs_and_today_decides_nothing() {
    for_scenes(1_000, true, |scene| {
        let without: Vec<Input> =
            scene.inputs.iter().filter(|input| input.window.name != WindowName::Today).cloned().collect();
        assert_eq!(assess_inputs(scene, &without), assess_inputs(scene, &scene.inputs));
    });
}
