//! Rules about what the code itself says: unsafe blocks, paths into the world, floats, library roots.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Item, Path, UseTree,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::tree::{File, Tree, Violation};

/// The one file that may hold unsafe code.
const UNSAFE_FILE: &str = "kernels/src/cuda.rs";

/// Crates that are functions from values to values.
const WORLDLESS_CRATES: &[&str] = &["shaders", "domain-runtime", "kernels", "trainer", "validator"];

/// Paths that lead to the clock, the disk, the network or another process.
const WORLDLY_PATHS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread::sleep",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Names that would let two nodes disagree about the outcome of the same call.
const UNRULY_NAMES: &[&str] =
    &["f32", "f64", "HashMap", "HashSet", "Instant", "SystemTime", "thread"];

/// Source files that are not valid Rust, which all other rules would pass over.
pub(crate) fn unreadable_files(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust_files() {
        if let Err(error) = parse(file) {
            found.push(file.violation(error.span().start().line, error.to_string()));
        }
    }
    found
}

/// The word `unsafe` outside [`UNSAFE_FILE`], in attributes and macros too.
pub(crate) fn unsafe_outside_its_file(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust_files().filter(|file| file.path != UNSAFE_FILE) {
        let names = identifiers(file).into_iter().filter(|(_, name)| name == "unsafe");
        found.extend(names.map(|(line, _)| file.violation(line, "unsafe code")));
    }
    found
}

/// Uses of the clock, the disk, the network and processes below the executor.
pub(crate) fn worldly_paths(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust_files().filter(|file| is_product(file, WORLDLESS_CRATES)) {
        for (line, path) in paths(file) {
            if WORLDLY_PATHS.iter().any(|worldly| is_below(&path, worldly)) {
                found.push(file.violation(line, format!("{path} belongs to the executor")));
            }
        }
    }
    found
}

/// `std::fs::File` and `std::fs` are below `std::fs`; `std::fstab` is not.
fn is_below(path: &str, ancestor: &str) -> bool {
    let rest = path.strip_prefix(ancestor);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Names in the runtime that depend on the machine.
pub(crate) fn unruly_runtime(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust_files().filter(|file| is_product(file, &["domain-runtime"])) {
        let names = identifiers(file).into_iter();
        let names = names.filter(|(_, name)| UNRULY_NAMES.contains(&name.as_str()));
        found.extend(
            names.map(|(line, name)| file.violation(line, format!("{name} in the runtime"))),
        );
    }
    found
}

/// Items in a `lib.rs` that are more than a table of contents.
pub(crate) fn logic_in_library_roots(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust_files().filter(|file| file.path.ends_with("/src/lib.rs")) {
        let items = parse(file).map(|parsed| parsed.items).unwrap_or_default();
        for item in items.iter().filter(|item| !is_content(item)) {
            found.push(file.violation(item.span().start().line, "logic in a library root"));
        }
    }
    found
}

/// Whether an item belongs in a table of contents; the constants are those of `shaders`.
fn is_content(item: &Item) -> bool {
    match item {
        Item::Mod(module) => module.content.is_none(),
        Item::Use(_) | Item::ExternCrate(_) | Item::Const(_) => true,
        _ => false,
    }
}

/// Whether the file is compiled into one of `crates`, rather than into its tests or benchmarks.
fn is_product(file: &File, crates: &[&str]) -> bool {
    crates.contains(&file.folder()) && file.path.contains("/src/") && !file.is_test()
}

pub(crate) fn parse(file: &File) -> syn::Result<syn::File> {
    syn::parse_file(&file.text)
}

/// Whether attributes keep an item out of the product: `#[test]`, `#[tokio::test]`, `#[cfg(test)]`.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |path: &Path| path.segments.last().is_some_and(|last| last.ident == "test");
    attributes.iter().any(|attribute| {
        let is_condition = attribute.path().is_ident("cfg");
        is_test(attribute.path()) || (is_condition && is_test_condition(attribute))
    })
}

/// `cfg(test)` and `cfg(all(test, ...))`, but not `cfg(not(test))` or `cfg(any(test, ...))`.
fn is_test_condition(attribute: &Attribute) -> bool {
    let Ok(list) = attribute.meta.require_list() else { return false };
    let mut names = Vec::new();
    collect_names(list.tokens.clone(), &mut names);
    let has = |wanted: &str| names.iter().any(|(_, name)| name == wanted);
    has("test") && !has("not") && !has("any")
}

/// All names in a file with their lines, keywords among them; none if the file is not valid Rust.
pub(crate) fn identifiers(file: &File) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let tokens: TokenStream = file.text.parse().unwrap_or_default();
    collect_names(tokens, &mut names);
    names
}

fn collect_names(tokens: TokenStream, names: &mut Vec<(usize, String)>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect_names(group.stream(), names),
            TokenTree::Ident(name) => names.push((name.span().start().line, name.to_string())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// All paths in a file outside test items, with the branches of `use` written out.
fn paths(file: &File) -> Vec<(usize, String)> {
    let mut collector = PathCollector::default();
    if let Ok(parsed) = parse(file) {
        collector.visit_file(&parsed);
    }
    collector.found
}

#[derive(Default)]
struct PathCollector {
    found: Vec<(usize, String)>,
}

impl PathCollector {
    fn take_use(&mut self, before: &str, branch: &UseTree) {
        let line = branch.span().start().line;
        let below = |name: &dyn ToString| format!("{before}{}", name.to_string());
        match branch {
            UseTree::Path(path) => self.take_use(&format!("{}::", below(&path.ident)), &path.tree),
            UseTree::Name(name) => self.found.push((line, below(&name.ident))),
            UseTree::Rename(rename) => self.found.push((line, below(&rename.ident))),
            UseTree::Glob(_) => self.found.push((line, before.trim_end_matches(':').to_owned())),
            UseTree::Group(group) => {
                group.items.iter().for_each(|branch| self.take_use(before, branch));
            }
        }
    }
}

impl<'ast> Visit<'ast> for PathCollector {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(module) => &module.attrs,
            Item::Fn(function) => &function.attrs,
            Item::Use(import) => &import.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        self.take_use("", &import.tree);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.found.push((path.span().start().line, parts.join("::")));
        visit::visit_path(self, path);
    }
}
