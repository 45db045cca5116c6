//! Owns the page of the samples behind one number. Must not know how samples are kept.

use super::over_time_panel::figure;
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::widgets::{KindMark, TableRegion, TimeStamp};
use super::{format, links, words};
use crate::api::{self, SamplePage};
use crate::domain::signal::{Severity, Signal};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// What the address asks for.
#[derive(Clone)]
struct Asked {
    from: String,
    severity: Option<String>,
    signal: String,
    to: String,
}

#[component]
pub fn SamplesPage() -> impl IntoView {
    let query = use_query_map();
    let query = query.read_untracked();
    let asked = StoredValue::new(Asked {
        from: query.get("from").unwrap_or_default(),
        severity: query.get("severity").filter(|severity| !severity.is_empty()),
        signal: query.get("signal").unwrap_or_default(),
        to: query.get("to").unwrap_or_default(),
    });
    let Asked { from, severity, signal, to } = asked.get_value();
    let samples = OnceResource::new_blocking(api::sample_lines(query.get("environment"), signal, severity, from, to));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match samples.await {
                    Ok(page) => view! { <Samples page=page asked=asked.get_value() /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Samples(page: SamplePage, asked: Asked) -> impl IntoView {
    let severity = Severity::ALL.into_iter().find(|severity| asked.severity.as_deref() == Some(severity.name()));
    let name = Signal::from_name(&asked.signal)
        .map_or_else(|| asked.signal.clone(), |signal| words::signal(signal, severity).to_owned());
    let window = match (
        asked.from.parse::<chrono::DateTime<chrono::Utc>>(),
        asked.to.parse::<chrono::DateTime<chrono::Utc>>(),
    ) {
        (Ok(from), Ok(to)) if from == to => format!("At {}", format::utc(to)),
        (Ok(from), Ok(to)) => format!("After {}, up to {}", format::utc(from), format::utc(to)),
        _ => format!("From {} to {}", asked.from, asked.to),
    };
    let kept = format!("Single samples are kept for {} days; older numbers stay in their snapshots.", page.kept_days);
    let caption = format!("{} samples of {}", format::whole(page.samples.len() as u64), asked.signal);
    let rows: Vec<_> = page
        .samples
        .iter()
        .map(|sample| {
            view! {
                <tr>
                    <th scope="row">
                        <TimeStamp at=sample.at />
                    </th>
                    <td class="number">{sample.value.clone()}</td>
                    <td>{sample.source.clone()}</td>
                    <td>
                        <TimeStamp at=sample.fetched_at />
                    </td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let table = if rows.is_empty() {
        view! { <p>"No single samples are left in this window."</p> }.into_any()
    } else {
        view! {
            <TableRegion label=caption.clone()>
                <table>
                    <caption>{caption}</caption>
                    <thead>
                        <tr>
                            <th scope="col">"At"</th>
                            <th scope="col">"Value"</th>
                            <th scope="col">"Source"</th>
                            <th scope="col">"Fetched at"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        }
        .into_any()
    };
    view! {
        <Title text=format!("Samples: {name}, {} · Scaling Mode", page.environment) />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&page.environment)>{format!("Back to {}", page.environment)}</a>
            </nav>
            <KindBanner kind=page.kind />
            <section class="panel" aria-labelledby="samples-title">
                <div class="panel-head">
                    <h1 id="samples-title">{format!("Samples behind {name}")}</h1>
                    <KindMark kind=page.kind />
                </div>
                <p>{window} "."</p>
                <p class="quiet">{kept}</p>
                {page.chart.map(figure)}
                {table}
            </section>
        </PageFrame>
    }
    .into_any()
}
