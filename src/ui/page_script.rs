//! Owns what the browser adds to a page that is whole without it: the reader's own times, the palette's keys, the charts'
//! read-out, live updates, passkeys. One small island for all of them: they work on the server's markup and draw nothing of their own.

use super::browser::on;
use super::page_now::{self, Now};
use super::{chart_readout, command_palette, live_page, live_parts, local_time, passkey_script};
use leptos::prelude::*;
use web_sys::PageTransitionEvent;

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
        if environment.is_empty() {
            look_again_when_shown_again();
        } else {
            live_page::attach(&environment, after, since);
        }
    });
}

/// A page out of the browser's memory can belong to somebody who has signed out since: it is shown again only if the server still gives
/// it to this reader. If the server cannot be reached, it is loaded again, which says so.
fn look_again_when_shown_again() {
    on(&window(), "pageshow", |event: PageTransitionEvent| {
        if event.persisted() {
            live_parts::hide(true);
            let location = window().location();
            let path = [location.pathname(), location.search()].into_iter().flatten().collect::<String>();
            page_now::page(&path, |now| match now {
                Now::Fresh(_) => live_parts::hide(false),
                Now::Ended | Now::Unknown => _ = window().location().reload(),
            });
        }
    });
}
