//! Rules about names and places: files, folders, identifiers, notes for later.

use std::collections::BTreeSet;

use crate::{
    manifests::FLOORS,
    source,
    tree::{File, Tree, Violation},
};

/// Names that say nothing about what is inside.
const VAGUE_NAMES: &[&str] = &["mod", "utils", "common", "types"];

/// Words that two of our fields read differently: write `training`, `time`, `proof_of_space`, `index`.
pub(crate) const AMBIGUOUS: &[&str] = &[concat!("p", "ot"), concat!("p", "os")];

/// Folders at the top beside the crates; those that start with a dot belong to tools.
const OTHER_FOLDERS: &[&str] = &["docs", "scripts", "python"];

/// Words that announce a note for later.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Rust files and folders with a vague name.
pub(crate) fn vague_files(tree: &Tree) -> Vec<Violation> {
    let is_vague = |file: &&File| {
        let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
        stem.split('/').any(|part| VAGUE_NAMES.contains(&part))
    };
    let files = tree.rust_files().filter(is_vague);
    files.map(|file| file.violation(1, "say what is inside instead")).collect()
}

/// Rust files that do not open with `//!`.
pub(crate) fn files_without_purpose(tree: &Tree) -> Vec<Violation> {
    let files = tree.rust_files().filter(|file| !file.text.starts_with("//!"));
    files.map(|file| file.violation(1, "opens without //!")).collect()
}

/// Folders at the top that the design does not name.
pub(crate) fn stray_folders(tree: &Tree) -> Vec<Violation> {
    let inside = tree.files.iter().filter(|file| file.path.contains('/'));
    let folders: BTreeSet<&str> = inside.map(File::folder).collect();
    let is_known = |folder: &str| {
        let is_crate = FLOORS.iter().any(|(name, _)| *name == folder);
        is_crate || OTHER_FOLDERS.contains(&folder) || folder.starts_with('.')
    };
    let stray = folders.into_iter().filter(|folder| !is_known(folder));
    stray
        .map(|folder| Violation {
            place: format!("{folder}/"),
            what: "is not of the design".into(),
        })
        .collect()
}

/// Identifiers, files and folders with one of the [`AMBIGUOUS`] words.
pub(crate) fn ambiguous_words(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        if is_ambiguous(&file.path) {
            found.push(file.violation(1, "the path holds an ambiguous word"));
        }
        for (line, name) in identifiers(file) {
            if is_ambiguous(&name) {
                found.push(file.violation(line, format!("{name} holds an ambiguous word")));
            }
        }
    }
    found
}

/// Notes for later without the number of an issue.
pub(crate) fn notes_without_issue(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            let is_note = NOTES.iter().any(|note| line.contains(note));
            if is_note && !names_an_issue(line) {
                found.push(file.violation(index + 1, line.trim()));
            }
        }
    }
    found
}

fn names_an_issue(line: &str) -> bool {
    line.split('#').skip(1).any(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The names in a source file with their lines: tokens of Rust, words before `//` of a shader.
fn identifiers(file: &File) -> Vec<(usize, String)> {
    if file.is_rust() {
        return source::identifiers(file);
    }
    if file.extension() == "toml" {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let code = line.split("//").next().unwrap_or_default();
            let words = code.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            words.map(move |word| (index + 1, word.to_owned()))
        })
        .collect()
}

fn is_ambiguous(name: &str) -> bool {
    words(name).iter().any(|word| AMBIGUOUS.contains(&word.as_str()))
}

/// The words of a name in lower case: `proof_of_space`, `ProofOfSpace`, `PROOF-OF-SPACE`, `HTTPServer`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let after_is_small = letters.get(index + 1).is_some_and(|after| after.is_lowercase());
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| !before.is_uppercase() || after_is_small);
        if starts_word || !letter.is_alphabetic() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphabetic()) {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
