//! The games from which the fuzzer starts go through every stage, and each move belongs to its position.

use std::collections::BTreeSet;

use parity_scale_codec::{Decode, Encode};

use super::{Attempt, FORGED_OPERATORS, POSITIONS, STEP_COUNT, accepts_move, moves};

#[test]
fn the_games_go_through_every_stage_to_a_word_of_each_forged_operator() {
    let stages: BTreeSet<u8> =
        POSITIONS.iter().map(|position| position.dispute.stage.encode()[0]).collect();
    assert_eq!(
        stages,
        BTreeSet::from([0, 1, 2, 3, 4, 5]),
        "a stage before the decision is missing"
    );
    let leaves = POSITIONS.iter().filter(|position| position.truth.is_some());
    assert_eq!(leaves.count(), FORGED_OPERATORS.len());
    assert!(FORGED_OPERATORS.iter().all(|(step, _)| *step <= STEP_COUNT));
    assert!(POSITIONS.len() <= 256, "a position that no attempt can name");
}

#[test]
fn a_move_in_any_other_position_is_made_or_leaves_the_game_as_it_was() {
    let mut made = 0;
    for bytes in moves() {
        let attempt = Attempt::decode(&mut &bytes[..]).unwrap();
        for position in (0..=255).take(POSITIONS.len()) {
            let action = attempt.action.clone();
            made += u32::from(accepts_move(&Attempt { position, action }.encode()));
        }
    }
    let positions = u32::try_from(POSITIONS.len()).unwrap();
    assert!((positions..positions * positions).contains(&made), "{made} of {positions} squared");
}

#[test]
fn every_change_of_an_opening_is_refused() {
    for bytes in moves() {
        let attempt = Attempt::decode(&mut &bytes[..]).unwrap();
        // States within a bisection and picks are anybody's say; openings are bound. A leaf names its word,
        // so there the first byte of the move's content is free.
        let kind = attempt.action.encode()[0];
        let first = match kind {
            3..=5 => 1,
            6 => 2,
            _ => continue,
        };
        for place in (1 + first..bytes.len()).step_by(41) {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(!accepts_move(&changed), "byte {place} of a move of kind {kind}");
        }
    }
}
