//! Rules about `Cargo.toml`: the floors of the house, and the rooms of the big external crates.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::tree::{File, Tree, Violation};

/// Each crate and the crates of ours that it may use, from the lowest floor up (`ARCHITECTURE.md`).
pub(crate) const FLOORS: &[(&str, &[&str])] = &[
    ("shaders", &[]),
    ("domain-runtime", &[]),
    ("kernels", &["shaders"]),
    ("trainer", &["kernels", "domain-runtime"]),
    ("validator", &["trainer", "kernels", "domain-runtime"]),
    ("executor", &["validator", "trainer", "kernels", "domain-runtime", "shaders"]),
    ("benches", &["executor", "validator", "trainer", "kernels", "domain-runtime", "shaders"]),
];

/// Families of external crates and the one crate of ours that uses them, or others at its level.
const ROOMS: &[(&str, &str)] = &[
    ("tokio", "executor"),
    ("libp2p", "executor"),
    ("jsonrpsee", "executor"),
    ("redb", "executor"),
    ("async-nats", "executor"),
    ("axum", "executor"),
    ("clap", "executor"),
    ("wgpu", "kernels"),
    ("cudarc", "kernels"),
    ("candle", "trainer"),
    ("safetensors", "trainer"),
    ("criterion", "benches"),
];

/// What the name of each crate of ours starts with.
const OUR_PREFIX: &str = "aipot-";

/// Uses of a crate of ours that the floors do not allow.
pub(crate) fn forbidden_edges(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for manifest in tree.manifests() {
        let allowed = FLOORS.iter().find(|(folder, _)| *folder == manifest.folder());
        let allowed = allowed.map_or(&[][..], |(_, allowed)| *allowed);
        for dependency in dependencies(manifest) {
            let Some(ours) = dependency.strip_prefix(OUR_PREFIX) else { continue };
            if !allowed.contains(&ours) {
                let what = format!("{} uses {ours}; allowed: {allowed:?}", manifest.folder());
                found.push(manifest.violation(manifest.line_of(&dependency), what));
            }
        }
    }
    found
}

/// Members of the workspace that the design does not know, and crates of the design that are missing.
pub(crate) fn wrong_members(tree: &Tree) -> Vec<Violation> {
    let Some(root) = tree.files.iter().find(|file| file.path == "Cargo.toml") else {
        return vec![Violation { place: "Cargo.toml:1".into(), what: "is missing".into() }];
    };
    let table = parse(root);
    let members = table.get("workspace").and_then(|workspace| workspace.get("members"));
    let members = members.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let members: BTreeSet<&str> = members.iter().filter_map(Value::as_str).collect();
    let designed: BTreeSet<&str> = FLOORS.iter().map(|(folder, _)| *folder).collect();
    let line = root.line_of("members");
    let difference = designed.symmetric_difference(&members);
    difference.map(|name| root.violation(line, format!("{name} is in one list only"))).collect()
}

/// Uses of a big external crate outside its room.
pub(crate) fn crates_outside_rooms(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for manifest in tree.manifests() {
        for dependency in dependencies(manifest) {
            let room = ROOMS.iter().find(|(family, _)| is_of_family(&dependency, family));
            let Some((_, room)) = room else { continue };
            if *room != manifest.folder() {
                let what = format!("{dependency} belongs to {room} only");
                found.push(manifest.violation(manifest.line_of(&dependency), what));
            }
        }
    }
    found
}

/// Crates that do not take the lints of the workspace.
pub(crate) fn missing_lints(tree: &Tree) -> Vec<Violation> {
    let has_lints = |manifest: &File| {
        let table = parse(manifest);
        let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
        lints.and_then(Value::as_bool) == Some(true)
    };
    let manifests = tree.manifests().filter(|manifest| !has_lints(manifest));
    manifests.map(|file| file.violation(1, "lacks [lints] workspace = true")).collect()
}

/// `tokio` and `tokio-util` are of the family `tokio`; `tokiox` is not.
fn is_of_family(dependency: &str, family: &str) -> bool {
    let rest = dependency.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

/// The names of all dependencies: plain, for tests, for the build, and those of single platforms.
fn dependencies(manifest: &File) -> BTreeSet<String> {
    let table = parse(manifest);
    let platforms = table.get("target").and_then(Value::as_table);
    let platforms = platforms.into_iter().flat_map(|targets| targets.values());
    let platforms = platforms.filter_map(Value::as_table);
    std::iter::once(&table).chain(platforms).flat_map(dependencies_of_section).collect()
}

fn dependencies_of_section(section: &Table) -> Vec<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let lists = kinds.iter().filter_map(|kind| section.get(*kind).and_then(Value::as_table));
    lists.flatten().map(|(name, value)| real_name(name, value)).collect()
}

/// The crate's own name where a dependency was renamed by `package = "..."`.
fn real_name(name: &str, value: &Value) -> String {
    value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned()
}

fn parse(manifest: &File) -> Table {
    let parsed = manifest.text.parse();
    parsed.unwrap_or_else(|error| panic!("{}: {error}", manifest.path))
}
