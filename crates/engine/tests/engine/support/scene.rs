//! Owns the generators: valid policies, configurations, pictures around the lines that matter, what is hidden of them,
//! and summaries of recent evaluations.

use super::picture::{Picture, config_with, hide};
use super::{Draw, noon};
use chrono::Duration;
use proptest::prelude::*;
use scaling_mode_engine::breach::{Breach, BreachSet};
use scaling_mode_engine::decision::Recommendation;
use scaling_mode_engine::facts::decides;
use scaling_mode_engine::input::{Input, InputState, Value, WindowName};
use scaling_mode_engine::interval::{Count, Interval};
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::money::Usd;
use scaling_mode_engine::policy::{
    Config, EnvironmentKind, Guardrails, Limits, ModeLimits, Policy, ScoreLine, Weights,
};
use scaling_mode_engine::recent::{Previous, Recent, Stabilization};
use scaling_mode_engine::signal::Signal;
use std::num::NonZeroU64;

/// Configuration, everything that is true, what the engine is shown of it, and what came before.
#[derive(Clone, Debug)]
pub struct Scene {
    pub config: Config,
    pub picture: Picture,
    /// The picture's inputs, some of them hidden or blurred.
    pub inputs: Vec<Input>,
    pub recent: Recent,
    /// For further draws within the case.
    pub seed: u64,
}

/// Scenes of any kind; `hazy` hides some of the inputs.
pub fn scenes(hazy: bool) -> impl Strategy<Value = Scene> {
    (any::<u64>(), 0u8..10).prop_map(move |(seed, shape)| {
        let mut draw = Draw(seed);
        let policy = policy(&mut draw);
        let config = config(&mut draw, policy);
        // Most scenes are all but ready for an Increase: that is where a wrong answer would hide.
        let trouble = [0, 0, 0, 3, 6, 12, 25, 50, 70, 90][usize::from(shape)];
        let picture = picture(&mut draw, &config, trouble);
        let mut inputs = picture.inputs(&config);
        if hazy {
            let haze = draw.of(&[0, 4, 8, 15, 30, 60, 100]);
            // Where nothing is hidden outright, an Increase can still be certain.
            let hides = draw.chance(60);
            blur(&mut draw, &mut inputs, haze, hides);
        }
        let recent = recent(&mut draw);
        Scene { config, picture, inputs, recent, seed: draw.next() }
    })
}

/// A valid policy: the default, something near it, or anything that is allowed.
pub fn policy(draw: &mut Draw) -> Policy {
    let mut policy = Policy::default();
    match draw.below(10) {
        0..=4 => {}
        5..=7 => {
            vary(draw, &mut policy.guardrails);
            policy.limits = limits(draw, 60);
        }
        _ => {
            policy.guardrails = any_guardrails(draw);
            policy.limits = limits(draw, 1_000_000);
            policy.weights = weights(draw);
            policy.scoring.cpu = line(draw, 1.0);
            policy.scoring.error_rate = line(draw, 1.0);
            policy.scoring.latency_ms = line(draw, 10_000.0);
        }
    }
    if draw.chance(30) {
        let parts = [
            Signal::PostsPublished,
            Signal::InfraCpu,
            Signal::InfraLatency,
            Signal::InfraRequests,
            Signal::InfraErrors,
        ];
        policy.not_applicable = parts.into_iter().filter(|_| draw.chance(40)).collect();
        if !policy.validate().is_empty() {
            policy.not_applicable.clear();
        }
    }
    assert_eq!(policy.validate(), [], "the generator makes valid policies only");
    policy
}

fn vary(draw: &mut Draw, rails: &mut Guardrails) {
    let mut near = |value: &mut f64, most: f64| *value = (*value * (0.7 + 0.6 * draw.share())).min(most);
    near(&mut rails.freeze_below_health, 100.0);
    near(&mut rails.min_infra_health, 100.0);
    near(&mut rails.max_ai_cost_pressure, 1.0);
    near(&mut rails.max_churn_risk, 1.0);
    near(&mut rails.max_utilisation_for_increase, 1.0);
    near(&mut rails.max_warning_density, 1_000.0);
    near(&mut rails.min_demand_for_increase, 1.0);
    near(&mut rails.min_confidence_for_change, 1.0);
    near(&mut rails.min_health_for_increase, 100.0);
    near(&mut rails.recovery_margin, 25.0);
    rails.min_health_for_increase = rails.min_health_for_increase.max(rails.freeze_below_health);
    rails.max_critical_warnings = draw.below(3);
}

