//! Owns what each path asks for before it opens: nothing, somebody, or a permission. A path that is not listed opens to nobody but for
//! the page's own files. Must not know who is asking.

use crate::domain::access::Permission;
use axum::http::Method;

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Any one of these permissions, in whichever environment; the environment is asked about where it is known.
    Needs(&'static [Permission]),
    /// Nothing: what is there proves by itself who may have it, or is everybody's.
    Open,
    /// Somebody, whoever it is.
    SignedIn,
}

use Door::{Needs, Open, SignedIn};
use Permission::{
    AddSources, ChangeMode, ChangePolicy, Evaluate, Freeze, ManageAccess, OperateSources, Read, ReadMetrics,
    ReadShared, SendTelemetry,
};

/// A path with its method. A star at a path's end stands for anything that is longer.
pub struct Entry {
    pub method: Method,
    pub path: &'static str,
    pub door: Door,
}

const fn get(path: &'static str, door: Door) -> Entry {
    Entry { method: Method::GET, path, door }
}
const fn post(path: &'static str, door: Door) -> Entry {
    Entry { method: Method::POST, path, door }
}
const fn put(path: &'static str, door: Door) -> Entry {
    Entry { method: Method::PUT, path, door }
}

/// All that is served under `/api`, `/founder` and the protocols' own paths.
pub const ENTRIES: &[Entry] = &[
    // Pages.
    get("/founder/scaling-mode", Needs(&[Read])),
    get("/founder/scaling-mode/snapshots/*", Needs(&[Read])),
    get("/founder/scaling-mode/compare", Needs(&[Read])),
    get("/founder/scaling-mode/connections", Needs(&[Read])),
    get("/founder/scaling-mode/events/*", Needs(&[Read])),
    get("/founder/scaling-mode/backtest", Needs(&[Read])),
    get("/founder/scaling-mode/settings", Needs(&[Read])),
    get("/founder/scaling-mode/rules", Needs(&[Read])),
    get("/founder/scaling-mode/samples", Needs(&[Read])),
    get("/founder/scaling-mode/what-if", Needs(&[Read])),
    get("/founder/scaling-mode/people", Needs(&[ManageAccess])),
    get("/founder/account", SignedIn),
    get("/founder/account/codes", SignedIn),
    get("/founder/shared", Needs(&[ReadShared])),
    get("/founder/unsent", SignedIn),
    get("/founder/sign-in", Open),
    get("/founder/sign-in/code", Open),
    get("/founder/sign-in/provider", Open),
    get("/founder/sign-in/callback", Open),
    get("/founder/join/*", Open),
    get("/founder/share/*", Open),
    post("/founder/theme", Open),
    // What the pages are made from.
    get("/api/scaling-mode/page", Needs(&[Read])),
    get("/api/scaling-mode/page/backtest", Needs(&[Read])),
    get("/api/scaling-mode/event", Needs(&[Read])),
    get("/api/scaling-mode/snapshot", Needs(&[Read])),
    get("/api/scaling-mode/rules", Needs(&[Read])),
    get("/api/scaling-mode/compare", Needs(&[Read])),
    get("/api/scaling-mode/what-if", Needs(&[Read])),
    get("/api/scaling-mode/settings", Needs(&[Read])),
    get("/api/scaling-mode/connections", Needs(&[Read])),
    get("/api/scaling-mode/source-form", Needs(&[Read])),
    get("/api/scaling-mode/styleguide", SignedIn),
    get("/api/scaling-mode/people", Needs(&[ManageAccess])),
    get("/api/scaling-mode/account", SignedIn),
    get("/api/scaling-mode/codes", SignedIn),
    get("/api/scaling-mode/shared", Needs(&[ReadShared])),
    get("/api/scaling-mode/unsent", SignedIn),
    get("/api/scaling-mode/join", Open),
    get("/api/scaling-mode/share", Open),
    get("/api/scaling-mode/sign-in", Open),
    get("/api/scaling-mode/sign-in-code", Open),
    // The endpoints.
    get("/api/openapi.json", Open),
    get("/api/scaling-mode/config", Needs(&[Read])),
    put("/api/scaling-mode/config", Needs(&[ChangeMode, ChangePolicy, Freeze])),
    get("/api/scaling-mode/health", Needs(&[Read])),
    post("/api/scaling-mode/health", Needs(&[Evaluate])),
    get("/api/scaling-mode/history", Needs(&[Read])),
    get("/api/scaling-mode/samples", Needs(&[Read])),
    get("/api/scaling-mode/events", Needs(&[Read])),
    post("/api/scaling-mode/backtest", Needs(&[Read])),
    post("/api/scaling-mode/sources", Needs(&[AddSources, OperateSources])),
    // Forms.
    post("/api/scaling-mode/forms/evaluate", Needs(&[Evaluate])),
    post("/api/scaling-mode/forms/set-mode", Needs(&[ChangeMode])),
    post("/api/scaling-mode/forms/freeze", Needs(&[Freeze])),
    post("/api/scaling-mode/forms/unfreeze", Needs(&[Freeze])),
    post("/api/scaling-mode/forms/auto-mode", Needs(&[ChangeMode])),
    post("/api/scaling-mode/forms/accept-proposal", Needs(&[ChangeMode])),
    post("/api/scaling-mode/forms/dismiss-proposal", Needs(&[ChangeMode])),
    post("/api/scaling-mode/forms/update", Needs(&[ChangePolicy])),
    post("/api/scaling-mode/forms/ask-source", Needs(&[OperateSources])),
    post("/api/scaling-mode/forms/add-source", Needs(&[AddSources])),
    post("/api/scaling-mode/forms/add-signal", Needs(&[AddSources])),
    post("/api/scaling-mode/forms/remove-source", Needs(&[OperateSources])),
    post("/api/scaling-mode/forms/retire-source", Needs(&[AddSources])),
    post("/api/scaling-mode/forms/close-alert", Needs(&[AddSources])),
    post("/api/scaling-mode/forms/end-client", Needs(&[AddSources])),
    post("/api/scaling-mode/forms/sign-in", Open),
    post("/api/scaling-mode/forms/sign-in-code", Open),
    post("/api/scaling-mode/forms/begin-passkey-sign-in", Open),
    post("/api/scaling-mode/forms/passkey-sign-in", Open),
    post("/api/scaling-mode/forms/sign-out", SignedIn),
    post("/api/scaling-mode/forms/join", Open),
    post("/api/scaling-mode/forms/open-share", Open),
    post("/api/scaling-mode/forms/end-session", SignedIn),
    post("/api/scaling-mode/forms/change-password", SignedIn),
    post("/api/scaling-mode/forms/begin-codes", SignedIn),
    post("/api/scaling-mode/forms/confirm-codes", SignedIn),
    post("/api/scaling-mode/forms/end-codes", SignedIn),
    post("/api/scaling-mode/forms/begin-passkey", SignedIn),
    post("/api/scaling-mode/forms/add-passkey", SignedIn),
    post("/api/scaling-mode/forms/remove-passkey", SignedIn),
    post("/api/scaling-mode/forms/allow-provider", SignedIn),
    post("/api/scaling-mode/forms/disconnect-provider", SignedIn),
    post("/api/scaling-mode/forms/invite", Needs(&[ManageAccess])),
    post("/api/scaling-mode/forms/set-role", Needs(&[ManageAccess])),
    post("/api/scaling-mode/forms/disable-person", Needs(&[ManageAccess])),
    post("/api/scaling-mode/forms/reset-proofs", Needs(&[ManageAccess])),
    post("/api/scaling-mode/forms/make-token", Needs(&[ManageAccess])),
    post("/api/scaling-mode/forms/revoke-token", Needs(&[ManageAccess])),
    post("/api/scaling-mode/forms/make-share-link", Needs(&[ManageAccess])),
    post("/api/scaling-mode/forms/revoke-share-link", Needs(&[ManageAccess])),
    // What is sent.
    post("/api/telemetry", Needs(&[SendTelemetry])),
    post("/api/alertmanager", Needs(&[SendTelemetry])),
    post("/api/v1/write", Needs(&[SendTelemetry])),
    post("/v1/metrics", Needs(&[SendTelemetry])),
    // Signed by Stripe with a secret that only the two know.
    post("/api/stripe", Open),
    get("/metrics", Needs(&[ReadMetrics])),
];

