//! Owns how a secret that was just made is shown once: a script gets it as its answer; a browser is led to a page, which shows it and
//! forgets it. Never in an address, where histories and logs would keep it.

use super::{cookies, notices, session};
use crate::api::Made;
use crate::error::WireError;
use axum::http::request::Parts;
use leptos::prelude::use_context;

/// Shows what was made on a page, or leads there with what went wrong.
pub fn show(page: &str, made: Result<Made, WireError>) -> Result<Made, WireError> {
    if !notices::accepts_html() {
        return made;
    }
    match &made {
        Ok(made) => {
            let text = serde_json::to_vec(made).map(hex::encode).unwrap_or_default();
            session::set_cookie(&cookies::with_shown(&text));
            leptos_axum::redirect(&format!("{page}#made"));
        }
        Err(error) => leptos_axum::redirect(&format!("{page}?notice={}#notice", error.code_name())),
    }
    Ok(Made { kind: String::new(), name: String::new(), secret: String::new() })
}

/// What was made of a kind that is shown on this page; it is forgotten with this answer. What is for another page stays.
pub fn take(is_shown_here: impl Fn(&str) -> bool) -> Option<Made> {
    let parts = use_context::<Parts>()?;
    let made: Made = serde_json::from_slice(&hex::decode(cookies::shown(&parts.headers)?).ok()?).ok()?;
    if !is_shown_here(&made.kind) {
        return None;
    }
    session::set_cookie(&cookies::without_shown());
    Some(made)
}
