//! Owns the list of share links and the form that makes one. Must not know a link's secret.

use super::links;
use super::widgets::{TableRegion, TimeStamp};
use crate::api::ShareLine;
use crate::domain::access::SharedView;
use leptos::prelude::*;

#[component]
pub fn ShareList(links: Vec<ShareLine>, environments: Vec<String>) -> impl IntoView {
    let rows: Vec<_> = links.iter().map(row).collect();
    let table = (!rows.is_empty()).then(|| {
        view! {
            <TableRegion label="Share links">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Link"</th>
                            <th scope="col">"Shows"</th>
                            <th scope="col">"Opened"</th>
                            <th scope="col">"State"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        }
    });
    let views: Vec<_> = SharedView::ALL
        .into_iter()
        .map(|view| {
            view! {
                <label class="choice">
                    <input type="checkbox" name=format!("view.{}", view.name()) value="on" />
                    <span>{view.says()}</span>
                </label>
            }
        })
        .collect();
    let options: Vec<_> = environments
        .into_iter()
        .map(|name| view! { <option value=name.clone() selected=name == "production">{name.clone()}</option> })
        .collect();
    view! {
        <section class="panel" aria-labelledby="shares-title">
            <h2 id="shares-title">"Share links"</h2>
            <p class="quiet">
                "For investors: whoever has the link sees what you choose, and nothing else. Each opening is counted and stands in the history."
            </p>
            {table}
            <h3>"Make a share link"</h3>
            <form method="post" action=links::form("make-share-link") class="access-form">
                <label for="share-name">"Name"</label>
                <input id="share-name" name="name" type="text" required autocomplete="off" maxlength="100" />
                <label for="share-environment">"Environment"</label>
                <select id="share-environment" name="environment">
                    {options}
                </select>
                <fieldset>
                    <legend>"What it shows"</legend>
                    {views}
                </fieldset>
                <label for="share-from">"From this day (empty: from its beginning)"</label>
                <input id="share-from" name="from" type="date" />
                <label for="share-to">"To this day (empty: to now)"</label>
                <input id="share-to" name="to" type="date" />
                <label for="share-days">"Days until it expires"</label>
                <input id="share-days" name="days" type="text" inputmode="numeric" value="30" required autocomplete="off" />
                <label for="share-secret">"Passphrase (optional, at least 8 characters)"</label>
                <input id="share-secret" name="passphrase" type="text" autocomplete="off" maxlength="256" />
                <button type="submit" class="button">
                    "Make the link"
                </button>
            </form>
        </section>
    }
    .into_any()
}

fn row(link: &ShareLine) -> AnyView {
    let shows = link.views.iter().map(|view| view.name()).collect::<Vec<_>>().join(", ");
    let passphrase = link.has_passphrase.then_some(", with a passphrase");
    let opened = match link.opened_at {
        Some(at) => view! { {format!("{} times, last ", link.opened)} <TimeStamp at=at /> }.into_any(),
        None => "never".into_any(),
    };
    let id = link.id.to_string();
    let name = link.name.clone();
    let state = match link.revoked_at {
        Some(at) => view! { "Revoked " <TimeStamp at=at /> }.into_any(),
        None if link.is_expired => view! { "Expired " <TimeStamp at=link.expires_at /> }.into_any(),
        None => view! {
            "Until "
            <TimeStamp at=link.expires_at />
            <form method="post" action=links::form("revoke-share-link")>
                <input type="hidden" name="id" value=id />
                <button type="submit" class="button button-quiet" aria-label=format!("Revoke {name}")>
                    "Revoke"
                </button>
            </form>
        }
        .into_any(),
    };
    view! {
        <tr>
            <th scope="row">{link.name.clone()}</th>
            <td>{format!("{shows} of {}", link.environment)} {passphrase}</td>
            <td>{opened}</td>
            <td>{state}</td>
        </tr>
    }
    .into_any()
}