fn any_guardrails(draw: &mut Draw) -> Guardrails {
    // Ends of the ranges come often.
    let mut share = || match draw.below(8) {
        0 => 0.0,
        1 => 1.0,
        _ => draw.share(),
    };
    let freeze = 100.0 * share();
    Guardrails {
        cooldown_hours: (48.0 * share()) as u32,
        freeze_below_health: freeze,
        max_ai_cost_pressure: share(),
        max_churn_risk: share(),
        max_critical_warnings: (5.0 * share()) as u64,
        max_utilisation_for_increase: share(),
        max_warning_density: 3.0 * share(),
        min_confidence_for_change: share(),
        min_demand_for_increase: share(),
        min_health_for_increase: freeze + (100.0 - freeze) * share(),
        min_infra_health: 100.0 * share(),
        recovery_hours: (12.0 * share()) as u32,
        recovery_margin: 25.0 * share(),
        stabilization_hours: 1 + (47.0 * share()) as u32,
    }
}

fn limits(draw: &mut Draw, most: u64) -> Limits {
    let mut below = (0u64, 0u64, 0u64);
    let mut next = || {
        below = (
            below.0 + 1 + draw.below(most),
            below.1 + 1 + draw.below(most * 10),
            below.2 + 1 + draw.below(most * 1_000_000),
        );
        ModeLimits {
            max_ai_spend_per_day: Usd(below.2),
            max_clients: NonZeroU64::new(below.0).expect("above zero"),
            max_posts_per_day: NonZeroU64::new(below.1).expect("above zero"),
        }
    };
    Limits { lab: next(), pilot: next(), growth: next(), scale: next() }
}

fn weights(draw: &mut Draw) -> Weights {
    let parts = [0; 4].map(|_| if draw.chance(10) { 0.0 } else { draw.share() });
    let sum = parts.iter().sum::<f64>();
    if sum < 1e-3 {
        return Weights::default();
    }
    Weights { ai_cost: parts[0] / sum, churn: parts[1] / sum, infra: parts[2] / sum, warnings: parts[3] / sum }
}

fn line(draw: &mut Draw, most: f64) -> ScoreLine {
    let good = most * 0.9 * draw.share();
    ScoreLine { good, bad: good + (most - good) * (0.05 + 0.95 * draw.share()) }
}

/// A configuration with this policy: mostly live, mostly not frozen, mostly long past its last change.
pub fn config(draw: &mut Draw, policy: Policy) -> Config {
    let mut config = config_with(draw.of(&Mode::ALL), policy);
    config.kind = match draw.below(20) {
        0 => EnvironmentKind::Synthetic,
        1..=3 => EnvironmentKind::Recorded,
        _ => EnvironmentKind::Live,
    };
    config.frozen = draw.chance(7);
    config.version = 1 + draw.below(50);
    if draw.chance(40) {
        let hours = i64::from(config.policy.guardrails.cooldown_hours) + draw.of(&[-1, 0, 0, 1, 30]);
        config.last_mode_change_at = Some(noon() - Duration::hours(hours));
    }
    config
}

