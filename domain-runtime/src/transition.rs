//! The one door: [`apply`] for signed calls, [`tick`] for the passing of blocks.
//!
//! Every executor runs [`tick`] once as each block opens, then applies the block's calls in their order.

pub mod settlement;

use alloc::string::ToString;

use crate::account::{Account, account, add, burn, subtract, transfer};
use crate::agenda::{Item, take};
use crate::bounded::BoundedBytes;
use crate::call::{Call, CallError, SignedCall, VerifiedCall};
use crate::challenge::open::open;
use crate::challenge::play::play;
use crate::challenge::proof::prove;
use crate::challenge::verdict;
use crate::event::{Event, REASON_BYTES_MAX};
use crate::genesis::{Network, Parameters};
use crate::primitives::{AccountId, Amount, At};
use crate::progress::TestReveal;
use crate::refusal::{CallResult, Failure, Refusal};
use crate::reveal::ModelOpening;
use crate::state::{Fault, State};
use crate::{chunk, claim, evaluation, operator, reveal, submission};

/// What became of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It had its effect.
    Accepted,
    /// It had none but its fee and nonce.
    Refused(Refusal),
    /// It could not be applied at all: nothing has changed.
    Skipped(CallError),
}

/// Works off what falls due at this block. Needs no signer: everybody runs it.
///
/// # Errors
/// [`Fault`] when this machine cannot go on; the block must then be tried again from its start.
pub fn tick(state: &mut State<'_>, at: At) -> Result<(), Fault> {
    submission::forget_count(state, at.block)?;
    let agenda = take(state, at.block)?;
    for item in &agenda.0 {
        match item {
            Item::Phase { order, phase } => settlement::begin(state, order, *phase, at)?,
            Item::MoveDeadline { order, challenge } => {
                verdict::move_deadline(state, order, *challenge, at)?;
            }
        }
    }
    state.keep();
    Ok(())
}

/// Checks the signature of `call` and applies it.
///
/// # Errors
/// [`Fault`] when this machine cannot go on; a bad call is [`Applied::Skipped`] or
/// [`Applied::Refused`], never an error.
pub fn apply(state: &mut State<'_>, call: SignedCall, at: At) -> Result<Applied, Fault> {
    let genesis = state.require::<Network>(&())?.0;
    match call.verify(&genesis) {
        Ok(verified) => apply_verified(state, &verified, at),
        Err(error) => Ok(Applied::Skipped(error)),
    }
}

/// Applies a call whose signature has been checked, for callers that check many of them in parallel.
///
/// # Errors
/// As [`apply`].
pub fn apply_verified(
    state: &mut State<'_>,
    call: &VerifiedCall,
    at: At,
) -> Result<Applied, Fault> {
    let signed = call.signed();
    if let Err(failure) = charge(state, call) {
        state.discard();
        return skip(failure);
    }
    state.keep();
    match dispatch(state, &signed.signer, signed.call.clone(), at) {
        Ok(()) => {
            state.keep();
            Ok(Applied::Accepted)
        }
        Err(Failure::Refused(refusal)) => {
            state.discard();
            let reason = reason(&refusal);
            state.emit(Event::CallRefused { signer: signed.signer, nonce: signed.nonce, reason });
            state.keep();
            Ok(Applied::Refused(refusal))
        }
        Err(Failure::Fault(fault)) => {
            state.discard();
            Err(fault)
        }
    }
}

/// The fee of a call of `byte_count` bytes.
#[must_use]
pub fn fee(parameters: &Parameters, byte_count: usize) -> Amount {
    let bytes = u128::try_from(byte_count).unwrap_or(u128::MAX);
    Amount(parameters.base_fee.0.saturating_add(parameters.byte_fee.0.saturating_mul(bytes)))
}

