//! Step 6: validators commit to their evaluations, then open them.
//!
//! An evaluation is a tally of answers with a keyed digest of the logits bits. The key is the validator's
//! own, drawn after the commitment scheme is fixed, so a digest can be checked by everybody and copied by
//! nobody.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::bounded::BoundedVec;
use crate::claim::Claim;
use crate::event::Event;
use crate::genesis::Network;
use crate::operator::require_at_risk;
use crate::order::{Metric, PROVIDERS_MAX};
use crate::outcome::answer_count;
use crate::primitives::{
    AccountId, At, Beacon, Commitment, EvaluationDigest, GenesisHash, OrderId, Salt, Score,
};
use crate::progress::Running;
use crate::refusal::CallResult;
use crate::state::{Record, State};
use crate::trace::list_root;
use crate::window::Phase;

/// What an evaluation ends in: the words that survive its last batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Tally {
    /// Correct answers.
    pub correct_count: u64,
    /// Sum of the losses of all answers, each in Q16.16 nats.
    pub loss_sum_q16: u64,
    /// Keyed hash of the logits bits under [`evaluation_key`].
    pub digest: EvaluationDigest,
}

/// What a validator found out about one model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct EvaluationEntry {
    /// Whose model.
    pub provider: AccountId,
    /// Its score; follows from the tally.
    pub score: Score,
    /// How it came to that; `None` for a file that is no model of this order, whose score is the lowest.
    pub tally: Option<Tally>,
}

impl Tally {
    /// The state after the last batch; its slots are those of [`crate::program::evaluation`].
    #[must_use]
    pub fn final_root(&self) -> [u8; 32] {
        let counters = [self.correct_count, self.loss_sum_q16]
            .map(|count| *blake3::hash(&count.to_le_bytes()).as_bytes());
        let digest = *blake3::hash(&self.digest.0).as_bytes();
        list_root(&[counters.as_slice(), &[digest]].concat())
    }

    /// The score of `answer_count` answers: the mean of the losses is rounded down.
    #[must_use]
    pub fn score(&self, metric: Metric, answer_count: u64) -> Score {
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let loss_q16 = narrow(self.loss_sum_q16.checked_div(answer_count).unwrap_or(u64::MAX));
        match metric {
            Metric::Accuracy => Score::accuracy(narrow(self.correct_count), loss_q16),
            Metric::Loss => Score::loss(loss_q16),
        }
    }
}

impl EvaluationEntry {
    /// The entry for a model that came to `tally`.
    #[must_use]
    pub fn evaluated(provider: AccountId, tally: Tally, (metric, answers): (Metric, u64)) -> Self {
        Self { provider, score: tally.score(metric, answers), tally: Some(tally) }
    }

    /// The entry for a file that is no model of the order.
    #[must_use]
    pub const fn no_model(provider: AccountId) -> Self {
        Self { provider, score: Score(0), tally: None }
    }
}

/// All entries of one validator.
pub type EvaluationEntries = BoundedVec<EvaluationEntry, PROVIDERS_MAX>;

/// What a validator has said for an order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Evaluation {
    /// [`evaluation_commitment`].
    pub commitment: Commitment,
    /// The opened entries; empty before.
    pub entries: EvaluationEntries,
    /// Whether the commitment was opened.
    pub is_revealed: bool,
    /// Whether an entry was proven wrong; nothing of it counts then.
    pub is_struck: bool,
}

impl Evaluation {
    /// What is said of the model of `provider`.
    pub fn entry_of(&self, provider: &AccountId) -> Option<&EvaluationEntry> {
        self.entries.iter().find(|entry| entry.provider == *provider)
    }
}

impl Record for Evaluation {
    const TABLE: u8 = 8;
    type Key = (OrderId, AccountId);
}

/// Why an evaluation is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// There is one already.
    #[error("{validator} has committed to or revealed its evaluation of order {order} already")]
    Duplicate {
        /// Whose.
        validator: AccountId,
        /// Of which order.
        order: OrderId,
    },
    /// Nothing was committed to.
    #[error("{validator} has no commitment for order {order}")]
    NoCommitment {
        /// Whose.
        validator: AccountId,
        /// Of which order.
        order: OrderId,
    },
    /// Something else was committed to.
    #[error("committed to {committed}, revealed {revealed}")]
    CommitmentMismatch {
        /// The commitment made before.
        committed: Commitment,
        /// The commitment to what is revealed.
        revealed: Commitment,
    },
    /// An entry speaks of a model that was not revealed, or stands out of order or twice.
    #[error("entry {place} is of {provider}, allowed are revealed models in ascending order")]
    UnexpectedEntry {
        /// Place of the entry.
        place: usize,
        /// Whose model it speaks of.
        provider: AccountId,
    },
    /// The score of an entry is not the one that its tally gives.
    #[error("entry {place} has the score {stated}, its tally gives {computed}")]
    ScoreMismatch {
        /// Place of the entry.
        place: usize,
        /// What the entry says.
        stated: Score,
        /// What follows from its tally.
        computed: Score,
    },
}

