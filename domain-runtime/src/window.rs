//! The phases of an order and the block heights at which they begin.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::primitives::BlockNumber;

/// Lengths of the phases, in domain blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Windows {
    /// From inclusion to the drawing of the committee.
    pub open: u32,
    /// Training and claims.
    pub train: u32,
    /// Models are revealed.
    pub reveal: u32,
    /// Withheld chunks are served: once after the models, once after the test data.
    pub availability: u32,
    /// The client reveals the test data.
    pub test_reveal: u32,
    /// Validators commit.
    pub evaluation_commit: u32,
    /// Validators reveal.
    pub evaluation_reveal: u32,
    /// Challenges are opened.
    pub challenge: u32,
    /// More time for open challenges.
    pub challenge_extension: u32,
}

/// A phase of an order, in the order in which they pass.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Phase {
    /// Waiting for the drawing.
    #[codec(index = 0)]
    Open,
    /// Training; claims are accepted.
    #[codec(index = 1)]
    Train,
    /// Reveals of models are accepted.
    #[codec(index = 2)]
    Reveal,
    /// Chunks of revealed models are asked for and served.
    #[codec(index = 3)]
    Availability,
    /// The client's reveal of the test data is accepted.
    #[codec(index = 4)]
    TestReveal,
    /// Chunks of the test data are asked for and served.
    #[codec(index = 5)]
    TestAvailability,
    /// Commitments of evaluations are accepted.
    #[codec(index = 6)]
    EvaluationCommit,
    /// Reveals of evaluations are accepted.
    #[codec(index = 7)]
    EvaluationReveal,
    /// Challenges are accepted.
    #[codec(index = 8)]
    Challenge,
    /// Open challenges are decided.
    #[codec(index = 9)]
    ChallengeExtension,
    /// Settled.
    #[codec(index = 10)]
    Final,
}

/// Every phase before [`Phase::Final`], in order.
pub const PHASES: [Phase; 10] = [
    Phase::Open,
    Phase::Train,
    Phase::Reveal,
    Phase::Availability,
    Phase::TestReveal,
    Phase::TestAvailability,
    Phase::EvaluationCommit,
    Phase::EvaluationReveal,
    Phase::Challenge,
    Phase::ChallengeExtension,
];

impl Windows {
    /// Length of one phase in blocks; 0 for [`Phase::Final`], which does not end.
    pub const fn length(&self, phase: Phase) -> u32 {
        match phase {
            Phase::Open => self.open,
            Phase::Train => self.train,
            Phase::Reveal => self.reveal,
            Phase::Availability | Phase::TestAvailability => self.availability,
            Phase::TestReveal => self.test_reveal,
            Phase::EvaluationCommit => self.evaluation_commit,
            Phase::EvaluationReveal => self.evaluation_reveal,
            Phase::Challenge => self.challenge,
            Phase::ChallengeExtension => self.challenge_extension,
            Phase::Final => 0,
        }
    }

    /// First block of `phase` for an order included in block `submitted`.
    #[must_use]
    pub fn start(&self, phase: Phase, submitted: BlockNumber) -> BlockNumber {
        PHASES
            .into_iter()
            .take_while(|earlier| *earlier < phase)
            .fold(submitted.after(1), |start, earlier| start.after(self.length(earlier)))
    }

    /// The phase in which `at` falls for an order included in block `submitted`.
    ///
    /// The extension counts as running until the runtime settles the order earlier.
    #[must_use]
    pub fn phase(&self, submitted: BlockNumber, at: BlockNumber) -> Phase {
        PHASES
            .into_iter()
            .find(|phase| at < self.start(*phase, submitted).after(self.length(*phase)))
            .unwrap_or(Phase::Final)
    }

    /// Blocks from the close of claims to the latest settlement.
    #[must_use]
    pub fn settlement_blocks(&self) -> u64 {
        PHASES
            .into_iter()
            .filter(|phase| *phase > Phase::Train)
            .fold(0, |sum, phase| sum.saturating_add(u64::from(self.length(phase))))
    }
}

#[cfg(test)]
mod tests;
