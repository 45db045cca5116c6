//! Owns the shell of every page and its routes. Must not know what a page shows.

use crate::ui::account_page::AccountPage;
use crate::ui::backtest_page::BacktestPage;
use crate::ui::bundle;
pub use crate::ui::bundle::{FileNames, PagePath, set_file_names};
use crate::ui::codes_page::CodesPage;
use crate::ui::compare_page::ComparePage;
use crate::ui::connections_page::ConnectionsPage;
use crate::ui::event_page::EventPage;
use crate::ui::join_page::JoinPage;
use crate::ui::page_error::NotFound;
use crate::ui::people_page::PeoplePage;
use crate::ui::rules_page::RulesPage;
use crate::ui::samples_page::SamplesPage;
use crate::ui::scaling_mode_page::ScalingModePage;
use crate::ui::second_proof_page::SecondProofPage;
use crate::ui::settings_page::SettingsPage;
use crate::ui::shared_page::{ShareDoorPage, SharedPage};
use crate::ui::sign_in_page::SignInPage;
use crate::ui::snapshot_page::SnapshotPage;
use crate::ui::styleguide_page::StyleguidePage;
pub use crate::ui::theme_choice::Theme;
use crate::ui::unsent_page::UnsentPage;
pub use crate::ui::visitor::Visitor;
use crate::ui::what_if_page::WhatIfPage;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

/// The document around the application. Pages are complete before they are sent; only islands are taken over by the browser.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let theme = use_context::<Theme>().unwrap_or_default();
    let PagePath(path) = use_context().unwrap_or_default();
    let (style, scripts) = bundle::files(&options, &path);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.0>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content=theme.0.unwrap_or("light dark") />
                <meta name="description" content="May I safely take on more? Hold, Increase, Decrease or Freeze, with the proof." />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <HashedStylesheet id="style" options=style />
                <AutoReload options=options />
                {scripts.map(|scripts| view! { <HydrationScripts options=scripts islands=true /> })}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/founder/scaling-mode") view=ScalingModePage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/snapshots/:id") view=SnapshotPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/compare") view=ComparePage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/connections") view=ConnectionsPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/events/:seq") view=EventPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/backtest") view=BacktestPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/settings") view=SettingsPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/rules") view=RulesPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/samples") view=SamplesPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/what-if") view=WhatIfPage ssr=SsrMode::Async />
                <Route path=path!("/founder/scaling-mode/people") view=PeoplePage ssr=SsrMode::Async />
                <Route path=path!("/founder/sign-in") view=SignInPage ssr=SsrMode::Async />
                <Route path=path!("/founder/sign-in/code") view=SecondProofPage ssr=SsrMode::Async />
                <Route path=path!("/founder/account") view=AccountPage ssr=SsrMode::Async />
                <Route path=path!("/founder/account/codes") view=CodesPage ssr=SsrMode::Async />
                <Route path=path!("/founder/unsent") view=UnsentPage ssr=SsrMode::Async />
                <Route path=path!("/founder/shared") view=SharedPage ssr=SsrMode::Async />
                <Route path=path!("/founder/share/:secret") view=ShareDoorPage ssr=SsrMode::Async />
                <Route path=path!("/founder/join/:secret") view=JoinPage ssr=SsrMode::Async />
                <Route path=path!("/styleguide") view=StyleguidePage ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}
