//! Owns the bars: a load against its limit, a score as a range, each with its marks, drawn as SVG without a style of
//! its own. Must not know what a bar measures; every bar has the text beside it that says the same.

use leptos::prelude::*;
use std::fmt::Write;

/// A line across a bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// What cannot be exceeded.
    Limit(f64),
    /// What should not be crossed.
    Guardrail(f64),
}

/// A bar from 0 to `scale`: whole up to `lo`, hatched on to `hi` (to the end where there is no upper bound).
#[derive(Clone, Debug, PartialEq)]
pub struct BarSpec {
    pub hi: f64,
    pub lo: f64,
    pub marks: Vec<Mark>,
    pub scale: f64,
}

/// The bar; hidden from screen readers, who get the text beside it.
#[component]
pub fn Bar(bar: BarSpec) -> impl IntoView {
    view! { <div class="bar" inner_html=svg(&bar)></div> }
}

/// The pattern that stands for what is not known; once a page.
#[component]
pub fn BarPatterns() -> impl IntoView {
    let pattern = r#"<defs><pattern id="not-known" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="hatch-ground"/><rect width="3" height="6" class="hatch-line"/></pattern></defs>"#;
    view! { <svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false" inner_html=pattern></svg> }
}

fn svg(bar: &BarSpec) -> String {
    let per_cent = |number: f64| (number / bar.scale * 100.0).clamp(0.0, 100.0);
    let (lo, hi) = (per_cent(bar.lo), per_cent(bar.hi));
    let mut out = String::from(
        r#"<svg width="100%" height="20" aria-hidden="true" focusable="false"><rect y="5" width="100%" height="10" rx="3" class="bar-ground"/>"#,
    );
    if lo > 0.0 {
        let _ = write!(out, r#"<rect y="5" width="{lo:.2}%" height="10" rx="3" class="bar-known"/>"#);
    }
    if hi > lo {
        let width = hi - lo;
        let _ = write!(
            out,
            r#"<rect x="{lo:.2}%" y="5" width="{width:.2}%" height="10" fill="url(#not-known)" class="bar-open"/>"#
        );
    } else {
        let _ = write!(out, r#"<line x1="{lo:.2}%" x2="{lo:.2}%" y1="3" y2="17" class="bar-end"/>"#);
    }
    for mark in &bar.marks {
        let (at, class) = match mark {
            Mark::Limit(at) => (per_cent(*at), "bar-limit"),
            Mark::Guardrail(at) => (per_cent(*at), "bar-guardrail"),
        };
        let _ = write!(out, r#"<line x1="{at:.2}%" x2="{at:.2}%" y1="0" y2="20" class="{class}"/>"#);
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_hatches_what_is_open_and_clips_what_is_beyond_its_scale() {
        let drawn = svg(&BarSpec { lo: 50.0, hi: f64::INFINITY, scale: 125.0, marks: vec![Mark::Limit(100.0)] });
        assert!(drawn.contains(r#"width="40.00%" height="10" rx="3" class="bar-known""#), "{drawn}");
        assert!(drawn.contains(r#"x="40.00%" y="5" width="60.00%""#), "{drawn}");
        assert!(drawn.contains(r#"x1="80.00%""#), "{drawn}");
    }

    #[test]
    fn what_is_known_exactly_has_an_end_and_no_hatching() {
        let drawn = svg(&BarSpec { lo: 0.0, hi: 0.0, scale: 100.0, marks: vec![] });
        assert!(drawn.contains("bar-end") && !drawn.contains("not-known"), "{drawn}");
    }
}
