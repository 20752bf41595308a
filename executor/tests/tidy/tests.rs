//! Each rule meets a small tree that keeps it and one that breaks it, so that a pass means something.

use crate::{
    manifests, names, sizes, source,
    tree::{Tree, Violation},
};

type Rule = fn(&Tree) -> Vec<Violation>;

/// The places where `rule` sees a violation in a tree of one file.
fn places(rule: Rule, path: &str, text: &str) -> Vec<String> {
    rule(&Tree::of(&[(path, text)])).into_iter().map(|violation| violation.place).collect()
}

fn passes(rule: Rule, path: &str, text: &str) -> bool {
    places(rule, path, text).is_empty()
}

/// A function `long` that opens on line 2 and is `line_count` lines long.
fn function_of_lines(line_count: usize) -> String {
    format!("//! Doc.\nfn long() {{\n{}}}\n", "    work();\n".repeat(line_count - 2))
}

#[test]
fn an_edge_upwards_is_found() {
    let text = "[dependencies]\naipot-shaders.workspace = true\naipot-trainer.workspace = true\n";
    assert_eq!(
        places(manifests::forbidden_edges, "kernels/Cargo.toml", text),
        ["kernels/Cargo.toml:3"]
    );
    assert!(passes(manifests::forbidden_edges, "benches/Cargo.toml", text));
}

#[test]
fn an_edge_is_found_in_every_kind_of_table() {
    for table in ["dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
        let text = format!("[{table}]\naipot-kernels.workspace = true\n");
        assert!(!passes(manifests::forbidden_edges, "domain-runtime/Cargo.toml", &text), "{table}");
    }
}

#[test]
fn nothing_may_depend_on_the_benches() {
    for (folder, _) in manifests::FLOORS {
        let text = "[dependencies]\naipot-benches.workspace = true\n";
        assert!(!passes(manifests::forbidden_edges, &format!("{folder}/Cargo.toml"), text));
    }
}

#[test]
fn an_eighth_crate_and_a_missing_one_are_found() {
    let members: Vec<_> = manifests::FLOORS.iter().map(|(folder, _)| *folder).collect();
    let workspace = |members: &[&str]| format!("[workspace]\nmembers = {members:?}\n");
    assert!(passes(manifests::wrong_members, "Cargo.toml", &workspace(&members)));
    assert!(!passes(manifests::wrong_members, "Cargo.toml", &workspace(&members[1..])));
    let eight = [&members[..], &["network"]].concat();
    assert!(!passes(manifests::wrong_members, "Cargo.toml", &workspace(&eight)));
}

#[test]
fn an_external_crate_outside_its_room_is_found() {
    let rule = manifests::crates_outside_rooms;
    for (name, room) in [("tokio", "executor"), ("wgpu", "kernels"), ("candle-core", "trainer")] {
        let text = format!("[dependencies]\n{name}.workspace = true\n");
        assert!(passes(rule, &format!("{room}/Cargo.toml"), &text), "{name}");
        assert_eq!(
            places(rule, "validator/Cargo.toml", &text),
            ["validator/Cargo.toml:2"],
            "{name}"
        );
    }
    let renamed = "[dependencies]\nruntime = { package = \"tokio-util\", version = \"1\" }\n";
    assert!(!passes(rule, "trainer/Cargo.toml", renamed));
    assert!(passes(rule, "trainer/Cargo.toml", "[dependencies]\ntokiox = \"1\"\n"));
}

#[test]
fn missing_lints_are_found() {
    let rule = manifests::missing_lints;
    assert!(passes(rule, "trainer/Cargo.toml", "[lints]\nworkspace = true\n"));
    assert!(!passes(rule, "trainer/Cargo.toml", "[lints]\nworkspace = false\n"));
    assert!(!passes(rule, "trainer/Cargo.toml", "[package]\n"));
}

#[test]
fn a_file_of_501_lines_is_found_unless_it_holds_tests() {
    let text = "\n".repeat(501);
    assert!(passes(sizes::long_files, "trainer/src/run.rs", &text[1..]));
    assert_eq!(places(sizes::long_files, "trainer/src/run.rs", &text), ["trainer/src/run.rs:501"]);
    assert!(passes(sizes::long_files, "trainer/src/run/tests.rs", &text));
    assert!(passes(sizes::long_files, "trainer/tests/run.rs", &text));
}

