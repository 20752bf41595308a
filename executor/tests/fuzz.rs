//! Runs every fuzz target on its seeds, on simple mutations of them, and on inputs that once failed.
//!
//! This is the quick and repeatable half, without a fuzzer; `scripts/fuzz` is the other.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use targets::{TARGETS, Target};

/// Mutations of each seed: a second or two for all targets on one core.
const MUTATIONS_PER_SEED: u64 = 300;

/// Changes that pile up in one mutation, at most.
const CHANGES_MAX: usize = 4;

/// Values at the edges of integers and of SCALE's compact lengths.
const EDGES: [u8; 8] = [0x00, 0x01, 0x02, 0x03, 0x7f, 0x80, 0xfe, 0xff];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Runs a target and, if it panics, says which one, and on what.
fn run(target: &Target, input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| (target.accepts)(input))).unwrap_or_else(|_| {
        let mut hex = String::new();
        for byte in input {
            write!(hex, "{byte:02x}").expect("a string takes all text");
        }
        panic!("target {} panicked (see above) on {} bytes: {hex}", target.name, input.len())
    })
}

/// A splitmix64 generator: repeatable, and good enough to pick places and values.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, or 0.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).expect("below a usize")
    }
}

/// Makes up to [`CHANGES_MAX`] changes: a bit, an edge value, a cut, a repeat, an end.
fn mutate(input: &[u8], generator: &mut Generator) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=generator.below(CHANGES_MAX) {
        let start = generator.below(bytes.len());
        let end = (start + 1 + generator.below(16)).min(bytes.len());
        match (generator.below(5), bytes.get_mut(start)) {
            (_, None) => bytes.push(EDGES[generator.below(EDGES.len())]),
            (0, Some(byte)) => *byte ^= 1 << generator.below(8),
            (1, Some(byte)) => *byte = EDGES[generator.below(EDGES.len())],
            (2, _) => drop(bytes.drain(start..end)),
            (3, _) => bytes.extend_from_within(start..end),
            (_, _) => bytes.truncate(start),
        }
    }
    bytes
}

#[test]
fn target_names_are_unique_and_sorted() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    let sorted: Vec<_> = names.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(names, sorted);
}

#[test]
fn every_target_accepts_its_seeds() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for (index, seed) in seeds.iter().enumerate() {
            assert!(run(target, seed), "{} refuses its seed {index}", target.name);
        }
    }
}

#[test]
fn every_target_survives_mutations_of_its_seeds() {
    for target in TARGETS {
        for (index, seed) in (target.seeds)().iter().enumerate() {
            let mut generator = Generator(index as u64);
            let mutations = (0..MUTATIONS_PER_SEED).map(|_| mutate(seed, &mut generator));
            let refused = mutations.filter(|mutation| !run(target, mutation)).count();
            assert_ne!(refused, 0, "{} accepts whatever it gets", target.name);
        }
    }
}

#[test]
fn every_target_survives_the_empty_input_and_noise() {
    for target in TARGETS {
        let mut generator = Generator(1);
        for length in [0, 1, 2, 3, 4, 7, 8, 31, 32, 33, 64, 255, 1_000, 10_000] {
            let noise: Vec<u8> = (0..length).map(|_| generator.next().to_le_bytes()[0]).collect();
            run(target, &noise);
        }
    }
}

/// `scripts/fuzz` writes what made a target fail into its folder; once mended it stays there.
#[test]
fn inputs_that_once_failed_do_no_harm() {
    for folder in fs::read_dir(corpus()).into_iter().flatten() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let target = TARGETS.iter().find(|target| target.name == name);
        let target = target.unwrap_or_else(|| panic!("{} is of no target", folder.display()));
        for file in fs::read_dir(&folder).unwrap() {
            run(target, &fs::read(file.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn a_target_that_panics_is_reported_with_its_input() {
    let faulty = Target { name: "faulty", accepts: |bytes| bytes[3] == 0, seeds: Vec::new };
    let panic = catch_unwind(|| run(&faulty, &[1, 2, 0xab])).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("faulty") && message.ends_with("0102ab"), "{message}");
}
