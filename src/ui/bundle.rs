//! Owns which of the browser's two bundles a page loads. Most pages load the lean one; the pages whose islands run the engine
//! or its validation load all of it (`scripts/browser-linker.mjs` names the islands that the lean one lacks).

use super::links::{SETTINGS, WHAT_IF};
use leptos::config::LeptosOptions;
use std::sync::OnceLock;

/// The path of the page that is being made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagePath(pub String);

/// The names of a build's files, which change with their content. The server sets them once, when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileNames {
    /// The style sheet's, without its ending.
    pub style: String,
    /// The hash in the name of each bundle; `None` in a build without scripts.
    pub scripts: Option<String>,
}

/// Never set in development: there the files have plain names.
static FILE_NAMES: OnceLock<FileNames> = OnceLock::new();

/// Sets the names that every page uses from now on.
pub fn set_file_names(names: FileNames) {
    let _ = FILE_NAMES.set(names);
}

/// What the page at `path` loads: the options of its style sheet, and those of its scripts if the build has any.
pub fn files(options: &LeptosOptions, path: &str) -> (LeptosOptions, Option<LeptosOptions>) {
    named(options, path, FILE_NAMES.get())
}

fn named(options: &LeptosOptions, path: &str, names: Option<&FileNames>) -> (LeptosOptions, Option<LeptosOptions>) {
    let (mut style, mut scripts) = (options.clone(), options.clone());
    // The hash is part of the name already: Leptos would look for a file beside the binary.
    (style.hash_files, scripts.hash_files) = (false, false);
    let Some(names) = names else { return (style, Some(scripts)) };
    style.output_name = names.style.as_str().into();
    let Some(hash) = &names.scripts else { return (style, None) };
    scripts.output_name = format!("{}.{hash}", name(&options.output_name, path)).into();
    (style, Some(scripts))
}

/// The suffix of the name of the bundle that has all islands.
const WHOLE: &str = "-whole";

/// The name of the bundle for the page at `path`.
fn name(output: &str, path: &str) -> String {
    let needs_all = [SETTINGS, WHAT_IF].iter().any(|page| path.trim_end_matches('/') == *page);
    if needs_all { format!("{output}{WHOLE}") } else { output.to_owned() }
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
            assert_eq!(name("app", path), loads, "{path}");
        }
    }

    #[test]
    fn files_have_the_names_of_the_build() {
        let options = LeptosOptions::builder().output_name("app").hash_files(true).build();
        let of = |names: Option<&FileNames>| {
            let (style, scripts) = named(&options, WHAT_IF, names);
            assert!(!style.hash_files);
            (style.output_name.to_string(), scripts.map(|scripts| scripts.output_name.to_string()))
        };
        let built = FileNames { style: "app.12".to_owned(), scripts: Some("34".to_owned()) };
        assert_eq!(of(Some(&built)), ("app.12".to_owned(), Some("app-whole.34".to_owned())));
        assert_eq!(of(Some(&FileNames { scripts: None, ..built })), ("app.12".to_owned(), None));
        // Development has one bundle for every page, under the plain name.
        assert_eq!(of(None), ("app".to_owned(), Some("app".to_owned())));
    }
}
