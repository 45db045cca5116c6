//! Owns who the page is made for, and what is said in place of what they may not do. Must not decide what they may do: the server does,
//! again, at every act.

use super::icons::{self, Icon};
use super::links;
use crate::domain::access::{Identity, Permission, Who};
use leptos::prelude::*;

/// The user whom the page is made for; `None` if they are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitor(Option<Identity>);

impl Visitor {
    pub fn of(identity: Option<Identity>) -> Visitor {
        Visitor(identity)
    }

    /// The user whom the page is being made for.
    pub fn here() -> Visitor {
        use_context().unwrap_or_default()
    }

    /// Whether an act is worth offering to them there.
    pub fn may(&self, permission: Permission, environment: &str) -> bool {
        self.0.as_ref().is_some_and(|identity| identity.may(permission, environment))
    }

    fn may_somewhere(&self, permission: Permission) -> bool {
        self.0.as_ref().is_some_and(|identity| identity.may_somewhere(permission))
    }

    /// Whether nobody has to sign in yet.
    pub fn is_local(&self) -> bool {
        self.0.as_ref().is_some_and(|identity| identity.who == Who::Local)
    }
}

/// The signed-in user, at the top of every page, with the way out.
#[component]
pub fn AccountBar() -> impl IntoView {
    let visitor = Visitor::here();
    let people = visitor.may_somewhere(Permission::ManageAccess).then(|| view! { <a href=links::PEOPLE>"People"</a> });
    let Some(identity) = visitor.0 else {
        return view! {
            <nav class="account" aria-label="Account">
                <a href=links::SIGN_IN>"Sign in"</a>
            </nav>
        }
        .into_any();
    };
    let who = match identity.who {
        Who::Local => return view! { <nav class="account" aria-label="Account">{people}</nav> }.into_any(),
        Who::Person { name, .. } => view! { <a href=links::ACCOUNT>{name}</a> }.into_any(),
        Who::Guest { .. } => view! { <span>"Shared with you"</span> }.into_any(),
        Who::Token { name, .. } => view! { <span>{name}</span> }.into_any(),
    };
    view! {
        <nav class="account" aria-label="Account">
            {people}
            <form method="post" action=links::form("sign-out")>
                {who}
                <button type="submit" class="button button-quiet">
                    "Sign out"
                </button>
            </form>
        </nav>
    }
    .into_any()
}

/// Says that nobody has to sign in yet, and offers to change that.
#[component]
pub fn OpenBanner() -> impl IntoView {
    if !Visitor::here().is_local() {
        return ().into_any();
    }
    view! {
        <div class="banner banner-open">
            <Icon shape=icons::ATTENTION />
            <div>
                <p>
                    <strong>"Sign-in is off."</strong>
                    " Anyone using this computer as the server's user can view and change everything, and so can anyone to whom that user forwards the port. To turn sign-in on, open the link that the server printed when it started, or run "
                    <code>"scaling-mode person create"</code>
                    "."
                </p>
            </div>
        </div>
    }
    .into_any()
}

/// The text in place of an action that the reader may not take.
#[component]
pub fn NotYours(permission: Permission) -> impl IntoView {
    view! {
        <p class="quiet not-yours">
            {format!("Your role does not let you {}. A founder can change that on the page of people.", permission.deed())}
        </p>
    }
    .into_any()
}
