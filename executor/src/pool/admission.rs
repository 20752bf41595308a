//! What may enter the pool: a call that is whole, signed, in its turn and paid for.

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::call::{CallError, SignedCall, VerifiedCall};
use aipot_domain_runtime::genesis::Parameters;
use aipot_domain_runtime::primitives::{AccountId, Amount, At, GenesisHash};
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::state::{Fault, ReadState, State, read_record};
use aipot_domain_runtime::transition::{Applied, apply_verified};

use super::{CallHash, PoolError};
use crate::network::GossipVerdict;

/// Why a call was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The bytes, the signature, the nonce or the fee are wrong.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no place for it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The signer cannot pay for all of its calls that wait.
    #[error("{signer} has {free}, the fees of its {count} waiting calls are {fees}")]
    CannotPayFees {
        /// Who signed.
        signer: AccountId,
        /// Its free money.
        free: Amount,
        /// Calls that would wait.
        count: usize,
        /// Their fees.
        fees: Amount,
    },
    /// It would be applied now, cost its fee, and have no effect.
    #[error("the call would be refused: {0}")]
    Hopeless(Refusal),
    /// This machine cannot tell.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Reads and checks a call from untrusted bytes.
///
/// # Errors
/// [`CallError`] of which no honest sender is capable.
pub fn verify(bytes: &[u8], genesis: &GenesisHash) -> Result<VerifiedCall, CallError> {
    SignedCall::from_bytes(bytes)?.verify(genesis)
}

/// What to tell the network about a call that was gossiped.
///
/// Only what is wrong for everybody, always, is held against the one who passed it on.
pub fn verdict(outcome: &Result<CallHash, AdmissionError>) -> GossipVerdict {
    match outcome {
        Ok(_) => GossipVerdict::Accept,
        Err(AdmissionError::Call(
            CallError::Undecodable { .. }
            | CallError::TooLarge { .. }
            | CallError::BadSignature { .. },
        )) => GossipVerdict::Reject,
        Err(_) => GossipVerdict::Ignore,
    }
}

/// Checks that `account` can pay for `call` beside its `(count, bytes)` of calls that wait.
///
/// # Errors
/// [`AdmissionError::CannotPayFees`].
pub fn check_fees(
    parameters: &Parameters,
    call: &VerifiedCall,
    account: &Account,
    (count, bytes): (usize, usize),
) -> Result<(), AdmissionError> {
    let count = count.saturating_add(1);
    let bytes = bytes.saturating_add(call.byte_count());
    let times = |price: Amount, count: usize| {
        price.0.saturating_mul(u128::try_from(count).unwrap_or(u128::MAX))
    };
    let fees = times(parameters.base_fee, count).saturating_add(times(parameters.byte_fee, bytes));
    if account.free.0 < fees {
        let signer = call.signed().signer;
        return Err(AdmissionError::CannotPayFees {
            signer,
            free: account.free,
            count,
            fees: Amount(fees),
        });
    }
    Ok(())
}

/// Plays through what would happen if `call` were applied at `at`, after the `earlier` calls of its signer.
///
/// # Errors
/// [`AdmissionError::Hopeless`] with what the runtime would say, so that nobody pays a fee to hear it.
pub fn rehearse(
    store: &dyn ReadState,
    at: At,
    earlier: &[VerifiedCall],
    call: &VerifiedCall,
) -> Result<(), AdmissionError> {
    let mut state = State::new(store);
    for earlier in earlier {
        apply_verified(&mut state, earlier, at)?;
    }
    match apply_verified(&mut state, call, at)? {
        Applied::Accepted => Ok(()),
        Applied::Refused(refusal) => Err(AdmissionError::Hopeless(refusal)),
        // There is a gap before it, so nothing can be said yet.
        Applied::Skipped(CallError::WrongNonce { nonce, expected, .. }) if nonce > expected => {
            Ok(())
        }
        Applied::Skipped(error) => Err(error.into()),
    }
}

/// The account of `id`, an empty one when it is unknown.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn account(store: &dyn ReadState, id: &AccountId) -> Result<Account, Fault> {
    Ok(read_record::<Account>(store, id)?.unwrap_or_default())
}

/// The rules of the network.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub fn parameters(store: &dyn ReadState) -> Result<Parameters, Fault> {
    use aipot_domain_runtime::state::Record;
    let found = read_record::<Parameters>(store, &())?;
    found.ok_or(Fault::Damaged { table: Parameters::TABLE })
}
