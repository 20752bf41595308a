//! The door of libFuzzer: one binary for all targets. `scripts/fuzz` builds and runs it.
//!
//! `AIPOT_FUZZ_TARGET` names the target, and into the folder `AIPOT_FUZZ_CORPUS` go its seeds.
#![no_main]

#[path = "targets.rs"]
mod targets;

use std::{env, fs, path::PathBuf, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

static CHOSEN: LazyLock<&'static Target> = LazyLock::new(|| {
    let wanted = env::var("AIPOT_FUZZ_TARGET").unwrap_or_default();
    let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    let found = TARGETS.iter().find(|target| target.name == wanted);
    found.unwrap_or_else(|| panic!("AIPOT_FUZZ_TARGET is {wanted:?}, allowed {known:?}"))
});

/// Gives libFuzzer inputs to start from, which it reads after this.
fn write_seeds() {
    let folder = env::var_os("AIPOT_FUZZ_CORPUS").expect("AIPOT_FUZZ_CORPUS names a folder");
    for (index, seed) in (CHOSEN.seeds)().iter().enumerate() {
        let path = PathBuf::from(&folder).join(format!("seed-{index}"));
        fs::write(path, seed).expect("the corpus folder can be written");
    }
}

fuzz_target!(init: write_seeds(), |bytes: &[u8]| {
    (CHOSEN.accepts)(bytes);
});
