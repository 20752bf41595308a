//! The lives from which the fuzzer starts get as far as they are meant to.

use std::collections::BTreeSet;

use parity_scale_codec::Decode;

use super::{Machine, STEPS_MAX, Step, seeds::call_sequences};

/// Names of the events of all lives, `CallRefused` and what does no life any good among them.
fn events() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for life in call_sequences() {
        let (mut machine, mut input) = (Machine::new(), &life[..]);
        let mut step_count = 0;
        while let Ok(step) = Step::decode(&mut input) {
            machine.run(step);
            step_count += 1;
        }
        assert!(input.is_empty(), "a life that does not decode");
        assert!(step_count <= STEPS_MAX, "a life of {step_count} steps");
        let events = machine.state.events().iter().map(|event| format!("{event:?}"));
        names.extend(events.map(|event| event.split([' ', '(']).next().unwrap().to_owned()));
    }
    names
}

#[test]
fn the_lives_of_the_seeds_cause_every_kind_of_event() {
    let expected = [
        "Transferred",
        "OperatorRegistered",
        "StakeAdded",
        "UnstakeStarted",
        "StakeWithdrawn",
        "CallRefused",
        "OrderSubmitted",
        "CommitteeDrawn",
        "ClaimAccepted",
        "ModelRevealed",
        "ClaimVoided",
        "ChunkRequested",
        "ChunkServed",
        "TestRevealed",
        "ClientBondLost",
        "EvaluationStarted",
        "EvaluationCommitted",
        "EvaluationRevealed",
        "EvaluationWithheld",
        "ChallengeOpened",
        "MoveMade",
        "OperatorLocated",
        "ProofAccepted",
        "ChallengeDecided",
        "BondLost",
        "Slashed",
        "Paid",
        "OrderSettled",
        "DepositReleased",
    ];
    let events = events();
    let missing: Vec<_> = expected.iter().filter(|name| !events.contains(**name)).collect();
    assert!(missing.is_empty(), "no life causes {missing:?}, only {events:?}");
}
