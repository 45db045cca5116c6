//! Owns the forms that close what its sender will not: an open alert, a client that Stripe no longer has. Must not know what closing does.

use super::links;
use super::local_time::Age;
use super::widgets::{EnvironmentField, TableRegion, TimeStamp};
use crate::domain::act::MAX_REASON;
use crate::domain::alert::KnownAlert;
use leptos::prelude::*;

/// The open alerts of a source. Founders close each with a reason.
#[component]
pub fn OpenAlerts(
    alerts: Vec<KnownAlert>,
    environment: String,
    may_close: bool,
    place: usize,
    source: String,
) -> impl IntoView {
    let label = format!("Open alerts of {source}");
    let rows: Vec<_> = alerts
        .into_iter()
        .enumerate()
        .map(|(number, alert)| {
            let id = format!("source-{place}-alert-{number}");
            alert_row(alert, may_close.then(|| (environment.clone(), source.clone(), id)))
        })
        .collect();
    view! {
        <TableRegion label=label>
            <table>
                <caption>"Open alerts; one that is no longer repeated makes its number unknown"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Alert"</th>
                        <th scope="col">"Severity"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col">"Last repeated"</th>
                        {may_close.then(|| view! { <th scope="col">"Close"</th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

fn alert_row(alert: KnownAlert, place: Option<(String, String, String)>) -> AnyView {
    let KnownAlert { fingerprint, heard_at, is_unknown, name, severity, starts_at } = alert;
    let title = if name.is_empty() { fingerprint.clone() } else { name };
    let closing = place.map(|(environment, source, id)| {
        let summary = format!("Close {title}");
        let button = format!("Close {title} now");
        view! {
            <td>
                <details>
                    <summary>{summary}</summary>
                    <form method="post" action=links::form("close-alert") class="act">
                        <EnvironmentField environment=environment />
                        <input type="hidden" name="source" value=source />
                        <input type="hidden" name="alert" value=fingerprint.clone() />
                        <label for=id.clone()>"Reason"</label>
                        <input id=id name="reason" type="text" required maxlength=MAX_REASON autocomplete="off" />
                        <button type="submit" class="button button-danger">{button}</button>
                    </form>
                </details>
            </td>
        }
    });
    view! {
        <tr>
            <th scope="row">{title} <br /> <code>{fingerprint}</code></th>
            <td>{severity.name()}</td>
            <td>
                <TimeStamp at=starts_at />
            </td>
            <td>
                <TimeStamp at=heard_at />
                <Age />
                {is_unknown
                    .then(|| view! { " " <span class="badge state-stale">"no longer repeated"</span> })}
            </td>
            {closing}
        </tr>
    }
    .into_any()
}

/// Ends a client that Stripe no longer has.
#[component]
pub fn EndClient(environment: String, place: usize, source: String) -> impl IntoView {
    let (client, reason) = (format!("source-{place}-client"), format!("source-{place}-client-reason"));
    view! {
        <details>
            <summary>{format!("End a client of {source}")}</summary>
            <div class="details-body">
                <form method="post" action=links::form("end-client") class="act">
                    <p class="quiet">"For a client that Stripe no longer has. It counts again if Stripe sends it."</p>
                    <EnvironmentField environment=environment />
                    <input type="hidden" name="source" value=source />
                    <label for=client.clone()>"Id of the customer or of a subscription"</label>
                    <input id=client name="client" type="text" required maxlength="255" autocomplete="off" placeholder="cus_..." />
                    <label for=reason.clone()>"Reason"</label>
                    <input id=reason name="reason" type="text" required maxlength=MAX_REASON autocomplete="off" />
                    <button type="submit" class="button button-danger">"End this client now"</button>
                </form>
            </div>
        </details>
    }
    .into_any()
}
