//! Owns how the tokens are shown: colours with their contrast, space, type and radius. Must not hold a value of its own:
//! each is read from the style sheet.

use super::styleguide_colours::{Colour, PAIRS, Rgb, colours, contrast, find, hex, named};
use super::styleguide_example::Section;
use super::widgets::TableRegion;
use leptos::prelude::*;

#[component]
pub fn Tokens() -> impl IntoView {
    view! {
        <Section id="colours" title="Colours">
            <Colours />
            <Pairs />
        </Section>
        <Section id="sizes" title="Space, type and radius">
            <Sizes />
        </Section>
    }
    .into_any()
}

#[component]
fn Colours() -> impl IntoView {
    let surface = find("surface");
    let against = |one: Rgb, of: fn(Colour) -> Rgb| surface.map(|surface| ratio(contrast(one, of(surface))));
    let rows: Vec<_> = colours()
        .into_iter()
        .map(|colour| {
            view! {
                <tr>
                    <th scope="row">
                        <code>{format!("--{}", colour.name)}</code>
                    </th>
                    <td>
                        <Swatch colour=colour.light />
                    </td>
                    <td class="number">{against(colour.light, |surface| surface.light)}</td>
                    <td>
                        <Swatch colour=colour.dark />
                    </td>
                    <td class="number">{against(colour.dark, |surface| surface.dark)}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <TableRegion label="Colours">
            <table>
                <caption>"Every colour, with its contrast to --surface"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Light"</th>
                        <th scope="col">"Contrast"</th>
                        <th scope="col">"Dark"</th>
                        <th scope="col">"Contrast"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Swatch(colour: Rgb) -> impl IntoView {
    let colour = hex(colour);
    let square = format!("<rect width=\"40\" height=\"20\" rx=\"4\" fill=\"{colour}\" class=\"guide-swatch\"/>");
    view! {
        <svg width="40" height="20" aria-hidden="true" focusable="false" inner_html=square></svg>
        " "
        <code>{colour.clone()}</code>
    }
    .into_any()
}

/// Colours that meet, with what is asked of them.
#[component]
fn Pairs() -> impl IntoView {
    let rows: Vec<_> = PAIRS
        .into_iter()
        .filter_map(|(before, behind, least)| Some((find(before)?, find(behind)?, least)))
        .map(|(before, behind, least)| {
            view! {
                <tr>
                    <th scope="row">{format!("{} on {}", before.name, behind.name)}</th>
                    <td class="number">{ratio(least)}</td>
                    <td class="number">{ratio(contrast(before.light, behind.light))}</td>
                    <td class="number">{ratio(contrast(before.dark, behind.dark))}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <TableRegion label="Colours that meet">
            <table>
                <caption>"Colours that meet: 4.5 for text, 3 for edges and shapes"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Pair"</th>
                        <th scope="col">"At least"</th>
                        <th scope="col">"Light"</th>
                        <th scope="col">"Dark"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

fn ratio(ratio: f64) -> String {
    // Cut off, not rounded: 4.499 is not 4.5.
    format!("{:.2}", (ratio * 100.0).floor() / 100.0)
}

#[component]
fn Sizes() -> impl IntoView {
    let spaces =
        named("space-").into_iter().map(|(name, value)| (name, value, format!("width=\"{value}\" height=\"16\"")));
    let radii = named("radius")
        .into_iter()
        .map(|(name, value)| (name, value, format!("width=\"64\" height=\"32\" rx=\"{value}\"")));
    let drawn: Vec<_> = spaces
        .chain(radii)
        .map(|(name, value, shape)| {
            let shape = format!("<rect {shape} class=\"guide-shape\"/>");
            view! {
                <li>
                    <code>{format!("--{name}: {value}")}</code>
                    <svg width="64" height="32" aria-hidden="true" focusable="false" inner_html=shape></svg>
                </li>
            }
        })
        .collect();
    let types: Vec<_> = named("type-")
        .into_iter()
        .map(|(name, value)| {
            view! {
                <li>
                    <code>{format!("--{name}: {value}")}</code>
                    <span class=format!("guide-{name}")>"Room for 3 more clients"</span>
                </li>
            }
        })
        .collect();
    view! { <ul class="guide-sizes">{drawn} {types}</ul> }.into_any()
}
