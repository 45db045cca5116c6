//! The commands of the checklist: each sends one signal, or the service's signals together, so that they count in the next answer. A number
//! counts only where its source has said since when and up to when it has all. Must not invent a number.

use crate::domain::input::InputState;
use crate::domain::policy::Windows;
use crate::domain::signal::{Signal, Unit};
use crate::views::overview::ChecklistItem;

/// A command, and the signal that it is shown with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What its numbers are.
    pub meaning: String,
    /// The place of the item in the checklist.
    pub place: usize,
    pub text: String,
}

/// The commands for the signals that do not count yet. Requests, errors and latency are read over the same time, so they are sent together,
/// by the command of the first of them.
pub fn commands(
    environment: &str,
    base_url: &str,
    items: &[ChecklistItem],
    windows: &Windows,
    needs_token: bool,
) -> Vec<Command> {
    let is_open = |item: &ChecklistItem| !item.connected && item.state != InputState::NotApplicable;
    let is_of_service =
        |signal: Signal| matches!(signal, Signal::InfraRequests | Signal::InfraErrors | Signal::InfraLatency);
    let to = Sending { base_url, environment, needs_token };
    let open: Vec<(usize, &ChecklistItem)> = items.iter().enumerate().filter(|(_, item)| is_open(item)).collect();
    let service: Vec<(usize, &ChecklistItem)> =
        open.iter().copied().filter(|(_, item)| is_of_service(item.signal)).collect();
    let single = open.into_iter().filter(|(_, item)| !is_of_service(item.signal));
    let mut all: Vec<Command> = single.map(|(place, item)| one(place, item, windows, to)).collect();
    if let Some((place, _)) = service.first() {
        let signals: Vec<Signal> = service.iter().map(|(_, item)| item.signal).collect();
        all.push(of_service(*place, &signals, windows, to));
    }
    all
}

/// Where a command sends to.
#[derive(Clone, Copy)]
struct Sending<'a> {
    base_url: &'a str,
    environment: &'a str,
    needs_token: bool,
}

impl Sending<'_> {
    /// A command that posts a batch: its parts besides environment and source, and its samples.
    fn command(self, parts: &str, samples: &[String]) -> String {
        let token = if self.needs_token { " -H 'Authorization: Bearer YOUR_TOKEN'" } else { "" };
        let samples = samples.join(",\n    ");
        // Of GNU, BusyBox and BSD, each reads seconds in one of these ways.
        format!(
            "T=$(date +%s); at() {{ date -u -d \"@$1\" +%FT%TZ 2>/dev/null || date -u -r \"$1\" +%FT%TZ; }}\n\
             curl -X POST {}/api/telemetry{token} -H 'Content-Type: application/json' -d '{{\n  \"environment\": \"{}\", \"source\": \"my-script\",{parts}\n  \"samples\": [\n    {samples}]}}'",
            self.base_url, self.environment,
        )
    }
}

/// Now and so many seconds ago, as a command has them.
const NOW: &str = "'$(at $T)'";
fn ago(seconds: u64) -> String {
    format!("'$(at $((T - {seconds})))'")
}

fn sample(signal: Signal, at: &str, value: &str, more: &str) -> String {
    // People read shares as percentages.
    let unit = if signal.unit() == Unit::Ratio { Unit::Percent } else { signal.unit() };
    format!("{{\"signal\": \"{signal}\", \"at\": \"{at}\", \"value\": {value}, \"unit\": \"{unit}\"{more}}}")
}

fn one(place: usize, item: &ChecklistItem, windows: &Windows, to: Sending) -> Command {
    let hours = windows.sum_window_hours;
    let minutes = windows.infra_window_minutes;
    let (meaning, parts, more) = match item.signal {
        Signal::PostsPublished | Signal::AiSpend => {
            let what = if item.signal == Signal::AiSpend {
                "what AI has cost, in USD,"
            } else {
                "how many posts were published"
            };
            (
                format!(
                    "YOUR_NUMBER is {what} in the last {hours} hours. The next time, send only what has come since."
                ),
                format!(" \"covers_from\": \"{}\", \"data_through\": \"{NOW}\",", ago(u64::from(hours) * 3_600)),
                String::new(),
            )
        }
        Signal::InfraCpu => (
            format!("YOUR_NUMBER is the average CPU use of the last {minutes} minutes, in percent."),
            format!(" \"step_seconds\": {},", u64::from(minutes) * 60),
            String::new(),
        ),
        signal => {
            let severity =
                item.severity.map_or_else(String::new, |severity| format!(", \"severity\": \"{}\"", severity.name()));
            let what = match signal {
                Signal::ClientsActive => "how many clients you have",
                Signal::ClientsAtRisk => "how many of your clients may leave",
                _ => "how many warnings of this severity are open",
            };
            (format!("YOUR_NUMBER is {what} now."), String::new(), severity)
        }
    };
    let samples = [sample(item.signal, NOW, "YOUR_NUMBER", &more)];
    Command { meaning, place, text: to.command(&parts, &samples) }
}

