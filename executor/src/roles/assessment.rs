//! An evaluation that this node has computed, from which every validator's answer follows.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{Beacon, Score};
use aipot_domain_runtime::progress::TestSource;
use aipot_validator::test_set::{OrderFiles, TestOrigin, TestSetError, test_set};
use aipot_validator::verdict::{Answer, Finding, ValidateError, evaluate_claim};

/// Why a model could not be evaluated here. Says nothing about the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssessError {
    /// There is no test data.
    #[error(transparent)]
    TestSet(#[from] TestSetError),
    /// The evaluation failed.
    #[error(transparent)]
    Validate(#[from] ValidateError),
}

/// What the models of an order are scored on, as the chain has fixed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Examination<'order> {
    /// The order.
    pub specification: &'order OrderSpecification,
    /// Where the test data comes from.
    pub source: TestSource,
    /// Randomness that keys the answers.
    pub beacon: Beacon,
}

/// What an evaluation found.
#[derive(Debug)]
pub struct Assessment {
    finding: Finding,
    /// Answers by key: everybody's is asked for at every block, and logits can be large.
    answers: Mutex<BTreeMap<[u8; 32], Answer>>,
}

impl Assessment {
    /// Evaluates a revealed model on the test data of an order.
    ///
    /// # Errors
    /// [`AssessError`]: this node cannot tell. A file that is no model of the order is not an error,
    /// but gets the lowest score.
    pub fn compute(
        examination: &Examination<'_>,
        model: (&RevealedModel, &[u8]),
        files: OrderFiles<'_>,
    ) -> Result<Self, AssessError> {
        let Examination { specification, source, beacon } = *examination;
        let order = specification.id();
        let test = test_set(specification, &source, beacon, files)?;
        if let TestOrigin::Unreadable { reason } = &test.origin {
            tracing::warn!(%order, %reason, "the test file is replaced by a split of the training data");
        }
        let (revealed, bytes) = model;
        let finding = evaluate_claim(specification, revealed, bytes, &test.data)?;
        if let Finding::Invalid { reason } = &finding {
            tracing::warn!(%order, model = %revealed.root, %reason, "a revealed file is no model");
        }
        Ok(Self { finding, answers: Mutex::default() })
    }

    /// The score; the lowest for a file that is no model of the order.
    pub fn score(&self) -> Score {
        self.finding.score()
    }

    /// What the holder of `key` must publish.
    pub fn answer(&self, key: &[u8; 32]) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry(*key).or_insert_with(|| self.finding.answer(key))
    }
}
