//! Owns the icons: their shapes, as parts of an SVG of 20 by 20. Each answer and outcome has a shape of its own, so that
//! colour is never needed to tell them apart. Must not hold text; the word is always beside the icon.

use crate::domain::decision::Recommendation;
use crate::domain::interval::Outcome;
use leptos::prelude::*;

/// Circle with an arrow upward, rounded square with two bars, triangle downward, octagon with a bar.
pub const fn answer(recommendation: Recommendation) -> &'static str {
    match recommendation {
        Recommendation::Increase => {
            r#"<circle cx="10" cy="10" r="9" class="icon-fill"/><path d="M10 14.5v-9M6 9l4-4 4 4" class="icon-line"/>"#
        }
        Recommendation::Hold => {
            r#"<rect x="1" y="1" width="18" height="18" rx="5" class="icon-fill"/><path d="M7.5 6v8M12.5 6v8" class="icon-line"/>"#
        }
        Recommendation::Decrease => {
            r#"<path d="M1 3h18L10 19z" class="icon-fill"/><path d="M10 5.5v6M7.4 9.2l2.6 2.6 2.6-2.6" class="icon-line"/>"#
        }
        Recommendation::Freeze => {
            r#"<path d="M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z" class="icon-fill"/><path d="M5.5 10h9" class="icon-line"/>"#
        }
    }
}

/// Circle with a tick, square with a cross, diamond with a question mark.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => {
            r#"<circle cx="10" cy="10" r="9" class="icon-fill"/><path d="M6 10.3l2.8 2.8L14 7.5" class="icon-line"/>"#
        }
        Outcome::Failed => {
            r#"<rect x="2" y="2" width="16" height="16" rx="2" class="icon-fill"/><path d="M7 7l6 6M13 7l-6 6" class="icon-line"/>"#
        }
        Outcome::Unknown => {
            r#"<path d="M10 0l10 10-10 10L0 10z" class="icon-fill"/><path d="M7.8 8c0-3 4.4-2.8 4.4-.2 0 1.8-2.2 1.8-2.2 3.6M10 14.2v.2" class="icon-line"/>"#
        }
    }
}

/// Triangle with an exclamation mark: something to know before reading on.
pub const ATTENTION: &str =
    r#"<path d="M10 1l9.5 17.5H.5z" class="icon-fill"/><path d="M10 7.5v5M10 15.4v.2" class="icon-line"/>"#;

/// An icon beside its word; readers of the screen hear only the word.
#[component]
pub fn Icon(shape: &'static str) -> impl IntoView {
    view! { <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false" inner_html=shape></svg> }
}
