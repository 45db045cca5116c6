//! Owns the read-out of the charts: a slider that walks their points, by keyboard or by pointing at a chart, and says what
//! the table says of the point. Without JavaScript it is not there; the table is. Must not know what a chart shows.

use super::browser::on;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, HtmlElement, HtmlInputElement, js_sys};
use web_sys::{Event, MouseEvent};

/// Where every plot begins and ends, as shares of a chart's width (`server/charts/theme.rs` frames them so).
const PLOT: (f64, f64) = (60.0 / 720.0, 704.0 / 720.0);

#[component]
pub fn ChartReadout(
    /// The place of the newest point, counted from zero.
    last: u32,
) -> impl IntoView {
    view! {
        <div id="chart-readout" class="chart-readout" hidden>
            <label for="chart-point">"Walk the points"</label>
            <input id="chart-point" type="range" min="0" max=last.to_string() value=last.to_string() />
            <output id="chart-words" for="chart-point" aria-live="off"></output>
        </div>
    }
}

/// Lets the charts be read, where the page has any.
pub fn attach() {
    let document = document();
    let (Some(readout), Some(slider), Some(charts)) =
        (document.get_element_by_id("chart-readout"), slider(), document.get_element_by_id("charts"))
    else {
        return;
    };
    let _ = readout.remove_attribute("hidden");
    on(&slider, "input", |_: Event| show());
    on(&charts, "pointermove", |event: MouseEvent| point(&event));
}

fn slider() -> Option<HtmlInputElement> {
    document().get_element_by_id("chart-point")?.dyn_into().ok()
}

fn charts() -> Option<HtmlElement> {
    document().get_element_by_id("charts")?.dyn_into().ok()
}

/// When the time axis begins and ends, in seconds since 1970.
fn span(charts: &HtmlElement) -> Option<(f64, f64)> {
    let at = |name| charts.get_attribute(name)?.parse::<i64>().ok();
    Some((at("data-from")? as f64, at("data-to")? as f64))
}

fn row(place: usize) -> Option<Element> {
    document().get_element_by_id("over-time-rows")?.children().item(u32::try_from(place).ok()?)
}

/// When a point was, in seconds since 1970.
fn time_of(place: usize) -> Option<f64> {
    let time = row(place)?.query_selector("time").ok()??.get_attribute("datetime")?;
    Some(js_sys::Date::parse(&time) / 1_000.0)
}

/// What the table says of a point.
fn words_of(place: usize) -> Option<String> {
    let cells = row(place)?.children();
    let cell = |place| cells.item(place).and_then(|cell| cell.text_content()).unwrap_or_default();
    let mut said = [cell(0).trim(), ": health ", &cell(1), ", load ", &cell(2)].concat();
    for place in 3..6 {
        said.push_str(", ");
        said.push_str(&cell(place));
    }
    Some(said)
}

/// Says the point that the slider is at, and marks it in every chart.
fn show() {
    let Some(slider) = slider() else {
        return;
    };
    let place = slider.value_as_number() as usize;
    let words = words_of(place).unwrap_or_default();
    let _ = slider.set_attribute("aria-valuetext", &words);
    if let Some(output) = document().get_element_by_id("chart-words") {
        output.set_text_content(Some(&words));
    }
    let Some(charts) = charts() else {
        return;
    };
    if let (Some(at), Some((from, to))) = (time_of(place), span(&charts)) {
        let share = ((at - from) / (to - from).max(1.0)).clamp(0.0, 1.0);
        let left = js_sys::Number::from((PLOT.0 + share * (PLOT.1 - PLOT.0)) * 100.0);
        let left: String = left.to_fixed(2).map(String::from).unwrap_or_default();
        let _ = charts.style().set_property("--chart-at", &[&left, "%"].concat());
        let _ = charts.class_list().add_1("is-read");
    }
}

/// Moves the slider to the point nearest to where the pointer is over a chart.
fn point(event: &MouseEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let svg = target.and_then(|target| target.closest("svg").ok().flatten());
    let (Some(bounds), Some(charts), Some(slider)) =
        (svg.map(|svg| svg.get_bounding_client_rect()), charts(), slider())
    else {
        return;
    };
    let Some((from, to)) = span(&charts) else {
        return;
    };
    let across = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
    let share = ((across - PLOT.0) / (PLOT.1 - PLOT.0)).clamp(0.0, 1.0);
    let wanted = from + share * (to - from);
    let distance = |place: usize| time_of(place).map(|at| (at - wanted).abs());
    let mut nearest = (0, f64::MAX);
    let mut place = 0;
    while let Some(away) = distance(place) {
        if away < nearest.1 {
            nearest = (place, away);
        }
        place += 1;
    }
    slider.set_value_as_number(nearest.0 as f64);
    show();
}
