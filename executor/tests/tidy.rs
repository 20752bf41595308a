//! The architecture, as tests: each invariant of the house that a compiler does not check.
//!
//! A rule is a function from a [`tree::Tree`] to the [`tree::Violation`]s in it. Here each rule meets
//! this repository; in `tidy/tests.rs` each meets small made-up trees, which shows that it can fail.

#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tests.rs"]
mod tests;
#[path = "tidy/tree.rs"]
mod tree;

use tree::{Tree, Violation};

/// Fails with one line per violation, so that the list can be worked off from the top.
fn assert_none(rule: &str, find: fn(&Tree) -> Vec<Violation>) {
    let violations = find(&Tree::of_repository());
    let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    let count = violations.len();
    assert!(violations.is_empty(), "{count} violations of: {rule}\n  {}\n", lines.join("\n  "));
}

#[test]
fn crates_use_only_the_floors_below() {
    assert_none("a crate uses only the crates named for it", manifests::forbidden_edges);
}

#[test]
fn the_workspace_is_the_seven_crates() {
    assert_none("the workspace has the seven crates as members", manifests::wrong_members);
}

#[test]
fn big_external_crates_stay_in_their_room() {
    assert_none("each big external crate is used by one crate", manifests::crates_outside_rooms);
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    assert_none("Cargo.toml says [lints] workspace = true", manifests::missing_lints);
}

#[test]
fn files_have_at_most_500_lines() {
    assert_none("a file outside tests has at most 500 lines", sizes::long_files);
}

#[test]
fn functions_have_at_most_70_lines() {
    assert_none("a function outside tests has at most 70 lines", sizes::long_functions);
}

#[test]
fn functions_have_at_most_5_arguments() {
    assert_none("a function outside tests has at most 5 arguments", sizes::crowded_functions);
}

#[test]
fn files_are_named_for_what_they_hold() {
    assert_none("no mod.rs, utils, common or types", names::vague_files);
}

#[test]
fn every_file_opens_with_its_purpose() {
    assert_none("a source file opens with //!", names::files_without_purpose);
}

#[test]
fn no_name_holds_an_ambiguous_abbreviation() {
    assert_none("no name holds the words of names::AMBIGUOUS", names::ambiguous_words);
}

#[test]
fn every_note_for_later_names_an_issue() {
    assert_none("a note for later names its issue (#number)", names::notes_without_issue);
}

#[test]
fn the_top_level_holds_only_the_house() {
    assert_none("top-level folders are those of the design", names::stray_folders);
}

#[test]
fn unsafe_code_is_only_in_the_cuda_plumbing() {
    assert_none("unsafe stands in kernels/src/cuda.rs only", source::unsafe_outside_its_file);
}

#[test]
fn only_the_executor_touches_the_world() {
    assert_none("below the executor: no clock, disk, network, process", source::worldly_paths);
}

#[test]
fn the_runtime_is_deterministic() {
    assert_none("no float, hash map, clock or thread in domain-runtime", source::unruly_runtime);
}

#[test]
fn a_library_root_is_a_table_of_contents() {
    assert_none("lib.rs holds docs, mod and use only", source::logic_in_library_roots);
}

#[test]
fn every_source_file_can_be_read() {
    assert_none("a source file is valid Rust", source::unreadable_files);
}
