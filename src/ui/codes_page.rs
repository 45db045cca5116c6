//! Owns the page on which an authenticator app is given its secret, and the first code proves that it has it. Must not know how a code is
//! calculated.

use super::links;
use super::notice_region::NoticeRegion;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use crate::api::{self, CodePicture, CodesView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// Squares of light around the picture, which readers of it need (ISO/IEC 18004).
const MARGIN: u32 = 4;

#[component]
pub fn CodesPage() -> impl IntoView {
    let notice = use_query_map().read_untracked().get("notice");
    let page = OnceResource::new_blocking(api::codes_page(notice));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(view) => view! { <Codes view=view /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Codes(view: CodesView) -> impl IntoView {
    let CodesView { notice, picture } = view;
    let body = picture.map_or_else(
        || {
            view! { <p>"Nothing was begun here, or more than ten minutes ago. Begin on the page of your account."</p> }
                .into_any()
        },
        steps,
    );
    view! {
        <Title text="Turn codes on · Scaling Mode" />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::ACCOUNT>"Back to your account"</a>
            </nav>
            <NoticeRegion notice=notice />
            <section class="panel narrow" aria-labelledby="codes-title">
                <h1 id="codes-title">"Turn codes on"</h1>
                {body}
            </section>
        </PageFrame>
    }
    .into_any()
}

fn steps(picture: CodePicture) -> AnyView {
    let CodePicture { address, path, side, typed } = picture;
    let (from, size) = (-i64::from(MARGIN), side + 2 * MARGIN);
    view! {
        <ol>
            <li>
                "Open an authenticator app on your telephone, choose to add an account, and hold the camera before this picture."
                <svg class="code-picture" viewBox=format!("{from} {from} {size} {size}") role="img" aria-label="The secret, as a picture for an authenticator app">
                    <path d=path />
                </svg>
                <details>
                    <summary>"Without a camera"</summary>
                    <p>
                        "Type this secret: " <span class="secret">{typed}</span>
                        ". Codes are of the time, 6 digits, 30 seconds. Or, if the app is on this device: "
                        <a href=address>"open it there"</a> "."
                    </p>
                </details>
            </li>
            <li>
                "Type the code that the app shows now."
                <form method="post" action=links::form("confirm-codes") class="access-form">
                    <label for="code">"Code"</label>
                    <input
                        id="code"
                        name="code"
                        type="text"
                        required
                        inputmode="numeric"
                        autocomplete="one-time-code"
                        maxlength="16"
                    />
                    <button type="submit" class="button button-primary">
                        "Turn codes on"
                    </button>
                </form>
            </li>
        </ol>
    }
    .into_any()
}
