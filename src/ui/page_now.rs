//! Asks this server for something as it is now, and tells what was asked for from what a proxy, a page for signing in or a server without
//! its database answers. Must not know what is asked for.

use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::web_sys::Document;
use web_sys::{XmlHttpRequest, XmlHttpRequestResponseType};

/// The longest wait for an answer, in milliseconds.
const LONGEST_WAIT: u32 = 30_000;

/// What an answer means.
pub enum Now {
    /// The answer that was asked for; a page comes as a document.
    Fresh(Option<Document>),
    /// The reader can't see it any more: signed out, or without the role.
    Ended,
    /// Nobody knows: no answer, one of a proxy, or an old one.
    Unknown,
}

/// What hears the answer.
pub type Then = Box<dyn FnOnce(Now)>;

/// Asks for the page that is open.
pub fn page(then: Then) {
    let address = leptos::prelude::window().location().href().unwrap_or_default();
    ask(address.split('#').next().unwrap_or_default(), true, then);
}

/// Asks for JSON at a path of this server.
pub fn json(path: &str, then: Then) {
    ask(path, false, then);
}

fn ask(address: &str, is_page: bool, then: Then) {
    let Ok(request) = XmlHttpRequest::new() else {
        return then(Now::Unknown);
    };
    if request.open("GET", address).is_err() {
        return then(Now::Unknown);
    }
    if is_page {
        request.set_response_type(XmlHttpRequestResponseType::Document);
    }
    request.set_timeout(LONGEST_WAIT);
    let (answered, address) = (request.clone(), address.to_owned());
    let done = Closure::once_into_js(move || then(read(&answered, &address, is_page)));
    request.set_onloadend(Some(done.unchecked_ref()));
    let _ = request.send();
}

fn read(answered: &XmlHttpRequest, address: &str, is_page: bool) -> Now {
    let header = |name: &str| answered.get_response_header(name).ok().flatten().unwrap_or_default();
    let kind = header("content-type");
    let is_asked_for = answered.response_url().ends_with(address)
        && kind.starts_with(if is_page { "text/html" } else { "application/json" });
    match answered.status().unwrap_or(0) {
        // An answer with an age is the last good one of a server whose database is away.
        200 if is_asked_for && !header("age").is_empty() => Now::Unknown,
        200 if is_asked_for => Now::Fresh(if is_page { answered.response_xml().ok().flatten() } else { None }),
        // Led elsewhere, or given a page in place of what was asked for: somebody is to sign in.
        200 | 401 => Now::Ended,
        // Only this server's own refusal counts: a proxy says 403 and 404, too, while its server starts.
        403 | 404 if kind.starts_with("application/problem+json") => Now::Ended,
        _ => Now::Unknown,
    }
}
