//! Step 4: a provider commits to its model before anybody's model is seen.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::account::debit;
use crate::chunk::ChunkRequests;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::primitives::{
    AccountId, Amount, At, Commitment, GenesisHash, ModelRoot, OrderId, Salt, TraceRoot,
};
use crate::progress::Running;
use crate::refusal::CallResult;
use crate::state::{Fault, Record, State};
use crate::trace::TraceOpening;
use crate::window::Phase;

/// A model that was revealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct RevealedModel {
    /// BLAKE3 of its bytes.
    pub root: ModelRoot,
    /// Their number.
    pub byte_count: u64,
}

/// The one live claim of a provider for an order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Claim {
    /// [`claim_commitment`].
    pub commitment: Commitment,
    /// Counts the provider's claims for this order.
    pub sequence: u32,
    /// Rank by inclusion among all claims of the order; the earlier one wins a tie.
    pub rank: u32,
    /// Held until the reveal.
    pub deposit: Amount,
    /// The opened model.
    pub model: Option<RevealedModel>,
    /// The opened trace of a Recipe order.
    pub trace: Option<TraceOpening>,
    /// Chunks of the model that were asked for and not served yet.
    pub requests: ChunkRequests,
    /// Whether the model was withheld or proven wrong; it is worth nothing then.
    pub is_void: bool,
}

impl Record for Claim {
    const TABLE: u8 = 7;
    type Key = (OrderId, AccountId);
}

/// Why a claim is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// A later claim must carry a larger sequence.
    #[error("claim sequence {sequence}, allowed above {last}")]
    OldSequence {
        /// Of this claim.
        sequence: u32,
        /// Of the claim it would replace.
        last: u32,
    },
}

/// What a claim commits to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode)]
pub struct ClaimOpening {
    /// The network.
    pub genesis: GenesisHash,
    /// The order.
    pub order: OrderId,
    /// The provider; a copied commitment cannot be opened by anybody else.
    pub operator: AccountId,
    /// Its registration.
    pub registration_epoch: u32,
    /// Its claim.
    pub sequence: u32,
    /// Its model.
    pub model_root: ModelRoot,
    /// Its trace; zeros in a contest.
    pub trace_root: TraceRoot,
    /// What hides the rest.
    pub salt: Salt,
}

/// The commitment of a claim: `derive_key("aipot claim v1", SCALE(opening))`.
///
/// # Source
/// AI-PoT specification, "Commitments".
#[must_use]
pub fn claim_commitment(opening: &ClaimOpening) -> Commitment {
    Commitment(blake3::derive_key("aipot claim v1", &opening.encode()))
}

/// Accepts a claim, which replaces an earlier one of the same provider.
///
/// # Errors
/// [`ClaimError`], [`crate::progress::AccessError`] or [`crate::account::FundsError`].
pub fn claim(
    state: &mut State<'_>,
    provider: &AccountId,
    order: &OrderId,
    (commitment, sequence): (Commitment, u32),
    at: At,
) -> CallResult {
    let mut running = Running::in_phase(state, order, at, Phase::Train)?;
    running.require_provider(provider)?;
    let key = (*order, *provider);
    let deposit = match state.get::<Claim>(&key)? {
        Some(earlier) if sequence <= earlier.sequence => {
            return Err(ClaimError::OldSequence { sequence, last: earlier.sequence }.into());
        }
        Some(earlier) => earlier.deposit,
        None => {
            let deposit = state.require::<Parameters>(&())?.claim_deposit;
            debit(state, provider, deposit)?;
            deposit
        }
    };
    let rank = running.progress.claim_count;
    running.progress.claim_count =
        rank.checked_add(1).ok_or(Fault::Overflow { quantity: "claims" })?;
    let claim = Claim {
        commitment,
        sequence,
        rank,
        deposit,
        model: None,
        trace: None,
        requests: ChunkRequests::new(),
        is_void: false,
    };
    state.put(&key, &claim);
    state.put(order, &running.progress);
    state.emit(Event::ClaimAccepted { order: *order, provider: *provider, sequence });
    Ok(())
}
