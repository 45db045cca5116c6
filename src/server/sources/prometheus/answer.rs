//! Owns what a Prometheus answers, and what others answer that speak its interface: Thanos, Mimir and VictoriaMetrics say in it that
//! an answer is partial. A number that cannot be read costs no other.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest words of another system that are repeated, in characters.
const LONGEST: usize = 300;

#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: Option<Value>,
    /// What Prometheus has to say of the query, such as that a histogram had to be put right.
    #[serde(default)]
    infos: Option<Value>,
    /// Of VictoriaMetrics: some of its storage did not answer.
    #[serde(default, rename = "isPartial")]
    is_partial: Option<Value>,
    /// What Prometheus, Thanos and Mimir left out.
    #[serde(default)]
    warnings: Option<Value>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Series>,
    #[serde(default, rename = "resultType")]
    kind: String,
}

#[derive(Deserialize)]
pub(super) struct Series {
    /// Native histograms, which are not read.
    #[serde(default)]
    pub histograms: Vec<IgnoredAny>,
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    pub values: Vec<(Said, Said)>,
}

/// A time or a value as it was written.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Said {
    Number(f64),
    Text(String),
    Other(IgnoredAny),
}

impl Said {
    pub fn number(&self) -> Option<f64> {
        match self {
            Said::Number(number) => Some(*number),
            Said::Text(text) => text.trim().parse().ok(),
            Said::Other(_) => None,
        }
    }
}

impl Answer {
    /// Why it is not the whole answer, if it says so.
    pub fn partial(&self) -> Option<String> {
        let said = [&self.warnings, &self.infos].into_iter().flatten().find_map(words);
        let is_partial = match &self.is_partial {
            Some(Value::Bool(is_partial)) => *is_partial,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        said.or_else(|| is_partial.then(|| "isPartial".to_owned()))
    }

    /// What it says went wrong.
    pub fn error(&self) -> Option<String> {
        self.error.as_ref().and_then(words)
    }

    pub fn kind(&self) -> &str {
        self.data.as_ref().map_or("", |data| &data.kind)
    }

    pub fn series(&self) -> &[Series] {
        self.data.as_ref().map_or(&[], |data| &data.result)
    }
}

impl Series {
    /// Its labels without its name.
    pub fn labels(&self) -> Vec<(&str, &str)> {
        let own = self.metric.iter().filter(|(name, _)| *name != "__name__");
        own.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// The words of a text or of a list of texts; `None` where nothing is said.
fn words(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null | Value::Bool(false) => return None,
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(words).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    };
    let text: String = text.chars().filter(|character| !character.is_control()).take(LONGEST).collect();
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rest: &str) -> Answer {
        let body = format!(r#"{{"status": "success", "data": {{"resultType": "matrix", "result": []}}{rest}}}"#);
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn every_way_to_say_that_an_answer_is_partial_is_heard() {
        for (rest, said) in [
            (r#", "warnings": ["a store did not answer", "nor another"]"#, "a store did not answer; nor another"),
            (r#", "warnings": "a store did not answer""#, "a store did not answer"),
            (r#", "infos": ["input to histogram_quantile needed to be fixed"]"#, "input to histogram_quantile needed"),
            (r#", "isPartial": true"#, "isPartial"),
            (r#", "isPartial": "true""#, "isPartial"),
            (r#", "isPartial": true, "warnings": ["2 of 3 nodes"]"#, "2 of 3 nodes"),
        ] {
            let partial = answer(rest).partial().unwrap_or_default();
            assert!(partial.starts_with(said), "{rest}: {partial}");
        }
        for rest in
            ["", r#", "warnings": null"#, r#", "warnings": []"#, r#", "infos": [""]"#, r#", "isPartial": false"#]
        {
            assert_eq!(answer(rest).partial(), None, "{rest}");
        }
    }

    #[test]
    fn one_value_that_cannot_be_read_costs_no_other() {
        let body = r#"{"data": {"resultType": "matrix", "result": [{"metric": {"__name__": "up", "job": "shop"},
            "values": [[1, "2"], [2, null], [3, 4], ["5", "NaN"], [6, "many"], [7, {"a": []}]]}]}}"#;
        let answer: Answer = serde_json::from_str(body).unwrap();
        let series = &answer.series()[0];
        let numbers: Vec<Option<String>> =
            series.values.iter().map(|(_, value)| value.number().map(|number| number.to_string())).collect();
        let texts: Vec<Option<&str>> = numbers.iter().map(Option::as_deref).collect();
        assert_eq!(texts, [Some("2"), None, Some("4"), Some("NaN"), None, None]);
        assert_eq!((series.values[3].0.number(), series.labels()), (Some(5.0), vec![("job", "shop")]));
    }
}
