//! Owns the page on which one signs in. Must not know how a password is checked.

use super::links;
use super::notice_region::NoticeRegion;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use crate::api::{self, SignInView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map().read_untracked().clone();
    let page = OnceResource::new_blocking(api::sign_in_page(query.get("next"), query.get("notice")));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(view) => view! { <SignIn view=view /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn SignIn(view: SignInView) -> impl IntoView {
    let SignInView { has_people, next, notice, provider, signed_in } = view;
    let by_provider = provider.map(|name| {
        view! {
            <p>
                <a class="button" href=links::provider_then(next.as_deref())>
                    {format!("Sign in with {name}")}
                </a>
            </p>
        }
    });
    let after = next.clone();
    let next = next.map(|next| view! { <input type="hidden" name="next" value=next /> });
    let body = if !has_people {
        view! {
            <p>
                "There is no account yet. Open the link that the server printed when it started, or run "
                <code>"scaling-mode person create"</code>
                " where it runs."
            </p>
            <p>
                <a class="button" href=links::PAGE>
                    "I am on the server's own computer"
                </a>
            </p>
        }
        .into_any()
    } else {
        view! {
            {signed_in.map(|who| view! { <p class="quiet">{format!("You are signed in as {who}.")}</p> })}
            <form method="post" action=links::form("sign-in") class="sign-in">
                {next}
                <label for="sign-in-email">"E-mail address"</label>
                <input id="sign-in-email" name="email" type="email" required autocomplete="username" maxlength="254" />
                <label for="sign-in-password">"Password"</label>
                <input
                    id="sign-in-password"
                    name="password"
                    type="password"
                    required
                    autocomplete="current-password"
                    maxlength="256"
                />
                <button type="submit" class="button button-primary">
                    "Sign in"
                </button>
            </form>
            <form method="post" action=links::form("begin-passkey-sign-in") class="sign-in" data-passkey="sign-in" hidden>
                <input type="hidden" name="next" value=after.unwrap_or_default() />
                <button type="submit" class="button">
                    "Sign in with a passkey"
                </button>
                <p role="alert" class="form-error"></p>
            </form>
            {by_provider}
            <p class="quiet">
                "Lost your password? A founder makes you a new link, on the page of people or with scaling-mode person reset."
            </p>
        }
        .into_any()
    };
    view! {
        <Title text="Sign in · Scaling Mode" />
        <PageFrame>
            <NoticeRegion notice=notice />
            <section class="panel narrow" aria-labelledby="sign-in-title">
                <h1 id="sign-in-title">"Sign in"</h1>
                {body}
            </section>
        </PageFrame>
    }
    .into_any()
}
