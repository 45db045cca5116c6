//! Owns the read-out of the charts: a slider that walks their points, by keyboard or by pointing at a chart, and says what
//! the table says of the point. Without JavaScript it is not there; the table is. Must not know what a chart shows.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::web_sys::{Element, HtmlElement, MouseEvent, js_sys};

/// Where every plot begins and ends, as shares of a chart's width (`server/charts/theme.rs` frames them so).
const PLOT: (f64, f64) = (60.0 / 720.0, 704.0 / 720.0);

#[island]
pub fn ChartReadout(
    /// The place of the newest point, counted from zero.
    last: u32,
    /// When the time axis begins, in seconds since 1970.
    from: i64,
    /// When it ends.
    to: i64,
) -> impl IntoView {
    let shown = RwSignal::new(None::<u32>);
    let ready = RwSignal::new(false);
    let words = move || shown.get().and_then(words_of).unwrap_or_default();
    Effect::new(move |_| {
        ready.set(true);
        follow_pointer(shown, last, from, to);
    });
    Effect::new(move |_| {
        if let Some(place) = shown.get() {
            mark(place, from, to);
        }
    });
    let slide = move |event| shown.set(event_target_value(&event).parse().ok());
    view! {
        <div class="chart-readout" hidden=move || !ready.get()>
            <label for="chart-point">"Walk the points"</label>
            <input
                id="chart-point"
                type="range"
                min="0"
                max=last.to_string()
                prop:value=move || shown.get().unwrap_or(last).to_string()
                aria-valuetext=words
                on:input=slide
            />
            <output for="chart-point">{words}</output>
        </div>
    }
}

fn charts() -> Option<HtmlElement> {
    document().get_element_by_id("charts")?.dyn_into().ok()
}

fn row(place: u32) -> Option<Element> {
    document().query_selector(&format!("#over-time-points tbody tr:nth-child({})", place + 1)).ok()?
}

/// When a point was, in seconds since 1970.
fn time_of(place: u32) -> Option<f64> {
    let time = row(place)?.query_selector("time").ok()??.get_attribute("datetime")?;
    Some(js_sys::Date::parse(&time) / 1_000.0)
}

/// What the table says of a point.
fn words_of(place: u32) -> Option<String> {
    let cells = row(place)?.children();
    let cell = |place| cells.item(place).and_then(|cell| cell.text_content()).unwrap_or_default();
    Some(format!("{}: health {}, load {}, {}, {}, {}", cell(0).trim(), cell(1), cell(2), cell(3), cell(4), cell(5)))
}

/// Moves the upright line of every chart to a point.
fn mark(place: u32, from: i64, to: i64) {
    if let Some((charts, at)) = charts().zip(time_of(place)) {
        let share = ((at - from as f64) / (to - from).max(1) as f64).clamp(0.0, 1.0);
        let left = (PLOT.0 + share * (PLOT.1 - PLOT.0)) * 100.0;
        let _ = charts.style().set_property("--chart-at", &format!("{left:.2}%"));
        let _ = charts.class_list().add_1("is-read");
    }
}

/// Shows the point nearest to where the pointer is over a chart.
fn follow_pointer(shown: RwSignal<Option<u32>>, last: u32, from: i64, to: i64) {
    let Some(charts) = charts() else {
        return;
    };
    let moved = Closure::<dyn Fn(MouseEvent)>::new(move |event: MouseEvent| {
        let chart = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let svg = chart.and_then(|chart| chart.closest("svg").ok().flatten());
        let Some(bounds) = svg.map(|svg| svg.get_bounding_client_rect()) else {
            return;
        };
        let across = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
        let share = (across - PLOT.0) / (PLOT.1 - PLOT.0);
        let wanted = from as f64 + share.clamp(0.0, 1.0) * (to - from) as f64;
        shown.set(nearest(last, wanted));
    });
    let _ = charts.add_event_listener_with_callback("pointermove", moved.as_ref().unchecked_ref());
    // The page lives as long as its charts.
    moved.forget();
}

fn nearest(last: u32, wanted: f64) -> Option<u32> {
    let distance = |place: &u32| time_of(*place).map_or(f64::MAX, |at| (at - wanted).abs());
    (0..=last).min_by(|one, two| distance(one).total_cmp(&distance(two)))
}
