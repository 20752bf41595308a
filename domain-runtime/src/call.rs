//! Signed calls: everything that an account can ask of the domain.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeAll, Encode, MaxEncodedLen};
use rand_core::{CryptoRng, RngCore};
use schnorrkel::{Keypair, PublicKey, signing_context};

use crate::challenge::Subject;
use crate::challenge::proof::Proof;
use crate::chunk::{ChunkProof, ChunkTarget};
use crate::dispute::Move;
use crate::evaluation::EvaluationEntries;
use crate::operator::Roles;
use crate::order::{DataFile, OrderSpecification};
use crate::primitives::{
    AccountId, Amount, Commitment, GenesisHash, ModelRoot, OrderId, Salt, Signature,
};
use crate::trace::TraceOpening;

/// Largest encoded call in bytes; the largest real one, a leaf, has below 11 KiB.
pub const CALL_BYTES_MAX: usize = 16 * 1024;
/// Context of every signature over a call.
const SIGNING_CONTEXT: &[u8] = b"aipot call v1";

/// What an account asks for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Call {
    /// Moves free money.
    #[codec(index = 0)]
    Transfer {
        /// Who is paid.
        to: AccountId,
        /// How much.
        amount: Amount,
    },
    /// Makes the signer an operator.
    #[codec(index = 1)]
    RegisterOperator {
        /// Money put at risk.
        stake: Amount,
        /// What the operator is ready to be drawn as.
        roles: Roles,
    },
    /// Puts more money at risk.
    #[codec(index = 2)]
    AddStake {
        /// How much more.
        amount: Amount,
    },
    /// Starts to take stake back; it stays at risk until the withdrawal.
    #[codec(index = 3)]
    Unstake {
        /// How much.
        amount: Amount,
    },
    /// Takes back the stake whose delay is over.
    #[codec(index = 4)]
    Withdraw,
    /// Step 1: pays for an order.
    #[codec(index = 5)]
    SubmitOrder {
        /// What is bought.
        specification: OrderSpecification,
    },
    /// Step 4: commits to a trained model.
    #[codec(index = 6)]
    Claim {
        /// For which order.
        order: OrderId,
        /// [`crate::claim::claim_commitment`].
        commitment: Commitment,
        /// Counts the operator's claims for this order; a later one replaces the earlier.
        sequence: u32,
    },
    /// Step 5: opens a claim.
    #[codec(index = 7)]
    Reveal {
        /// For which order.
        order: OrderId,
        /// BLAKE3 of the canonical model bytes.
        model_root: ModelRoot,
        /// Length of the model in bytes.
        byte_count: u64,
        /// What the trace of a Recipe order commits to; a contest has none.
        trace: Option<TraceOpening>,
        /// What hid the commitment.
        salt: Salt,
    },
    /// Step 6: the client reveals the test data.
    #[codec(index = 8)]
    RevealTest {
        /// For which order.
        order: OrderId,
        /// The test file.
        file: DataFile,
        /// What hid the commitment.
        salt: Salt,
    },
    /// Step 6: a validator commits to its evaluations.
    #[codec(index = 9)]
    CommitEvaluation {
        /// For which order.
        order: OrderId,
        /// [`crate::evaluation::evaluation_commitment`].
        commitment: Commitment,
    },
    /// Step 6: a validator opens its evaluations.
    #[codec(index = 10)]
    RevealEvaluation {
        /// For which order.
        order: OrderId,
        /// One entry for each revealed model.
        entries: EvaluationEntries,
        /// What hid the commitment.
        salt: Salt,
    },
    /// Step 8: says that a result is wrong, and opens a game about it.
    #[codec(index = 11)]
    Challenge {
        /// For which order.
        order: OrderId,
        /// Which result.
        subject: Subject,
    },
    /// Step 8: a move in a game.
    #[codec(index = 12)]
    Move {
        /// For which order.
        order: OrderId,
        /// Which challenge of the order.
        challenge: u32,
        /// Moves made before: the position that is answered.
        move_index: u32,
        /// The move.
        action: Move,
    },
    /// Asks for a chunk of something revealed but not served.
    #[codec(index = 13)]
    RequestChunk {
        /// For which order.
        order: OrderId,
        /// Of what.
        target: ChunkTarget,
        /// Which chunk of 1 KiB.
        chunk_index: u64,
    },
    /// Serves a requested chunk, with its proof, to everybody.
    #[codec(index = 14)]
    ServeChunk {
        /// For which order.
        order: OrderId,
        /// Of what.
        target: ChunkTarget,
        /// The chunk and its place.
        proof: ChunkProof,
    },
    /// Step 8: shows that a result is wrong, at once.
    #[codec(index = 15)]
    Prove {
        /// For which order.
        order: OrderId,
        /// Which result.
        subject: Subject,
        /// What shows it.
        proof: Proof,
    },
}

