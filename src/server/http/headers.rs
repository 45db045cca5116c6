//! Owns what every answer tells a browser not to do with it, whoever made the answer, refusals included. Must not know what was
//! asked.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What an answer gets that says nothing else itself. Pages have a policy of their own.
const UNLESS_SAID: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// Nothing here is for search engines, whatever leads to it.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

const ALWAYS: [(HeaderName, &str); 4] = [
    (ROBOTS, "noindex, nofollow, noarchive"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Adds them.
pub fn protect(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in UNLESS_SAID {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    name_charset(headers);
}

/// Text and XML say their charset, so that no browser guesses it. JSON and streams of events have only one.
fn name_charset(headers: &mut HeaderMap) {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return };
    let is_text = kind.starts_with("text/") || kind.ends_with("+xml") || kind.ends_with("/xml");
    if is_text
        && !kind.contains("charset=")
        && kind != "text/event-stream"
        && let Ok(named) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        headers.insert(header::CONTENT_TYPE, named);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 4.1.1.
    #[test]
    fn text_of_every_kind_says_its_charset_once() {
        for (kind, told) in [
            ("text/css", "text/css; charset=utf-8"),
            ("text/javascript", "text/javascript; charset=utf-8"),
            ("text/plain", "text/plain; charset=utf-8"),
            ("text/event-stream", "text/event-stream"),
            ("image/svg+xml", "image/svg+xml; charset=utf-8"),
            ("text/html; charset=utf-8", "text/html; charset=utf-8"),
            ("application/json", "application/json"),
            ("application/problem+json", "application/problem+json"),
            ("application/wasm", "application/wasm"),
            ("image/png", "image/png"),
        ] {
            let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
            protect(&mut headers);
            assert_eq!(headers[header::CONTENT_TYPE], told);
        }
        let mut without = HeaderMap::new();
        protect(&mut without);
        assert!(!without.contains_key(header::CONTENT_TYPE));
    }
}
