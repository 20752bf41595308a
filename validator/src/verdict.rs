//! What a revealed model is worth, and whether a published entry is the right one.

use aipot_domain_runtime::challenge::case::{Case, EvaluationSetting};
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::{EvaluationEntry, Tally};
use aipot_domain_runtime::order::{Metric, OrderSpecification};
use aipot_domain_runtime::outcome::answer_count;
use aipot_domain_runtime::primitives::{AccountId, Commitment, DataRoot, ModelRoot, Score};
use aipot_domain_runtime::program::{ProgramError, model_header};
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::dataset::data_file;
use aipot_trainer::evaluation::{EvaluateError, Evaluation, evaluate_order};
use aipot_trainer::model_file::model_root;
use aipot_trainer::trace::machine::Files;
use thiserror::Error;

/// On what a model is evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Examination<'order> {
    /// The order.
    pub specification: &'order OrderSpecification,
    /// Where the test data comes from, as the chain has fixed it.
    pub source: TestSource,
}

/// What a validator found out about a revealed model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// It is a model of the order, and this is its worth.
    Scored {
        /// The counters, and what keys make of them.
        evaluation: Evaluation,
        /// Answers that were counted.
        answer_count: u64,
        /// What makes them a score.
        metric: Metric,
    },
    /// It is none; everybody who reads the same bytes finds the same.
    Invalid {
        /// Why.
        reason: InvalidModel,
    },
}

/// Why revealed bytes are no model of the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum InvalidModel {
    /// The file is not as long as a model of the order.
    #[error("the file has {found} bytes, the reveal says {revealed}")]
    ByteCount {
        /// Length in the reveal.
        revealed: u64,
        /// Length of the file.
        found: u64,
    },
    /// The file does not begin with the header of a model of the order.
    #[error("the file differs from the header of the order's model at byte {offset}")]
    Header {
        /// The first byte that differs.
        offset: usize,
    },
}

/// Whether a published entry is right. A wrong one is a result, not an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The entry is the one found here, to the last bit.
    Confirmed,
    /// The entry is another one.
    Disputed {
        /// What was published.
        published: EvaluationEntry,
        /// What was found here, under the publisher's key.
        measured: EvaluationEntry,
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
    /// The data at hand is not what the chain says: fetch it again.
    #[error("the {which} data at hand is blake3:{found}, the order's is blake3:{expected}")]
    WrongData {
        /// Training or test data.
        which: &'static str,
        /// Root on the chain.
        expected: DataRoot,
        /// Root of the bytes.
        found: DataRoot,
    },
    /// The order has no evaluation that a runtime could referee.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The evaluation failed.
    #[error(transparent)]
    Evaluation(#[from] EvaluateError),
}

impl Examination<'_> {
    /// Evaluates the model behind an opened claim, on files that are checked first.
    ///
    /// # Errors
    /// [`ValidateError`] when this validator could not tell, which is never the provider's fault.
    pub fn examine(
        &self,
        revealed: RevealedModel,
        files: Files<'_>,
    ) -> Result<Finding, ValidateError> {
        let found = model_root(files.model);
        if found != revealed.root {
            return Err(ValidateError::WrongBytes { claimed: revealed.root, found });
        }
        self.check_data(files)?;
        if let Some(reason) = self.defect(revealed, files.model)? {
            return Ok(Finding::Invalid { reason });
        }
        // Any key does: the digest is made for each validator from the roots of the batches.
        let setting = EvaluationSetting {
            validator: AccountId::default(),
            source: self.source,
            beacon: aipot_domain_runtime::primitives::Beacon::default(),
            claim: Commitment::default(),
            model: revealed,
        };
        let case = Case::evaluation(self.specification, &setting)?;
        Ok(Finding::Scored {
            evaluation: evaluate_order(self.specification, &case.computation, files)?,
            answer_count: answer_count(self.specification, &self.source),
            metric: self.specification.train.metric,
        })
    }

    fn check_data(&self, files: Files<'_>) -> Result<(), ValidateError> {
        let (which, bytes, expected) = match self.source {
            TestSource::Revealed(file) => ("test", files.test, file.root),
            TestSource::BeaconSplit(_) => {
                ("training", files.train, self.specification.data.train.root)
            }
        };
        let found = data_file(bytes).root;
        if found != expected {
            return Err(ValidateError::WrongData { which, expected, found });
        }
        Ok(())
    }

    /// What keeps the file from being a model of the order.
    fn defect(
        &self,
        revealed: RevealedModel,
        bytes: &[u8],
    ) -> Result<Option<InvalidModel>, ProgramError> {
        let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if found != revealed.byte_count {
            let revealed = revealed.byte_count;
            return Ok(Some(InvalidModel::ByteCount { revealed, found }));
        }
        let header = model_header(self.specification)?;
        let same = header.iter().zip(bytes).take_while(|(left, right)| left == right).count();
        let is_whole = same == header.len();
        Ok((!is_whole).then_some(InvalidModel::Header { offset: same }))
    }
}

/// Compares a published entry with the one found here under the same key. There is no tolerance: in
/// profile P0 all honest entries have the same bits.
pub fn judge(published: EvaluationEntry, measured: EvaluationEntry) -> Verdict {
    if published == measured {
        Verdict::Confirmed
    } else {
        Verdict::Disputed { published, measured }
    }
}

impl Finding {
    /// The score; the lowest for an invalid model.
    pub fn score(&self) -> Score {
        self.entry(AccountId::default(), &[0; 32]).score
    }

    /// What the holder of `key` finds; `None` for an invalid model.
    pub fn tally(&self, key: &[u8; 32]) -> Option<Tally> {
        match self {
            Self::Scored { evaluation, .. } => Some(evaluation.tally(key)),
            Self::Invalid { .. } => None,
        }
    }

    /// The entry that the holder of `key` publishes about the model of `provider`.
    pub fn entry(&self, provider: AccountId, key: &[u8; 32]) -> EvaluationEntry {
        match self {
            Self::Scored { evaluation, answer_count, metric } => {
                let tally = evaluation.tally(key);
                EvaluationEntry::evaluated(provider, tally, (*metric, *answer_count))
            }
            Self::Invalid { .. } => EvaluationEntry::no_model(provider),
        }
    }
}

#[cfg(test)]
mod tests;
