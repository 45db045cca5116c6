//! Owns what is around every page: skip link, header, footer. Must not know which page it holds.

use super::bars::BarPatterns;
use super::links;
use super::page_script::{MadeWith, PageScript};
use super::theme_choice::ThemeChoice;
use super::visitor::AccountBar;
use leptos::prelude::*;

const MARK: &str = r#"<rect x="1" y="13" width="4" height="6" rx="1"/><rect x="8" y="8" width="4" height="11" rx="1"/><rect x="15" y="1" width="4" height="18" rx="1" class="brand-open"/>"#;

#[component]
pub fn PageFrame(
    /// The right of the header.
    #[prop(optional_no_strip)]
    aside: Option<AnyView>,
    /// The environment whose events the page follows, empty where it follows none, and what it was made with.
    #[prop(optional_no_strip)]
    follow: Option<(String, MadeWith)>,
    children: Children,
) -> impl IntoView {
    let (environment, made) = follow.unwrap_or_default();
    view! {
        <a class="skip-link" href="#main">
            "Skip to the content"
        </a>
        <BarPatterns />
        <header class="site-header">
            <div class="site-width">
                <a class="brand" href=links::PAGE>
                    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false" inner_html=MARK></svg>
                    "Scaling Mode"
                </a>
                {aside}
                <AccountBar />
            </div>
        </header>
        <main id="main" class="site-width" tabindex="-1">
            {children()}
        </main>
        <footer class="site-footer">
            <div class="site-width quiet">
                <p>"The engine advises with proof; it never changes a mode by itself. Times are UTC unless they say otherwise."</p>
                <p>
                    <a href="/api/openapi.json">"The HTTP interface (OpenAPI)"</a>
                </p>
                <ThemeChoice />
            </div>
        </footer>
        <PageScript environment=environment after=made.newest since=made.at />
    }
    .into_any()
}
