//! Owns the frame of one example: its name, and ids of its own, so that a component whose parts have fixed ids may stand
//! on one page in many states. Must not know what it shows.

use leptos::prelude::*;

/// Attributes that name ids.
const REFERENCES: [&str; 5] = ["for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-activedescendant"];

/// A part of the styleguide, with its heading.
#[component]
pub fn Section(id: &'static str, title: &'static str, children: Children) -> impl IntoView {
    let heading = ["guide-", id, "-title"].concat();
    view! {
        <section id=["guide-", id].concat() class="guide-section" aria-labelledby=heading.clone()>
            <h2 id=heading.clone()>{title}</h2>
            {children()}
        </section>
    }
    .into_any()
}

/// A component in one state.
#[component]
pub fn Example(
    /// Its name in ids: unique on the page.
    id: &'static str,
    title: &'static str,
    children: Children,
) -> impl IntoView {
    let html = with_own_ids(&children().to_html(), id);
    view! {
        <div class="guide-example">
            <p class="guide-name">{title}</p>
            <div inner_html=html></div>
        </div>
    }
    .into_any()
}

/// The same markup with a suffix on every id and on every reference to one.
fn with_own_ids(html: &str, suffix: &str) -> String {
    let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let owned = |name: &str| {
        if ids.contains(&name) { format!("{name}--{suffix}") } else { name.to_owned() }
    };
    let mut out = each_value(html, " id=\"", &owned);
    for attribute in REFERENCES {
        let names = |value: &str| value.split(' ').map(owned).collect::<Vec<String>>().join(" ");
        out = each_value(&out, &format!(" {attribute}=\""), &names);
    }
    each_value(&out, " href=\"#", &owned)
}

/// Gives every value of an attribute another one; `opens` is all that is written before a value.
fn each_value(html: &str, opens: &str, change: &dyn Fn(&str) -> String) -> String {
    let mut parts = html.split(opens);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (value, rest) = part.split_once('"').unwrap_or((part, ""));
        for piece in [opens, &change(value), "\"", rest] {
            out.push_str(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_what_refers_to_them_are_renamed_alike_and_nothing_else_is() {
        let html = concat!(
            "<label for=\"a\">x</label><input id=\"a\" aria-describedby=\"b elsewhere\"><p id=\"b\">id=</p>",
            "<a href=\"#b\">y</a><a href=\"#main\">z</a><a href=\"/page#b\">w</a>",
        );
        assert_eq!(
            with_own_ids(html, "two"),
            concat!(
                "<label for=\"a--two\">x</label><input id=\"a--two\" aria-describedby=\"b--two elsewhere\">",
                "<p id=\"b--two\">id=</p><a href=\"#b--two\">y</a><a href=\"#main\">z</a><a href=\"/page#b\">w</a>",
            )
        );
    }
}