/// A path as it may be written to the log: the last part of some is a secret, so that only the pattern is written.
pub fn template(path: &str) -> &'static str {
    ENTRIES.iter().find(|entry| fits(entry.path, path)).map_or("(another path)", |entry| entry.path)
}

/// What a request to this path asks for.
pub fn door(method: &Method, path: &str) -> Door {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let listed = ENTRIES.iter().find(|entry| entry.method == *method && fits(entry.path, path));
    if let Some(entry) = listed {
        return entry.door;
    }
    let holds_more = ["/api/", "/founder", "/v1/", "/metrics"].iter().any(|prefix| path.starts_with(prefix));
    // The page's own files, the probes and the way to the page. Whatever is not there says so to everybody.
    if *method == Method::GET && !holds_more { Open } else { SignedIn }
}

fn fits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.len() > beginning.len() && path.starts_with(beginning),
        None => pattern == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_opens_to_nobody_who_is_not_known() {
        for (method, path) in [
            (Method::GET, "/api/scaling-mode/nothing"),
            (Method::POST, "/api/scaling-mode/page"),
            (Method::DELETE, "/api/scaling-mode/config"),
            (Method::GET, "/founder/scaling-mode/"),
            (Method::GET, "/founder"),
            (Method::POST, "/"),
            (Method::PUT, "/pkg/scaling-mode.js"),
            (Method::GET, "/metrics/"),
        ] {
            assert_eq!(door(&method, path), SignedIn, "{method} {path}");
        }
        for path in ["/", "/favicon.svg", "/pkg/scaling-mode.wasm", "/healthz", "/readyz"] {
            assert_eq!(door(&Method::GET, path), Open, "{path}");
        }
    }

    #[test]
    fn each_is_listed_once() {
        for (place, entry) in ENTRIES.iter().enumerate() {
            for other in &ENTRIES[place + 1..] {
                assert!(entry.path != other.path || entry.method != other.method, "{} {}", entry.method, entry.path);
            }
        }
    }

    #[test]
    fn reading_the_head_asks_for_what_reading_asks_for() {
        assert_eq!(door(&Method::HEAD, "/api/scaling-mode/config"), Needs(&[Read]));
    }
}
