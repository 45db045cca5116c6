//! Owns the page on which founders say who may do what: people, invitations, and below them tokens. Must not decide who may.

use super::links;
use super::notice_region::NoticeRegion;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::people_words::role_words;
use super::share_list::ShareList;
use super::token_list::TokenList;
use super::widgets::{TableRegion, TimeStamp};
use crate::api::{self, InvitationLine, Made, PeopleView, PersonLine};
use crate::domain::access::Role;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn PeoplePage() -> impl IntoView {
    let notice = use_query_map().read_untracked().get("notice");
    let page = OnceResource::new_blocking(api::people_page(notice));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(view) => view! { <People view=view /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn People(view: PeopleView) -> impl IntoView {
    let places = places(&view);
    let people: Vec<_> = view.people.iter().map(|person| row(person, view.is_everywhere)).collect();
    let invitations = (!view.invitations.is_empty()).then(|| invited(&view.invitations));
    let known = view.people.iter().map(|person| person.email.clone()).collect::<Vec<_>>();
    view! {
        <Title text="People · Scaling Mode" />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::PAGE>"Back to the founder's page"</a>
            </nav>
            <NoticeRegion notice=view.notice />
            {view.made.map(shown_once)}
            <section class="panel" aria-labelledby="people-title">
                <div class="panel-head">
                    <h1 id="people-title">"People"</h1>
                </div>
                <TableRegion label="People">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">"Who"</th>
                                <th scope="col">"Roles"</th>
                                <th scope="col">"Since"</th>
                                <th scope="col">"Sign-in"</th>
                            </tr>
                        </thead>
                        <tbody>{people}</tbody>
                    </table>
                </TableRegion>
                {invitations}
            </section>
            <section class="panel" aria-labelledby="invite-title">
                <h2 id="invite-title">"Invite somebody"</h2>
                <p class="quiet">
                    "You get a link to give to them; it can be used once, for a week. For somebody who is there already it sets a new password."
                </p>
                <form method="post" action=links::form("invite") class="access-form">
                    <label for="invite-email">"E-mail address"</label>
                    <input id="invite-email" name="email" type="email" required autocomplete="off" maxlength="254" />
                    {choose_place("invite-environment", &places)}
                    {choose_role("invite-role", false)}
                    <button type="submit" class="button">
                        "Make the link"
                    </button>
                </form>
            </section>
            <section class="panel" aria-labelledby="role-title">
                <h2 id="role-title">"Give or take a role"</h2>
                <p class="quiet">"It holds from the next click on, also for those who are signed in."</p>
                <form method="post" action=links::form("set-role") class="access-form">
                    <label for="role-email">"Who"</label>
                    <select id="role-email" name="email">
                        {known.into_iter().map(|email| view! { <option value=email.clone()>{email.clone()}</option> }).collect_view()}
                    </select>
                    {choose_place("role-environment", &places)}
                    {choose_role("role-role", true)}
                    <button type="submit" class="button">
                        "Set the role"
                    </button>
                </form>
            </section>
            <ShareList links=view.share_links environments=view.environments />
            <TokenList as_of=view.as_of tokens=view.tokens places=places />
        </PageFrame>
    }
    .into_any()
}

/// Where something may be made to hold: everywhere as a star.
fn places(view: &PeopleView) -> Vec<(String, String)> {
    let everywhere = view.is_everywhere.then(|| ("*".to_owned(), "everywhere, later environments too".to_owned()));
    everywhere.into_iter().chain(view.environments.iter().map(|name| (name.clone(), name.clone()))).collect()
}

/// The choice of where a role or link applies. One environment comes first: "everywhere" has to be chosen.
pub fn choose_place(id: &'static str, places: &[(String, String)]) -> AnyView {
    let is_usual = |value: &str| value == "production" || (places.len() == 1);
    let options: Vec<_> = places
        .iter()
        .map(|(value, words)| view! { <option value=value.clone() selected=is_usual(value)>{words.clone()}</option> })
        .collect();
    view! {
        <label for=id>"Where"</label>
        <select id=id name="environment">
            {options}
        </select>
    }
    .into_any()
}

fn choose_role(id: &'static str, with_none: bool) -> AnyView {
    let none = with_none.then(|| view! { <option value="none">"None: take it away"</option> });
    let options: Vec<_> = [Role::Viewer, Role::Investor, Role::Operator, Role::Founder]
        .into_iter()
        .map(|role| view! { <option value=role.name()>{format!("{}: {}", role.name(), role.says())}</option> })
        .collect();
    view! {
        <label for=id>"Role"</label>
        <select id=id name="role">
            {options}
            {none}
        </select>
    }
    .into_any()
}

/// The secret that was just made. It is nowhere else, and gone with the next page.
fn shown_once(made: Made) -> AnyView {
    let (title, text) = match made.kind.as_str() {
        "token" => ("The token", "Copy it now: it is not shown again. Send it as Authorization: Bearer."),
        "share_link" => ("The share link", "Copy it now: it is not shown again."),
        _ => ("The invitation", "Give it to them: whoever has the link can use it, once."),
    };
    view! {
        <section id="made" class="panel made" aria-labelledby="made-title">
            <h2 id="made-title">{format!("{title} {}", made.name)}</h2>
            <p>{text}</p>
            <input type="text" class="secret" readonly value=made.secret aria-labelledby="made-title" />
        </section>
    }
    .into_any()
}

fn row(person: &PersonLine, is_everywhere: bool) -> AnyView {
    let roles = person.roles.iter().map(role_words).collect::<Vec<_>>().join(", ");
    let (word, button) = if person.is_disabled { ("Shut out", "Let in again") } else { ("Can sign in", "Shut out") };
    let act = (is_everywhere && !person.is_me).then(|| {
        view! {
            <form method="post" action=links::form("disable-person")>
                <input type="hidden" name="email" value=person.email.clone() />
                <input type="hidden" name="disabled" value=(!person.is_disabled).to_string() />
                <button type="submit" class="button button-quiet" aria-label=format!("{button}: {}", person.email)>
                    {button}
                </button>
            </form>
        }
    });
    let reset = (is_everywhere && !person.is_me).then(|| {
        view! {
            <form method="post" action=links::form("reset-proofs")>
                <input type="hidden" name="email" value=person.email.clone() />
                <button type="submit" class="button button-quiet" aria-label=format!("Leave only the password: {}", person.email)>
                    "Leave only the password"
                </button>
            </form>
        }
    });
    view! {
        <tr>
            <th scope="row">
                {person.name.clone()} {person.is_me.then_some(" (you)")}
                <span class="quiet person-email">{person.email.clone()}</span>
            </th>
            <td>{if roles.is_empty() { "none".to_owned() } else { roles }}</td>
            <td>
                <TimeStamp at=person.created_at />
            </td>
            <td>{word} {act} {reset}</td>
        </tr>
    }
    .into_any()
}

fn invited(invitations: &[InvitationLine]) -> AnyView {
    let lines: Vec<_> = invitations
        .iter()
        .map(|line| {
            let who = if line.email.is_empty() { "Whoever has the link".to_owned() } else { line.email.clone() };
            let roles = line.roles.iter().map(role_words).collect::<Vec<_>>().join(", ");
            view! {
                <li>
                    {format!("{who}: {roles}, until ")} <TimeStamp at=line.expires_at />
                    {format!(", by {}", line.created_by)}
                </li>
            }
        })
        .collect();
    view! {
        <h2>"Invited, not here yet"</h2>
        <ul>{lines}</ul>
    }
    .into_any()
}
