//! Owns what is shown instead of a page: what is wrong, in words, and what to do. Must not show an inner error.

use super::icons::{self, Icon};
use super::links;
use super::page_frame::PageFrame;
use crate::error::WireError;
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn PageError(error: WireError) -> impl IntoView {
    let advice = match error.status {
        404 => "The address may be mistyped, or what it names may never have existed here.",
        400 | 422 => "Something in the address is not as it should be. Start again from the page.",
        503 => "The server cannot reach its store just now. Nothing is lost; try again in a minute.",
        _ => "Try again in a minute. If it stays, the server's log says more: scaling-mode doctor helps to read it.",
    };
    view! {
        <Title text=format!("{} · Scaling Mode", error.title) />
        <PageFrame>
            <ErrorSection title=error.title detail=error.detail advice=advice />
        </PageFrame>
    }
    .into_any()
}

#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <Title text="No such page · Scaling Mode" />
        <PageFrame>
            <ErrorSection
                title="There is no such page".to_owned()
                detail="The address leads nowhere.".to_owned()
                advice="It may be mistyped; everything starts from the founder's page."
            />
        </PageFrame>
    }
    .into_any()
}

/// The problem and what to do, without the frame of a page.
#[component]
pub fn ErrorSection(title: String, detail: String, advice: &'static str) -> impl IntoView {
    view! {
        <section class="panel page-error" role="alert">
            <h1>
                <Icon shape=icons::ATTENTION />
                {title}
            </h1>
            <p>{detail}</p>
            <p>{advice}</p>
            <p>
                <a class="button button-primary" href=links::PAGE>
                    "Go to the founder's page"
                </a>
            </p>
        </section>
    }
}