#[test]
fn a_function_of_71_lines_is_found() {
    let rule = sizes::long_functions;
    assert!(passes(rule, "trainer/src/run.rs", &function_of_lines(70)));
    assert_eq!(
        places(rule, "trainer/src/run.rs", &function_of_lines(71)),
        ["trainer/src/run.rs:2"]
    );
}

#[test]
fn a_long_method_and_a_long_nested_function_are_found() {
    let body = function_of_lines(71).replace("//! Doc.\n", "");
    for (before, after) in [("impl Run {", "}"), ("trait Run {", "}"), ("fn outer() {", "}")] {
        let text = format!("{before}\n{body}\n{after}\n");
        assert!(!passes(sizes::long_functions, "trainer/src/run.rs", &text), "{before}");
    }
}

#[test]
fn a_long_test_and_a_long_function_with_a_reason_are_left_alone() {
    let body = function_of_lines(71).replace("//! Doc.\n", "");
    let reason = "#[expect(clippy::too_many_lines, reason = \"one table\")]";
    for before in ["#[test]", "#[tokio::test]", "#[cfg(test)]", reason] {
        let text = format!("{before}\n{body}");
        assert!(passes(sizes::long_functions, "trainer/src/run.rs", &text), "{before}");
    }
    for before in ["#[cfg(not(test))]", "#[expect(clippy::too_many_arguments, reason = \"\")]"] {
        let text = format!("{before}\n{body}");
        assert!(!passes(sizes::long_functions, "trainer/src/run.rs", &text), "{before}");
    }
}

#[test]
fn six_arguments_are_found_unless_a_trait_prescribes_them() {
    let rule = sizes::crowded_functions;
    let six = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, g: u8) {}";
    let five = six.replace(", g: u8", "");
    assert!(passes(rule, "trainer/src/run.rs", &five));
    assert_eq!(places(rule, "trainer/src/run.rs", six), ["trainer/src/run.rs:1"]);
    assert!(!passes(rule, "trainer/src/run.rs", &format!("impl Run {{ {six} }}")));
    assert!(passes(rule, "trainer/src/run.rs", &format!("impl Run for Step {{ {six} }}")));
}

#[test]
fn vague_files_are_found() {
    let rule = names::vague_files;
    for path in ["a/src/mod.rs", "a/src/utils.rs", "a/src/common/x.rs", "a/src/types.rs"] {
        assert!(!passes(rule, path, ""), "{path}");
    }
    assert!(passes(rule, "a/src/model.rs", ""));
}

#[test]
fn a_file_without_purpose_is_found() {
    let rule = names::files_without_purpose;
    assert!(passes(rule, "a/src/run.rs", "//! The run.\n"));
    assert!(!passes(rule, "a/src/run.rs", "// The run.\n"));
    assert!(!passes(rule, "a/src/run.rs", "use std::fmt;\n//! The run.\n"));
}

#[test]
fn names_are_cut_into_words() {
    for name in ["proof_of_space", "ProofOfSpace", "PROOF-OF-SPACE", "proofOf2Space"] {
        assert_eq!(names::words(name), ["proof", "of", "space"], "{name}");
    }
    assert_eq!(names::words("HTTPServer"), ["http", "server"]);
}

#[test]
fn ambiguous_words_are_found_in_code_paths_and_shaders() {
    let rule = names::ambiguous_words;
    for word in names::AMBIGUOUS {
        let snake = format!("//! Doc.\nfn from_{word}_seed() {{}}\n");
        assert_eq!(places(rule, "a/src/x.rs", &snake), ["a/src/x.rs:2"], "{word}");
        let camel = format!("struct My{}{}Seed;", word[..1].to_uppercase(), &word[1..]);
        assert!(!passes(rule, "a/src/x.rs", &camel), "{camel}");
        assert!(!passes(rule, "a/src/x.rs", &format!("check!(let {word} = 1);")), "{word}");
        assert!(!passes(rule, &format!("a/src/{word}_seed.rs"), ""), "{word}");
        assert!(!passes(rule, "a/src/x.wgsl", &format!("let {word} = 1u; // why")), "{word}");
        assert!(
            passes(rule, "a/src/x.rs", &format!("// {word}\nconst A: &str = \"{word}\";")),
            "{word}"
        );
    }
    assert!(passes(rule, "aipot/src/position.rs", "fn potential(position: u8) {}"));
}

