//! Owns the page of the rules, worked through: which loads lead to which answer in each mode, with the numbers of the
//! environment's own policy. Must not know a rule: the engine answers.

use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::widgets::{AnswerBadge, TableRegion};
use super::{links, what_if_words, words, worked_words};
use crate::api;
use crate::domain::policy::Config;
use crate::domain::policy_fields::{Group, PolicyField};
use crate::domain::worked::{Ladder, WorkedMode, work_through};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn RulesPage() -> impl IntoView {
    let environment = use_query_map().read_untracked().get("environment");
    let config = OnceResource::new_blocking(api::rules_page(environment));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match config.await {
                    Ok(config) => view! { <Worked config=config /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Worked(config: Config) -> impl IntoView {
    let environment = config.environment.clone();
    let order: Vec<_> = worked_words::ORDER
        .into_iter()
        .map(|(name, text)| {
            view! {
                <li>
                    <strong>{name}</strong>
                    ": "
                    {text}
                </li>
            }
        })
        .collect();
    let modes: Vec<_> = work_through(&config.policy).iter().map(mode).collect();
    view! {
        <Title text=format!("The rules, worked through · {environment} · Scaling Mode") />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <section class="panel" aria-labelledby="rules-title">
                <div class="panel-head">
                    <h1 id="rules-title">"The rules, worked through"</h1>
                    <span class="mark mark-hypothetical">"Examples"</span>
                </div>
                <p>
                    {format!(
                        "The first rule that applies gives the answer. The tables below take a business in good order and move one number at a time, under the limits and guardrails of {environment}. Every figure is an example, none a measurement.",
                    )}
                </p>
                <ol class="rule-order">{order}</ol>
                <Lines config=config.clone() />
                <p>
                    <a class="lone-link" href=links::what_if(&environment, &[])>"Try your own numbers"</a>
                </p>
            </section>
            {modes}
        </PageFrame>
    }
    .into_any()
}

/// The guardrails in force, by name.
#[component]
fn Lines(config: Config) -> impl IntoView {
    let rows: Vec<_> = PolicyField::ALL
        .iter()
        .filter(|field| field.group() == Group::Guardrails)
        .map(|field| {
            view! {
                <tr>
                    <th scope="row">{super::policy_words::label(*field)}</th>
                    <td class="number">{field.text(&config.policy)}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <details>
            <summary>"The guardrails in force"</summary>
            <div class="details-body">
                <TableRegion label="The guardrails in force">
                    <table>
                        <caption>"The guardrails in force"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Guardrail"</th>
                                <th scope="col">"Value"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </TableRegion>
            </div>
        </details>
    }
    .into_any()
}

fn mode(worked: &WorkedMode) -> AnyView {
    let id = format!("rules-{}", worked.mode);
    let rows: Vec<_> = worked.ladders.iter().flat_map(rows).collect();
    let caption = format!("{}: one number moved, all else in good order", words::mode(worked.mode));
    view! {
        <section class="panel" aria-labelledby=id.clone()>
            <div class="panel-head">
                <h2 id=id.clone()>{words::mode(worked.mode)}</h2>
            </div>
            <p>{worked_words::start(worked)}</p>
            <TableRegion label=caption.clone()>
                <table>
                    <caption>{caption}</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Number"</th>
                            <th scope="col">"From and to"</th>
                            <th scope="col">"Answer"</th>
                            <th scope="col">"Rules that turn it there"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        </section>
    }
    .into_any()
}

fn rows(ladder: &Ladder) -> Vec<AnyView> {
    let row = |stretch: &crate::domain::worked::Stretch| {
        let name = what_if_words::label(ladder.field);
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="number">{worked_words::values(ladder.field, stretch)}</td>
                <td>
                    <AnswerBadge answer=stretch.answer />
                </td>
                <td>
                    <code>{worked_words::because(stretch)}</code>
                </td>
            </tr>
        }
        .into_any()
    };
    ladder.stretches.iter().map(row).collect()
}