/// Takes the fee and counts the nonce up, or changes nothing.
fn charge(state: &mut State<'_>, call: &VerifiedCall) -> CallResult {
    let signer = call.signed().signer;
    let nonce = call.signed().nonce;
    let known: Account = account(state, &signer)?;
    if nonce != known.nonce {
        return Err(CallError::WrongNonce { signer, nonce, expected: known.nonce }.into());
    }
    let fee = fee(&state.require::<Parameters>(&())?, call.byte_count());
    if known.free < fee {
        return Err(CallError::CannotPayFee { signer, free: known.free, fee }.into());
    }
    let free = subtract(known.free, fee, "fee")?;
    let nonce = nonce.checked_add(1).ok_or(Fault::Overflow { quantity: "nonce" })?;
    state.put(&signer, &Account { nonce, free });
    Ok(burn(state, fee)?)
}

fn skip(failure: Failure) -> Result<Applied, Fault> {
    match failure {
        Failure::Refused(Refusal::Call(error)) => Ok(Applied::Skipped(error)),
        Failure::Refused(other) => Ok(Applied::Refused(other)),
        Failure::Fault(fault) => Err(fault),
    }
}

fn dispatch(state: &mut State<'_>, signer: &AccountId, call: Call, at: At) -> CallResult {
    match call {
        Call::Transfer { to, amount } => pay_somebody(state, signer, &to, amount),
        Call::RegisterOperator { stake, roles } => {
            operator::register(state, signer, stake, roles, at)
        }
        Call::AddStake { amount } => operator::add_stake(state, signer, amount, at),
        Call::Unstake { amount } => operator::unstake(state, signer, amount, at),
        Call::Withdraw => operator::withdraw(state, signer, at),
        Call::SubmitOrder { specification } => submission::submit(state, signer, specification, at),
        Call::Claim { order, commitment, sequence } => {
            claim::claim(state, signer, &order, (commitment, sequence), at)
        }
        Call::Reveal { order, model_root, byte_count, trace, salt } => {
            let opening = ModelOpening { model_root, byte_count, trace, salt };
            reveal::reveal(state, signer, &order, &opening, at)
        }
        Call::RevealTest { order, file, salt } => {
            reveal::reveal_test(state, signer, &order, TestReveal { file, salt }, at)
        }
        Call::CommitEvaluation { order, commitment } => {
            evaluation::commit(state, signer, &order, commitment, at)
        }
        Call::RevealEvaluation { order, entries, salt } => {
            evaluation::reveal(state, signer, &order, (entries, salt), at)
        }
        Call::Challenge { order, subject } => open(state, signer, &order, subject, at),
        Call::Move { order, challenge, move_index, action } => {
            play(state, signer, (&order, challenge), (move_index, &action), at)
        }
        Call::RequestChunk { order, target, chunk_index } => {
            chunk::request(state, signer, &order, (target, chunk_index), at)
        }
        Call::ServeChunk { order, target, proof } => {
            chunk::serve(state, &order, target, &proof, at)
        }
        Call::Prove { order, subject, proof } => {
            prove(state, signer, (&order, subject), &proof, at)
        }
    }
}

fn pay_somebody(
    state: &mut State<'_>,
    from: &AccountId,
    to: &AccountId,
    amount: Amount,
) -> CallResult {
    let deposit_min = state.require::<Parameters>(&())?.account_deposit_min;
    transfer(state, from, to, amount, deposit_min)?;
    state.emit(Event::Transferred { from: *from, to: *to, amount });
    Ok(())
}

/// The reason of a refusal, cut at the bound between two characters.
fn reason(refusal: &Refusal) -> BoundedBytes<REASON_BYTES_MAX> {
    let text = refusal.to_string();
    let end = text.floor_char_boundary(REASON_BYTES_MAX);
    let kept = text.get(..end).unwrap_or_default().as_bytes().to_vec();
    BoundedBytes::try_from(kept).unwrap_or_default()
}

/// Everything in the state that is money, for checks of conservation: what `issued` must equal.
///
/// # Errors
/// [`Fault::Overflow`] when the sum does not fit.
pub fn sum(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, Fault> {
    amounts.into_iter().try_fold(Amount::ZERO, |total, amount| add(total, amount, "money"))
}

#[cfg(test)]
mod tests;
