//! Owns which of the browser's two bundles a page loads. Most pages load the lean one; the pages whose islands run the engine
//! or its validation load all of it (`scripts/browser-linker.mjs` names the islands that the lean one lacks).

use super::links::{SETTINGS, WHAT_IF};

/// The path of the page that is being made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagePath(pub String);

/// What is added to the name of the bundle that has all islands.
const WHOLE: &str = "-whole";

/// The name of the bundle for the page at `path`. In development there is only the one that has all islands, under the plain
/// name.
pub fn name(output: &str, path: &str, in_development: bool) -> String {
    let needs_all = [SETTINGS, WHAT_IF].iter().any(|page| path.trim_end_matches('/') == *page);
    if needs_all && !in_development { format!("{output}{WHOLE}") } else { output.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pages_that_judge_in_the_browser_load_all_of_it() {
        for (path, loads) in [
            ("/founder/scaling-mode", "app"),
            ("/founder/scaling-mode/backtest", "app"),
            (WHAT_IF, "app-whole"),
            ("/founder/scaling-mode/what-if/", "app-whole"),
            (SETTINGS, "app-whole"),
        ] {
            assert_eq!(name("app", path, false), loads, "{path}");
        }
        assert_eq!(name("app", WHAT_IF, true), "app");
    }
}
