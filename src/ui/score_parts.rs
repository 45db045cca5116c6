//! Owns the table of what overall health is made of. Must not compute a score.

use super::scores::Score;
use super::widgets::TableRegion;
use crate::domain::snapshot::SnapshotBody;
use leptos::prelude::*;

/// What overall health is made of, each part linked to its own proof.
pub fn parts_table(body: &SnapshotBody) -> AnyView {
    let rows: Vec<_> = Score::ALL
        .into_iter()
        .filter(|score| *score != Score::Overall)
        .map(|score| {
            view! {
                <tr>
                    <th scope="row">
                        <a href=format!("#{}-proof", score.id())>{score.title()}</a>
                    </th>
                    <td class="number">{score.points_text(body)}</td>
                    <td>{score.direction()}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <TableRegion label="Parts of overall health">
            <table>
                <caption>"Parts of overall health"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Score"</th>
                        <th scope="col">"Range"</th>
                        <th scope="col">"Direction"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}
