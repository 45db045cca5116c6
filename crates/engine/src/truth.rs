//! Owns the last gate: nothing leaves the engine whose numbers do not trace to what was recorded.
//! Must not know how answers are found; it only checks them. Specification: docs/engine.md, section 10 "The truth layer".

use super::decision::{Assessment, Recommendation};
use super::facts::decides;
use super::input::{Input, InputState, Value};
use super::policy::{Config, EnvironmentKind};
use super::snapshot::{Blocked, SnapshotBody, Threshold, Truth};
use super::wording;
use std::borrow::Cow;

/// What the truth layer has to say of an assessment.
pub fn examine(config: &Config, inputs: &[Input], assessment: &Assessment) -> Truth {
    let mut applying = 0u32;
    let mut known = 0u32;
    for input in inputs.iter().filter(|input| decides(input) && input.state != InputState::NotApplicable) {
        applying += 1;
        known += u32::from(matches!(input.state, InputState::Known | InputState::Synthetic));
    }
    let completeness = super::interval::settle(f64::from(known) / f64::from(applying.max(1)));
    Truth { blocked: blocked(inputs, assessment), completeness, notes: notes(config, inputs, assessment) }
}

fn blocked(inputs: &[Input], assessment: &Assessment) -> Option<Blocked> {
    if assessment.synthetic {
        return (assessment.ruled != Recommendation::Hold).then(|| Blocked {
            reason: "synthetic data decides nothing".to_owned(),
            recommendation: assessment.ruled,
        });
    }
    assessment
        .blocked_by_the_unknown()
        .then(|| Blocked { reason: wording::unknown_reason(inputs), recommendation: Recommendation::Increase })
}

fn notes(config: &Config, inputs: &[Input], assessment: &Assessment) -> Vec<Cow<'static, str>> {
    let mut notes = Vec::new();
    if assessment.synthetic {
        notes.push(Cow::Borrowed("synthetic data, marked as such; it decides nothing"));
    }
    if config.kind == EnvironmentKind::Recorded {
        notes.push(Cow::Borrowed("a recording, not live telemetry"));
    }
    for signal in &config.policy.not_applicable {
        notes.push(Cow::Owned(format!("{signal} was declared not applicable and leaves its formula")));
    }
    if inputs.iter().any(|input| input.aggregation == Some(super::signal::Aggregation::Mean) && input.value.is_some()) {
        notes.push(Cow::Borrowed("latency is its source's mean, not a percentile"));
    }
    notes
}

/// Every number that a text holds, as it is written. Words with digits in them, such as names and times, hold none of
/// their own: a number has blanks or punctuation on both sides.
pub fn numbers_in(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = &rest[rest.bytes().position(|byte| byte.is_ascii_digit())?..];
        let is_part = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        let end = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token.trim_end_matches('.'))
    })
}

/// The first number in the verdict or the narrative that no recorded value gives, if there is one.
pub fn untraceable(body: &SnapshotBody) -> Option<String> {
    let recorded = recorded_numbers(body);
    let noted = |token: &str| {
        let mut notes = body.inputs.iter().filter_map(|input| input.note.as_deref());
        notes.any(|note| numbers_in(note).any(|number| number == token))
    };
    numbers_in(&body.verdict)
        .chain(numbers_in(&body.narrative))
        .find(|token| !traces(token, &recorded) && !noted(token))
        .map(str::to_owned)
}

/// Whether a number as written is some recorded number, rounded to as many decimals.
fn traces(token: &str, recorded: &[f64]) -> bool {
    let Ok(value) = token.parse::<f64>() else {
        return false;
    };
    let decimals = token.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = 10f64.powi(i32::try_from(decimals).unwrap_or(0));
    // Rounding moves a number by half a unit at most: a number further off needs no closer look.
    let near = 1.0 / scale + 1e-9 * value.abs().max(1.0);
    recorded.iter().filter(|number| (**number - value).abs() <= near).any(|number| {
        let rounded = (number * scale).round() / scale;
        (rounded - value).abs() <= 1e-9 * value.abs().max(1.0)
    })
}

fn recorded_numbers(body: &SnapshotBody) -> Vec<f64> {
    let mut numbers = Vec::with_capacity(128);
    let mut add = |value: f64| numbers.push(value);
    for input in &body.inputs {
        input.value.iter().for_each(|value| bounds(*value, &mut add));
    }
    for rule in &body.rules {
        rule.observed.iter().for_each(|value| bounds(*value, &mut add));
        match rule.threshold {
            Some(Threshold::Count(value)) => add(value as f64),
            Some(Threshold::Number(value)) => add(value),
            Some(Threshold::Money(value)) => add(value.micros() as f64 / 1e6),
            None => {}
        }
    }
    let scores = &body.scores;
    for score in
        [scores.overall, scores.infra_health, scores.ai_cost_pressure, scores.warning_density, scores.churn_risk]
    {
        bounds(Value::Real(score), &mut add);
    }
    add(body.confidence * 100.0);
    add(body.headroom.clients as f64);
    add(body.recent.stabilization.held as f64);
    add(body.recent.stabilization.expected as f64);
    numbers
}

fn bounds(value: Value, add: &mut impl FnMut(f64)) {
    match value {
        Value::Count(count) => {
            add(count.lo as f64);
            if count.is_bounded() {
                add(count.hi as f64);
            }
        }
        Value::Money(count) => {
            add(count.lo as f64 / 1e6);
            if count.is_bounded() {
                add(count.hi as f64 / 1e6);
            }
        }
        Value::Real(interval) => {
            add(interval.lo());
            if interval.hi().is_finite() {
                add(interval.hi());
            }
        }
    }
}

/// The gate itself: a body whose words hold a number that nothing recorded gives leaves without those words, and never
/// as an Increase; caution stays what it is.
pub fn gate(body: &mut SnapshotBody) {
    if let Some(number) = untraceable(body) {
        body.truth.blocked = Some(Blocked {
            reason: format!("the number {number} in its words traces to nothing recorded"),
            recommendation: body.recommendation,
        });
        if body.recommendation == Recommendation::Increase {
            body.recommendation = Recommendation::Hold;
            body.target_mode = None;
        }
        body.verdict = format!("{}: the answer's words could not be proved", wording::capital(body.recommendation));
        body.narrative = String::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_between_any_characters() {
        for (text, numbers) in [
            ("In pilot with 12 of 15 clients.", vec!["12", "15"]),
            ("health is 92.5: infra 80, at least 5.", vec!["92.5", "80", "5"]),
            ("(40 h old; it counts up to 36 h)...", vec!["40", "36"]),
            ("p95 .5 1..2 – 7", vec!["95", "5", "1..2", "7"]),
            ("none, and a full stop.", vec![]),
        ] {
            assert_eq!(numbers_in(text).collect::<Vec<_>>(), numbers, "{text}");
        }
    }
}
