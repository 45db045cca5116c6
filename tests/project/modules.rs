//! Reads every module of the application and its crates with `syn`, and finds which file uses which.
//!
//! A path counts wherever it is written: in a `use`, a type, an expression, an attribute, or the tokens of a macro. It is followed
//! through `super`, other names and re-exports to the file that defines what it names. Code under `cfg(test)` is left out.
//! Calls of methods are not followed, since a method has no path.

mod reader;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Where one file first names another: the line and the path as written.
pub struct Mention {
    pub line: usize,
    pub path: String,
}

/// Each file with the files that it uses. Files are named from the project's folder.
pub type Graph = BTreeMap<String, BTreeMap<String, Mention>>;

#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    root: usize,
    children: BTreeMap<String, Vec<usize>>,
    items: BTreeSet<String>,
    /// Names that a `use` brings in, with the paths that they stand for.
    aliases: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
    /// Every path that is written here, with its line.
    paths: Vec<(Vec<String>, usize)>,
}

#[derive(Clone, PartialEq)]
enum Target {
    Module(usize),
    /// Something that this file defines.
    Item(String),
}

#[derive(Default)]
struct Modules {
    /// The project's folder, which files are named from.
    base: PathBuf,
    modules: Vec<Module>,
    /// The root modules by the crate's name.
    crates: HashMap<String, usize>,
    /// The modules that a macro declares when it is called: their files and names.
    mounts: HashMap<String, Vec<(String, String)>>,
}

/// Which file of this project uses which.
pub fn graph() -> &'static Graph {
    static GRAPH: LazyLock<Graph> = LazyLock::new(|| read(crate::architecture::root()).graph());
    &GRAPH
}

/// The modules below `src`, and of each crate below `crates`.
fn read(base: &Path) -> Modules {
    let mut all = Modules { base: base.to_owned(), ..Modules::default() };
    let folders = fs::read_dir(base.join("crates")).into_iter().flatten();
    for folder in folders.map(|entry| entry.expect("a crate").path()) {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("the crate's manifest");
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")).expect("the crate's name");
        let file = folder.strip_prefix(base).expect("below the project").join("src/lib.rs");
        let id = all.load(&file.to_string_lossy(), None, true);
        all.crates.insert(name.trim_end_matches('"').replace('-', "_"), id);
    }
    let library = all.load("src/lib.rs", None, true);
    all.crates.insert("scaling_mode".to_owned(), library);
    if base.join("src/main.rs").exists() {
        all.load("src/main.rs", None, true);
    }
    all
}

