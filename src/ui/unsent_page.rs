//! The page after signing in that offers a form again which was posted without a session. Must not send it: only a click does.

use super::links;
use super::local_time::ReaderTime;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use crate::api::{self, Unsent};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn UnsentPage() -> impl IntoView {
    let page = OnceResource::new_blocking(api::unsent_page());
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(unsent) => view! { <Panel unsent=unsent /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Panel(unsent: Option<Unsent>) -> impl IntoView {
    let body = match unsent {
        Some(unsent) => view! { <Offer unsent=unsent /> }.into_any(),
        None => view! {
            <p>"No form is waiting. A form that is not sent within 15 minutes is forgotten."</p>
            <p>
                <a class="button" href=links::PAGE>
                    "Go on"
                </a>
            </p>
        }
        .into_any(),
    };
    view! {
        <Title text="Not sent yet · Scaling Mode" />
        <PageFrame>
            <section class="panel narrow" aria-labelledby="unsent-title">
                <h1 id="unsent-title">"Not sent yet"</h1>
                {body}
            </section>
        </PageFrame>
    }
    .into_any()
}

#[component]
fn Offer(unsent: Unsent) -> impl IntoView {
    let Unsent { at, back, fields, form, secrets } = unsent;
    let act = words(&form);
    let entered: Vec<_> = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            view! {
                <div>
                    <dt>{words(name)}</dt>
                    <dd>{value.clone()}</dd>
                </div>
            }
        })
        .collect();
    let fields: Vec<_> =
        fields.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect();
    let secrets: Vec<_> = secrets
        .into_iter()
        .map(|name| {
            let id = format!("unsent-{name}");
            view! {
                <label for=id.clone()>{format!("{} (it was not kept)", words(&name))}</label>
                <input id=id name=name type="password" required autocomplete="off" maxlength="256" />
            }
        })
        .collect();
    view! {
        <p>
            "Somebody entered this in this browser before you signed in, "
            <ReaderTime at=at />
            ". It was not done. Send it only if that was you, and if it is still right."
        </p>
        <dl class="facts">{entered}</dl>
        <form method="post" action=links::form(&form)>
            {fields}
            {secrets}
            <button type="submit" class="button button-primary">
                {format!("Send: {act}")}
            </button>
        </form>
        <p>
            <a class="button" href=back.unwrap_or_else(|| links::PAGE.to_owned())>"Go back without sending it"</a>
        </p>
    }
    .into_any()
}

/// The name of a form or field as words: `set-mode` is "Set mode".
fn words(name: &str) -> String {
    let text = match name {
        "update" => "save settings".to_owned(),
        name => name.replace(['-', '_', '.'], " "),
    };
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
