//! One order's money: the runtime's own split of the escrow and of slashed stake.

use std::num::NonZeroU64;

use aipot_domain_runtime::payment::{Earners, PayoutRole, split};
use aipot_domain_runtime::primitives::{AccountId, Amount};
use aipot_kernels::chacha8::ChaChaStream;

/// The escrow of every simulated order. All shares of it are whole numbers.
pub(crate) const ESCROW: Amount = Amount(1_000_000);

/// Validators of an order.
pub(crate) const VALIDATOR_COUNT: u8 = 5;

/// The seed of every random choice.
const SEED: [u8; 32] = [0; 32];

/// The account of a provider.
const PROVIDER: AccountId = AccountId([1; 32]);

/// The client's account.
const CLIENT: AccountId = AccountId([2; 32]);

/// The account of a validator.
fn validator(index: u8) -> AccountId {
    AccountId([index.saturating_add(3); 32])
}

/// What the winner is paid.
pub(crate) fn prize() -> f64 {
    paid(PayoutRole::Winner, &[PROVIDER], VALIDATOR_COUNT)
}

/// What each of `validator_count` validators is paid who were right about a satisfying model.
pub(crate) fn validator_reward(validator_count: u8) -> f64 {
    paid(PayoutRole::Validator, &[PROVIDER], validator_count)
}

/// The first payout of a role, as the runtime splits the escrow.
fn paid(role: PayoutRole, providers: &[AccountId], validator_count: u8) -> f64 {
    let earners = Earners {
        client: CLIENT,
        providers: providers.to_vec(),
        validators: (0..validator_count).map(validator).collect(),
    };
    let payouts = split(ESCROW, &earners).expect("an escrow of a million units has no overflow");
    payouts.iter().find(|payout| payout.role == role).map_or(0.0, |payout| units(payout.amount))
}

/// An amount as a number to compute means with.
pub(crate) fn units(amount: Amount) -> f64 {
    f64::from(u32::try_from(amount.0).expect("amounts of this simulation have at most 32 bits"))
}

/// The random choices of one case.
pub(crate) fn random(purpose: &str, case_index: u64) -> ChaChaStream {
    ChaChaStream::derive(&SEED, purpose, case_index)
}

/// A number below `bound`, each equally likely; 0 when there is no other.
pub(crate) fn below(stream: &mut ChaChaStream, bound: u64) -> u64 {
    NonZeroU64::new(bound).map_or(0, |bound| stream.below(bound))
}

/// Whether something of this likelihood happens.
pub(crate) fn happens(stream: &mut ChaChaStream, percent: u8) -> bool {
    below(stream, 100) < u64::from(percent)
}