/// A picture in which each number is in trouble with a chance of `trouble` per cent.
pub fn picture(draw: &mut Draw, config: &Config, trouble: u64) -> Picture {
    let (limits, rails, scoring) = (config.limits(), &config.policy.guardrails, &config.policy.scoring);
    let max = limits.max_clients.get();
    let wanted = (rails.min_demand_for_increase * max as f64).ceil() as u64;
    let lower = config.mode.previous().map_or(0, |mode| config.policy.limits.of(mode).max_clients.get());
    // Sometimes a business that would fit the mode below: a Decrease is for those.
    let clients = if trouble > 0 && draw.chance(15) {
        draw.between(lower / 2, lower)
    } else if draw.chance(trouble) {
        let far = draw.below(2 * max + 2);
        draw.of(&[0, 1, lower, lower + 1, wanted.saturating_sub(1), max + 1, max * 3, far])
    } else {
        let within = wanted.min(max);
        draw.between(within, max.max(within))
    };
    // A share of a whole: well below the line, at it, just around it, or far beyond.
    let mut load = |line: f64, whole: u64| {
        let at = (line * whole as f64) as u64;
        if draw.chance(trouble) {
            let far = draw.below(whole.saturating_mul(3) + 1);
            draw.of(&[at, at.saturating_sub(1), at + 1, whole, whole + 1, far, 0])
        } else {
            let calm = at / 4;
            draw.between(0, calm)
        }
    };
    let counted = load(rails.max_warning_density, clients.max(1));
    let at_risk = load(rails.max_churn_risk, clients).min(clients);
    let utilisation = rails.max_utilisation_for_increase.min(rails.max_ai_cost_pressure);
    let posts = load(utilisation, limits.max_posts_per_day.get());
    let spend = load(utilisation, limits.max_ai_spend_per_day.micros());
    let fine = |draw: &mut Draw, line: ScoreLine, most: f64| {
        if draw.chance(trouble) {
            let between = line.good + (line.bad - line.good) * draw.share();
            draw.of(&[line.good, line.bad, between, most, 0.0])
        } else {
            line.good * draw.share()
        }
    };
    let cpu = Interval::exactly(fine(draw, scoring.cpu, 1.0).min(1.0));
    let percentile = |draw: &mut Draw| {
        let lo = fine(draw, scoring.latency_ms, 60_000.0);
        match draw.below(20) {
            0 => Interval::new(lo, f64::INFINITY),
            1..=5 => Interval::new(lo, lo * 1.1),
            _ => Interval::exactly(lo),
        }
    };
    let (latency_hour, latency_evidence) = (percentile(draw), percentile(draw));
    let requests_hour = draw.of(&[0, 20, 500, 20_000, 1_000_000]);
    let requests_evidence = requests_hour.max(draw.of(&[2_000, 50_000, 5_000_000]));
    let failing = |draw: &mut Draw, requests: u64| {
        let rate = if draw.chance(trouble) { fine(draw, scoring.error_rate, 1.0) } else { 0.0 };
        ((requests as f64 * rate) as u64).min(requests)
    };
    let errors_hour = failing(draw, requests_hour);
    let errors_evidence = errors_hour + failing(draw, requests_evidence - requests_hour);
    let critical = if draw.chance(trouble) {
        draw.below(counted.max(1) + 1).min(counted)
    } else {
        counted.min(rails.max_critical_warnings).min(draw.below(3))
    };
    Picture {
        clients,
        at_risk,
        info: draw.below(5),
        warnings: counted - critical,
        critical,
        posts: straddled(draw, posts),
        spend: straddled(draw, spend),
        cpu,
        latency_hour,
        latency_evidence,
        requests_hour: Count::exactly(requests_hour),
        requests_evidence: Count::exactly(requests_evidence),
        errors_hour: Count::exactly(errors_hour),
        errors_evidence: Count::exactly(errors_evidence),
    }
}

/// A sum of which a sample straddles the window's edge is complete and yet an interval.
fn straddled(draw: &mut Draw, value: u64) -> Count {
    if draw.chance(10) { Count { lo: value - value / 8, hi: value + value / 8 } } else { Count::exactly(value) }
}

