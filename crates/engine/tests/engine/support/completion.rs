//! Owns completions: what the inputs of a scene may turn out to be once everything is known, the extremes included.

use super::Draw;
use scaling_mode_engine::facts::decides;
use scaling_mode_engine::input::{Input, InputState, Value, WindowName};
use scaling_mode_engine::interval::{Count, Interval};
use scaling_mode_engine::policy::Config;
use scaling_mode_engine::signal::{Severity, Signal};

/// Whether something about an input may still turn out differently.
pub fn is_open(input: &Input) -> bool {
    decides(input)
        && matches!(
            input.state,
            InputState::Partial | InputState::Stale | InputState::Missing | InputState::Contradictory
        )
}

/// The inputs with every open one made known, as some whole truth would have it: at-risk clients among the active
/// ones, errors among the requests, the last hour within the evidence window.
pub fn complete(draw: &mut Draw, inputs: &[Input], config: &Config) -> Vec<Input> {
    use Signal::*;
    use WindowName::{Evidence, LastHour, Latest, Trailing};
    let mut known = inputs.to_vec();
    let temper = draw.below(4);
    let critical = Some(Severity::Critical);
    let warning = Some(Severity::Warning);
    let limits = config.limits();
    let rails = &config.policy.guardrails;
    let scoring = &config.policy.scoring;
    let max = limits.max_clients.get();

    let clients_floor = bounds(&known, ClientsAtRisk, Latest, None).lo;
    let lines = [max, max + 1, (rails.min_demand_for_increase * max as f64) as u64, 1];
    let clients =
        settle(draw, &mut known, (ClientsActive, Latest, None), temper, &lines, Count::at_least(clients_floor));
    let lines = [(rails.max_churn_risk * clients.lo as f64) as u64, 1, 2];
    settle(draw, &mut known, (ClientsAtRisk, Latest, None), temper, &lines, Count { lo: 0, hi: clients.hi });
    let line = (rails.max_warning_density * clients.lo as f64) as u64;
    settle(draw, &mut known, (WarningsOpen, Latest, warning), temper, &[line, line + 1, 1, 2], Count::UNKNOWN);
    settle(
        draw,
        &mut known,
        (WarningsOpen, Latest, critical),
        temper,
        &[rails.max_critical_warnings, 1, 2],
        Count::UNKNOWN,
    );
    let posts = limits.max_posts_per_day.get();
    let line = (rails.max_utilisation_for_increase * posts as f64) as u64;
    settle(
        draw,
        &mut known,
        (PostsPublished, Trailing, None),
        temper,
        &[posts, posts + 1, line, line + 1],
        Count::UNKNOWN,
    );
    let spend = limits.max_ai_spend_per_day.micros();
    let line = (rails.max_ai_cost_pressure * spend as f64) as u64;
    settle(draw, &mut known, (AiSpend, Trailing, None), temper, &[spend, spend + 1, line, line + 1], Count::UNKNOWN);

    let part = |known: &[Input], signal, name| bounds(known, signal, name, None);
    // Requests first, each able to hold what is known of its parts; then errors within what they leave.
    let hour_floor = part(&known, InfraErrors, LastHour).lo;
    let evidence = part(&known, InfraRequests, Evidence);
    let lines = [0, 20, 2_000, 1_000_000];
    let requests_hour = settle(
        draw,
        &mut known,
        (InfraRequests, LastHour, None),
        temper,
        &lines,
        Count { lo: hour_floor, hi: evidence.hi },
    );
    let evidence_floor = part(&known, InfraErrors, Evidence).lo.max(hour_floor).max(requests_hour.lo);
    let requests =
        settle(draw, &mut known, (InfraRequests, Evidence, None), temper, &lines, Count::at_least(evidence_floor));
    let rate = |whole: u64| (scoring.error_rate.bad * whole as f64) as u64;
    let most = requests_hour.hi.min(part(&known, InfraErrors, Evidence).hi);
    let errors_hour = settle(
        draw,
        &mut known,
        (InfraErrors, LastHour, None),
        temper,
        &[rate(requests_hour.lo), 1],
        Count { lo: 0, hi: most },
    );
    settle(
        draw,
        &mut known,
        (InfraErrors, Evidence, None),
        temper,
        &[rate(requests.lo), 1],
        Count { lo: errors_hour.lo, hi: requests.hi },
    );

    for input in known.iter_mut().filter(|input| is_open(input)) {
        let within = match input.value {
            Some(Value::Real(real)) => real,
            _ if input.signal == InfraCpu => Interval::UNIT,
            _ => Interval::NON_NEGATIVE,
        };
        let line = if input.signal == InfraCpu { scoring.cpu } else { scoring.latency_ms };
        let far = draw.share() * within.hi().min(100_000.0);
        let value = match temper {
            0 => within.lo(),
            1 => within.hi().min(1e9),
            _ => draw.of(&[line.good, line.bad, line.good / 2.0, far]),
        };
        let value = value.clamp(within.lo(), within.hi());
        // A distribution that has come in whole still leaves its percentile an interval.
        let is_spread = input.signal == InfraLatency && draw.chance(25);
        let value =
            if is_spread { Interval::new(value, (value * 1.5).min(within.hi())) } else { Interval::exactly(value) };
        make_known(input, Value::Real(value));
    }
    known
}

type Key = (Signal, WindowName, Option<Severity>);

fn find(inputs: &[Input], (signal, name, severity): Key) -> usize {
    super::picture::place(inputs, signal, name, severity)
}

/// The part of a count that is known so far.
fn bounds(inputs: &[Input], signal: Signal, name: WindowName, severity: Option<Severity>) -> Count {
    let input = &inputs[find(inputs, (signal, name, severity))];
    match input.state {
        InputState::Stale | InputState::Missing | InputState::NotApplicable => Count::UNKNOWN,
        _ => input.value.and_then(Value::count).unwrap_or(Count::UNKNOWN),
    }
}

/// Makes a count known, within what is known of it and `also`; returns what it is now. One that is known stays.
fn settle(draw: &mut Draw, inputs: &mut [Input], key: Key, temper: u64, lines: &[u64], also: Count) -> Count {
    const HUGE: u64 = 1 << 50;
    let own = bounds(inputs, key.0, key.1, key.2);
    let input = &mut inputs[find(inputs, key)];
    if !is_open(input) {
        return own;
    }
    let lo = own.lo.max(also.lo);
    let hi = own.hi.min(also.hi).max(lo);
    let near = lo.saturating_add(draw.below(20));
    let far = draw.between(lo, hi.min(lo.saturating_add(1_000_000)));
    let value = match temper {
        0 => lo,
        1 => hi,
        _ => {
            let line = draw.of(lines);
            draw.of(&[line, line, near, far, HUGE])
        }
    };
    let value = value.clamp(lo, hi).min(HUGE.max(lo));
    let count = Count::exactly(value);
    make_known(input, if key.0 == Signal::AiSpend { Value::Money(count) } else { Value::Count(count) });
    count
}

fn make_known(input: &mut Input, value: Value) {
    input.state = InputState::Known;
    input.value = Some(value);
    input.coverage = 1.0;
    input.note = None;
}
