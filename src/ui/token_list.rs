//! Owns the list of API tokens and the form that makes one. Must not know a token's secret.

use super::links;
use super::people_page::choose_place;
use super::people_words::place_words;
use super::widgets::{TableRegion, TimeStamp};
use crate::api::TokenLine;
use crate::domain::access::Scope;
use chrono::{DateTime, Utc};
use leptos::prelude::*;

#[component]
pub fn TokenList(as_of: DateTime<Utc>, tokens: Vec<TokenLine>, places: Vec<(String, String)>) -> impl IntoView {
    let rows: Vec<_> = tokens.iter().map(|token| row(as_of, token)).collect();
    let table = (!rows.is_empty()).then(|| {
        view! {
            <TableRegion label="API tokens">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Token"</th>
                            <th scope="col">"For"</th>
                            <th scope="col">"Where"</th>
                            <th scope="col">"Last used"</th>
                            <th scope="col">"State"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        }
    });
    let scopes: Vec<_> = Scope::ALL
        .into_iter()
        .map(|scope| {
            let name = format!("scope.{}", scope.name());
            view! {
                <label class="choice">
                    <input type="checkbox" name=name value="on" />
                    <span>
                        <code>{scope.name()}</code>
                        {format!(" {}", scope.says())}
                    </span>
                </label>
            }
        })
        .collect();
    view! {
        <section class="panel" aria-labelledby="tokens-title">
            <h2 id="tokens-title">"API tokens"</h2>
            <p class="quiet">
                "For scripts and for what sends telemetry. Only a token's hash is kept; nothing here, and no backup, gives it back."
            </p>
            {table}
            <h3>"Make a token"</h3>
            <form method="post" action=links::form("make-token") class="access-form">
                <label for="token-name">"Name"</label>
                <input id="token-name" name="name" type="text" required autocomplete="off" maxlength="100" />
                {choose_place("token-environment", &places)}
                <label for="token-days">"Days until it expires (empty: never)"</label>
                <input id="token-days" name="days" type="text" inputmode="numeric" value="90" autocomplete="off" />
                <label for="token-sources">"Sources that it sends as, by commas (empty: any)"</label>
                <input id="token-sources" name="sources" type="text" autocomplete="off" />
                <fieldset>
                    <legend>"What it is for"</legend>
                    {scopes}
                </fieldset>
                <button type="submit" class="button">
                    "Make the token"
                </button>
            </form>
        </section>
    }
    .into_any()
}

fn row(as_of: DateTime<Utc>, token: &TokenLine) -> AnyView {
    let scopes = token.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    let used = match token.used_at {
        Some(at) => view! { <TimeStamp at=at /> }.into_any(),
        None => "never".into_any(),
    };
    let id = token.id.to_string();
    let name = token.name.clone();
    let state = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => view! { "Revoked " <TimeStamp at=at /> }.into_any(),
        (None, Some(at)) if at <= as_of => view! { "Expired " <TimeStamp at=at /> }.into_any(),
        (None, expires_at) => view! {
            {expires_at.map(|at| view! { "Until " <TimeStamp at=at /> })}
            <form method="post" action=links::form("revoke-token")>
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
            <th scope="row">
                {token.name.clone()}
                <code class="token-prefix">{format!("{}...", token.prefix)}</code>
            </th>
            <td>
                {scopes}
                {(!token.sources.is_empty())
                    .then(|| view! { <span class="quiet">{format!(" only as {}", token.sources.join(", "))}</span> })}
            </td>
            <td>{place_words(token.environment.as_deref())}</td>
            <td>{used}</td>
            <td>{state}</td>
        </tr>
    }
    .into_any()
}
