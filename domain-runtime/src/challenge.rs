//! Step 8: somebody says that a result is wrong, and a refereed game or a single proof decides it.
//!
//! A [`Challenge`] wraps the pure game of [`crate::dispute`] with money and time: [`open`] holds a bond,
//! [`play`] takes moves in turn, `verdict` pays. What one opened chunk can show needs no game: [`proof`].

pub mod case;
pub mod open;
pub mod play;
pub mod proof;
pub mod subject;
pub(crate) mod verdict;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::BoundedVec;
use crate::dispute::{Dispute, MoveError, ROUNDS_MAX, Side};
use crate::primitives::{AccountId, Amount, BlockNumber, OrderId};
use crate::program::ProgramError;
use crate::state::Record;
pub use subject::Subject;

/// Most games about one subject at a time. Whoever wants to keep an honest challenger out must hold as
/// many bonds and lose them all, half of each to nobody.
pub const GAMES_PER_SUBJECT_MAX: usize = 256;
/// Most moves of a game: a round is one of the responder and one of the challenger; then the responder
/// opens the output and shows the chunk, and the challenger the leaf.
pub const MOVES_MAX: u32 = 2 * ROUNDS_MAX + 3;
/// Most calls of one side in a game, the challenge itself included.
pub const SIDE_CALLS_MAX: u32 = MOVES_MAX / 2 + 1;
/// Most bytes of all calls of one side: those of the responder, who shows two nodes of a chunk tree with
/// 128 children, a chunk, an opening, and states in the other rounds.
pub const SIDE_BYTES_MAX: usize = 20 * 1024;

/// A game about one result.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Challenge {
    /// Who says that it is wrong.
    pub challenger: AccountId,
    /// What is said to be wrong.
    pub subject: Subject,
    /// Held from the challenger.
    pub bond: Amount,
    /// Block that included the challenge.
    pub opened_at: BlockNumber,
    /// How far the game is; the next move must name its count of moves.
    pub dispute: Dispute,
    /// Last block in which the next move is accepted.
    pub deadline: BlockNumber,
}

impl Record for Challenge {
    const TABLE: u8 = 9;
    type Key = (OrderId, u32);
}

impl Challenge {
    /// The account behind a side.
    pub fn account(&self, side: Side) -> AccountId {
        match side {
            Side::Responder => self.subject.responder(),
            Side::Challenger => self.challenger,
        }
    }
}

/// Numbers of the open games about one subject.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen)]
pub struct OpenGames(pub BoundedVec<u32, GAMES_PER_SUBJECT_MAX>);

impl Record for OpenGames {
    const TABLE: u8 = 15;
    type Key = (OrderId, Subject);
}

/// Why a challenge, a move or a proof is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// Only operators can challenge.
    #[error("{account} is not a registered operator")]
    NotOperator {
        /// Who asked.
        account: AccountId,
    },
    /// Nobody can challenge himself.
    #[error("{account} cannot challenge itself")]
    OwnResult {
        /// Who asked.
        account: AccountId,
    },
    /// There is no such result, or it is worth nothing already.
    #[error("{subject} does not stand")]
    DoesNotStand {
        /// What was to be challenged.
        subject: Subject,
    },
    /// The evaluation says that the file is no model, which an opened header decides.
    #[error("{subject} says that the file is no model, which a proof of the header decides")]
    NeedsProof {
        /// What was to be challenged.
        subject: Subject,
    },
    /// The challenger plays about the same subject already.
    #[error("{challenger} plays challenge {challenge} about the same subject")]
    Duplicate {
        /// Who asked.
        challenger: AccountId,
        /// Number of the open game.
        challenge: u32,
    },
    /// The subject has enough games.
    #[error("{count} games about {subject}, allowed at most {max}")]
    TooMany {
        /// About what.
        subject: Subject,
        /// Open games.
        count: usize,
        /// Games allowed.
        max: usize,
    },
    /// There is no such game.
    #[error("challenge {challenge} of order {order} is not open")]
    NotOpen {
        /// Which order.
        order: OrderId,
        /// Which challenge.
        challenge: u32,
    },
    /// Somebody else must move.
    #[error("move of {account} in challenge {challenge}, the next one is due from {mover}")]
    NotYourTurn {
        /// Who moved.
        account: AccountId,
        /// Whose turn it is.
        mover: AccountId,
        /// In which challenge.
        challenge: u32,
    },
    /// The move answers another position: it comes twice, or too late.
    #[error("move {move_index} of challenge {challenge}, expected {expected}")]
    WrongMove {
        /// In which challenge.
        challenge: u32,
        /// Number that the move names.
        move_index: u32,
        /// Number of the next move.
        expected: u32,
    },
    /// The window of the move is over.
    #[error("move at block {block} of challenge {challenge}, allowed until {deadline}")]
    TooLate {
        /// In which challenge.
        challenge: u32,
        /// Height of the move.
        block: BlockNumber,
        /// Last block in which it would have been accepted.
        deadline: BlockNumber,
    },
    /// The order is too large to be refereed.
    #[error("the order cannot be refereed: {0}")]
    NoProgram(#[from] ProgramError),
    /// The game does not allow the move.
    #[error("move in challenge {challenge}: {source}")]
    BadMove {
        /// In which challenge.
        challenge: u32,
        /// What is wrong with it.
        source: MoveError,
    },
    /// The proof does not show what it should.
    #[error("the proof does not hold: {0}")]
    BadProof(#[from] proof::ProofError),
}

#[cfg(test)]
mod tests;
