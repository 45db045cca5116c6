//! Owns the page on which limits, guardrails, weights and windows are edited: what it asks the server for and how its
//! parts are arranged. Must not hold a rule.

use super::links;
use super::notice_region::NoticeRegion;
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::settings_form::{SettingsForm, SettingsParts};
use super::settings_review::{ErrorSummary, ReviewChanges};
use super::settings_versions::SettingsVersions;
use super::visitor::{NotYours, Visitor};
use crate::api;
use crate::domain::access::Permission;
use crate::domain::policy::FieldError;
use crate::domain::policy_fields::{Draft, differences, filled_from};
use crate::views::settings::SettingsData;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// What the address brings along.
#[derive(Clone)]
struct Sent {
    /// Every pair of the query: settings are among them by name.
    pairs: Vec<(String, String)>,
    reason: String,
    review: bool,
}

#[component]
pub fn SettingsPage() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let asked = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let sent = StoredValue::new(Sent {
        pairs: query.clone().into_iter().map(|(name, text)| (name.into_owned(), text)).collect(),
        reason: asked("reason").unwrap_or_default(),
        review: asked("review").is_some(),
    });
    let page = OnceResource::new_blocking(api::settings_page(
        asked("environment"),
        asked("version"),
        asked("restore"),
        asked("time_zone"),
        asked("notice"),
    ));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(data) => view! { <Settings data=data sent=sent.get_value() /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The draft that the address asks for: what was sent, over the version to be restored, over what is in force.
fn draft(data: &SettingsData, mut pairs: Vec<(String, String)>) -> Draft {
    if let Some(restored) = &data.restored {
        pairs.extend(filled_from(restored, &pairs));
    }
    let in_force = &data.config.policy;
    let mut draft = Draft::of(&pairs, data.filled.as_ref().unwrap_or(in_force), in_force);
    if let Some(detail) = data.zone_error.clone().filter(|_| draft.error("time_zone").is_none()) {
        draft.errors.push(FieldError::new("time_zone", detail));
    }
    draft
}

#[component]
fn Settings(data: SettingsData, sent: Sent) -> impl IntoView {
    let draft = draft(&data, sent.pairs);
    let config = data.config;
    let environment = config.environment.clone();
    let changes = differences(&config.policy, &draft.policy);
    let version = config.version;
    // A form that was filled from an older version shows what it sent over what is in force, and says so.
    let moved = (data.filled.is_some() && data.notice.is_none()).then(|| {
        let text = "The configuration was changed in between. What you entered is laid over what is in force now.";
        view! {
            <p class="notice" role="status">
                {text}
            </p>
        }
    });
    let review = if !draft.errors.is_empty() {
        view! { <ErrorSummary errors=draft.errors.clone() /> }.into_any()
    } else if sent.review && changes.is_empty() {
        view! { <p class="notice">"Nothing differs from what is in force."</p> }.into_any()
    } else if sent.review {
        let policy = draft.policy.clone();
        view! { <ReviewChanges changes=changes config=config.clone() load=data.load policy=policy reason=sent.reason /> }
            .into_any()
    } else if changes.is_empty() {
        ().into_any()
    } else {
        let are = if changes.len() == 1 { "is" } else { "are" };
        let text = format!("{} of the settings below {are} filled in anew. Nothing is saved yet.", changes.len());
        view! { <p class="notice">{text}</p> }.into_any()
    };
    let not_theirs = (!Visitor::here().may(Permission::ChangePolicy, &environment))
        .then(|| view! { <NotYours permission=Permission::ChangePolicy /> });
    view! {
        <Title text=format!("Limits and guardrails · {environment} · Scaling Mode") />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <NoticeRegion notice=data.notice />
            <KindBanner kind=config.kind />
            <h1>{format!("Limits and guardrails of {environment}")}</h1>
            {moved}
            {review}
            {not_theirs}
            <SettingsParts />
            <SettingsForm environment=environment.clone() draft=draft version=version />
            <SettingsVersions environment=environment versions=data.versions />
        </PageFrame>
    }
    .into_any()
}
