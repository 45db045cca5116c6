//! Owns the rules of a mapping: which metric, which of its points, for which signal, taken how.

use super::super::signal::{Kind, Series};
use super::defaults;
use std::collections::HashMap;

/// Which texts are meant: `*` stands for any characters, `|` parts alternatives, a leading `!` turns it around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    is_negated: bool,
    /// Each alternative as the pieces between its `*`.
    alternatives: Vec<Vec<String>>,
}

impl Pattern {
    pub fn new(text: &str) -> Pattern {
        let (is_negated, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let pieces = |alternative: &str| alternative.split('*').map(str::to_owned).collect();
        Pattern { is_negated, alternatives: text.split('|').map(pieces).collect() }
    }

    /// Whether it says what a text must not be.
    pub const fn is_negated(&self) -> bool {
        self.is_negated
    }

    pub fn matches(&self, text: &str) -> bool {
        self.alternatives.iter().any(|pieces| fits(pieces, text)) != self.is_negated
    }
}

fn fits(pieces: &[String], text: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return text.is_empty();
    };
    let Some((last, middle)) = rest.split_last() else {
        return text == first;
    };
    let Some(mut text) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for piece in middle {
        let Some(place) = text.find(piece.as_str()) else {
            return false;
        };
        text = &text[place + piece.len()..];
    }
    text.len() >= last.len() && text.ends_with(last.as_str())
}

/// Points whose label fits a pattern; a label that is not there is the empty text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    pub pattern: Pattern,
}

/// The part of a point that a rule takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The share of time that a processor was not idle, from its times by state.
    Busy,
    /// How many: of a counter its count, of a histogram its number of values.
    Count,
    /// A histogram of times.
    Latency,
    /// A number of tokens, for what they cost.
    Tokens,
    /// A gauge's value, or what a sum has grown by.
    Value,
}

impl Take {
    /// What points a rule of this kind is for.
    pub(super) const fn wants(self) -> &'static str {
        match self {
            Take::Busy => "a gauge of processor time by state",
            Take::Count => "a counter or a histogram",
            Take::Latency => "a histogram",
            Take::Tokens => "a histogram or counter of tokens",
            Take::Value => "a gauge or a sum",
        }
    }

    pub fn from_name(name: &str) -> Option<Take> {
        match name {
            "busy" => Some(Take::Busy),
            "count" => Some(Take::Count),
            "latency" => Some(Take::Latency),
            "tokens" => Some(Take::Tokens),
            "value" => Some(Take::Value),
            _ => None,
        }
    }
}

/// How gauges that differ in their labels become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    Max,
    Mean,
    Min,
    Sum,
}

impl Combine {
    pub fn from_name(name: &str) -> Option<Combine> {
        match name {
            "max" => Some(Combine::Max),
            "mean" => Some(Combine::Mean),
            "min" => Some(Combine::Min),
            "sum" => Some(Combine::Sum),
            _ => None,
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `None` refuses several gauges at the same time rather than choosing among them.
    pub combine: Option<Combine>,
    /// What a value is multiplied by.
    pub factor: f64,
    pub matches: Vec<Matcher>,
    pub metric: String,
    pub series: Series,
    pub take: Take,
    /// The unit that the metric is in, where it does not say or says it wrongly.
    pub unit: Option<String>,
}

impl Rule {
    /// A rule for all points of a metric, taken as the signal's kind asks for.
    pub fn new(metric: &str, series: Series, take: Take) -> Rule {
        Rule { combine: None, factor: 1.0, matches: Vec::new(), metric: metric.to_owned(), series, take, unit: None }
    }

    /// The part that is taken for a signal if the rule does not say.
    pub const fn usual_take(series: Series) -> Take {
        match series.signal().kind() {
            Kind::Distribution => Take::Latency,
            Kind::Sum => Take::Count,
            Kind::Gauge | Kind::Level => Take::Value,
        }
    }

    pub(super) fn holds<'l>(&self, label: &dyn Fn(&str) -> Option<&'l str>) -> bool {
        self.matches.iter().all(|matcher| matcher.pattern.matches(label(&matcher.label).unwrap_or("")))
    }
}

/// Labels that only name which of several replicas has measured something: Prometheus' operator, and Mimir.
pub const REPLICA_LABELS: [&str; 2] = ["prometheus_replica", "__replica__"];

/// All rules, by metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    by_metric: HashMap<String, Vec<Rule>>,
    replica_labels: Vec<String>,
}

impl Rules {
    /// A founder's rules, before the defaults, which apply to metrics that no such rule names.
    pub fn new(own: Vec<Rule>) -> Rules {
        let mut rules = Rules::only(own);
        for (metric, usual) in Rules::only(defaults::rules()).by_metric {
            rules.by_metric.entry(metric).or_insert(usual);
        }
        rules
    }

    /// These rules and no others.
    pub fn only(own: Vec<Rule>) -> Rules {
        let mut by_metric: HashMap<String, Vec<Rule>> = HashMap::new();
        for rule in own {
            by_metric.entry(rule.metric.clone()).or_default().push(rule);
        }
        Rules { by_metric, replica_labels: REPLICA_LABELS.map(str::to_owned).to_vec() }
    }

    /// The same rules, with other labels that only name a replica.
    #[must_use]
    pub fn with_replica_labels(self, replica_labels: Vec<String>) -> Rules {
        Rules { replica_labels, ..self }
    }

    /// Whether a label only names which of several replicas has measured something.
    pub(super) fn is_replica(&self, label: &str) -> bool {
        self.replica_labels.iter().any(|own| own == label)
    }

    /// The rules for a metric.
    pub(super) fn of(&self, metric: &str) -> &'_ [Rule] {
        self.by_metric.get(metric).map_or(&[], Vec::as_slice)
    }

    /// Whether a metric is looked at.
    pub fn names(&self, metric: &str) -> bool {
        self.by_metric.contains_key(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_they_say() {
        for (pattern, fitting, other) in [
            ("5*", vec!["500", "5"], vec!["", "404"]),
            ("prod|staging", vec!["prod", "staging"], vec!["production", ""]),
            ("!idle", vec!["user", ""], vec!["idle"]),
            ("a*b*c", vec!["abc", "a-b-b-c"], vec!["ac", "abcd"]),
            ("*", vec!["", "x"], vec![]),
            ("", vec![""], vec!["x"]),
            ("aa*aa", vec!["aaaa", "aa-aa"], vec!["aaa"]),
        ] {
            let of = Pattern::new(pattern);
            fitting.iter().for_each(|text| assert!(of.matches(text), "{pattern}: {text}"));
            other.iter().for_each(|text| assert!(!of.matches(text), "{pattern}: {text}"));
        }
    }
}
