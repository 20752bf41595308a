//! From final consensus blocks to domain blocks: one for each, derived from its bundles alone.
//!
//! [`execute`] is the pure middle: everybody who executes the same block on the same state gets the same
//! changes. [`follow`] feeds it from the chain, [`ledger`] makes the result durable.

pub mod follow;
pub mod index;
pub mod ledger;

use std::collections::HashSet;

use aipot_domain_runtime::call::VerifiedCall;
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::primitives::{AccountId, At, Beacon, BlockNumber, GenesisHash};
use aipot_domain_runtime::state::{Changes, Fault, ReadState, State};
use aipot_domain_runtime::transition::{Applied, apply_verified, tick};
use parity_scale_codec::{Decode, Encode};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::bundle;
use crate::chain::ConsensusBlock;
use crate::pool::CallHash;
use crate::pool::admission::verify;

/// A call that was applied: it cost its fee and its nonce, whatever else it did.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AppliedCall {
    /// Who signed.
    pub signer: AccountId,
    /// Its nonce, which no other call of the signer can have.
    pub nonce: u64,
    /// Its bytes.
    pub hash: CallHash,
    /// Whether it had its effect; a refused one left an event that says why.
    pub is_accepted: bool,
}

/// What is kept of a domain block beside the state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BlockRecord {
    /// Randomness of its consensus block.
    pub beacon: Beacon,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The calls that were applied, in order.
    pub calls: Vec<AppliedCall>,
}

/// What a block does to the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Changed keys.
    pub changes: Changes,
    /// What is kept beside them.
    pub record: BlockRecord,
}

/// Executes a block on the state that `store` holds.
///
/// Bundles that are none of ours, calls that do not decode or are not signed, and repetitions are
/// passed over; they cost their senders space on the chain and us little.
///
/// # Errors
/// [`Fault`] when this machine cannot go on; nothing is changed, and the block can be tried again.
pub fn execute(
    store: &dyn ReadState,
    genesis: &GenesisHash,
    block: &ConsensusBlock,
) -> Result<Execution, Fault> {
    let at = At { block: BlockNumber(block.number), beacon: Beacon(block.beacon) };
    let mut state = State::new(store);
    tick(&mut state, at)?;
    let mut calls = Vec::new();
    for (hash, call) in verified_calls(genesis, block) {
        let applied = apply_verified(&mut state, &call, at)?;
        if let Applied::Skipped(error) = &applied {
            tracing::trace!(%hash, %error, "call skipped");
            continue;
        }
        let (signer, nonce) = (call.signed().signer, call.signed().nonce);
        calls.push(AppliedCall { signer, nonce, hash, is_accepted: applied == Applied::Accepted });
    }
    let (changes, events) = state.finish();
    Ok(Execution { changes, record: BlockRecord { beacon: at.beacon, events, calls } })
}

/// The distinct encoded calls for the network `genesis` in a block, in the order of the chain.
pub fn calls_of(genesis: &GenesisHash, block: &ConsensusBlock) -> Vec<(CallHash, Vec<u8>)> {
    let mut seen = HashSet::new();
    let ours = block.bundles.iter().filter_map(|bundle| {
        let decoded = bundle::decode(bundle);
        decoded.ok().filter(|bundle| bundle.network() == *genesis)
    });
    ours.flat_map(bundle::Bundle::into_calls)
        .map(|call| (CallHash::of(&call), call))
        .filter(|(hash, _)| seen.insert(*hash))
        .collect()
}

/// The calls whose signatures are right, checked in parallel, in the order of the chain.
fn verified_calls(genesis: &GenesisHash, block: &ConsensusBlock) -> Vec<(CallHash, VerifiedCall)> {
    calls_of(genesis, block)
        .into_par_iter()
        .filter_map(|(hash, bytes)| Some((hash, verify(&bytes, genesis).ok()?)))
        .collect()
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
