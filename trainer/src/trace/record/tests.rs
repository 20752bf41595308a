//! Tests of recorded runs.

use super::{parameters, record};
use crate::fixtures::small_fixture;
use crate::trace::fixtures::{tiny_data, tiny_network};
use crate::trace::machine::{Files, Machine};
use crate::trace::recorder::{Snapshots, Trace};
use crate::trace::replay::Replay;
use crate::trace::state::persistent_root;

#[test]
fn a_recorded_run_is_what_a_replay_gives() {
    let (computation, data) = (tiny_network(9), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let mut engine = Machine::new(&computation, files);
    let mut seen = vec![];
    let (trace, last) = record(&mut engine, Trace::new(10, 4), |step, engine| {
        seen.push((step, persistent_root(engine.persistent())));
    })
    .unwrap();
    assert_eq!(persistent_root(&last), trace.opening().final_root);
    let engine = Machine::new(&computation, files);
    let mut replay = Replay::new((&computation, files), engine, vec![], Snapshots::default());
    let roots: Vec<_> = (0..10).map(|step| (step, replay.root(step + 1).unwrap())).collect();
    assert_eq!(seen, roots);
    assert_eq!(replay.record(Trace::new(10, 4), 0).unwrap().roots, trace.roots);
}

#[test]
fn the_model_is_what_stands_in_the_first_slots() {
    let specification = small_fixture().specification;
    // Features, hidden width and classes are 3, 4 and 2; what is behind the tensors does not count.
    let persistent = [4, 12, 2, 8, 99].map(|count: u32| (0..count).collect::<Vec<u32>>());
    let model = parameters(&specification, &persistent).unwrap();
    for (tensor, words) in model.tensors().iter().zip(&persistent) {
        let bits: Vec<u32> = tensor.values().iter().map(|value| value.to_bits()).collect();
        assert_eq!(bits, *words);
    }
    assert!(parameters(&specification, &persistent[1..]).is_err());
}
