//! Owns the notice at the head of the page. Must not word it: the server does.

use crate::views::overview::Notice;
use leptos::prelude::*;

/// What a form has just done, or why it did not.
#[component]
pub fn NoticeRegion(notice: Option<Notice>) -> impl IntoView {
    notice.map(|notice| {
        let (role, class) = if notice.is_error { ("alert", "notice is-error") } else { ("status", "notice") };
        view! {
            <p id="notice" role=role class=class>
                {notice.text}
            </p>
        }
    })
}
