//! Owns the cookies of sign-in: what they are called and how they are set. Must not know what is in them.

use axum::http::{HeaderMap, HeaderValue, header};

/// The session. The prefix makes browsers keep it only if it came over HTTPS (or from this machine) for this very host.
const SESSION: &str = "__Host-scaling-mode";
/// What tells a browser in which somebody has signed in before.
const DEVICE: &str = "__Host-scaling-mode-device";

/// For how long the browser keeps the session's cookie at most, in seconds: as long as the server keeps the session.
const SESSION_LASTS: u32 = 30 * 24 * 60 * 60;

/// For how long a browser is known, in seconds: a year.
const DEVICE_LASTS: u32 = 31_536_000;

/// What was shared, beside a session of one's own.
const SHARE: &str = "__Host-scaling-mode-share";
/// A secret that is shown once.
const SHOWN: &str = "__Host-scaling-mode-made";

/// A form that was posted without a session.
const UNSENT: &str = "__Host-scaling-mode-unsent";
/// For how long it waits, in seconds.
const UNSENT_WAITS: u32 = 15 * 60;

/// What tells the browser that was sent to a provider.
const FLOW: &str = "__Host-scaling-mode-flow";

/// Marks a browser that is sent to a provider, for ten minutes.
pub fn with_flow(secret: &str) -> HeaderValue {
    cookie(FLOW, secret, "; Max-Age=600")
}

/// The mark of a browser that comes back.
pub fn flow(headers: &HeaderMap) -> Option<&str> {
    value(headers, FLOW)
}

/// Takes the mark away.
pub fn without_flow() -> HeaderValue {
    cookie(FLOW, "", "; Max-Age=0")
}

/// The session that the request came with.
pub fn session(headers: &HeaderMap) -> Option<&str> {
    value(headers, SESSION)
}

/// What the request shows that was shared.
pub fn share(headers: &HeaderMap) -> Option<&str> {
    value(headers, SHARE)
}

/// Begins a reading of what was shared.
pub fn with_share(secret: &str) -> HeaderValue {
    cookie(SHARE, secret, &format!("; Max-Age={SESSION_LASTS}"))
}

/// Ends it.
pub fn without_share() -> HeaderValue {
    cookie(SHARE, "", "; Max-Age=0")
}

/// What tells the browser.
pub fn device(headers: &HeaderMap) -> Option<&str> {
    value(headers, DEVICE)
}

/// A cookie's value. One that is there twice was put there by somebody else: then none counts.
pub fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(own, value)| *own == name && !value.is_empty())
        .map(|(_, value)| value);
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

fn cookie(name: &str, value: &str, max_age: &str) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{max_age}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Begins a session in the browser. The server ends it.
pub fn with_session(secret: &str) -> HeaderValue {
    cookie(SESSION, secret, &format!("; Max-Age={SESSION_LASTS}"))
}

/// Ends the session in the browser.
pub fn without_session() -> HeaderValue {
    cookie(SESSION, "", "; Max-Age=0")
}

/// Tells the browser by which it is known again.
pub fn with_device(secret: &str) -> HeaderValue {
    cookie(DEVICE, secret, &format!("; Max-Age={DEVICE_LASTS}"))
}

/// Carries a secret to the page that shows it, for a minute.
pub fn with_shown(text: &str) -> HeaderValue {
    cookie(SHOWN, text, "; Max-Age=60")
}

/// The secret that a page is to show.
pub fn shown(headers: &HeaderMap) -> Option<&str> {
    value(headers, SHOWN)
}

/// Forgets a secret that was shown.
pub fn without_shown() -> HeaderValue {
    cookie(SHOWN, "", "; Max-Age=0")
}

/// Keeps a form that was posted without a session, until somebody signs in.
pub fn with_unsent(text: &str) -> HeaderValue {
    cookie(UNSENT, text, &format!("; Max-Age={UNSENT_WAITS}"))
}

/// The form that waits.
pub fn unsent(headers: &HeaderMap) -> Option<&str> {
    value(headers, UNSENT)
}

/// Forgets it.
pub fn without_unsent() -> HeaderValue {
    cookie(UNSENT, "", "; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static(text));
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_only_if_it_is_there_once() {
        assert_eq!(session(&with("a=b; __Host-scaling-mode=x; c=d")), Some("x"));
        assert_eq!(session(&with("__Host-scaling-mode-device=x")), None);
        assert_eq!(session(&with("scaling-mode=x")), None);
        assert_eq!(session(&with("__Host-scaling-mode=x; __Host-scaling-mode=y")), None);
        assert_eq!(session(&with("__Host-scaling-mode=")), None);
    }

    /// ASVS 3.3.1, 3.3.2, 3.3.3, 3.3.4.
    #[test]
    fn a_cookie_is_for_this_host_only_and_no_script_reads_it() {
        for cookie in
            [with_session("s"), without_session(), with_device("d"), with_flow("f"), with_share("g"), with_unsent("h")]
        {
            let text = cookie.to_str().unwrap();
            assert!(text.starts_with("__Host-"), "{text}");
            for needed in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                assert!(text.contains(needed), "{text}");
            }
            assert!(!text.contains("Domain"), "{text}");
        }
    }
}
