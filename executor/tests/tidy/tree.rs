//! The files of a repository as values, so that a rule can meet a real tree or a made-up one.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use walkdir::{DirEntry, WalkDir};

/// Kinds of files whose text the rules read; of all others only the path counts.
const READ_EXTENSIONS: &[&str] = &["rs", "toml", "wgsl", "cu", "cuh"];

/// A file: its path from the root of the repository with `/` between the parts, and its text.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The first part of the path: the crate's folder for a file of a crate.
    pub(crate) fn folder(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// What follows the last dot of the name.
    pub(crate) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// Whether the file holds tests only: `tests.rs`, or anything in a folder `tests`.
    pub(crate) fn is_test(&self) -> bool {
        self.name() == "tests.rs" || self.path.contains("/tests/")
    }

    /// The 1-based number of the first line that starts with `beginning`, or 1.
    pub(crate) fn line_of(&self, beginning: &str) -> usize {
        self.text.lines().position(|line| line.trim_start().starts_with(beginning)).unwrap_or(0) + 1
    }

    pub(crate) fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation { place: format!("{}:{line}", self.path), what: what.into() }
    }
}

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) place: String,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}

/// All files of a repository, in the order of their paths.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// This repository, without what git ignores.
    pub(crate) fn of_repository() -> Self {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_folder.parent().expect("the crate lies in a folder of the repository");
        let ignored = ignored_at_top(
            &fs::read_to_string(root.join(".gitignore")).expect("the root has a .gitignore"),
        );
        let is_ours = |entry: &DirEntry| {
            let name = entry.file_name().to_string_lossy();
            !(entry.depth() == 1 && (name == ".git" || ignored.contains(name.as_ref())))
        };
        let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_ours);
        let files = entries
            .map(|entry| entry.expect("the tree can be walked"))
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| read(root, entry.path()))
            .collect();
        Self { files }
    }

    /// A made-up tree of paths and texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.into(), text: text.into() };
        Self { files: files.iter().map(file).collect() }
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The `Cargo.toml` of each crate that is a member of the workspace.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path == format!("{}/Cargo.toml", file.folder()))
    }
}

/// The entries of a `.gitignore` that name one thing at the top, such as `/target`.
fn ignored_at_top(gitignore: &str) -> BTreeSet<String> {
    gitignore.lines().filter_map(|line| line.strip_prefix('/')).map(str::to_owned).collect()
}

fn read(root: &Path, path: &Path) -> File {
    let inside = path.strip_prefix(root).expect("the walk starts at the root");
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    let mut file = File { path: parts.join("/"), text: String::new() };
    if READ_EXTENSIONS.contains(&file.extension()) {
        file.text = fs::read_to_string(path).expect("sources are readable UTF-8");
    }
    file
}