impl Modules {
    /// Which file uses which.
    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (id, module) in self.modules.iter().enumerate() {
            let uses = graph.entry(module.file.clone()).or_default();
            for (path, line) in &module.paths {
                for target in self.resolve(id, path, &mut BTreeSet::new()) {
                    let file = match target {
                        Target::Module(other) => self.modules[other].file.clone(),
                        Target::Item(file) => file,
                    };
                    if file != module.file {
                        uses.entry(file).or_insert_with(|| Mention { line: *line, path: path.join("::") });
                    }
                }
            }
        }
        graph
    }

    fn resolve(&self, from: usize, path: &[String], seen: &mut BTreeSet<(usize, String)>) -> Vec<Target> {
        let mut rest = path;
        let mut at = from;
        let mut is_relative = false;
        while let Some(first) = rest.first() {
            at = match first.as_str() {
                "crate" => self.modules[at].root,
                "self" => at,
                "super" => match self.modules[at].parent {
                    Some(parent) => parent,
                    None => return Vec::new(),
                },
                _ => break,
            };
            is_relative = true;
            rest = &rest[1..];
        }
        let Some(first) = rest.first() else { return vec![Target::Module(at)] };
        let mut found = self.look_up(at, first, seen);
        if found.is_empty() {
            found = match self.crates.get(first) {
                Some(id) if !is_relative => vec![Target::Module(*id)],
                _ if is_relative => return vec![Target::Module(at)],
                _ => return Vec::new(),
            };
        }
        for name in &rest[1..] {
            let mut next = Vec::new();
            for target in found {
                let Target::Module(id) = target else {
                    next.push(target);
                    continue;
                };
                let inside = self.look_up(id, name, seen);
                // A macro may have made it: it belongs to the module's own file then.
                if inside.is_empty() {
                    next.push(Target::Item(self.modules[id].file.clone()))
                } else {
                    next.extend(inside)
                }
            }
            found = next;
        }
        found
    }

    fn look_up(&self, id: usize, name: &str, seen: &mut BTreeSet<(usize, String)>) -> Vec<Target> {
        if !seen.insert((id, name.to_owned())) {
            return Vec::new();
        }
        let module = &self.modules[id];
        let mut found: Vec<Target> =
            module.children.get(name).into_iter().flatten().map(|id| Target::Module(*id)).collect();
        if module.items.contains(name) {
            found.push(Target::Item(module.file.clone()));
        }
        for path in module.aliases.get(name).into_iter().flatten() {
            found.extend(self.resolve(id, path, seen));
        }
        if found.is_empty() {
            for glob in &module.globs {
                for target in self.resolve(id, glob, seen) {
                    if let Target::Module(other) = target {
                        found.extend(self.look_up(other, name, seen));
                    }
                }
            }
        }
        // One name may be looked up again on another way.
        seen.remove(&(id, name.to_owned()));
        found
    }

    /// Reads the file of a module and the files of its children. `is_folder_root`: its children lie beside it, as those of lib.rs.
    fn load(&mut self, file: &str, parent: Option<usize>, is_folder_root: bool) -> usize {
        let text = fs::read_to_string(self.base.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let id = self.add(file, parent);
        let folder = if is_folder_root {
            Path::new(file).parent().expect("a folder").to_string_lossy().into_owned()
        } else {
            file.trim_end_matches(".rs").to_owned()
        };
        reader::read(self, id, folder, &syntax);
        id
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        let id = self.modules.len();
        let root = parent.map_or(id, |parent| self.modules[parent].root);
        self.modules.push(Module { file: file.to_owned(), parent, root, ..Module::default() });
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The uses among files of these texts, as pairs.
    fn uses(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let graph = read(folder.path()).graph();
        graph.into_iter().flat_map(|(from, to)| to.into_keys().map(move |to| (from.clone(), to))).collect()
    }

    const STORE: (&str, &str) = ("src/store.rs", "pub struct Store; impl Store { pub fn open() {} }");

    /// Ways in which a file can name what another defines.
    const WAYS: [&str; 9] = [
        "use crate::store::Store;",
        "use super::store;",
        "use super::{store::Store as Other};",
        "fn f() { crate::store::Store::open(); }",
        "fn f(x: &super::super::sources::store::Store) {}",
        "use crate::facade::*; fn f(x: Store) {}",
        "fn f() { crate::facade::Renamed::open(); }",
        "fn f() { println!(\"{}\", crate::store::Store::open()); }",
        "#[serde(with = \"crate::store::Store\")] struct S;",
    ];

    #[test]
    fn a_file_is_found_however_it_is_named() {
        for way in WAYS {
            let library = "mod sources; mod facade; mod store;";
            let facade = "pub use crate::store::Store; pub use Store as Renamed;";
            let sources = "mod deep; use crate::store;";
            let files = [
                ("src/lib.rs", library),
                STORE,
                ("src/facade.rs", facade),
                ("src/sources.rs", sources),
                ("src/sources/deep.rs", way),
            ];
            let found = uses(&files);
            let wanted = ("src/sources/deep.rs".to_owned(), "src/store.rs".to_owned());
            assert!(found.contains(&wanted), "{way}: {found:?}");
        }
    }

    #[test]
    fn tests_and_what_is_the_own_file_do_not_count() {
        let user = "#[cfg(test)] mod tests { use crate::store::Store; } #[test] fn t() { crate::store::f() } mod own { use super::A; } struct A;";
        assert!(uses(&[("src/lib.rs", "mod store; mod user;"), STORE, ("src/user.rs", user)]).is_empty());
    }

    #[test]
    fn a_module_that_a_macro_declares_is_read_where_the_macro_is_called() {
        let library =
            "macro_rules! shared { () => { #[path = \"sql/people.rs\"] mod people; }; } mod store; mod sqlite;";
        let found = uses(&[
            ("src/lib.rs", library),
            STORE,
            ("src/sqlite.rs", "shared!();"),
            ("src/sql/people.rs", "use super::super::store::Store;"),
        ]);
        assert_eq!(found, [("src/sql/people.rs".to_owned(), "src/store.rs".to_owned())]);
    }
}
