//! Reads the syntax of a module: what it declares, what its `use`s bring in, and every path that is written in it.

use super::{Module, Modules};
use proc_macro2::{TokenStream, TokenTree};
use std::path::Path;
use syn::visit::{self, Visit};

/// Reads one file into the module of this number. Its children's files are below the folder.
pub fn read(all: &mut Modules, id: usize, folder: String, syntax: &syn::File) {
    Reader { all, id, folder, depth: 0 }.visit_file(syntax);
}

/// Reads the syntax of one module.
struct Reader<'a> {
    all: &'a mut Modules,
    id: usize,
    /// Where the files of its children are.
    folder: String,
    /// How many functions it is inside of.
    depth: usize,
}

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        &mut self.all.modules[self.id]
    }

    fn child(&mut self, name: &str, file: &str, is_folder_root: bool) {
        let child = self.all.load(file, Some(self.id), is_folder_root);
        self.module().children.entry(name.to_owned()).or_default().push(child);
    }

    fn flatten(&mut self, tree: &syn::UseTree, before: &mut Vec<String>, line: usize) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.flatten(&path.tree, before, line);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.flatten(item, before, line)),
            syn::UseTree::Glob(_) => {
                self.module().paths.push((before.clone(), line));
                self.module().globs.push(before.clone());
            }
            syn::UseTree::Name(syn::UseName { ident }) => self.bring_in(before, ident, ident, line),
            syn::UseTree::Rename(syn::UseRename { ident, rename, .. }) => self.bring_in(before, ident, rename, line),
        }
    }

    fn bring_in(&mut self, before: &[String], ident: &proc_macro2::Ident, name: &proc_macro2::Ident, line: usize) {
        let mut path = before.to_vec();
        let mut name = name.to_string();
        if ident == "self" {
            if name == "self" {
                name = path.last().cloned().unwrap_or_default();
            }
        } else {
            path.push(ident.to_string());
        }
        self.module().paths.push((path.clone(), line));
        self.module().aliases.entry(name).or_default().push(path);
    }

    /// Paths among the tokens of a macro or an attribute, and in its texts, as in `#[serde(with = "super::moment")]`.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.mention(std::mem::take(&mut path), line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.mention(std::mem::take(&mut path), line);
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        TokenTree::Literal(literal) => {
                            let text = literal.to_string();
                            let names: Vec<String> = text.trim_matches('"').split("::").map(str::to_owned).collect();
                            let is_word = |c: char| c.is_alphanumeric() || c == '_';
                            if names.len() > 1 && names.iter().all(|name| !name.is_empty() && name.chars().all(is_word))
                            {
                                self.mention(names, literal.span().start().line);
                            }
                        }
                        TokenTree::Ident(_) | TokenTree::Punct(_) => {}
                    }
                }
            }
        }
        self.mention(path, line);
    }

    /// Keeps a path. One name alone was brought in by a `use`, which has been counted, unless that was a glob.
    fn mention(&mut self, path: Vec<String>, line: usize) {
        if path.len() > 1 || (path.len() == 1 && !self.module().globs.is_empty()) {
            self.module().paths.push((path, line));
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().contains("test"),
        other => other.path().is_ident("test"),
    })
}

/// The value of `#[path = ".."]`.
fn file_of(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// The modules with a `#[path]` that a macro declares.
fn declared(tokens: TokenStream) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for token in tokens {
        if let TokenTree::Group(group) = token
            && let Ok(file) = syn::parse2::<syn::File>(group.stream())
        {
            for item in file.items {
                if let syn::Item::Mod(module) = item
                    && let Some(path) = file_of(&module.attrs)
                {
                    found.push((path, module.ident.to_string()));
                }
            }
        }
    }
    found
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (attributes, name) = match item {
            syn::Item::Const(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            syn::Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
            syn::Item::Static(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Type(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Impl(item) => (&item.attrs, None),
            syn::Item::Mod(item) => (&item.attrs, None),
            syn::Item::Use(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name
            && self.depth == 0
        {
            let name = name.to_string();
            self.module().items.insert(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.depth += 1;
        visit::visit_item_fn(self, item);
        self.depth -= 1;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        if let Some((_, items)) = &item.content {
            let file = self.module().file.clone();
            let id = self.all.add(&file, Some(self.id));
            self.module().children.entry(name.clone()).or_default().push(id);
            let mut inner = Reader { all: self.all, id, folder: format!("{}/{name}", self.folder), depth: 0 };
            items.iter().for_each(|item| inner.visit_item(item));
        } else if let Some(path) = file_of(&item.attrs) {
            let folder = Path::new(&self.module().file).parent().expect("a folder").to_string_lossy().into_owned();
            self.child(&name, &format!("{folder}/{path}"), true);
        } else {
            let file = format!("{}/{name}.rs", self.folder);
            self.child(&name, &file, false);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.flatten(&item.tree, &mut Vec::new(), item.use_token.span.start().line);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        let last = item.mac.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if last == "macro_rules" {
            let name = item.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            self.all.mounts.insert(name, declared(item.mac.tokens.clone()));
        }
        for (path, name) in self.all.mounts.get(&last).cloned().unwrap_or_default() {
            let folder = Path::new(&self.module().file).parent().expect("a folder").to_string_lossy().into_owned();
            self.child(&name, &format!("{folder}/{path}"), true);
        }
        visit::visit_item_macro(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.mention(segments, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}