/// A call with its signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct SignedCall {
    /// Who asks.
    pub signer: AccountId,
    /// Number of the signer's calls before this one.
    pub nonce: u64,
    /// What is asked.
    pub call: Call,
    /// sr25519 signature of [`SignedCall::payload`].
    pub signature: Signature,
}

/// Why a call cannot be applied at all; such a call changes nothing, not even the signer's nonce.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The bytes are not a signed call.
    #[error("call of {length} bytes does not decode")]
    Undecodable {
        /// Bytes offered.
        length: usize,
    },
    /// The call is larger than allowed.
    #[error("call of {length} bytes, allowed at most {max}")]
    TooLarge {
        /// Bytes offered.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The signature is not the signer's over this call on this network.
    #[error("signature is not that of {signer}")]
    BadSignature {
        /// Who is said to have signed.
        signer: AccountId,
    },
    /// The nonce is not the next one: a replay, or a call before its turn.
    #[error("nonce of {signer} is {nonce}, expected {expected}")]
    WrongNonce {
        /// Who signed.
        signer: AccountId,
        /// Nonce of the call.
        nonce: u64,
        /// Nonce of the account.
        expected: u64,
    },
    /// The signer cannot pay the fee.
    #[error("{signer} has {free}, the fee is {fee}")]
    CannotPayFee {
        /// Who signed.
        signer: AccountId,
        /// Its free money.
        free: Amount,
        /// The fee of this call.
        fee: Amount,
    },
}

/// A call whose signature has been checked; made only by [`SignedCall::verify`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedCall {
    signed: SignedCall,
    byte_count: usize,
}

impl VerifiedCall {
    /// The call.
    pub fn signed(&self) -> &SignedCall {
        &self.signed
    }

    /// Length of the encoded call, on which the fee depends.
    pub fn byte_count(&self) -> usize {
        self.byte_count
    }
}

impl SignedCall {
    /// Signs `call` as the `nonce`-th call of `keypair` on the network `genesis`.
    ///
    /// The signature is a function of its inputs (the key's secret nonce seed takes the place of fresh
    /// randomness), so that a call that is made again after a crash has the same bytes.
    pub fn sign(keypair: &Keypair, genesis: &GenesisHash, nonce: u64, call: Call) -> Self {
        let signer = AccountId(keypair.public.to_bytes());
        let payload = Self::payload(genesis, &signer, nonce, &call);
        let transcript = signing_context(SIGNING_CONTEXT).bytes(&payload);
        let transcript = schnorrkel::context::attach_rng(transcript, NoRandomness);
        let signature = Signature(keypair.sign(transcript).to_bytes());
        Self { signer, nonce, call, signature }
    }

    /// The bytes that are signed.
    pub fn payload(genesis: &GenesisHash, signer: &AccountId, nonce: u64, call: &Call) -> Vec<u8> {
        (genesis, signer, nonce, call).encode()
    }

    /// Reads a call from untrusted bytes.
    ///
    /// # Errors
    /// [`CallError::TooLarge`] before anything is read; [`CallError::Undecodable`] when the bytes are not
    /// exactly one call.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CallError> {
        let length = bytes.len();
        if length > CALL_BYTES_MAX {
            return Err(CallError::TooLarge { length, max: CALL_BYTES_MAX });
        }
        let mut input = bytes;
        Self::decode_all(&mut input).map_err(|_| CallError::Undecodable { length })
    }

    /// Checks size and signature for the network `genesis`.
    ///
    /// # Errors
    /// [`CallError::TooLarge`] or [`CallError::BadSignature`].
    pub fn verify(self, genesis: &GenesisHash) -> Result<VerifiedCall, CallError> {
        let byte_count = self.encoded_size();
        if byte_count > CALL_BYTES_MAX {
            return Err(CallError::TooLarge { length: byte_count, max: CALL_BYTES_MAX });
        }
        let bad = CallError::BadSignature { signer: self.signer };
        // The neutral point decodes as a key, and anybody can sign for it.
        if self.signer == AccountId::default() {
            return Err(bad);
        }
        let key = PublicKey::from_bytes(&self.signer.0).map_err(|_| bad.clone())?;
        let signature =
            schnorrkel::Signature::from_bytes(&self.signature.0).map_err(|_| bad.clone())?;
        let payload = Self::payload(genesis, &self.signer, self.nonce, &self.call);
        key.verify_simple(SIGNING_CONTEXT, &payload, &signature).map_err(|_| bad)?;
        Ok(VerifiedCall { signed: self, byte_count })
    }
}

/// Stands where the signing code wants fresh randomness; see [`SignedCall::sign`].
struct NoRandomness;

impl RngCore for NoRandomness {
    fn next_u32(&mut self) -> u32 {
        0
    }

    fn next_u64(&mut self) -> u64 {
        0
    }

    fn fill_bytes(&mut self, destination: &mut [u8]) {
        destination.fill(0);
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), rand_core::Error> {
        destination.fill(0);
        Ok(())
    }
}

impl CryptoRng for NoRandomness {}

#[cfg(test)]
mod tests;
