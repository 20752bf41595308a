//! Tests of replays: the same bits from everywhere.

use super::{Change, Replay, ReplayError};
use crate::trace::fixtures::{tiny_data, tiny_network};
use crate::trace::machine::{Files, Machine};
use crate::trace::recorder::{Snapshots, Trace};
use crate::trace::state::persistent_root;

/// Steps of the run, and with the first.
const RUN_STEPS: u32 = 9;
const STEPS: u32 = RUN_STEPS + 1;

#[test]
fn a_replay_from_any_checkpoint_gives_the_states_of_the_run() {
    let (computation, data) = (tiny_network(RUN_STEPS), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let mut machine = Machine::new(&computation, files);
    let mut roots = vec![];
    for step in 0..STEPS {
        machine.step(step).unwrap();
        roots.push(persistent_root(machine.persistent()));
    }
    let engine = || Machine::new(&computation, files);
    let mut replay = Replay::new((&computation, files), engine(), vec![], Snapshots::default());
    let trace = replay.record(Trace::new(STEPS, 4), 0).unwrap();
    assert_eq!(trace.roots, [roots[4], roots[8], roots[9]]);

    let mut replay = Replay::new((&computation, files), engine(), vec![], trace.snapshots);
    for state in [10, 6, 1, 9, 2, 3, 10, 5] {
        let expected = roots[usize::try_from(state - 1).unwrap()];
        assert_eq!(replay.root(state).unwrap(), expected, "state {state}");
    }
    let error = replay.root(11).unwrap_err();
    assert!(matches!(error, ReplayError::NoState { state: 11, count: 10 }), "{error}");
}

#[test]
fn threads_change_no_state() {
    let (computation, data) = (tiny_network(3), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let root = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let engine = Machine::new(&computation, files);
            Replay::new((&computation, files), engine, vec![], Snapshots::default())
                .root(4)
                .unwrap()
        })
    };
    let one = root(1);
    assert_eq!(one, root(2));
    assert_eq!(one, root(3));
}

#[test]
fn the_states_within_a_step_end_in_the_next_one() {
    let (computation, data) = (tiny_network(2), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let engine = Machine::new(&computation, files);
    let mut replay = Replay::new((&computation, files), engine, vec![], Snapshots::default());
    for step in 0..3 {
        let mut walk = replay.walk(step).unwrap();
        let first = walk.roots().clone();
        let peeked = walk.peek().unwrap();
        assert_eq!(walk.roots().root(), first.root(), "a look changes nothing");
        assert_eq!(walk.next_operator(), 0);
        assert!(walk.advance().unwrap());
        let output = usize::from(walk.program().operators[0].output);
        assert_eq!(walk.slots()[output], peeked);
        while walk.advance().unwrap() {}
        let count = computation.step.persistent_count();
        assert_eq!(persistent_root(&walk.slots()[..count]), replay.root(step + 1).unwrap());
    }
}

#[test]
fn a_flipped_bit_changes_everything_after_it_and_nothing_before() {
    let (computation, data) = (tiny_network(RUN_STEPS), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let replay = |changes| {
        let engine = Machine::new(&computation, files);
        Replay::new((&computation, files), engine, changes, Snapshots::default())
    };
    let change = Change { step: 5, operator: 10, element: 77, bit: 22 };
    let (mut honest, mut forged) = (replay(vec![]), replay(vec![change]));
    for state in 0..=STEPS {
        let is_same = honest.root(state).unwrap() == forged.root(state).unwrap();
        assert_eq!(is_same, state <= 5, "state {state}");
    }
    for change in [Change { element: 1_800, ..change }, Change { bit: 32, ..change }] {
        let error = replay(vec![change]).root(6).unwrap_err();
        assert!(matches!(error, ReplayError::NoSuchBit { .. }), "{error}");
    }
}
