//! Owns the page that asks for a code after the password. Must not know how it is checked.

use super::links;
use super::notice_region::NoticeRegion;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use crate::api::{self, SecondProofView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn SecondProofPage() -> impl IntoView {
    let query = use_query_map().read_untracked().clone();
    let page = OnceResource::new_blocking(api::second_proof_page(query.get("next"), query.get("notice")));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(view) => view! { <SecondProof view=view /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn SecondProof(view: SecondProofView) -> impl IntoView {
    let SecondProofView { is_asked, next, notice } = view;
    let body = if is_asked {
        let next = next.map(|next| view! { <input type="hidden" name="next" value=next /> });
        view! {
            <form method="post" action=links::form("sign-in-code") class="sign-in">
                {next}
                <label for="sign-in-code">"Code of your authenticator app, or a recovery code"</label>
                <input
                    id="sign-in-code"
                    name="code"
                    type="text"
                    required
                    autofocus
                    autocomplete="one-time-code"
                    autocapitalize="off"
                    spellcheck="false"
                    maxlength="64"
                />
                <button type="submit" class="button button-primary">
                    "Go on"
                </button>
            </form>
            <p class="quiet">
                "Lost both? A founder takes the codes from you on the page of people, or by scaling-mode person reset-proofs."
            </p>
        }
        .into_any()
    } else {
        view! { <p>"A code is asked for within five minutes of the password. Begin with that."</p> }.into_any()
    };
    view! {
        <Title text="One more thing · Scaling Mode" />
        <PageFrame>
            <NoticeRegion notice=notice />
            <section class="panel narrow" aria-labelledby="second-proof-title">
                <h1 id="second-proof-title">"One more thing"</h1>
                {body}
                <p>
                    "Took too long? " <a href=links::SIGN_IN>"Begin anew"</a> "."
                </p>
            </section>
        </PageFrame>
    }
    .into_any()
}