#[test]
fn a_note_without_an_issue_is_found() {
    let rule = names::notes_without_issue;
    let note = concat!("// TO", "DO");
    assert_eq!(places(rule, "a/src/x.rs", &format!("\n{note}: later")), ["a/src/x.rs:2"]);
    assert!(!passes(rule, "a/src/x.rs", &format!("{note} (#): later")));
    assert!(passes(rule, "a/src/x.rs", &format!("{note} (#12): later")));
}

#[test]
fn a_stray_folder_is_found() {
    let rule = names::stray_folders;
    assert_eq!(places(rule, "tools/x.py", ""), ["tools/"]);
    for path in ["trainer/src/lib.rs", "docs/x.md", "scripts/test", ".ci/run", "README.md"] {
        assert!(passes(rule, path, ""), "{path}");
    }
}

#[test]
fn unsafe_code_outside_its_file_is_found() {
    let rule = source::unsafe_outside_its_file;
    let block = "fn f() {\n    unsafe { g() }\n}";
    assert_eq!(places(rule, "kernels/src/gpu.rs", block), ["kernels/src/gpu.rs:2"]);
    assert!(passes(rule, "kernels/src/cuda.rs", block));
    assert!(!passes(rule, "executor/src/main.rs", "#[unsafe(no_mangle)]\nfn f() {}"));
    assert!(!passes(rule, "executor/src/main.rs", "wrap!(unsafe { g() });"));
    assert!(passes(rule, "executor/src/main.rs", "// unsafe\n#![deny(unsafe_code)]"));
}

#[test]
fn paths_into_the_world_are_found_below_the_executor() {
    let rule = source::worldly_paths;
    let clock = "fn f() { let now = std::time::Instant::now(); }";
    assert!(!passes(rule, "trainer/src/run.rs", clock));
    assert!(passes(rule, "executor/src/run.rs", clock));
    assert!(passes(rule, "trainer/src/run/tests.rs", clock));
    assert!(!passes(rule, "trainer/src/run.rs", "use std::{fmt, fs::{self, File}};"));
    assert!(!passes(rule, "trainer/src/run.rs", "use std::net::*;"));
    assert!(passes(rule, "trainer/src/run.rs", "use std::{fmt, time::Duration};"));
    assert!(passes(rule, "trainer/src/run.rs", "#[cfg(test)]\nuse std::fs;"));
}

#[test]
fn floats_and_hash_maps_in_the_runtime_are_found() {
    let rule = source::unruly_runtime;
    for name in ["f32", "HashMap", "SystemTime"] {
        let text = format!("fn f(x: {name}) {{}}");
        assert!(!passes(rule, "domain-runtime/src/order.rs", &text), "{name}");
        assert!(passes(rule, "trainer/src/order.rs", &text), "{name}");
    }
    assert!(passes(rule, "domain-runtime/src/order.rs", "fn f(x: u128) {}"));
}

#[test]
fn logic_in_a_library_root_is_found() {
    let rule = source::logic_in_library_roots;
    assert!(passes(rule, "trainer/src/lib.rs", "//! Doc.\nmod run;\npub use run::train;"));
    assert_eq!(places(rule, "trainer/src/lib.rs", "mod run;\nfn f() {}"), ["trainer/src/lib.rs:2"]);
    assert!(!passes(rule, "trainer/src/lib.rs", "mod run { fn f() {} }"));
}

#[test]
fn a_file_that_is_not_rust_is_found() {
    assert_eq!(
        places(source::unreadable_files, "a/src/x.rs", "//! Doc.\nfn f( {}"),
        ["a/src/x.rs:2"]
    );
    assert!(passes(source::unreadable_files, "a/src/x.rs", "fn f() {}"));
}
