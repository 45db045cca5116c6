//! Owns the banners over the answer: synthetic or recorded data, frozen, held, stale inputs, a configuration newer than
//! the answer, a clock that jumped. Must not hide any of them; each is a state that a founder must not miss.

use super::icons::{self, Icon};
use super::local_time::ReaderTime;
use super::words;
use crate::domain::input::InputState;
use crate::domain::policy::EnvironmentKind;
use crate::views::overview::PageData;
use leptos::prelude::*;

#[component]
pub fn KindBanner(kind: EnvironmentKind) -> impl IntoView {
    let (text, more) = match kind {
        EnvironmentKind::Live => return ().into_any(),
        EnvironmentKind::Synthetic => (
            "Synthetic data: for showing the product; decides nothing.",
            "Every number here is invented. Whatever they say, the answer stays Hold.",
        ),
        EnvironmentKind::Recorded => (
            "Recorded data: filled by import and replay.",
            "The numbers were measured at another time; they say nothing about today.",
        ),
    };
    banner(kind.name(), text, more.to_owned().into_any())
}

#[component]
pub fn PageBanners(data: PageData) -> impl IntoView {
    let config = &data.config;
    let body = data.snapshot.as_ref().map(|snapshot| &snapshot.body);
    let frozen = config
        .frozen
        .then(|| banner("frozen", "Frozen by the founder.", "No Increase is given until it is unfrozen.".into_any()));
    let held = body.filter(|body| body.held).map(|_| {
        let text = "What caused the answer is over, but not yet for long enough to leave it.";
        banner("held", "The answer is held.", text.into_any())
    });
    let stale: Vec<&'static str> = body
        .into_iter()
        .flat_map(|body| &body.inputs)
        .filter(|input| input.state == InputState::Stale && crate::domain::facts::decides(input))
        .map(|input| words::signal(input.signal, input.severity))
        .collect();
    let stale = (!stale.is_empty()).then(|| {
        let mut names = stale;
        names.dedup();
        banner("stale", "Some data is too old to count.", format!("Stale: {}.", names.join(", ")).into_any())
    });
    let outdated = body.filter(|body| body.as_of < config.policy_since || body.mode != config.mode).map(|_| {
        let since = config.policy_since;
        let text = view! {
            "Mode or configuration changed "
            <ReaderTime at=since />
            "; the answer below was computed before. Generate a snapshot to see it under what is in force."
        };
        banner("outdated", "This answer is older than the configuration.", text.into_any())
    });
    let clock = data.clock.clone().filter(|_| config.kind == EnvironmentKind::Live).map(|jump| {
        let text = view! {
            "Noticed "
            <ReaderTime at=jump.at />
            ". Check the server's time. Nothing was deleted because of it."
        };
        banner("clock", format!("{}.", jump.words), text.into_any())
    });
    view! {
        <div class="banners" id="banners">
            <KindBanner kind=config.kind />
            {clock}
            {frozen}
            {held}
            {stale}
            {outdated}
        </div>
    }
    .into_any()
}

fn banner(name: &str, title: impl Into<String>, text: AnyView) -> AnyView {
    let title = title.into();
    view! {
        <div class=format!("banner banner-{name}")>
            <Icon shape=icons::ATTENTION />
            <p>
                <strong>{title}</strong>
                " "
                {text}
            </p>
        </div>
    }
    .into_any()
}