/// Hides or blurs each deciding input with a chance of `haze` per cent, as `prepare` would put it.
pub fn blur(draw: &mut Draw, inputs: &mut [Input], haze: u64, hides: bool) {
    for input in inputs.iter_mut().filter(|input| decides(input) && input.state != InputState::NotApplicable) {
        if !draw.chance(haze) {
            continue;
        }
        if !hides {
            match input.signal {
                Signal::InfraCpu => cover_in_part(draw, input),
                Signal::InfraLatency | Signal::InfraRequests | Signal::InfraErrors => {}
                _ => dispute(draw, input),
            }
            continue;
        }
        match draw.below(8) {
            0..=2 => hide(input, InputState::Missing),
            3 => hide(input, InputState::Stale),
            4 => dispute(draw, input),
            _ if input.window.name == WindowName::Latest => hide(input, InputState::Missing),
            _ => cover_in_part(draw, input),
        }
    }
    // What `prepare` does to parts larger than their whole, it does to both of them.
    for (part, whole, name) in [
        (Signal::ClientsAtRisk, Signal::ClientsActive, WindowName::Latest),
        (Signal::InfraErrors, Signal::InfraRequests, WindowName::LastHour),
        (Signal::InfraErrors, Signal::InfraRequests, WindowName::Evidence),
    ] {
        if hides && draw.below(800) < haze {
            for input in inputs.iter_mut() {
                if (input.signal == part || input.signal == whole)
                    && input.window.name == name
                    && input.state != InputState::NotApplicable
                {
                    hide(input, InputState::Contradictory);
                }
            }
        }
    }
}

/// Two sources that disagree: the interval that spans both.
fn dispute(draw: &mut Draw, input: &mut Input) {
    input.state = InputState::Contradictory;
    input.note = Some("the sources disagree; the interval spans them".into());
    input.value = input.value.map(|value| match value {
        Value::Count(count) => Value::Count(spread(draw, count)),
        Value::Money(count) => Value::Money(spread(draw, count)),
        Value::Real(real) => {
            let most = if input.signal == Signal::InfraCpu { 1.0 } else { f64::INFINITY };
            Value::Real(Interval::new(real.lo() * draw.share(), (real.hi() * (1.0 + draw.share())).min(most)))
        }
    });
}

fn spread(draw: &mut Draw, count: Count) -> Count {
    let below = draw.below(count.lo + 1);
    Count { lo: count.lo - below, hi: count.hi + draw.below(count.hi + 2) }
}

fn cover_in_part(draw: &mut Draw, input: &mut Input) {
    input.state = InputState::Partial;
    input.coverage = 0.5;
    input.value = input.value.map(|value| match value {
        Value::Count(count) => Value::Count(Count::at_least(draw.between(0, count.lo))),
        Value::Money(count) => Value::Money(Count::at_least(draw.between(0, count.lo))),
        Value::Real(real) if input.signal == Signal::InfraCpu => {
            let covered = draw.share();
            Value::Real(Interval::new(real.lo() * covered, (real.hi() * covered + 1.0 - covered).min(1.0)))
        }
        Value::Real(_) => Value::Real(Interval::NON_NEGATIVE),
    });
}

/// A summary of recent evaluations such as `summarise` may give.
pub fn recent(draw: &mut Draw) -> Recent {
    let expected = draw.of(&[96, 96, 4, 288]);
    let held = draw.of(&[expected, expected, expected, (expected * 95_u64).div_ceil(100), expected * 94 / 100, 0]);
    let calm = draw.chance(75);
    let standing = if draw.chance(65) { BreachSet::EMPTY } else { BreachSet::from_bits(draw.below(64) as u8) };
    Recent {
        previous: draw.chance(60).then(|| Previous {
            at: noon() - Duration::minutes(15),
            ruled: ruled(draw, standing),
            standing,
        }),
        recovered: if draw.chance(50) { BreachSet::all() } else { BreachSet::from_bits(draw.below(64) as u8) },
        stabilization: Stabilization {
            expected,
            held,
            last_three: calm || draw.chance(50),
            unsafe_ticks: if calm { 0 } else { draw.below(3) },
        },
        tick_minutes: 15,
    }
}

/// An answer that may have come with these breaches standing.
pub fn ruled(draw: &mut Draw, standing: BreachSet) -> Recommendation {
    if standing.contains(Breach::Health) || standing.contains(Breach::OverLimit) {
        Recommendation::Freeze
    } else if standing.is_empty() {
        draw.of(&[Recommendation::Hold, Recommendation::Increase])
    } else {
        draw.of(&[Recommendation::Decrease, Recommendation::Freeze])
    }
}
