//! Owns the limits of the four modes as a table to be edited: modes down, caps across. Must not judge a value.

use super::setting_field::{Setting, SettingInput};
use super::widgets::TableRegion;
use super::{policy_words, words};
use crate::domain::mode::Mode;
use crate::domain::policy_fields::{Draft, Group, PolicyField};
use leptos::prelude::*;

#[component]
pub fn SettingsLimits(draft: Draft) -> impl IntoView {
    let heads: Vec<_> = PolicyField::of_group(Group::Limits(Mode::Lab))
        .map(|field| view! { <th scope="col">{policy_words::cap(field.kind())}</th> })
        .collect();
    let rows: Vec<_> = Mode::ALL
        .into_iter()
        .map(|mode| {
            let cells: Vec<_> = PolicyField::of_group(Group::Limits(mode))
                .map(|field| view! { <Cell setting=Setting::of(field, &draft) /> })
                .collect();
            view! {
                <tr>
                    <th scope="row">{words::mode(mode)}</th>
                    {cells}
                </tr>
            }
        })
        .collect();
    view! {
        <TableRegion label="Limits of the four modes">
            <table class="settings-limits">
                <caption>"Posts and AI spend are counted over any 24 hours."</caption>
                <thead>
                    <tr>
                        <th scope="col">"Mode"</th>
                        {heads}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Cell(setting: Setting) -> impl IntoView {
    view! {
        <td>
            <label class="visually-hidden" for=setting.field.path()>
                {policy_words::label(setting.field)}
            </label>
            <SettingInput setting=setting has_help=false />
        </td>
    }
}
