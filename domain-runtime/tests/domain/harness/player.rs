//! Somebody who has run a computation, rightly or with a forgery from which everything follows.

use aipot_domain_runtime::dispute::{Dispute, Move, Side};
use aipot_domain_runtime::program::Computation;

use crate::reference::{Files, Flip, Party};

/// A computation with the files that it reads.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    computation: Computation,
    files: Files,
    flip: Option<Flip>,
}

impl Player {
    /// Somebody honest.
    pub(crate) fn new(computation: Computation, files: Files) -> Self {
        Self { computation, files, flip: None }
    }

    /// The same with a forgery.
    pub(crate) fn forging(&self, flip: Flip) -> Self {
        Self { flip: Some(flip), ..self.clone() }
    }

    /// The computation that is run.
    pub(crate) fn computation(&self) -> &Computation {
        &self.computation
    }

    /// The party of a game that this is.
    pub(crate) fn party(&self) -> Party<'_> {
        let party = Party::honest(&self.computation, &self.files);
        match self.flip {
            Some(flip) => party.forging(flip),
            None => party,
        }
    }

    /// The state after the last step.
    pub(crate) fn final_root(&self) -> [u8; 32] {
        self.party().root(self.computation.steps())
    }

    /// The words that survive the last step, slot by slot.
    pub(crate) fn final_words(&self) -> Vec<Vec<u32>> {
        let words = self.party().state(self.computation.steps());
        words.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// What this player does on `side`, whose turn it must be.
    pub(crate) fn action(&self, dispute: &Dispute, side: Side) -> Move {
        self.party().action(dispute, side).expect("it is the turn of this side")
    }
}
