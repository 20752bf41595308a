//! The crate stands without the standard library, so that it can be compiled to WASM on a chain.

use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(path).expect("the manifest is there")
}

/// Names of the dependencies of this crate, those of its tests left out.
fn dependencies() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[dependencies]\n").nth(1).expect("there are dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once(".workspace")?.0.to_owned())).collect()
}

#[test]
fn the_crate_says_no_std() {
    assert!(read("src/lib.rs").contains("\n#![no_std]\n"));
}

#[test]
fn no_dependency_brings_the_standard_library() {
    let table = read("../Cargo.toml");
    let names = dependencies();
    assert!(names.contains(&"schnorrkel".to_owned()), "{names:?}");
    for name in names {
        let start = format!("\n{name} = ");
        let entry = table.split(&start).nth(1).and_then(|rest| rest.lines().next());
        let entry = entry.unwrap_or_else(|| panic!("{name} is not in the table of versions"));
        assert!(entry.contains("default-features = false"), "{name}: {entry}");
        assert!(!entry.contains("\"std\""), "{name}: {entry}");
    }
}
