//! Owns the page of one's own account: roles, sessions, and what one signs in by. Must not know how any of it is checked.

use super::account_proofs::{self, Asks, password_now};
use super::links;
use super::notice_region::NoticeRegion;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::people_words::role_words;
use super::widgets::{TableRegion, TimeStamp};
use crate::api::{self, AccountView, OwnSession};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn AccountPage() -> impl IntoView {
    let notice = use_query_map().read_untracked().get("notice");
    let page = OnceResource::new_blocking(api::account_page(notice));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(view) => view! { <Account view=view /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Account(view: AccountView) -> impl IntoView {
    let made = view.made.as_ref().map(|made| account_proofs::recovery_codes(&made.secret));
    let codes = account_proofs::codes(&view);
    let passkeys = account_proofs::passkeys(&view);
    let asks = Asks::of(&view);
    let again = account_proofs::prove_again(&view);
    let provider = view.provider.as_ref().map(|provider| account_proofs::provider(provider, asks));
    let password = change_password(&view.email, asks);
    let AccountView { email, name, notice, roles, sessions, .. } = view;
    let roles = roles.iter().map(role_words).collect::<Vec<_>>().join(", ");
    let others = (sessions.len() > 1).then(|| {
        view! {
            <form method="post" action=links::form("end-session")>
                <input type="hidden" name="id" value="others" />
                <button type="submit" class="button">
                    "Sign out everywhere else"
                </button>
            </form>
        }
    });
    let rows: Vec<_> = sessions.iter().map(row).collect();
    view! {
        <Title text="Your account · Scaling Mode" />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::PAGE>"Back to the founder's page"</a>
            </nav>
            <NoticeRegion notice=notice />
            {made}
            <section class="panel" aria-labelledby="account-title">
                <h1 id="account-title">{name}</h1>
                <p>
                    {email} ": "
                    {if roles.is_empty() { "no role yet; a founder can give you one".to_owned() } else { roles }}
                </p>
                <h2>"Where you are signed in"</h2>
                <TableRegion label="Where you are signed in">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">"Browser"</th>
                                <th scope="col">"Address"</th>
                                <th scope="col">"Since"</th>
                                <th scope="col">"Last seen"</th>
                                <th scope="col">"Sign out"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </TableRegion>
                {others}
            </section>
            {again}
            {password}
            {codes}
            {passkeys}
            {provider}
        </PageFrame>
    }
    .into_any()
}

/// Another password, or the first where somebody came by a provider.
fn change_password(email: &str, asks: Asks) -> AnyView {
    let title = if matches!(asks, Asks::Password) { "Change your password" } else { "Choose a password" };
    let current = password_now("password", "The one you have now", asks);
    view! {
        <section class="panel narrow" aria-labelledby="password-title">
            <h2 id="password-title">{title}</h2>
            <form method="post" action=links::form("change-password") class="access-form">
                <input type="hidden" name="username" value=email.to_owned() autocomplete="username" disabled />
                {current}
                <label for="password-new">"The new one, of at least 8 characters"</label>
                <input
                    id="password-new"
                    name="new"
                    type="password"
                    required
                    autocomplete="new-password"
                    minlength="8"
                    maxlength="256"
                />
                <button type="submit" class="button">
                    {if matches!(asks, Asks::Password) { "Change the password" } else { "Choose it" }}
                </button>
            </form>
        </section>
    }
    .into_any()
}

fn row(session: &OwnSession) -> AnyView {
    let agent = if session.agent.is_empty() { "a browser that does not say".to_owned() } else { session.agent.clone() };
    let end = if session.is_this {
        "this one".into_any()
    } else {
        view! {
            <form method="post" action=links::form("end-session")>
                <input type="hidden" name="id" value=session.id.clone() />
                <button type="submit" class="button button-quiet" aria-label=format!("Sign out at {}", session.address)>
                    "Sign out"
                </button>
            </form>
        }
        .into_any()
    };
    view! {
        <tr>
            <th scope="row" class="agent">
                {agent}
            </th>
            <td>{session.address.clone()}</td>
            <td>
                <TimeStamp at=session.created_at />
            </td>
            <td>
                <TimeStamp at=session.seen_at />
            </td>
            <td>{end}</td>
        </tr>
    }
    .into_any()
}
