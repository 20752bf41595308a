//! An evaluation that this node has computed, from which every validator's entry follows.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::EvaluationEntry;
use aipot_domain_runtime::primitives::{AccountId, Score};
use aipot_trainer::trace::machine::Files;
use aipot_validator::verdict::{Examination, Finding, ValidateError};

/// What an evaluation found.
#[derive(Debug)]
pub struct Assessment {
    finding: Finding,
    /// Entries by key: everybody's is asked for at every block.
    entries: Mutex<BTreeMap<[u8; 32], EvaluationEntry>>,
}

impl Assessment {
    /// Evaluates a revealed model on the test data of an order.
    ///
    /// # Errors
    /// [`ValidateError`]: this node cannot tell. A file that is no model of the order is not an error,
    /// but gets the lowest score.
    pub fn compute(
        examination: &Examination<'_>,
        model: RevealedModel,
        files: Files<'_>,
    ) -> Result<Self, ValidateError> {
        let finding = examination.examine(model, files)?;
        if let Finding::Invalid { reason } = &finding {
            let order = examination.specification.id();
            tracing::warn!(%order, model = %model.root, %reason, "a revealed file is no model");
        }
        Ok(Self { finding, entries: Mutex::default() })
    }

    /// The score; the lowest for a file that is no model of the order.
    pub fn score(&self) -> Score {
        self.finding.score()
    }

    /// What the holder of `key` must publish about the model of `provider`.
    pub fn entry(&self, provider: AccountId, key: &[u8; 32]) -> EvaluationEntry {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(*key).or_insert_with(|| self.finding.entry(provider, key));
        EvaluationEntry { provider, ..*entry }
    }
}
