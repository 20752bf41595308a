//! Phases follow each other without gap or overlap.

use proptest::prelude::*;

use super::*;

const WINDOWS: Windows = Windows {
    open: 2,
    train: 3,
    reveal: 4,
    availability: 5,
    test_reveal: 6,
    evaluation_commit: 7,
    evaluation_reveal: 8,
    challenge: 9,
    challenge_extension: 10,
};

#[test]
fn settlement_counts_everything_after_the_close_of_claims() {
    assert_eq!(WINDOWS.settlement_blocks(), 4 + 5 + 6 + 5 + 7 + 8 + 9 + 10);
}

#[test]
fn an_order_opens_in_the_block_after_its_inclusion() {
    assert_eq!(WINDOWS.start(Phase::Open, BlockNumber(10)), BlockNumber(11));
    assert_eq!(WINDOWS.phase(BlockNumber(10), BlockNumber(12)), Phase::Open);
    assert_eq!(WINDOWS.phase(BlockNumber(10), BlockNumber(13)), Phase::Train);
}

proptest! {
    #[test]
    fn no_phase_is_skipped_as_blocks_pass(submitted in 0_u32..1_000_000) {
        let submitted = BlockNumber(submitted);
        let mut previous = Phase::Open;
        for blocks in 1..70 {
            let phase = WINDOWS.phase(submitted, submitted.after(blocks));
            let step = PHASES.iter().position(|known| *known == phase).unwrap_or(PHASES.len());
            let before = PHASES.iter().position(|known| *known == previous).unwrap_or(PHASES.len());
            prop_assert!(step == before || step == before + 1);
            previous = phase;
        }
        prop_assert_eq!(previous, Phase::Final);
    }

    #[test]
    fn heights_near_the_end_of_time_do_not_wrap(submitted in u32::MAX - 40..=u32::MAX) {
        let phase = WINDOWS.phase(BlockNumber(submitted), BlockNumber(u32::MAX));
        prop_assert!(phase <= Phase::Final);
    }
}

proptest! {
    #[test]
    fn every_phase_begins_where_the_one_before_ends(
        lengths in prop::array::uniform9(1_u32..1_000),
        submitted in 0_u32..1_000_000,
    ) {
        let windows = windows(lengths);
        let submitted = BlockNumber(submitted);
        let mut start = submitted.after(1);
        for phase in PHASES {
            prop_assert_eq!(windows.start(phase, submitted), start);
            prop_assert_eq!(windows.phase(submitted, start), phase);
            let last = BlockNumber(start.after(windows.length(phase)).0 - 1);
            prop_assert_eq!(windows.phase(submitted, last), phase);
            start = start.after(windows.length(phase));
        }
        prop_assert_eq!(windows.start(Phase::Final, submitted), start);
        prop_assert_eq!(windows.phase(submitted, start), Phase::Final);
        let close = windows.start(Phase::Reveal, submitted);
        prop_assert_eq!(windows.settlement_blocks(), u64::from(start.0 - close.0));
    }

    #[test]
    fn windows_of_any_length_do_not_wrap(lengths: [u32; 9], submitted: u32, at: u32) {
        let windows = windows(lengths);
        let phase = windows.phase(BlockNumber(submitted), BlockNumber(at));
        prop_assert!(phase <= Phase::Final);
        prop_assert!(windows.settlement_blocks() <= 8 * u64::from(u32::MAX));
        let starts = PHASES.map(|phase| windows.start(phase, BlockNumber(submitted)));
        prop_assert!(starts.is_sorted());
    }
}

fn windows(lengths: [u32; 9]) -> Windows {
    let [open, train, reveal, availability, test_reveal, commit, opening, challenge, extension] =
        lengths;
    Windows {
        open,
        train,
        reveal,
        availability,
        test_reveal,
        evaluation_commit: commit,
        evaluation_reveal: opening,
        challenge,
        challenge_extension: extension,
    }
}
