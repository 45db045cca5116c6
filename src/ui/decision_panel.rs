//! Owns the proof of the decision: every rule with its outcome, grouped, and what would change the answer.
//! Must not judge: outcomes, numbers and sentences are the snapshot's.

use super::icons::{self, Icon};
use super::links;
use super::rules::{self, Group};
use super::widgets::{OutcomeBadge, PanelHead, TableRegion};
use crate::domain::decision::Recommendation;
use crate::domain::explain::what_would_change;
use crate::domain::interval::Outcome;
use crate::domain::policy::EnvironmentKind;
use crate::domain::snapshot::{Rule, Snapshot};
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn DecisionPanel(snapshot: Arc<Snapshot>) -> impl IntoView {
    let body = &snapshot.body;
    let changes: Vec<_> = what_would_change(&snapshot).into_iter().map(|text| view! { <li>{text}</li> }).collect();
    let changes = if changes.is_empty() {
        view! { <p>{nothing_would(body.recommendation, body.kind)}</p> }.into_any()
    } else {
        view! { <ul class="changes">{changes}</ul> }.into_any()
    };
    let notes: Vec<_> = body.truth.notes.iter().map(|note| view! { <li>{note.to_string()}</li> }).collect();
    let groups: Vec<_> = Group::ALL
        .into_iter()
        .filter_map(|group| {
            let of_group: Vec<Rule> =
                body.rules.iter().filter(|rule| Group::of(&rule.rule) == group).cloned().collect();
            (!of_group.is_empty()).then(|| view! { <RuleGroup group=group rules=of_group /> })
        })
        .collect();
    view! {
        <section id="decision" class="panel" aria-labelledby="decision-title">
            <PanelHead title="The decision" id="decision-title" kind=body.kind />
            <h3>"What would change this answer"</h3>
            {changes}
            <p>
                <a class="lone-link" href=links::what_if(&body.environment, &[])>"What if ... try other numbers"</a>
            </p>
            {(!notes.is_empty())
                .then(|| {
                    view! {
                        <h3>"What to know of the evidence"</h3>
                        <ul class="changes">{notes}</ul>
                    }
                })}
            <h3>"Every rule, in its order"</h3>
            <div class="rule-groups">{groups}</div>
        </section>
    }
    .into_any()
}

/// The text if no rule speaks against the answer.
const fn nothing_would(recommendation: Recommendation, kind: EnvironmentKind) -> &'static str {
    match (kind, recommendation) {
        (EnvironmentKind::Synthetic, _) => "Nothing would: synthetic data decides nothing, whatever it says.",
        (_, Recommendation::Increase) => "Any of the conditions below failing, or no longer being certain.",
        _ => "No rule below asks for another answer.",
    }
}

/// The rules of one group; open where one of them did not pass and that matters for the answer.
#[component]
fn RuleGroup(group: Group, rules: Vec<Rule>) -> impl IntoView {
    let count = |outcome: Outcome| rules.iter().filter(|rule| rule.outcome == outcome).count();
    let tally: Vec<_> = [Outcome::Failed, Outcome::Unknown, Outcome::Passed]
        .into_iter()
        .filter(|outcome| count(*outcome) > 0)
        .map(|outcome| {
            view! {
                <span class=format!("tally outcome-{}", outcome.name())>
                    <Icon shape=icons::outcome(outcome) />
                    {format!("{} {}", count(outcome), outcome.name())}
                </span>
            }
        })
        .collect();
    let open = count(Outcome::Passed) < rules.len() && group != Group::WayBack;
    let rows: Vec<_> = rules.iter().map(row).collect();
    view! {
        <details class="rule-group" open=open>
            <summary>
                <span class="rule-group-title">{group.title()}</span>
                {tally}
            </summary>
            <div class="details-body">
                <TableRegion label=group.title()>
                    <table>
                        <caption>{group.explanation()}</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Result"</th>
                                <th scope="col">"Rule"</th>
                                <th scope="col">"Observed"</th>
                                <th scope="col">"Asked for"</th>
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

fn row(rule: &Rule) -> AnyView {
    view! {
        <tr>
            <td>
                <OutcomeBadge outcome=rule.outcome />
            </td>
            <th scope="row">
                {rules::title(rule)} <span class="note">{rule.detail.to_string()}</span>
                <code class="note">{rule.rule.to_string()}</code>
            </th>
            <td class="number">{rules::observed(rule)}</td>
            <td class="number">{rules::asked(rule)}</td>
        </tr>
    }
    .into_any()
}