/// The service over all the time that is looked back on: the newest window by itself, and all before it.
fn of_service(place: usize, signals: &[Signal], windows: &Windows, to: Sending) -> Command {
    let window = u64::from(windows.infra_window_minutes) * 60;
    let days = u64::from(windows.evidence_max_days);
    let parts = format!(" \"covers_from\": \"{}\", \"data_through\": \"{NOW}\",", ago(days * 86_400));
    let samples: Vec<String> = signals
        .iter()
        .flat_map(|signal| {
            let (name, is_latency) = match signal {
                Signal::InfraRequests => ("REQUESTS", false),
                Signal::InfraErrors => ("ERRORS", false),
                _ => ("P95_MS", true),
            };
            [("BEFORE", ago(window)), ("NEWEST", NOW.to_owned())].map(|(when, at)| {
                let count = if is_latency {
                    format!(", \"aggregation\": \"p95\", \"count\": {when}_REQUESTS")
                } else {
                    String::new()
                };
                sample(*signal, &at, &format!("{when}_{name}"), &count)
            })
        })
        .collect();
    let minutes = windows.infra_window_minutes;
    let of = signals.iter().map(|signal| match signal {
        Signal::InfraRequests => "REQUESTS counts requests",
        Signal::InfraErrors => "ERRORS counts failed requests",
        _ => "P95_MS is the 95th percentile of the latency in milliseconds",
    });
    let of = of.collect::<Vec<_>>().join(", ");
    let meaning = format!(
        "Requests, errors and latency are sent together. NEWEST_ is the last {minutes} minutes, BEFORE_ the {days} days before now without these minutes. {of}. The next time, send only what has come since."
    );
    Command { meaning, place, text: to.command(&parts, &samples) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signal::Series;

    fn items() -> Vec<ChecklistItem> {
        Series::ALL
            .into_iter()
            .map(|series| ChecklistItem {
                connected: false,
                data_through: None,
                severity: series.severity(),
                signal: series.signal(),
                sources: vec![],
                state: InputState::Missing,
                unit: series.signal().unit(),
            })
            .collect()
    }

    #[test]
    fn every_signal_that_does_not_count_has_a_command_and_none_works_without_a_number_of_ones_own() {
        let all = commands("production", "http://localhost:3008", &items(), &Windows::default(), false);
        let texts: String = all.iter().map(|command| command.text.as_str()).collect();
        for series in Series::ALL {
            assert!(texts.contains(&format!("\"{}\"", series.signal())), "{series:?}");
        }
        assert_eq!(all.len(), Series::ALL.len() - 2, "three of the service's signals share one");
        for command in &all {
            let body = command.text.split_once("-d '").unwrap().1.trim_end_matches('\'');
            let body = body.replace("'$(at $T)'", "x");
            assert!(serde_json::from_str::<serde_json::Value>(&body).is_err(), "{body}");
            assert!(!command.text.contains("YOUR_TOKEN"));
        }
    }

    #[test]
    fn what_is_connected_or_not_there_has_no_command_and_a_token_has_its_place() {
        let mut items = items();
        for item in &mut items {
            match item.signal {
                Signal::InfraCpu | Signal::InfraRequests | Signal::InfraErrors => {
                    item.state = InputState::NotApplicable
                }
                Signal::InfraLatency => {}
                _ => item.connected = true,
            }
        }
        let all = commands("trial", "https://scaling.example", &items, &Windows::default(), true);
        let [only] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(items[only.place].signal, Signal::InfraLatency);
        assert!(only.text.contains("-H 'Authorization: Bearer YOUR_TOKEN'"), "{}", only.text);
        assert!(only.text.contains("https://scaling.example/api/telemetry"), "{}", only.text);
    }
}
