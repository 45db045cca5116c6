//! Owns the page of the backtest: what it asks the server for, and how form and result are arranged. Must not judge an
//! evaluation or read a field.

use super::backtest_form::BacktestForm;
use super::backtest_result::BacktestResult;
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::widgets::KindMark;
use super::{links, policy_words};
use crate::api::{self, BacktestView};
use crate::domain::policy::FieldError;
use crate::domain::policy_fields::PolicyField;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use std::collections::BTreeMap;

#[component]
pub fn BacktestPage() -> impl IntoView {
    let query = use_query_map();
    let query = query.read_untracked();
    let environment = query.get("environment").filter(|name| !name.is_empty());
    let fields: BTreeMap<String, String> = query
        .latest_values()
        .filter(|(name, _)| **name != "environment")
        .map(|(name, text)| (name.clone().into_owned(), text.to_owned()))
        .collect();
    let page = OnceResource::new_blocking(api::backtest_page(environment, fields));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <Backtest page=page /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Backtest(page: BacktestView) -> impl IntoView {
    let (environment, kind) = (page.config.environment.clone(), page.config.kind);
    let result = page.report.clone().map(|report| view! { <BacktestResult report=report /> });
    let mistakes = (!page.errors.is_empty()).then(|| view! { <Mistakes errors=page.errors.clone() /> });
    view! {
        <Title text=format!("Backtest of {environment} · Scaling Mode") />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <KindBanner kind=kind />
            <section class="panel" aria-labelledby="backtest-title">
                <div class="panel-head">
                    <h1 id="backtest-title">{format!("Backtest of {environment}")}</h1>
                    <KindMark kind=kind />
                </div>
                <p>
                    "What would other limits, guardrails and weights have answered on your own past? Every stored evaluation is judged again with its own inputs. Nothing is changed and nothing is stored."
                </p>
                <p class="quiet">
                    "The mode, your freezes and the numbers stay what they were: an Increase that would have come earlier moves no mode."
                </p>
            </section>
            {mistakes}
            {result}
            <BacktestForm page=page />
        </PageFrame>
    }
    .into_any()
}

/// Why nothing was tested, each with the way to its field.
#[component]
fn Mistakes(errors: Vec<FieldError>) -> impl IntoView {
    let lines: Vec<_> = errors
        .into_iter()
        .map(|error| {
            let name = PolicyField::by_path(&error.field)
                .map_or_else(|| error.field.clone(), |field| policy_words::label(field).to_owned());
            view! {
                <li>
                    <a href=format!("#{}", error.field)>{name}</a>
                    {format!(" {}.", error.detail)}
                </li>
            }
        })
        .collect();
    view! {
        <section class="panel" role="alert" aria-labelledby="mistakes-title">
            <h2 id="mistakes-title">"Nothing was tested yet"</h2>
            <ul class="plain backtest-mistakes">{lines}</ul>
        </section>
    }
    .into_any()
}
