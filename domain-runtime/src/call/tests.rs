//! Signatures bind signer, nonce, network and call.

use super::*;
use crate::bounded::BoundedVec;
use crate::dispute::LEAF_BYTES_MAX;
use crate::trace::CHILDREN_MAX;

fn keypair() -> Keypair {
    let secret = schnorrkel::MiniSecretKey::from_bytes(&[5; 32]).unwrap();
    secret.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519)
}

const NETWORK: GenesisHash = GenesisHash([1; 32]);

fn signed() -> SignedCall {
    SignedCall::sign(&keypair(), &NETWORK, 3, Call::AddStake { amount: Amount(7) })
}

#[test]
fn a_signed_call_verifies_on_its_network_only() {
    let verified = signed().verify(&NETWORK).unwrap();
    assert_eq!(verified.signed(), &signed());
    assert_eq!(verified.byte_count(), signed().encode().len());
    let signer = signed().signer;
    let refused = signed().verify(&GenesisHash([2; 32])).unwrap_err();
    assert_eq!(refused, CallError::BadSignature { signer });
}

#[test]
fn signing_is_a_function_of_its_inputs() {
    assert_eq!(signed(), signed());
    let other = SignedCall::sign(&keypair(), &NETWORK, 4, Call::AddStake { amount: Amount(7) });
    assert_ne!(other.signature, signed().signature);
}

#[test]
fn the_largest_call_of_every_kind_can_be_sent() {
    // The type of a leaf allows more openings than the referee takes bytes.
    let largest = [
        OrderSpecification::max_encoded_len(),
        EvaluationEntries::max_encoded_len(),
        ChunkProof::max_encoded_len(),
        Proof::max_encoded_len(),
        BoundedVec::<[u8; 32], CHILDREN_MAX>::max_encoded_len(),
        LEAF_BYTES_MAX,
    ];
    let others = 512; // signer, nonce, signature and the small fields of a call
    assert!(largest.into_iter().all(|length| length + others <= CALL_BYTES_MAX), "{largest:?}");
}

#[test]
fn an_sr25519_key_that_is_no_point_signs_nothing() {
    let signer = AccountId([255; 32]);
    let call = SignedCall { signer, ..signed() };
    assert_eq!(call.verify(&NETWORK), Err(CallError::BadSignature { signer }));
}

#[test]
fn bytes_are_read_exactly() {
    let bytes = signed().encode();
    assert_eq!(SignedCall::from_bytes(&bytes), Ok(signed()));
    let longer = [bytes.as_slice(), &[0]].concat();
    let length = longer.len();
    assert_eq!(SignedCall::from_bytes(&longer), Err(CallError::Undecodable { length }));
    let unknown_variant = [&bytes[..40], &[200], &bytes[41..]].concat();
    assert!(SignedCall::from_bytes(&unknown_variant).is_err());
}
