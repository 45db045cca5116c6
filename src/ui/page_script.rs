//! Owns what the browser adds to a page that is complete without it: the reader's own times, the palette's keys, the charts'
//! read-out, live updates, passkeys. One small island for all of them: they work on the server's markup and draw nothing of their own.

use super::browser::on;
use super::{chart_readout, command_palette, live_page, live_parts, local_time, passkey_script};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;
use leptos::web_sys::Event;
use leptos::web_sys::js_sys::Reflect;
use std::time::Duration;

/// How often ages and the connection are looked at.
const MOVES_ON: Duration = Duration::from_secs(10);

/// What a page was made with that follows an environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct MadeWith {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The newest event.
    pub newest: u64,
}

#[island]
pub fn PageScript(
    /// The environment whose events the page follows; empty where it follows none.
    environment: String,
    /// The newest event that the page was made with.
    after: u64,
    /// When the page was made, in milliseconds since 1970; 0 where that does not matter.
    since: i64,
) -> impl IntoView {
    Effect::new(move |_| {
        local_time::attach(since);
        command_palette::attach();
        chart_readout::attach();
        passkey_script::attach();
        let is_followed = !environment.is_empty();
        let look = is_followed.then(|| live_page::attach(&environment, after, since));
        set_interval(
            move || {
                local_time::tell_ages();
                if let Some(look) = &look {
                    look();
                }
            },
            MOVES_ON,
        );
        // A page out of the browser's memory can belong to somebody who has signed out since: nothing of it is shown, and it is loaded again.
        on(&window(), "pageshow", |event: Event| {
            if Reflect::get(&event, &JsValue::from_str("persisted")).is_ok_and(|is_old| is_old.is_truthy()) {
                live_parts::hide();
                let _ = window().location().reload();
            }
        });
    });
}
