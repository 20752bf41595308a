//! Whole disputes: whoever forged loses, at the place of the forgery.

use std::sync::OnceLock;

use aipot_domain_runtime::dispute::{LEAF_BYTES_MAX, ROUNDS_MAX, Reason, Side};
use aipot_domain_runtime::program::Computation;
use proptest::prelude::*;

use super::{Outcome, PlayError, file_roots, play};
use crate::trace::fixtures::{tiny_data, tiny_network};
use crate::trace::machine::{Files, Machine};
use crate::trace::prover::Prover;
use crate::trace::recorder::Snapshots;
use crate::trace::replay::{Change, Replay};

/// Steps of the run: enough for two rounds.
const RUN_STEPS: u32 = 40;

fn computation() -> &'static Computation {
    static COMPUTATION: OnceLock<Computation> = OnceLock::new();
    COMPUTATION.get_or_init(|| tiny_network(RUN_STEPS))
}

/// Plays two runs that differ by the bits that each side flips.
fn dispute(responder: &[Change], challenger: &[Change]) -> Result<Outcome, PlayError> {
    let (computation, data) = (computation(), tiny_data());
    let files = Files { train: &data, ..Files::default() };
    let prover = |changes: &[Change]| {
        let engine = Machine::new(computation, files);
        let snapshots = Snapshots::default();
        Prover::new(Replay::new((computation, files), engine, changes.to_vec(), snapshots))
    };
    let roots = file_roots(files);
    play(computation, &mut prover(responder), &mut prover(challenger), |dispute, side, action| {
        dispute.apply(side, action, computation, &roots)
    })
}

/// A bit of any word that any operator of any step writes.
fn changes() -> impl Strategy<Value = Change> {
    (0..=RUN_STEPS, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..32).prop_map(
        |(step, operator, element, bit)| {
            let (program, _) = computation().program(step).unwrap();
            let index = operator.index(program.operators.len());
            let output = usize::from(program.operators[index].output);
            let words = usize::try_from(program.slots[output].element_count).unwrap();
            let element = u32::try_from(element.index(words)).unwrap();
            Change { step, operator: u32::try_from(index).unwrap(), element, bit }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_forger_is_convicted_at_the_very_bit(change in changes()) {
        let outcome = match dispute(&[change], &[]) {
            // The flipped bit was rounded away before it reached a weight.
            Err(PlayError::Agreement) => return Err(TestCaseError::reject("no effect")),
            outcome => outcome.unwrap(),
        };
        prop_assert_eq!((outcome.step, outcome.operator), (change.step, change.operator));
        prop_assert_eq!(outcome.chunk, change.element / 256);
        prop_assert_eq!(outcome.decision.winner, Side::Challenger);
        let Reason::Computed { element, posted, computed } = outcome.decision.reason else {
            panic!("{outcome:?}");
        };
        prop_assert_eq!(element, change.element);
        prop_assert_eq!(posted ^ computed, 1 << change.bit);
        prop_assert!(outcome.rounds <= ROUNDS_MAX && outcome.posted_bytes <= 4 * 1024);
        prop_assert!(outcome.leaf_bytes <= LEAF_BYTES_MAX + 1);
    }

    #[test]
    fn a_false_challenge_loses(change in changes()) {
        let outcome = match dispute(&[], &[change]) {
            Err(PlayError::Agreement) => return Err(TestCaseError::reject("no effect")),
            outcome => outcome.unwrap(),
        };
        prop_assert_eq!((outcome.step, outcome.operator), (change.step, change.operator));
        prop_assert_eq!(outcome.decision.winner, Side::Responder);
    }
}

#[test]
fn honest_runs_have_nothing_to_dispute() {
    assert!(matches!(dispute(&[], &[]), Err(PlayError::Agreement)));
}

#[test]
fn of_two_forgeries_the_first_is_found() {
    let late = Change { step: 30, operator: 10, element: 3, bit: 30 };
    let early = Change { step: 12, operator: 9, element: 1_799, bit: 30 };
    let outcome = dispute(&[late, early], &[]).unwrap();
    assert_eq!((outcome.step, outcome.operator, outcome.chunk), (12, 9, 7));
    assert_eq!(outcome.decision.winner, Side::Challenger);
}

#[test]
fn of_two_forgers_the_one_who_forged_first_loses() {
    let late = Change { step: 30, operator: 10, element: 3, bit: 30 };
    let early = Change { step: 0, operator: 0, element: 300, bit: 30 };
    assert_eq!(dispute(&[early], &[late]).unwrap().decision.winner, Side::Challenger);
    assert_eq!(dispute(&[late], &[early]).unwrap().decision.winner, Side::Responder);
}
