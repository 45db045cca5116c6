//! Owns the rules that hold where a founder has set none: OpenTelemetry's semantic conventions, under their own names and
//! under those that they have in Prometheus, and the engine's own names.
//!
//! Sources: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>,
//! <https://opentelemetry.io/docs/specs/semconv/system/system-metrics/>,
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>,
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>.

use super::super::signal::Series;
use super::rules::{Combine, Matcher, Pattern, Rule, Take};

/// The names that the duration of HTTP requests goes by, with the label that holds the response's status.
const REQUESTS: [(&str, &str); 4] = [
    ("http.server.request.duration", "http.response.status_code"),
    ("http_server_request_duration_seconds", "http_response_status_code"),
    // The conventions before their version 1.23.
    ("http.server.duration", "http.status_code"),
    ("http_server_duration_milliseconds", "http_status_code"),
];

/// The names of the share of a processor's time by state, with the label that holds the state.
const PROCESSORS: [&str; 2] = ["system.cpu.utilization", "system_cpu_utilization_ratio"];

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for (metric, status) in REQUESTS {
        rules.push(Rule::new(metric, Series::InfraLatency, Take::Latency));
        rules.push(Rule::new(metric, Series::InfraRequests, Take::Count));
        let failed = Matcher { label: status.to_owned(), pattern: Pattern::new("5*") };
        rules.push(Rule { matches: vec![failed], ..Rule::new(metric, Series::InfraErrors, Take::Count) });
    }
    for metric in PROCESSORS {
        rules.push(Rule::new(metric, Series::InfraCpu, Take::Busy));
    }
    for metric in ["gen_ai.client.token.usage", "gen_ai_client_token_usage_sum"] {
        rules.push(Rule::new(metric, Series::AiSpend, Take::Tokens));
    }
    for series in Series::ALL {
        let name = series.signal().name();
        for metric in [format!("scaling_mode.{name}"), format!("scaling_mode_{}", name.replace('.', "_"))] {
            let rule = Rule::new(&metric, series, Rule::usual_take(series));
            let severity = series.severity();
            let matches = severity
                .map(|severity| Matcher { label: "severity".to_owned(), pattern: Pattern::new(severity.name()) })
                .into_iter()
                .collect();
            let combine = (series == Series::InfraCpu).then_some(Combine::Mean);
            rules.push(Rule { combine, matches, ..rule });
        }
    }
    rules
}
