//! Whatever arrives, nothing panics, and what cannot be applied changes nothing.

use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::primitives::Amount;
use aipot_domain_runtime::state::State;
use aipot_domain_runtime::transition::{Applied, apply};
use parity_scale_codec::{Decode, Encode};
use proptest::prelude::*;

use super::random::Bytes;
use crate::harness::people::operators;
use crate::harness::{CLIENT, OUTSIDER, World, person};
use aipot_domain_runtime::window::{PHASES, Phase};

/// The encoding of some valid call.
fn valid_bytes() -> Vec<u8> {
    let world = World::new();
    let call = Call::Transfer { to: person(OUTSIDER), amount: Amount(5_000) };
    world.sign(&person(CLIENT), call).encode()
}

/// Applies `bytes` as an executor does with bytes from a block.
fn apply_bytes(world: &World, bytes: &[u8]) -> bool {
    let Ok(call) = SignedCall::from_bytes(bytes) else { return false };
    assert_eq!(call.encode(), bytes, "one call has one encoding");
    let mut state = State::new(&world.store);
    let applied = apply(&mut state, call, world.at).expect("a map always answers");
    let (changes, events) = state.finish();
    let is_skipped = matches!(applied, Applied::Skipped(_));
    assert_eq!(is_skipped, changes.is_empty() && events.is_empty());
    !is_skipped
}

#[test]
fn a_call_with_any_flipped_bit_is_not_applied() {
    let world = World::new();
    let valid = valid_bytes();
    assert!(apply_bytes(&world, &valid));
    for bit in 0..8 * valid.len() {
        let mut flipped = valid.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!apply_bytes(&world, &flipped), "bit {bit}");
    }
}

#[test]
fn a_truncated_call_is_not_applied() {
    let world = World::new();
    let valid = valid_bytes();
    for length in 0..valid.len() {
        assert!(!apply_bytes(&world, &valid[..length]), "length {length}");
    }
}

#[test]
fn calls_without_sense_are_refused_in_every_phase() {
    let mut world = World::new();
    let order = world.submit(1);
    let stream = Bytes::new(2);
    let mut applied = 0;
    for phase in PHASES.into_iter().chain([Phase::Final]) {
        if phase == Phase::Final || phase == Phase::ChallengeExtension {
            world.settle(&order);
        } else {
            world.play_until(&order, phase);
        }
        for place in 0..150 {
            let Some((call, _)) = stream.read::<Call>(31 * place) else { continue };
            let numbers: Vec<u32> = operators().chain([CLIENT, OUTSIDER]).collect();
            let who = person(numbers[place % numbers.len()]);
            let call = with_order(call, &order);
            applied += usize::from(!matches!(world.call(&who, call), Applied::Skipped(_)));
        }
    }
    assert!(applied > 500, "{applied}");
}

/// Puts the id of a real order where a call names one.
fn with_order(call: Call, order: &aipot_domain_runtime::primitives::OrderId) -> Call {
    let has_order = !matches!(
        call,
        Call::Transfer { .. }
            | Call::RegisterOperator { .. }
            | Call::AddStake { .. }
            | Call::Unstake { .. }
            | Call::Withdraw
            | Call::SubmitOrder { .. }
    );
    if !has_order {
        return call;
    }
    // In all these the order comes first, right behind the number of the variant.
    let mut bytes = call.encode();
    bytes[1..33].copy_from_slice(order.as_bytes());
    Call::decode(&mut bytes.as_slice()).expect("any 32 bytes are an id")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(SignedCall::from_bytes(&bytes).is_err());
    }

    #[test]
    fn a_damaged_call_changes_nothing(
        place in any::<prop::sample::Index>(),
        junk in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let world = World::new();
        let mut bytes = valid_bytes();
        let start = place.index(bytes.len());
        let same = bytes[start..].starts_with(&junk) && start + junk.len() <= bytes.len();
        let end = (start + junk.len()).min(bytes.len());
        bytes.splice(start..end, junk);
        prop_assert_eq!(apply_bytes(&world, &bytes), same);
    }
}
