//! Tests of what a recorder keeps.

use aipot_domain_runtime::trace::list_root;
use parity_scale_codec::{Decode, Encode};

use super::{Persistent, Recorder, Snapshots, Trace};
use crate::trace::state::persistent_root;

fn state(number: u32) -> Vec<Vec<u32>> {
    vec![vec![number, 1], vec![2]]
}

fn record(step_count: u32, interval: u32) -> Trace {
    let mut recorder = Recorder::new(Trace::new(step_count, interval));
    (0..step_count).for_each(|step| recorder.after_step(step, || state(step)));
    recorder.finish()
}

#[test]
fn checkpoints_lie_at_every_interval_and_at_the_end() {
    // Step 0 makes the state, so 8 steps are a run of 7.
    for (interval, expected) in
        [(0, vec![2, 3, 4, 5, 6, 7, 8]), (3, vec![4, 7, 8]), (7, vec![8]), (100, vec![8])]
    {
        let trace = record(8, interval);
        assert_eq!(trace.checkpoints().collect::<Vec<u32>>(), expected);
        let roots: Vec<[u8; 32]> =
            expected.iter().map(|number| persistent_root(&state(number - 1))).collect();
        assert_eq!(trace.roots, roots);
        assert_eq!(trace.opening().checkpoints_root, list_root(&roots));
        assert_eq!(trace.opening().final_root, *roots.last().unwrap());
        assert_eq!(trace.root(), trace.opening().root());
        let kept: Vec<u32> = trace.snapshots.iter().map(|(number, _)| number).collect();
        assert_eq!(kept, expected);
    }
}

#[test]
fn a_run_of_no_steps_ends_in_its_first_state() {
    let trace = record(1, 10);
    assert_eq!(trace.roots, [persistent_root(&state(0))]);
}

#[test]
fn a_record_goes_on_where_it_ended() {
    let whole = record(12, 3);
    for known in 0..=12 {
        let mut recorder = Recorder::new(whole.until(known));
        (known..12).for_each(|step| recorder.after_step(step, || state(step)));
        assert_eq!(recorder.finish(), whole);
    }
}

#[test]
fn the_nearest_state_is_not_after_the_one_asked_for() {
    let mut snapshots = Snapshots::default();
    assert_eq!(snapshots.nearest(9), None);
    snapshots.insert(4, state(4));
    snapshots.insert(8, state(8));
    let nearest = |asked| snapshots.nearest(asked).map(|(number, _)| number);
    assert_eq!([3, 4, 7, 8, 99].map(nearest), [None, Some(4), Some(4), Some(8), Some(8)]);
}

#[test]
fn states_are_thinned_out_when_they_are_too_many() {
    let mut snapshots = Snapshots::with_room(40);
    (1..=9).for_each(|number| snapshots.insert(number, state(number)));
    let kept: Vec<u32> = snapshots.iter().map(|(number, _)| number).collect();
    assert!(kept.len() <= 3, "{kept:?}");
    assert_eq!(kept.first(), Some(&1));
}

#[test]
fn states_out_of_order_are_no_record() {
    let state = |number: u32| (number, vec![vec![number]]);
    let decode = |states: Vec<(u32, Persistent)>| Snapshots::decode(&mut &*states.encode());
    let kept = decode(vec![state(1), state(3)]).unwrap();
    assert_eq!(Snapshots::decode(&mut &*kept.encode()), Ok(kept));
    assert!(decode(vec![state(3), state(1)]).is_err());
    assert!(decode(vec![state(1), state(1)]).is_err());
}
