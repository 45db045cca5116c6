//! Owns what the browser adds to a page that is whole without it: the reader's own times, the palette's keys, the charts'
//! read-out, live updates, passkeys. One small island for all of them: they work on the server's markup and draw nothing of their own.

use super::{chart_readout, command_palette, live_page, local_time, passkey_script};
use leptos::prelude::*;

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
    /// When the page was made, in milliseconds since 1970.
    since: i64,
) -> impl IntoView {
    Effect::new(move |_| {
        local_time::localise();
        command_palette::attach();
        chart_readout::attach();
        passkey_script::attach();
        if !environment.is_empty() {
            live_page::attach(&environment, after, since);
        }
    });
}
