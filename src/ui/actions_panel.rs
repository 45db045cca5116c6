//! Owns the founder's acts as plain forms: generate a snapshot, set the mode, freeze and unfreeze, auto-mode.
//! Must not decide whether an act is allowed: the server does, and says why not.

use super::links;
use super::mode_consequence::ModeConsequence;
use super::visitor::{NotYours, Visitor};
use super::widgets::EnvironmentField;
use crate::domain::access::Permission;
use crate::domain::act::MAX_REASON;
use crate::domain::consequence::Load;
use crate::domain::policy::Config;
use leptos::prelude::*;

#[component]
pub fn ActionsPanel(config: Config, load: Load) -> impl IntoView {
    let environment = config.environment.clone();
    let visitor = Visitor::here();
    // Actions that the reader may not take are not offered; the reason is in their place.
    let offered = |permission: Permission, act: &dyn Fn() -> AnyView| {
        if visitor.may(permission, &environment) {
            act()
        } else {
            view! {
                <div class="act">
                    <NotYours permission=permission />
                </div>
            }
            .into_any()
        }
    };
    let evaluate =
        offered(Permission::Evaluate, &|| view! { <AnswerNow environment=environment.clone() /> }.into_any());
    let set_mode =
        offered(Permission::ChangeMode, &|| view! { <SetMode config=config.clone() load=load /> }.into_any());
    let freeze = offered(Permission::Freeze, &|| {
        view! { <Freeze environment=environment.clone() frozen=config.frozen /> }.into_any()
    });
    let auto_mode = visitor
        .may(Permission::ChangeMode, &environment)
        .then(|| view! { <AutoMode environment=environment.clone() auto_mode=config.auto_mode /> });
    view! {
        <section id="actions" class="panel" aria-labelledby="actions-title">
            <div class="panel-head">
                <h2 id="actions-title">"Your acts"</h2>
            </div>
            <p>
                <a class="button" href=links::settings(&environment)>
                    {if visitor.may(Permission::ChangePolicy, &environment) {
                        "Edit limits and guardrails"
                    } else {
                        "See limits and guardrails"
                    }}
                </a>
            </p>
            <p class="quiet">"The engine advises. Only these forms change anything, and each leaves an event in the history."</p>
            <div class="acts">
                {evaluate}
                {set_mode}
                {freeze}
                {auto_mode}
            </div>
            <p>
                <a class="samples-link" href=links::backtest(&environment)>
                    "Test other limits and guardrails on your own past"
                </a>
            </p>
        </section>
    }
    .into_any()
}

#[component]
fn AnswerNow(environment: String) -> impl IntoView {
    view! {
        <form method="post" action=links::form("evaluate") class="act">
            <h3>"Answer now"</h3>
            <p class="quiet">"Evaluate with the data at hand and keep the snapshot."</p>
            <EnvironmentField environment=environment />
            <button type="submit" class="button button-primary">
                "Generate snapshot"
            </button>
        </form>
    }
    .into_any()
}

#[component]
fn SetMode(config: Config, load: Load) -> impl IntoView {
    view! {
        <form method="post" action=links::form("set-mode") class="act">
            <h3>"Set mode"</h3>
            <EnvironmentField environment=config.environment />
            <input type="hidden" name="old_mode" value=config.mode.name() />
            <ModeConsequence limits=config.policy.limits load=load current=config.mode />
            <label for="set-mode-reason">"Reason (optional)"</label>
            <input id="set-mode-reason" name="reason" type="text" maxlength=MAX_REASON autocomplete="off" />
            <button type="submit" class="button">
                "Set mode"
            </button>
        </form>
    }
    .into_any()
}

#[component]
fn Freeze(environment: String, frozen: bool) -> impl IntoView {
    let (action, title, text) = if frozen {
        ("unfreeze", "Unfreeze", "The environment is frozen: no Increase is given until you unfreeze it.")
    } else {
        ("freeze", "Freeze", "Stops every Increase until you unfreeze it. Nothing else changes.")
    };
    view! {
        <form method="post" action=links::form(action) class="act">
            <h3>{title}</h3>
            <p class="quiet">{text}</p>
            <EnvironmentField environment=environment />
            <label for="freeze-reason">"Reason"</label>
            <input id="freeze-reason" name="reason" type="text" required maxlength=MAX_REASON autocomplete="off" />
            <button type="submit" class=if frozen { "button" } else { "button button-danger" }>
                {title}
            </button>
        </form>
    }
    .into_any()
}

#[component]
fn AutoMode(environment: String, auto_mode: bool) -> impl IntoView {
    let (state, button) = if auto_mode {
        ("Auto-mode is on: a changed answer opens a proposal.", "Turn auto-mode off")
    } else {
        ("Auto-mode is off: nothing is proposed.", "Turn auto-mode on")
    };
    view! {
        <form method="post" action=links::form("auto-mode") class="act">
            <h3>"Auto-mode"</h3>
            <p class="quiet">{state} " It never changes a mode by itself."</p>
            <EnvironmentField environment=environment />
            <input type="hidden" name="enabled" value=if auto_mode { "false" } else { "true" } />
            <button type="submit" class="button">
                {button}
            </button>
        </form>
    }
    .into_any()
}