/// What an evaluation commits to.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct EvaluationOpening<'entries> {
    /// The network.
    pub genesis: GenesisHash,
    /// The order.
    pub order: OrderId,
    /// The validator; a copied commitment cannot be opened by anybody else.
    pub validator: AccountId,
    /// The entries, ascending by provider.
    pub entries: &'entries EvaluationEntries,
    /// What hides the rest.
    pub salt: Salt,
}

/// The commitment of an evaluation: `derive_key("aipot evaluation v1", SCALE(opening))`.
#[must_use]
pub fn evaluation_commitment(opening: &EvaluationOpening<'_>) -> Commitment {
    Commitment(blake3::derive_key("aipot evaluation v1", &opening.encode()))
}

/// The key under which `validator` hashes the logits of the model behind the commitment `claim`.
///
/// # Source
/// AI-PoT specification, "Commitments": `kdf(validator, beacon, claim)`.
#[must_use]
pub fn evaluation_key(validator: &AccountId, beacon: &Beacon, claim: &Commitment) -> [u8; 32] {
    blake3::derive_key("aipot evaluation key v1", &(validator, beacon, claim).encode())
}

/// Accepts the commitment of `validator`.
///
/// # Errors
/// [`EvaluationError`], [`crate::progress::AccessError`] or [`crate::operator::OperatorError`].
pub fn commit(
    state: &mut State<'_>,
    validator: &AccountId,
    order: &OrderId,
    commitment: Commitment,
    at: At,
) -> CallResult {
    let running = Running::in_phase(state, order, at, Phase::EvaluationCommit)?;
    running.require_validator(validator)?;
    // What is committed to can be slashed until the settlement, so the stake must stay that long.
    let stake_min = running.order.specification.pay.validator_stake_min;
    require_at_risk(state, validator, stake_min, running.final_block())?;
    let key = (*order, *validator);
    if state.get::<Evaluation>(&key)?.is_some() {
        return Err(EvaluationError::Duplicate { validator: *validator, order: *order }.into());
    }
    let entries = EvaluationEntries::new();
    let evaluation = Evaluation { commitment, entries, is_revealed: false, is_struck: false };
    state.put(&key, &evaluation);
    state.emit(Event::EvaluationCommitted { order: *order, validator: *validator });
    Ok(())
}

/// Opens the commitment of `validator`.
///
/// # Errors
/// [`EvaluationError`] or [`crate::progress::AccessError`].
pub fn reveal(
    state: &mut State<'_>,
    validator: &AccountId,
    order: &OrderId,
    (entries, salt): (EvaluationEntries, Salt),
    at: At,
) -> CallResult {
    let running = Running::in_phase(state, order, at, Phase::EvaluationReveal)?;
    let key = (*order, *validator);
    let missing = EvaluationError::NoCommitment { validator: *validator, order: *order };
    let mut evaluation = state.get::<Evaluation>(&key)?.ok_or(missing)?;
    if evaluation.is_revealed {
        return Err(EvaluationError::Duplicate { validator: *validator, order: *order }.into());
    }
    let genesis = state.require::<Network>(&())?.0;
    let (order_id, validator_id) = (*order, *validator);
    let revealed = evaluation_commitment(&EvaluationOpening {
        genesis,
        order: order_id,
        validator: validator_id,
        entries: &entries,
        salt,
    });
    if revealed != evaluation.commitment {
        let committed = evaluation.commitment;
        return Err(EvaluationError::CommitmentMismatch { committed, revealed }.into());
    }
    check_entries(state, &running, &entries)?;
    evaluation.entries = entries.clone();
    evaluation.is_revealed = true;
    state.put(&key, &evaluation);
    state.emit(Event::EvaluationRevealed { order: order_id, validator: validator_id, entries });
    Ok(())
}

fn check_entries(state: &State<'_>, running: &Running, entries: &EvaluationEntries) -> CallResult {
    let specification = &running.order.specification;
    let source = running.progress.test_source;
    let answers = source.map_or(0, |source| answer_count(specification, &source));
    let mut previous: Option<AccountId> = None;
    for (place, entry) in entries.iter().enumerate() {
        let provider = entry.provider;
        let claim = state.get::<Claim>(&(running.id, provider))?;
        let is_open = claim.is_some_and(|claim| claim.model.is_some() && !claim.is_void);
        if !is_open || previous.is_some_and(|before| before >= provider) {
            return Err(EvaluationError::UnexpectedEntry { place, provider }.into());
        }
        let metric = specification.train.metric;
        let computed =
            entry.tally.map_or_else(Score::default, |tally| tally.score(metric, answers));
        if entry.score != computed {
            let stated = entry.score;
            return Err(EvaluationError::ScoreMismatch { place, stated, computed }.into());
        }
        previous = Some(provider);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
