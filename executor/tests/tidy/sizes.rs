//! Rules about sizes: files, functions, arguments. Tests may be as long as they like.

use syn::{
    Attribute, Block, ImplItemFn, ItemFn, ItemImpl, ItemMod, Meta, Signature, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{
    source::{is_for_tests, parse},
    tree::{File, Tree, Violation},
};

/// Hard limit on the lines of a file; the aim is 100 to 250.
const FILE_LINES_MAX: usize = 500;
/// Hard limit on the lines of a function from `fn` to its closing brace; the aim is 10 to 30.
const FUNCTION_LINES_MAX: usize = 70;
/// More arguments become a struct. `self` counts.
const ARGUMENTS_MAX: usize = 5;

/// Files with more than [`FILE_LINES_MAX`] lines.
pub(crate) fn long_files(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust_files().filter(|file| !file.is_test()) {
        let line_count = file.text.lines().count();
        if line_count > FILE_LINES_MAX {
            found.push(file.violation(FILE_LINES_MAX + 1, format!("{line_count} lines")));
        }
    }
    found
}

/// Functions with more than [`FUNCTION_LINES_MAX`] lines that do not say why.
pub(crate) fn long_functions(tree: &Tree) -> Vec<Violation> {
    functions_where(tree, |function| {
        let is_long = function.line_count > FUNCTION_LINES_MAX;
        (is_long && !function.is_excused("too_many_lines"))
            .then(|| format!("{} has {} lines", function.name, function.line_count))
    })
}

/// Functions with more than [`ARGUMENTS_MAX`] arguments that do not say why.
pub(crate) fn crowded_functions(tree: &Tree) -> Vec<Violation> {
    functions_where(tree, |function| {
        let is_crowded = function.argument_count > ARGUMENTS_MAX && !function.is_imposed;
        (is_crowded && !function.is_excused("too_many_arguments"))
            .then(|| format!("{} has {} arguments", function.name, function.argument_count))
    })
}

fn functions_where(tree: &Tree, judge: impl Fn(&Function) -> Option<String>) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust_files().filter(|file| !file.is_test()) {
        for function in functions(file) {
            if let Some(what) = judge(&function) {
                found.push(file.violation(function.line, what));
            }
        }
    }
    found
}

/// What the rules need to know of a function.
struct Function {
    name: String,
    line: usize,
    line_count: usize,
    argument_count: usize,
    /// Whether a foreign trait prescribes the arguments.
    is_imposed: bool,
    /// Clippy lints that the function expects, which obliges it to give a reason.
    excuses: Vec<String>,
}

impl Function {
    fn is_excused(&self, lint: &str) -> bool {
        self.excuses.iter().any(|excuse| excuse == lint)
    }
}

fn functions(file: &File) -> Vec<Function> {
    let mut collector = Collector { is_in_trait_impl: false, found: Vec::new() };
    if let Ok(parsed) = parse(file) {
        collector.visit_file(&parsed);
    }
    collector.found
}

struct Collector {
    is_in_trait_impl: bool,
    found: Vec<Function>,
}

impl Collector {
    fn take(&mut self, attributes: &[Attribute], signature: &Signature, block: Option<&Block>) {
        let line = signature.span().start().line;
        let last = block.map_or(signature.span(), Spanned::span).end().line;
        self.found.push(Function {
            name: signature.ident.to_string(),
            line,
            line_count: last + 1 - line,
            argument_count: signature.inputs.len(),
            is_imposed: self.is_in_trait_impl,
            excuses: attributes.iter().flat_map(excuses).collect(),
        });
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let outside = std::mem::replace(&mut self.is_in_trait_impl, item.trait_.is_some());
        visit::visit_item_impl(self, item);
        self.is_in_trait_impl = outside;
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_for_tests(&item.attrs) {
            self.take(&item.attrs, &item.sig, Some(&item.block));
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            self.take(&item.attrs, &item.sig, Some(&item.block));
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        self.take(&item.attrs, &item.sig, item.default.as_ref());
        visit::visit_trait_item_fn(self, item);
    }
}

/// The last parts of the lints in `#[expect(clippy::lint, reason = "...")]`.
fn excuses(attribute: &Attribute) -> Vec<String> {
    let Meta::List(list) = &attribute.meta else { return Vec::new() };
    if !list.path.is_ident("expect") {
        return Vec::new();
    }
    let words = list.tokens.clone().into_iter();
    words
        .filter_map(|token| syn::parse2::<syn::Ident>(token.into()).ok())
        .map(|word| word.to_string())
        .collect()
}
