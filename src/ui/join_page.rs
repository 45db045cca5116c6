//! Owns the page of an invitation, on which somebody chooses a name and a password. Must not judge them.

use super::links;
use super::notice_region::NoticeRegion;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::people_words::role_words;
use super::widgets::TimeStamp;
use crate::api::{self, JoinView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

#[component]
pub fn JoinPage() -> impl IntoView {
    let link = use_params_map().read_untracked().get("secret").unwrap_or_default();
    let notice = use_query_map().read_untracked().get("notice");
    let page = OnceResource::new_blocking(api::join_page(link.clone(), notice));
    let link = StoredValue::new(link);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(view) => view! { <Join view=view link=link.get_value() /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Join(view: JoinView, link: String) -> impl IntoView {
    let JoinView { email, expires_at, notice, provider, roles } = view;
    let by_provider = provider.map(|name| {
        view! {
            <p>
                "Or without a password: "
                <a class="button" href=links::provider_join(&link)>
                    {format!("Join with {name}")}
                </a>
            </p>
        }
    });
    let is_open = email.is_empty();
    let roles = roles.iter().map(role_words).collect::<Vec<_>>().join(", ");
    view! {
        <Title text="Join · Scaling Mode" />
        <PageFrame>
            <NoticeRegion notice=notice />
            <section class="panel narrow" aria-labelledby="join-title">
                <h1 id="join-title">"Choose how you sign in"</h1>
                <p>{format!("You will be {roles}.")}</p>
                <form method="post" action=links::form("join") class="sign-in">
                    <input type="hidden" name="link" value=link />
                    <label for="join-email">"E-mail address"</label>
                    <input
                        id="join-email"
                        name=is_open.then_some("email")
                        type="email"
                        value=email
                        readonly=!is_open
                        required
                        autocomplete="username"
                        maxlength="254"
                    />
                    <label for="join-name">"Your name"</label>
                    <input id="join-name" name="name" type="text" required autocomplete="name" maxlength="100" />
                    <label for="join-password">"Password"</label>
                    <p class="quiet" id="join-password-help">
                        "At least 8 characters, of any kind. Three or four words that have nothing to do with each other are a good one."
                    </p>
                    <input
                        id="join-password"
                        name="password"
                        type="password"
                        required
                        autocomplete="new-password"
                        minlength="8"
                        maxlength="256"
                        aria-describedby="join-password-help"
                    />
                    <button type="submit" class="button button-primary">
                        "Join"
                    </button>
                </form>
                {by_provider}
                <p class="quiet">"This link can be used once, until " <TimeStamp at=expires_at /> "."</p>
            </section>
        </PageFrame>
    }
    .into_any()
}
