//! Replays, foreign networks, forged and oversized calls.

use aipot_domain_runtime::call::{CALL_BYTES_MAX, Call, CallError, SignedCall};
use aipot_domain_runtime::primitives::{AccountId, Amount, GenesisHash, Signature};
use aipot_domain_runtime::transition::Applied;
use parity_scale_codec::Encode;

use crate::harness::people::keypair;
use crate::harness::{CLIENT, OUTSIDER, World, person};

fn gift() -> Call {
    Call::Transfer { to: person(OUTSIDER), amount: Amount(5_000) }
}

#[test]
fn a_replayed_call_changes_nothing() {
    let mut world = World::new();
    let call = world.sign(&person(CLIENT), gift());
    assert_eq!(world.apply(call.clone()), Applied::Accepted);
    let before = world.store.clone();
    let signer = person(CLIENT);
    let expected = CallError::WrongNonce { signer, nonce: 0, expected: 1 };
    assert_eq!(world.apply(call), Applied::Skipped(expected));
    assert_eq!(world.store, before);
}

#[test]
fn a_call_before_its_turn_changes_nothing() {
    let mut world = World::new();
    let call = SignedCall::sign(&keypair(CLIENT), &world.genesis, 1, gift());
    let signer = person(CLIENT);
    let expected = CallError::WrongNonce { signer, nonce: 1, expected: 0 };
    assert_eq!(world.apply(call), Applied::Skipped(expected));
}

#[test]
fn a_call_signed_for_another_network_is_skipped() {
    let mut world = World::new();
    let call = SignedCall::sign(&keypair(CLIENT), &GenesisHash([1; 32]), 0, gift());
    let expected = CallError::BadSignature { signer: person(CLIENT) };
    assert_eq!(world.apply(call), Applied::Skipped(expected));
}

#[test]
fn a_call_changed_after_signing_is_skipped() {
    let mut world = World::new();
    let signed = world.sign(&person(CLIENT), gift());
    let other_amount = Call::Transfer { to: person(OUTSIDER), amount: Amount(5_001) };
    let forged = [
        SignedCall { call: other_amount, ..signed.clone() },
        SignedCall { nonce: 1, ..signed.clone() },
        SignedCall { signer: person(OUTSIDER), ..signed.clone() },
        SignedCall { signature: Signature([0; 64]), ..signed.clone() },
        SignedCall { signature: Signature([255; 64]), ..signed },
    ];
    for call in forged {
        let expected = CallError::BadSignature { signer: call.signer };
        assert_eq!(world.apply(call), Applied::Skipped(expected));
    }
}

#[test]
fn nobody_signs_for_the_account_of_zeros() {
    // With the neutral point as key, the equation of the signature holds for s = 0 and R = 0.
    let mut world = World::new();
    let nobody = AccountId::default();
    world.accept(&person(CLIENT), Call::Transfer { to: nobody, amount: Amount(50_000) });
    let mut signature = [0; 64];
    signature[63] = 0x80;
    let forged =
        SignedCall { signer: nobody, nonce: 0, call: gift(), signature: Signature(signature) };
    assert_eq!(world.apply(forged), Applied::Skipped(CallError::BadSignature { signer: nobody }));
}

#[test]
fn a_signer_without_the_fee_is_skipped() {
    let mut world = World::new();
    world.meet(99);
    let poor = person(99);
    let call = world.sign(&poor, gift());
    let length = u128::try_from(call.encode().len()).expect("a call is small");
    let fee = Amount(100 + length);
    let expected = CallError::CannotPayFee { signer: poor, free: Amount(0), fee };
    assert_eq!(world.apply(call), Applied::Skipped(expected));
}

#[test]
fn an_oversized_call_is_refused_before_it_is_read() {
    let bytes = vec![0; CALL_BYTES_MAX + 1];
    let expected = CallError::TooLarge { length: bytes.len(), max: CALL_BYTES_MAX };
    assert_eq!(SignedCall::from_bytes(&bytes), Err(expected));
}

#[test]
fn bytes_behind_a_call_are_refused() {
    let world = World::new();
    let mut bytes = world.sign(&person(CLIENT), gift()).encode();
    assert!(SignedCall::from_bytes(&bytes).is_ok());
    bytes.push(0);
    let length = bytes.len();
    assert_eq!(SignedCall::from_bytes(&bytes), Err(CallError::Undecodable { length }));
}

#[test]
fn signing_twice_gives_the_same_bytes() {
    let world = World::new();
    let first = world.sign(&person(CLIENT), gift());
    assert_eq!(first, world.sign(&person(CLIENT), gift()));
}

#[test]
fn the_fee_is_burned_for_accepted_and_refused_calls_alike() {
    let mut world = World::new();
    for call in [gift(), Call::Withdraw] {
        let before = (world.burned(), world.free(&person(CLIENT)));
        let signed = world.sign(&person(CLIENT), call);
        let fee = 100 + u128::try_from(signed.encode().len()).expect("a call is small");
        let applied = world.apply(signed);
        let given = if applied == Applied::Accepted { 5_000 } else { 0 };
        assert_eq!(world.burned(), before.0 + fee);
        assert_eq!(world.free(&person(CLIENT)), before.1 - fee - given);
    }
}
