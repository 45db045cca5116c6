//! Owns the open proposal: what auto-mode lays before the founder, to accept or dismiss. Must not accept anything itself.

use super::local_time::ReaderTime;
use super::widgets::{AnswerBadge, EnvironmentField, PanelHead};
use super::{links, words};
use crate::domain::policy::EnvironmentKind;
use crate::domain::proposal::Proposal;
use leptos::prelude::*;

#[component]
pub fn ProposalPanel(environment: String, kind: EnvironmentKind, proposal: Proposal) -> impl IntoView {
    let asks = match proposal.target_mode {
        Some(mode) => format!("Change the mode to {}.", words::mode(mode)),
        None => "Freeze the environment.".to_owned(),
    };
    let form = |action: &'static str, label: &'static str, class: &'static str| {
        view! {
            <form method="post" action=links::form(action)>
                <EnvironmentField environment=environment.clone() />
                <input type="hidden" name="proposal_id" value=proposal.id.clone() />
                <button type="submit" class=class>
                    {label}
                </button>
            </form>
        }
    };
    view! {
        <section id="proposal" class="panel panel-proposal" aria-labelledby="proposal-title">
            <PanelHead title="A proposal is open" id="proposal-title" kind=kind />
            <p class="proposal-asks">
                <AnswerBadge answer=proposal.recommendation />
                <strong>{asks}</strong>
            </p>
            <p class="quiet">
                "Opened "
                <ReaderTime at=proposal.opened_at />
                ", lapses "
                <ReaderTime at=proposal.expires_at />
                ". It rests on "
                <a href=links::snapshot(&proposal.snapshot_id)>"this snapshot"</a>
                "; accepting evaluates again first, and does nothing if the recommendation has changed."
            </p>
            <div class="button-row">
                {form("accept-proposal", "Accept", "button button-primary")}
                {form("dismiss-proposal", "Dismiss", "button")}
            </div>
        </section>
    }
    .into_any()
}
