//! Owns "what would change this answer": the rules of a snapshot that do not hold, each with the distance to where it
//! would. Must not know how a snapshot was made.

use super::decision::Recommendation;
use super::input::Value;
use super::interval::Outcome;
use super::rule::RuleId;
use super::snapshot::{Rule, Snapshot, Threshold};
use super::wording;

/// What would have to change for another answer, least distance first, as sentences.
pub fn what_would_change(snapshot: &Snapshot) -> Vec<String> {
    let body = &snapshot.body;
    let wanted: fn(RuleId) -> bool = match body.recommendation {
        Recommendation::Freeze | Recommendation::Decrease => |rule| {
            matches!(
                rule,
                RuleId::FreezeHealth
                    | RuleId::OverLimitClients
                    | RuleId::OverLimitPosts
                    | RuleId::OverLimitAiSpend
                    | RuleId::GuardrailWarningDensity
                    | RuleId::GuardrailChurnRisk
                    | RuleId::GuardrailAiCostPressure
                    | RuleId::GuardrailInfraHealth
                    | RuleId::Recovery
            )
        },
        Recommendation::Hold => RuleId::is_increase_condition,
        Recommendation::Increase => |_| false,
    };
    let mut lines: Vec<(u8, f64, String)> = body
        .rules
        .iter()
        .filter(|rule| rule.outcome != Outcome::Passed)
        .filter(|rule| RuleId::from_name(&rule.rule).is_some_and(wanted))
        .map(|rule| {
            let is_unknown = rule.outcome == Outcome::Unknown;
            (u8::from(is_unknown), distance(rule), sentence(rule))
        })
        .collect();
    lines.sort_by(|one, two| one.0.cmp(&two.0).then(one.1.total_cmp(&two.1)));
    lines.into_iter().map(|(_, _, line)| line).collect()
}

/// How far an observed value is from its threshold, as a share of the threshold.
fn distance(rule: &Rule) -> f64 {
    let Some((observed, threshold)) = rule.observed.zip(rule.threshold) else {
        return f64::MAX;
    };
    let threshold = threshold_number(threshold);
    let (lo, hi) = bounds(observed);
    let gap = if lo > threshold { lo - threshold } else { (threshold - hi).max(0.0) };
    gap / threshold.abs().max(1e-9)
}

fn threshold_number(threshold: Threshold) -> f64 {
    match threshold {
        Threshold::Count(value) => value as f64,
        Threshold::Number(value) => value,
        Threshold::Money(value) => value.micros() as f64 / 1e6,
    }
}

fn bounds(value: Value) -> (f64, f64) {
    match value {
        Value::Count(count) => (count.over(1).lo(), count.over(1).hi()),
        Value::Money(count) => (count.over(1_000_000).lo(), count.over(1_000_000).hi()),
        Value::Real(interval) => (interval.lo(), interval.hi()),
    }
}

/// Whether a rule compares ratios, which people read as per cent.
pub fn is_ratio(rule: &str) -> bool {
    RuleId::from_name(rule).is_some_and(|rule| {
        matches!(
            rule,
            RuleId::GuardrailChurnRisk
                | RuleId::GuardrailAiCostPressure
                | RuleId::IncreaseDemand
                | RuleId::IncreaseUtilisation
                | RuleId::IncreaseChurnRisk
                | RuleId::IncreaseAiCostPressure
                | RuleId::IncreaseConfidence
        )
    })
}

/// The observed value of a rule, in words.
pub fn observed_words(rule: &Rule) -> String {
    match rule.observed {
        None => "nothing to compare".to_owned(),
        Some(Value::Count(count)) => wording::count(count),
        Some(Value::Money(count)) => money_words(count),
        Some(Value::Real(interval)) if is_ratio(&rule.rule) => {
            let percent = wording::interval(interval.map_rising(|value| value * 100.0));
            if percent == "unknown" { percent } else { format!("{percent} %") }
        }
        Some(Value::Real(interval)) => {
            // Densities are small numbers: one decimal would hide them.
            let two = |value: f64| format!("{}", (value * 100.0).round() / 100.0);
            if interval.is_exact() && interval.lo().is_finite() {
                two(interval.lo())
            } else {
                wording::interval(interval)
            }
        }
    }
}

fn money_words(count: super::interval::Count) -> String {
    use super::money::Usd;
    if count.is_exact() {
        format!("${}", Usd(count.lo))
    } else if count.is_bounded() {
        format!("${} to ${}", Usd(count.lo), Usd(count.hi))
    } else if count.lo > 0 {
        format!("at least ${}", Usd(count.lo))
    } else {
        "unknown".to_owned()
    }
}

/// The threshold of a rule, in words.
pub fn threshold_words(rule: &Rule) -> String {
    match rule.threshold {
        None => "none".to_owned(),
        Some(Threshold::Count(value)) => value.to_string(),
        Some(Threshold::Money(value)) => format!("${value}"),
        Some(Threshold::Number(value)) if is_ratio(&rule.rule) => {
            format!("{} %", wording::number(value * 100.0))
        }
        Some(Threshold::Number(value)) => format!("{value}"),
    }
}

fn sentence(rule: &Rule) -> String {
    let id = RuleId::from_name(&rule.rule);
    let name = capitalise(&rule.detail);
    match (id, rule.outcome) {
        (Some(RuleId::IncreaseNextMode), _) => "Scale is the highest mode; there is none above.".to_owned(),
        (Some(RuleId::IncreaseNotFrozen), _) => {
            "The environment is frozen: unfreeze it when its reason is gone.".to_owned()
        }
        (Some(id), Outcome::Unknown) if observed_words(rule) == "unknown" => {
            format!("{name}: unknown; needed is {} {}.", direction(id), threshold_words(rule))
        }
        (Some(id), Outcome::Unknown) => format!(
            "{name}: known only to be {}; needed is {} {}.",
            observed_words(rule),
            direction(id),
            threshold_words(rule)
        ),
        (Some(RuleId::Recovery), _) => format!("{name}: every breach must stay clear for {} h.", threshold_words(rule)),
        (Some(id), _) => {
            format!("{name}: it is {}, needed is {} {}.", observed_words(rule), direction(id), threshold_words(rule))
        }
        (None, _) => format!("{name}: it is {}.", observed_words(rule)),
    }
}

/// On which side of its threshold a rule wants the value.
const fn direction(rule: RuleId) -> &'static str {
    match rule {
        RuleId::FreezeHealth
        | RuleId::GuardrailInfraHealth
        | RuleId::IncreaseDemand
        | RuleId::IncreaseHealth
        | RuleId::IncreaseInfraHealth
        | RuleId::IncreaseConfidence
        | RuleId::IncreaseCooldown
        | RuleId::IncreaseStabilization => "at least",
        _ => "at most",
    }
}

fn capitalise(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// A raw sample's value with its unit, exact.
pub fn sample_words(
    series: super::signal::Series,
    atoms: u64,
    aggregation: Option<super::signal::Aggregation>,
    is_distribution: bool,
) -> String {
    use super::decimal::Decimal;
    if is_distribution {
        return format!("a distribution of {atoms} requests");
    }
    let unit = series.signal().unit();
    let value = Decimal::from_units(atoms, unit.decimals());
    match aggregation {
        Some(aggregation) => format!("{value} {unit} ({})", aggregation.name()),
        None => format!("{value} {unit}"),
    }
}
