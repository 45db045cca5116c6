//! Owns the addresses of the pages and forms. Must not know what stands on them.

use super::format::rfc3339;
use crate::domain::input::Input;

pub const PAGE: &str = "/founder/scaling-mode";

/// Where a form posts to.
pub fn form(name: &str) -> String {
    format!("/api/scaling-mode/forms/{name}")
}

/// The founder's page of an environment.
pub fn page(environment: &str) -> String {
    format!("{PAGE}?environment={}", escape(environment))
}

/// The founder's page with its timeline narrowed and paged.
pub fn timeline(environment: &str, event_type: Option<&str>, before: Option<u64>) -> String {
    let mut link = page(environment);
    if let Some(event_type) = event_type {
        link.push_str("&type=");
        link.push_str(&escape(event_type));
    }
    if let Some(before) = before {
        link.push_str(&format!("&before={before}"));
    }
    link.push_str("#history");
    link
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

/// The page that what-ifs are tried on.
pub const WHAT_IF: &str = "/founder/scaling-mode/what-if";

/// A scenario: what it changes, by name.
pub fn what_if(environment: &str, pairs: &[(String, String)]) -> String {
    with_pairs(WHAT_IF, environment, pairs)
}

/// The edit form of the policy, filled with these fields.
pub fn settings_with(environment: &str, pairs: &[(String, String)]) -> String {
    with_pairs("/founder/scaling-mode/settings", environment, pairs)
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
fn escape(text: &str) -> String {
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

    #[test]
    fn what_stands_in_an_address_cannot_leave_its_place() {
        assert_eq!(page("a&b=c#d e"), "/founder/scaling-mode?environment=a%26b%3Dc%23d%20e");
        assert_eq!(
            timeline("demo", Some("frozen"), Some(7)),
            "/founder/scaling-mode?environment=demo&type=frozen&before=7#history"
        );
        assert_eq!(
            what_if("demo", &[("inputs.clients".to_owned(), "1&4".to_owned())]),
            "/founder/scaling-mode/what-if?environment=demo&inputs.clients=1%264"
        );
    }
}
