//! Ranges are asked for until they have come, and delivered once.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::network::IdentitySeed;

fn peer(seed: u8) -> PeerId {
    IdentitySeed::new([seed; 32]).peer_id().unwrap()
}

fn schedule() -> Schedule {
    Schedule::new([0..10, 10..20])
}

#[test]
fn ranges_are_given_out_in_order() {
    let mut schedule = schedule();
    assert_eq!(schedule.next(|_| Some(peer(1))), Some((peer(1), 0..10)));
    assert_eq!(schedule.next(|_| Some(peer(2))), Some((peer(2), 10..20)));
    assert_eq!(schedule.next(|_| Some(peer(2))), None);
    assert!(!schedule.is_empty());
}

#[test]
fn a_range_nobody_can_send_waits() {
    let mut schedule = schedule();
    assert_eq!(schedule.next(|_| None), None);
    assert_eq!(schedule.next(|_| Some(peer(1))), Some((peer(1), 0..10)));
}

#[test]
fn a_failed_range_is_asked_for_again_first() {
    let mut schedule = schedule();
    schedule.next(|_| Some(peer(1)));
    schedule.failed(0, peer(1));
    assert_eq!(schedule.next(|_| Some(peer(2))), Some((peer(2), 0..10)));
}

#[test]
fn an_overdue_range_goes_to_somebody_else_and_counts_once() {
    let mut schedule = Schedule::new(std::iter::once(0..10));
    schedule.next(|_| Some(peer(1)));
    assert!(schedule.overdue(0, peer(1)) && schedule.overdue(0, peer(1)));
    let second = schedule.next(|asked| (asked == [peer(1)]).then_some(peer(2)));
    assert_eq!(second, Some((peer(2), 0..10)));
    assert!(schedule.overdue(0, peer(2)));
    assert_eq!(schedule.next(|_| Some(peer(3))), Some((peer(3), 0..10)));
    assert!(schedule.overdue(0, peer(3)));
    assert_eq!(schedule.next(|_| Some(peer(4))), None, "three copies are enough");
    assert!(schedule.delivered(0) && !schedule.delivered(0));
    schedule.failed(0, peer(1));
    assert!(!schedule.overdue(0, peer(1)) && schedule.is_empty());
}

#[test]
fn a_further_copy_that_nobody_can_send_waits_and_blocks_nothing() {
    let mut schedule = schedule();
    schedule.next(|_| Some(peer(1)));
    schedule.overdue(0, peer(1));
    let only_first_copies = |asked: &[PeerId]| asked.is_empty().then_some(peer(1));
    assert_eq!(schedule.next(only_first_copies), Some((peer(1), 10..20)));
    assert_eq!(schedule.next(only_first_copies), None);
    assert_eq!(schedule.next(|_| Some(peer(2))), Some((peer(2), 0..10)));
}

proptest! {
    /// Whatever fails, is late, or comes twice: each range is delivered exactly once, and an honest
    /// end always empties the schedule.
    #[test]
    fn each_range_is_delivered_exactly_once(
        moves in vec((0_u64..5, 0_u8..3, 0_u8..4), 0..200),
    ) {
        let mut schedule = Schedule::new((0..5).map(|at| at * 10..at * 10 + 10));
        let mut delivered = [0; 5];
        let mut deliver = |schedule: &mut Schedule, start: u64| {
            if schedule.delivered(start) {
                delivered[usize::try_from(start / 10).unwrap()] += 1;
            }
        };
        for (index, name, kind) in moves {
            match kind {
                0 => drop(schedule.next(|asked| (!asked.contains(&peer(name))).then_some(peer(name)))),
                1 => schedule.failed(index * 10, peer(name)),
                2 => drop(schedule.overdue(index * 10, peer(name)).then_some(())),
                _ => deliver(&mut schedule, index * 10),
            }
        }
        while let Some((_, range)) = schedule.next(|_| Some(peer(9))) {
            deliver(&mut schedule, range.start);
        }
        (0..5).for_each(|at| deliver(&mut schedule, at * 10));
        prop_assert!(schedule.is_empty());
        prop_assert_eq!(delivered, [1; 5]);
    }
}
