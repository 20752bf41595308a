//! What a revealed model is worth, and whether a published answer is the right one.

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::EvaluationEntry;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{AccountId, DataRoot, EvaluationDigest, ModelRoot, Score};
use aipot_kernels::blake3_tree::bits_digest;
use aipot_trainer::dataset::Dataset;
use aipot_trainer::evaluation::{
    EvaluateError, Evaluation, evaluate, evaluation_root, keyed_logits_digest,
};
use aipot_trainer::model_file::{ModelError, model_root, read_model};
use thiserror::Error;

/// Score of a file that is no model of the order; no real evaluation has a lower one.
const INVALID_SCORE: Score = Score(0);

/// What a validator found out about a revealed model.
#[derive(Debug)]
pub enum Finding {
    /// It is a model of the order, and this is its worth.
    Scored(Evaluation),
    /// It is none; everybody who reads the same bytes finds the same.
    Invalid {
        /// Why.
        reason: InvalidModel,
    },
}

/// Why revealed bytes are no model of the order.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidModel {
    /// The reveal states another length than the bytes of its root have.
    #[error("revealed {revealed} bytes, the root's file has {found}")]
    ByteCount {
        /// Length in the reveal.
        revealed: u64,
        /// Length of the file.
        found: u64,
    },
    /// The file cannot be read as a model of the order.
    #[error("the file is no model of this order")]
    File {
        /// What the reader found.
        source: ModelError,
    },
}

/// What a validator publishes about a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The score.
    pub score: Score,
    /// The digest of the logits under the validator's key.
    pub digest: EvaluationDigest,
}

/// Whether a published answer is right. A wrong one is a result, not an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The answer is the one found here, to the last bit.
    Confirmed,
    /// The answer is another one.
    Disputed {
        /// What was published.
        published: Answer,
        /// What was found here, under the publisher's key.
        measured: Answer,
    },
}

/// Why this validator could not tell. Says nothing about the other side.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ValidateError {
    /// The bytes at hand are not those of the claim: fetch them again.
    #[error("the file at hand is blake3:{found}, the claim is of blake3:{claimed}")]
    WrongBytes {
        /// Root in the claim.
        claimed: ModelRoot,
        /// Root of the bytes.
        found: ModelRoot,
    },
    /// The order's sizes are beyond this machine.
    #[error("the order is beyond this machine")]
    Order {
        /// What does not fit.
        source: ModelError,
    },
    /// The test data does not fit the order's model.
    #[error("the evaluation failed")]
    Evaluation(#[from] EvaluateError),
}

/// Evaluates the model behind an opened claim.
///
/// # Errors
/// [`ValidateError`] when this validator could not tell, which is never the provider's fault.
pub fn evaluate_claim(
    specification: &OrderSpecification,
    revealed: &RevealedModel,
    bytes: &[u8],
    test: &Dataset,
) -> Result<Finding, ValidateError> {
    let found = model_root(bytes);
    if found != revealed.root {
        return Err(ValidateError::WrongBytes { claimed: revealed.root, found });
    }
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found != revealed.byte_count {
        let reason = InvalidModel::ByteCount { revealed: revealed.byte_count, found };
        return Ok(Finding::Invalid { reason });
    }
    match read_model(bytes, specification) {
        Ok(parameters) => Ok(Finding::Scored(evaluate(&parameters, test, specification)?)),
        Err(source @ ModelError::Overflow(_)) => Err(ValidateError::Order { source }),
        Err(source) => Ok(Finding::Invalid { reason: InvalidModel::File { source } }),
    }
}

/// Compares a published answer with the one found here under the same key. There is no tolerance:
/// in profile P0 all honest answers have the same bits.
pub fn judge(published: Answer, measured: Answer) -> Verdict {
    if published == measured {
        Verdict::Confirmed
    } else {
        Verdict::Disputed { published, measured }
    }
}

impl Finding {
    /// The score to publish; the lowest for an invalid model.
    pub fn score(&self) -> Score {
        match self {
            Self::Scored(evaluation) => evaluation.score,
            Self::Invalid { .. } => INVALID_SCORE,
        }
    }

    /// The logits behind the score; none for an invalid model.
    ///
    /// # Shapes
    /// `[example, class]`.
    pub fn logits(&self) -> &[f32] {
        match self {
            Self::Scored(evaluation) => &evaluation.logits,
            Self::Invalid { .. } => &[],
        }
    }

    /// What the holder of `key` publishes; see `aipot_domain_runtime::evaluation::evaluation_key`.
    pub fn answer(&self, key: &[u8; 32]) -> Answer {
        Answer { score: self.score(), digest: keyed_logits_digest(key, self.logits()) }
    }

    /// The answer as an entry of an evaluation.
    pub fn entry(&self, provider: AccountId, key: &[u8; 32]) -> EvaluationEntry {
        let Answer { score, digest } = self.answer(key);
        EvaluationEntry { provider, score, digest }
    }

    /// One hash that commits to model, data, logits and score.
    pub fn root(&self, model: ModelRoot, data: DataRoot) -> [u8; 32] {
        evaluation_root(model, data, bits_digest(self.logits()), self.score())
    }
}

impl From<&EvaluationEntry> for Answer {
    fn from(entry: &EvaluationEntry) -> Self {
        Self { score: entry.score, digest: entry.digest }
    }
}

#[cfg(test)]
mod tests;
