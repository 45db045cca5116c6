//! Owns the list of the policy's versions, each with the way back to it. Restoring is a change like any other: it is
//! reviewed, and saved as a new version. Must not know how versions are kept.

use super::local_time::ReaderTime;
use super::{links, policy_words};
use crate::views::settings::{ChangeLine, VersionLine};
use leptos::prelude::*;

#[component]
pub fn SettingsVersions(environment: String, versions: Vec<VersionLine>) -> impl IntoView {
    let rows: Vec<_> = versions.into_iter().map(|line| row(&environment, line)).collect();
    view! {
        <section id="versions" class="panel" aria-labelledby="versions-title">
            <h2 id="versions-title">"Versions"</h2>
            <p class="quiet">
                "The last ten. Restoring one is reviewed first and saved as a new version: nothing in the history is undone."
            </p>
            <ol class="timeline">{rows}</ol>
        </section>
    }
    .into_any()
}

fn row(environment: &str, line: VersionLine) -> AnyView {
    let version = line.version;
    let action = if line.is_in_force {
        view! { <span class="mark">"in force"</span> }.into_any()
    } else {
        let label = format!("Restore this version, {version}");
        view! {
            <a class="button" href=links::restore(environment, version) aria-label=label>
                "Restore this version"
            </a>
        }
        .into_any()
    };
    let changes: Vec<_> = line.changes.iter().filter_map(change).collect();
    let changes = (!changes.is_empty()).then(|| view! { <ul class="plain quiet">{changes}</ul> });
    view! {
        <li class="event" id=format!("version-{version}")>
            <p class="event-title">
                <strong>{format!("Version {version}")}</strong>
                {action}
            </p>
            {line.reason.map(|reason| view! { <p class="event-reason">{reason}</p> })}
            {changes}
            <p class="quiet">
                <ReaderTime at=line.at />
                {format!(" · by {}", line.actor)}
            </p>
        </li>
    }
    .into_any()
}

fn change(line: &ChangeLine) -> Option<AnyView> {
    let field = line.field()?;
    let told = format!(
        "{}: {} → {}",
        policy_words::label(field),
        policy_words::value(field, &line.from),
        policy_words::value(field, &line.to)
    );
    Some(view! { <li>{told}</li> }.into_any())
}
