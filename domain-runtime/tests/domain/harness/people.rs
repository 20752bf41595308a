//! The people of the tests and their keys.

use aipot_domain_runtime::primitives::AccountId;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

/// Orders and pays.
pub(crate) const CLIENT: u32 = 0;
/// Has money and no stake.
pub(crate) const OUTSIDER: u32 = 1;
/// First of those who are ready to provide.
pub(crate) const FIRST_PROVIDER: u32 = 10;
/// How many are ready to provide.
pub(crate) const PROVIDER_COUNT: u32 = 4;
/// First of those who are ready to validate.
pub(crate) const FIRST_VALIDATOR: u32 = 20;
/// How many are ready to validate: three are drawn for an order, five of the rest can challenge.
pub(crate) const VALIDATOR_COUNT: u32 = 9;

/// The key of person `number`, the same in every run.
pub(crate) fn keypair(number: u32) -> Keypair {
    let seed = blake3::derive_key("aipot test person v1", &number.to_le_bytes());
    let secret = MiniSecretKey::from_bytes(&seed).expect("32 bytes make a secret key");
    secret.expand_to_keypair(ExpansionMode::Ed25519)
}

/// The account of person `number`.
pub(crate) fn person(number: u32) -> AccountId {
    AccountId(keypair(number).public.to_bytes())
}

/// Numbers of all people with operators' stake at genesis.
pub(crate) fn operators() -> impl Iterator<Item = u32> {
    providers().chain(validators())
}

/// Numbers of those who are ready to provide.
pub(crate) fn providers() -> impl Iterator<Item = u32> {
    FIRST_PROVIDER..FIRST_PROVIDER + PROVIDER_COUNT
}

/// Numbers of those who are ready to validate.
pub(crate) fn validators() -> impl Iterator<Item = u32> {
    FIRST_VALIDATOR..FIRST_VALIDATOR + VALIDATOR_COUNT
}
