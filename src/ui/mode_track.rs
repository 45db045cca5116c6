//! Owns the track from lab to scale: the four modes with their bands, where the environment is and where the
//! answer points. Must not know how a band is made or a mode is changed.

use super::words;
use crate::domain::input::Value;
use crate::domain::mode::Mode;
use crate::domain::policy::Limits;
use leptos::prelude::*;

use super::format::{self, Measure};

#[component]
pub fn ModeTrack(limits: Limits, mode: Mode, target: Option<Mode>, clients: Option<Value>) -> impl IntoView {
    let steps: Vec<_> = Mode::ALL
        .into_iter()
        .map(|step| {
            let (from, to) = limits.band(step);
            let class = match step {
                _ if step == mode => "track-step is-current",
                _ if Some(step) == target => "track-step is-target",
                _ => "track-step",
            };
            let place = match step {
                _ if step == mode => Some("now"),
                _ if Some(step) == target => Some("recommended"),
                _ => None,
            };
            view! {
                <li class=class aria-current=(step == mode).then_some("step")>
                    <span class="track-name">
                        {words::mode(step)} {place.map(|place| view! { <span class="track-place">{place}</span> })}
                    </span>
                    <span class="track-band">
                        {format!("{}–{} clients", format::whole(from), format::whole(to))}
                    </span>
                </li>
            }
        })
        .collect();
    let (from, to) = limits.band(mode);
    let position = format!(
        "In {}, meant for {}–{} clients. Active clients: {}.",
        mode,
        format::whole(from),
        format::whole(to),
        clients.map_or_else(
            || format::UNKNOWN.to_owned(),
            |clients| {
                format::value(clients, Measure::CLIENTS)
                    .trim_end_matches(" clients")
                    .trim_end_matches(" client")
                    .to_owned()
            }
        ),
    );
    view! {
        <div class="track-block">
            <h2 class="minor" id="track-title">
                "Mode"
            </h2>
            <ol class="track" aria-labelledby="track-title">
                {steps}
            </ol>
            <p class="quiet">{position}</p>
        </div>
    }
    .into_any()
}
