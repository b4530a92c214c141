//! A type's name stands for one thing: a reader who searches for it finds one definition.
//!
//! Counts structs, enums, unions, traits and type aliases in any scope. Associated types belong to their trait, and
//! tests, benchmarks and examples are programs of their own.

use super::tree::{SourceText, SourceTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, Meta};

/// Names that may be defined more than once, each with the reason.
const SHARED: [(&str, &str); 0] = [];

/// Folders of a crate that hold programs of their own.
const PROGRAMS: [&str; 3] = ["tests", "benches", "examples"];

pub(super) fn check(tree: &SourceTree) -> Vec<String> {
    excepting(tree, &SHARED)
}

fn excepting(tree: &SourceTree, shared: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut files = Vec::new();
    for file in tree.rust().filter(|file| !is_program(&file.name)) {
        match syn::parse_file(&file.text) {
            Ok(syntax) => files.push((file, syntax)),
            Err(error) => findings.push(format!("{}: {error}", file.name)),
        }
    }
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|(file, syntax)| test_modules(file, &syntax.items)).collect();
    let tested =
        |file: &SourceText| Path::new(&file.name).ancestors().any(|path| tests.contains(&path.with_extension("")));
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (file, syntax) in files.iter().filter(|(file, _)| !tested(file)) {
        let mut definitions = Definitions::default();
        definitions.visit_file(syntax);
        for name in definitions.names {
            places.entry(name).or_default().push(&file.name);
        }
    }
    places.retain(|_, files| files.len() > 1);
    let allowed = |name: &str| shared.iter().any(|(known, _)| *known == name);
    let twice = places.iter().filter(|(name, _)| !allowed(name));
    findings.extend(twice.map(|(name, files)| format!("{}: `{name}` is defined more than once", files.join(", "))));
    let stale = shared.iter().filter(|(name, _)| !places.contains_key(*name));
    findings.extend(stale.map(|(name, _)| format!("xtask/src/tidy/names.rs: `{name}` needs no exception")));
    findings
}

/// Returns true for a file of a test, a benchmark or an example.
pub(super) fn is_program(name: &str) -> bool {
    let (folders, _) = name.split_once("/src/").unwrap_or((name, ""));
    Path::new(folders).components().any(|part| PROGRAMS.iter().any(|program| part.as_os_str() == *program))
}

/// The files, without their extension, or folders of a file's test modules.
fn test_modules(file: &SourceText, items: &[Item]) -> Vec<PathBuf> {
    let path = Path::new(&file.name);
    let root = ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| path.ends_with(name));
    let folder = if root { path.parent().unwrap_or(path).to_owned() } else { path.with_extension("") };
    let modules = items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() && for_tests(&module.attrs) => Some(module),
        _ => None,
    });
    modules.map(|module| folder.join(module.ident.to_string())).collect()
}

/// The names of types that a file defines outside its tests.
#[derive(Default)]
struct Definitions {
    names: Vec<String>,
    conditional: BTreeSet<String>,
}

impl Definitions {
    /// Definitions under `#[cfg]` in one file are alternatives: one of them is compiled.
    fn add(&mut self, name: &Ident, attributes: &[Attribute]) {
        let name = name.to_string();
        let alternative = attributes.iter().any(|attribute| attribute.path().is_ident("cfg"));
        if !alternative || self.conditional.insert(name.clone()) {
            self.names.push(name);
        }
    }
}

impl<'ast> Visit<'ast> for Definitions {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = match item {
            Item::Mod(module) if for_tests(&module.attrs) => return,
            Item::Fn(function) if for_tests(&function.attrs) => return,
            Item::Impl(block) if for_tests(&block.attrs) => return,
            Item::Struct(item) => (&item.ident, &item.attrs),
            Item::Enum(item) => (&item.ident, &item.attrs),
            Item::Union(item) => (&item.ident, &item.attrs),
            Item::Trait(item) => (&item.ident, &item.attrs),
            Item::Type(item) => (&item.ident, &item.attrs),
            _ => return visit::visit_item(self, item),
        };
        if !for_tests(attributes) {
            self.add(name, attributes);
            visit::visit_item(self, item);
        }
    }
}

/// Returns true for an item that is compiled for tests only: `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let words = list.tokens.to_string();
            let words: Vec<&str> = words.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> SourceTree {
        let text = |(name, text): &(&str, &str)| SourceText { name: (*name).to_owned(), text: (*text).to_owned() };
        SourceTree { root: "/repository".into(), files: files.iter().map(text).collect() }
    }

    fn check(first: &str, second: &str, expect: usize) {
        let findings = super::check(&tree(&[("a/src/lib.rs", first), ("b/src/lib.rs", second)]));
        assert_eq!(findings.len(), expect, "{first}\n{second}\n{findings:?}");
    }

    #[test]
    fn every_kind_of_type_counts() {
        check("pub struct Lock;", "enum Lock { Held }", 1);
        check("pub(crate) trait Lock {}", "type Lock = u8;", 1);
        check("union Lock { a: u8 }", "fn open() { struct Lock; }", 1);
        check("mod inner { struct Lock; } struct Lock;", "", 1);
        check("struct Lock;", "struct Locked;", 0);
    }

    #[test]
    fn only_items_count() {
        check("struct Item;", "impl Iterator for X { type Item = u8; }", 0);
        check("struct Item;", "trait Source { type Item; }", 0);
        check("struct Lock;", "fn f() -> &'static str { \"struct Lock;\" } // struct Lock;", 0);
        check("struct Lock;", "use a::Lock; enum Kind { Lock }", 0);
    }

    #[test]
    fn tests_do_not_count() {
        check("struct Scene;", "#[cfg(test)] mod tests { struct Scene; }", 0);
        check("struct Scene;", "#[cfg(all(test, unix))] struct Scene;", 0);
        check("struct Scene;", "#[cfg(not(test))] struct Scene;", 1);
        let place = |name: &str, module: &str| {
            let files = [("a/src/lib.rs", "struct Scene;"), ("b/src/lib.rs", module), (name, "struct Scene;")];
            super::check(&tree(&files)).len()
        };
        assert_eq!(place("b/src/tests.rs", "#[cfg(test)] mod tests;"), 0);
        assert_eq!(place("b/src/tests/deep/scene.rs", "#[cfg(test)] mod tests;"), 0);
        assert_eq!(place("b/src/tests.rs", "mod tests;"), 1);
        assert_eq!(place("b/tests/scene.rs", ""), 0);
        assert_eq!(place("b/examples/scene.rs", ""), 0);
        assert_eq!(place("b/src/bin/scene.rs", ""), 1);
    }

    #[test]
    fn alternatives_of_one_file_are_one() {
        let alternatives = "#[cfg(unix)] struct Pid(u8); #[cfg(not(unix))] enum Pid {}";
        check(alternatives, "", 0);
        check(alternatives, "struct Pid;", 1);
    }

    #[test]
    fn exceptions_are_needed() {
        let files = tree(&[("a/src/lib.rs", "struct Lock;"), ("b/src/lib.rs", "struct Lock;")]);
        assert_eq!(excepting(&files, &[("Lock", "a reason")]), [""; 0]);
        assert_eq!(excepting(&files, &[]), ["a/src/lib.rs, b/src/lib.rs: `Lock` is defined more than once"]);
        let stale = ["xtask/src/tidy/names.rs: `Key` needs no exception"];
        assert_eq!(excepting(&files, &[("Lock", "a reason"), ("Key", "another")]), stale);
    }

    #[test]
    fn a_file_that_does_not_parse_is_named() {
        check("struct", "", 1);
    }
}
