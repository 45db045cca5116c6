//! Owns the table of break-even: for each input the nearest value on both sides at which the answer changes. Must not
//! search for one; the domain does.

use super::widgets::TableRegion;
use super::{what_if_words, words};
use crate::domain::baseline::Baseline;
use crate::domain::break_even::{BreakEven, Situation, Turn, break_even};
use crate::domain::scenario::Judged;
use crate::domain::scenario_input::InputField;
use leptos::prelude::*;

/// The table for a scenario.
pub fn table(baseline: &Baseline, judged: &Judged) -> AnyView {
    let situation =
        Situation { as_of: baseline.as_of, config: &judged.config, facts: &judged.facts, recent: &judged.recent };
    let rows: Vec<_> = InputField::ALL
        .into_iter()
        .map(|field| {
            let (below, above) = match break_even(situation, field) {
                BreakEven::NotApplicable => ("Declared not applicable".to_owned(), String::new()),
                BreakEven::Open => ("Not one value: set it to see".to_owned(), String::new()),
                BreakEven::Known { above, below } => (turn(field, below), turn(field, above)),
            };
            view! {
                <tr>
                    <th scope="row">{what_if_words::label(field)}</th>
                    <td class="number">{what_if_words::found(field, &judged.facts)}</td>
                    <td class="wide">{below}</td>
                    <td class="wide">{above}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <TableRegion label="Break-even of each input">
            <table>
                <caption>"Each input by itself, all else as in the scenario, to the cent, the thousandth of CPU, the millisecond and the hundredth of a per cent."</caption>
                <thead>
                    <tr>
                        <th scope="col">"Input"</th>
                        <th scope="col">"In the scenario"</th>
                        <th scope="col">"Going down"</th>
                        <th scope="col">"Going up"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

fn turn(field: InputField, turn: Option<Turn>) -> String {
    turn.map_or_else(
        || "The answer stays".to_owned(),
        |turn| {
            let rule = turn.rules.first().map_or("", |rule| rule.name());
            format!("{} at {} ({rule})", words::answer(turn.to), what_if_words::exactly(field, turn.at))
        },
    )
}
