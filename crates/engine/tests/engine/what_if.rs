//! Owns the promises of the what-if as properties over generated scenes: the baseline is the engine's own answer, a
//! scenario survives its address, and break-even is the nearest change of the answer and nothing else.

use crate::support::picture::{Picture, config, stable};
use crate::support::scene::{Scene, scenes};
use crate::support::{Draw, noon};
use proptest::test_runner::{Config as Cases, TestRunner};
use scaling_mode_engine::baseline::{Baseline, SentBaseline};
use scaling_mode_engine::break_even::{BreakEven, Situation, Turn, bounds, break_even};
use scaling_mode_engine::decision::Recommendation;
use scaling_mode_engine::evaluate::{SealedConfig, evaluate};
use scaling_mode_engine::facts::Facts;
use scaling_mode_engine::interval::Outcome;
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::rule::RuleId;
use scaling_mode_engine::scenario::{Scenario, flips};
use scaling_mode_engine::scenario_input::{InputField, Standing};
use scaling_mode_engine::snapshot::{Origin, Snapshot};
use std::cell::Cell;

/// How many places of a grid are tried one by one.
const TRIED: u64 = 1_200;

#[track_caller]
fn for_scenes(cases: u32, hazy: bool, check: impl Fn(&Scene)) {
    let mut runner = TestRunner::new(Cases { cases, failure_persistence: None, ..Cases::default() });
    let outcome = runner.run(&scenes(hazy), |scene| {
        check(&scene);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn snapshot_of(scene: &Scene) -> Snapshot {
    let sealed = SealedConfig::new(scene.config.clone());
    evaluate(&sealed, scene.inputs.clone(), scene.recent.clone(), noon(), Origin::Scheduled).snapshot
}

fn baseline_of(scene: &Scene) -> Baseline {
    Baseline::of(&snapshot_of(scene), &scene.config)
}

fn pairs(texts: &[(&str, &str)]) -> Vec<(String, String)> {
    texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// A healthy pilot with 12 clients, its conditions held long enough.
fn pilot() -> Baseline {
    let config = config(Mode::Pilot);
    let picture = Picture { at_risk: 1, ..Picture::healthy(12) };
    Baseline { as_of: noon(), inputs: picture.inputs(&config), config, recent: stable() }
}

#[test]
fn a_scenario_without_changes_is_the_answer_of_the_snapshot() {
    for_scenes(600, true, |scene| {
        let body = snapshot_of(scene).body;
        let baseline = baseline_of(scene);
        let judged = Scenario::unchanged(&baseline).judge(&baseline);
        assert_eq!(judged.assessment.recommendation, body.recommendation);
        assert_eq!((&judged.verdict, &judged.headroom), (&body.verdict, &body.headroom));
        for (result, rule) in judged.assessment.results.iter().zip(&body.rules) {
            assert_eq!((result.rule.name(), result.outcome), (&*rule.rule, rule.outcome));
        }
    });
}

#[test]
fn the_browser_gets_a_baseline_that_answers_the_same() {
    for_scenes(600, true, |scene| {
        let baseline = baseline_of(scene);
        let sent = serde_json::to_string(&SentBaseline::from(&baseline)).unwrap();
        let read = serde_json::from_str::<SentBaseline>(&sent).unwrap().read().expect("it is whole");
        let judged = |baseline: &Baseline| {
            let judged = Scenario::unchanged(baseline).judge(baseline);
            (judged.assessment, judged.facts, judged.headroom, judged.verdict, judged.recent)
        };
        assert_eq!(judged(&read), judged(&baseline));
        assert_eq!(read.config.policy.guardrails, baseline.config.policy.guardrails);
    });
}

#[test]
fn a_scenario_survives_its_address() {
    let changed = Cell::new(0);
    for_scenes(600, true, |scene| {
        let baseline = baseline_of(scene);
        let facts = Facts::from_inputs(&baseline.inputs);
        let mut draw = Draw(scene.seed);
        let mut texts = Vec::new();
        for field in InputField::ALL {
            if draw.chance(50) && field.standing(&facts) != Standing::NotApplicable {
                texts.push((field.name().to_owned(), field.text(draw.below(40) * field.step())));
            }
        }
        if draw.chance(50) {
            texts.push(("mode".to_owned(), draw.of(&Mode::ALL).name().to_owned()));
            texts.push(("guardrails.cooldown_hours".to_owned(), draw.below(48).to_string()));
        }
        let (scenario, errors) = Scenario::read(&texts, &baseline);
        if errors.is_empty() {
            changed.set(changed.get() + 1);
            assert_eq!(Scenario::read(&scenario.pairs(&baseline), &baseline), (scenario.clone(), vec![]));
            assert!(scenario.pairs(&baseline).len() <= texts.len());
        }
    });
    assert!(changed.get() > 200, "only {} scenarios had no mistake", changed.get());
}

#[test]
fn what_says_what_was_measured_is_no_change_and_what_is_empty_stays_as_measured() {
    let baseline = pilot();
    let same = pairs(&[
        ("inputs.clients", "12"),
        ("inputs.at_risk", " 1 "),
        ("inputs.posts", ""),
        ("inputs.cpu", "0.20"),
        ("mode", "pilot"),
        ("guardrails.max_churn_risk", "0.2"),
        ("limits.pilot.max_ai_spend_per_day", "50"),
    ]);
    let (scenario, errors) = Scenario::read(&same, &baseline);
    assert_eq!((scenario.pairs(&baseline), errors), (vec![], vec![]));
}

#[test]
fn mistakes_are_named() {
    let mut baseline = pilot();
    for input in baseline.inputs.iter_mut().filter(|input| InputField::Posts.is_of(input)) {
        crate::support::picture::hide(input, scaling_mode_engine::input::InputState::NotApplicable);
    }
    for (name, text, detail) in [
        ("inputs.clients", "many", "is not a number"),
        ("inputs.clients", "0", "must not be fewer than the clients at risk"),
        ("inputs.at_risk", "13", "must not be more than the active clients"),
        ("inputs.posts", "5", "is declared not applicable here"),
        ("inputs.likes", "5", "cannot be tried in a scenario"),
        ("windows.sum_window_hours", "12", "cannot be tried in a scenario"),
        ("mode", "huge", "must be lab, pilot, growth or scale"),
        ("guardrails.max_churn_risk", "2", "must lie from 0 to 1"),
        ("limits.pilot.max_clients", "5", "must be higher than in lab, the mode below"),
    ] {
        let (_, errors) = Scenario::read(&pairs(&[(name, text)]), &baseline);
        let told: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.detail.as_str())).collect();
        assert_eq!(told, [(name, detail)], "{text}");
    }
}

#[test]
fn a_scenario_says_which_rules_flip() {
    let baseline = pilot();
    let before = Scenario::unchanged(&baseline).judge(&baseline);
    assert_eq!(before.assessment.recommendation, Recommendation::Increase);
    let (scenario, errors) = Scenario::read(&pairs(&[("inputs.at_risk", "3"), ("mode", "growth")]), &baseline);
    assert_eq!(errors, []);
    let after = scenario.judge(&baseline);
    assert_eq!(after.assessment.recommendation, Recommendation::Decrease);
    assert_eq!(after.verdict, "Step back to pilot: churn risk is over its guardrail");
    let flipped: Vec<_> =
        flips(&before.assessment, &after.assessment).into_iter().map(|flip| (flip.rule, flip.after)).collect();
    let expected = [
        (RuleId::GuardrailChurnRisk, Outcome::Failed),
        (RuleId::DecreaseFits, Outcome::Passed),
        (RuleId::IncreaseDemand, Outcome::Failed),
        (RuleId::IncreaseChurnRisk, Outcome::Failed),
    ];
    assert_eq!(flipped, expected);
}

#[test]
fn a_number_said_for_an_unknown_input_is_known_and_nothing_else_becomes_so() {
    let mut baseline = pilot();
    for input in baseline.inputs.iter_mut().filter(|input| !InputField::Clients.is_of(input)) {
        crate::support::picture::hide(input, scaling_mode_engine::input::InputState::Missing);
    }
    let judge = |texts: &[(&str, &str)]| {
        let (scenario, errors) = Scenario::read(&pairs(texts), &baseline);
        assert_eq!(errors, []);
        scenario.judge(&baseline)
    };
    assert!(judge(&[]).verdict.contains("churn data is missing"));
    let partly = judge(&[("inputs.at_risk", "0")]);
    assert!(!partly.facts.complete && partly.verdict.contains("warnings are missing"), "{}", partly.verdict);
    let all = judge(&[
        ("inputs.at_risk", "0"),
        ("inputs.warnings", "0"),
        ("inputs.critical", "0"),
        ("inputs.posts", "0"),
        ("inputs.ai_spend", "0"),
        ("inputs.cpu", "0.2"),
        ("inputs.latency_ms", "120"),
        ("inputs.error_rate", "0"),
    ]);
    assert!(all.facts.complete);
    assert_eq!(all.assessment.health.confidence, 1.0);
    assert_eq!(all.assessment.recommendation, Recommendation::Increase);
}

#[test]
fn another_window_of_stabilization_or_recovery_is_never_taken_for_held() {
    let mut baseline = pilot();
    baseline.recent.stabilization.held = 93;
    for (hours, expected, held) in [("24", 96, 93), ("48", 192, 93), ("12", 48, 45), ("1", 4, 1)] {
        let (scenario, _) = Scenario::read(&pairs(&[("guardrails.stabilization_hours", hours)]), &baseline);
        let stable = scenario.judge(&baseline).recent.stabilization;
        assert_eq!((stable.expected, stable.held), (expected, held), "{hours} h");
    }
    for (hours, recovered) in [("6", true), ("3", true), ("7", false), ("0", true)] {
        let (scenario, _) = Scenario::read(&pairs(&[("guardrails.recovery_hours", hours)]), &baseline);
        let recent = scenario.judge(&baseline).recent;
        assert_eq!(!recent.recovered.is_empty(), recovered, "{hours} h");
    }
}

/// Holds a turn against the answers of every place up to it, or of the nearest ones where they are too many to try.
fn check_turn(
    situation: Situation<'_>,
    field: InputField,
    turn: Option<&Turn>,
    (base, places): (u64, u64),
    at: impl Fn(u64) -> u64,
) {
    let answer = |place: u64| situation.with(field, at(place)).ruled;
    let own = answer(0);
    let found = turn.map(|turn| (turn.at / field.step()).abs_diff(base));
    if let (Some(turn), Some(place)) = (turn, found) {
        assert!((1..=places).contains(&place) && at(place) == turn.at, "{field:?}: {turn:?} lies on the grid");
        assert_eq!(answer(place), turn.to);
        assert_ne!(turn.to, own, "{field:?} {turn:?}");
        assert!(!turn.rules.is_empty(), "{field:?}: {turn:?} names what flips");
    }
    let end = found.map_or(places, |place| place - 1);
    let mut draw = Draw(end);
    let far = (0..200).map(|_| draw.below(end + 1));
    for place in (1..=end.min(TRIED)).chain(end.saturating_sub(TRIED)..=end).chain(far) {
        assert_eq!(answer(place), own, "{field:?} turns at {} already, not at {turn:?}", at(place));
    }
}

#[test]
fn break_even_is_the_nearest_change_of_the_answer() {
    let turned = Cell::new([0u32; 9]);
    for hazy in [false, true] {
        for_scenes(250, hazy, |scene| {
            let mut draw = Draw(scene.seed);
            let field = draw.of(&InputField::ALL);
            let mut set = Facts::from_inputs(&scene.inputs);
            // Latency and errors are hardly ever one value as measured.
            if matches!(field, InputField::Latency | InputField::ErrorRate | InputField::Cpu) {
                field.set(&mut set, draw.below(600) * field.step());
            }
            let situation = Situation { as_of: noon(), config: &scene.config, facts: &set, recent: &scene.recent };
            let BreakEven::Known { above, below } = break_even(situation, field) else {
                return;
            };
            let Standing::Exact(current) = field.standing(&set) else {
                panic!("what has a break-even has a value");
            };
            let (least, most) = bounds(situation, field);
            let (floor, ceiling) = (current / field.step(), current.div_ceil(field.step()));
            let up = |place: u64| if place == 0 { current } else { (floor + place) * field.step() };
            let down = |place: u64| if place == 0 { current } else { (ceiling - place) * field.step() };
            let places_up = (most / field.step()).saturating_sub(floor);
            let places_down = ceiling.saturating_sub(least.div_ceil(field.step()));
            check_turn(situation, field, above.as_ref(), (floor, places_up), up);
            check_turn(situation, field, below.as_ref(), (ceiling, places_down), down);
            for _ in [above, below].into_iter().flatten() {
                let mut counts = turned.get();
                counts[field as usize] += 1;
                turned.set(counts);
            }
        });
    }
    assert!(turned.get().iter().all(|count| *count >= 5), "{:?}", turned.get());
}

#[test]
fn confidence_that_rises_and_falls_again_hides_no_change() {
    // Clients known only within a range make churn a range, whose width rises and falls as the clients at risk grow.
    let mut baseline = pilot();
    baseline.config.policy.guardrails.min_confidence_for_change = 0.985;
    baseline.config.policy.guardrails.max_churn_risk = 1.0;
    baseline.config.policy.guardrails.min_health_for_increase = 0.0;
    baseline.config.policy.guardrails.freeze_below_health = 0.0;
    let mut facts = Facts::from_inputs(&baseline.inputs);
    facts.clients = scaling_mode_engine::interval::Count { lo: 12, hi: 15 };
    facts.at_risk = scaling_mode_engine::interval::Count::exactly(0);
    let situation = Situation { as_of: noon(), config: &baseline.config, facts: &facts, recent: &baseline.recent };
    let answers: Vec<Recommendation> =
        (0..=15).map(|at_risk| situation.with(InputField::AtRisk, at_risk).ruled).collect();
    assert_eq!(answers[0], Recommendation::Increase);
    assert_eq!(answers[15], Recommendation::Increase, "everybody is at risk, which is certain");
    let first =
        answers.iter().position(|answer| *answer == Recommendation::Hold).expect("in between it is not certain");
    let BreakEven::Known { above, .. } = break_even(situation, InputField::AtRisk) else {
        panic!("it is known");
    };
    let above = above.expect("a turn");
    assert_eq!((above.at, above.rules[0]), (first as u64, RuleId::IncreaseConfidence));
}
