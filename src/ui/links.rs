//! Owns the addresses of the pages and forms. Must not know what they show.

use super::format::rfc3339;
use super::timeline_filter::TimelineQuery;
use crate::domain::input::Input;

pub const PAGE: &str = "/founder/scaling-mode";

/// Where the settings are edited.
pub const SETTINGS: &str = "/founder/scaling-mode/settings";

/// Where founders say who may do what.
pub const PEOPLE: &str = "/founder/scaling-mode/people";

/// One's own account.
pub const ACCOUNT: &str = "/founder/account";

/// The way to the provider by which one may sign in.
pub const PROVIDER: &str = "/founder/sign-in/provider";

/// The same, with where to go on to afterwards.
pub fn provider_then(next: Option<&str>) -> String {
    next.map_or_else(|| PROVIDER.to_owned(), |next| format!("{PROVIDER}?next={}", escape(next)))
}

/// The same, to join by the link of an invitation.
pub fn provider_join(link: &str) -> String {
    format!("{PROVIDER}?join={}", escape(link))
}

/// Where one signs in.
pub const SIGN_IN: &str = "/founder/sign-in";

/// Where a form posts to.
pub fn form(name: &str) -> String {
    format!("/api/scaling-mode/forms/{name}")
}

/// The founder's page of an environment.
pub fn page(environment: &str) -> String {
    format!("{PAGE}?environment={}", escape(environment))
}

/// The page of the backtest, where its form leads to as well.
pub const BACKTEST: &str = "/founder/scaling-mode/backtest";

/// The backtest of an environment, with what is in force in its form.
pub fn backtest(environment: &str) -> String {
    format!("{BACKTEST}?environment={}", escape(environment))
}

/// The founder's page with its timeline narrowed and paged.
pub fn timeline(environment: &str, asked: &TimelineQuery) -> String {
    let mut link = page(environment);
    let before = asked.before.map(|before| before.to_string());
    for (name, value) in [
        ("type", &asked.event_type),
        ("actor", &asked.actor),
        ("from", &asked.from),
        ("to", &asked.to),
        ("before", &before),
    ] {
        if let Some(value) = value {
            link.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    link.push_str("#history");
    link
}

/// The rules, worked through under an environment's policy.
pub fn rules(environment: &str) -> String {
    format!("{PAGE}/rules?environment={}", escape(environment))
}

/// The connections after one of them by name.
pub fn connections_after(environment: &str, name: &str) -> String {
    format!("{}&after={}", connections(environment), escape(name))
}

/// The sources of an environment.
pub fn connections(environment: &str) -> String {
    format!("{PAGE}/connections?environment={}", escape(environment))
}

/// One event.
pub fn event(environment: &str, seq: u64) -> String {
    format!("{PAGE}/events/{seq}?environment={}", escape(environment))
}

/// Where two snapshots are compared.
pub const COMPARE: &str = "/founder/scaling-mode/compare";

/// A snapshot beside the newest of its environment.
pub fn compare_with_newest(id: &str) -> String {
    format!("{COMPARE}?from={}", escape(id))
}

/// The founder's page with charts over so many days.
pub fn over_time(environment: &str, days: u32) -> String {
    format!("{}&range={days}#over-time", page(environment))
}

pub fn snapshot(id: &str) -> String {
    format!("{PAGE}/snapshots/{}", escape(id))
}

/// The samples behind an input.
pub fn samples(environment: &str, input: &Input) -> String {
    let severity = input.severity.map_or_else(String::new, |severity| format!("&severity={}", severity.name()));
    format!(
        "{PAGE}/samples?environment={}&signal={}{severity}&from={}&to={}",
        escape(environment),
        input.signal,
        escape(&rfc3339(input.window.from)),
        escape(&rfc3339(input.window.to)),
    )
}

/// The settings of an environment.
pub fn settings(environment: &str) -> String {
    format!("{SETTINGS}?environment={}", escape(environment))
}

/// The settings filled with an earlier version, with what that changes.
pub fn restore(environment: &str, version: u64) -> String {
    format!("{}&restore={version}&review=1", settings(environment))
}

/// The page that what-ifs are tried on.
pub const WHAT_IF: &str = "/founder/scaling-mode/what-if";

/// A scenario: what it changes, by name.
pub fn what_if(environment: &str, pairs: &[(String, String)]) -> String {
    with_pairs(WHAT_IF, environment, pairs)
}

/// The edit form of the policy, filled with these fields.
pub fn settings_with(environment: &str, pairs: &[(String, String)]) -> String {
    with_pairs(SETTINGS, environment, pairs)
}

fn with_pairs(path: &str, environment: &str, pairs: &[(String, String)]) -> String {
    let mut link = format!("{path}?environment={}", escape(environment));
    for (name, text) in pairs {
        for part in ["&", &escape(name), "=", &escape(text)] {
            link.push_str(part);
        }
    }
    link
}

/// A text as a part of an address.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 1.2.2.
    #[test]
    fn a_value_in_an_address_cannot_leave_its_place() {
        let asked =
            TimelineQuery { event_type: Some("frozen".to_owned()), before: Some(7), ..TimelineQuery::default() };
        assert_eq!(page("a&b=c#d e"), "/founder/scaling-mode?environment=a%26b%3Dc%23d%20e");
        assert_eq!(timeline("demo", &asked), "/founder/scaling-mode?environment=demo&type=frozen&before=7#history");
        assert_eq!(
            what_if("demo", &[("inputs.clients".to_owned(), "1&4".to_owned())]),
            "/founder/scaling-mode/what-if?environment=demo&inputs.clients=1%264"
        );
    }
}
