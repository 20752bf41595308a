//! The score of a model on a data set: the evaluation program of the domain runtime, batch by batch.
//!
//! What a validator publishes follows from two counters and from the roots of the logits of all batches,
//! so that one run serves every validator's key.

mod batch;

use aipot_domain_runtime::evaluation::Tally;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{DataRoot, EvaluationDigest, ModelRoot, Score};
use aipot_domain_runtime::program::{Computation, Operation, SlotIndex};
use parity_scale_codec::Encode;
use thiserror::Error;

use self::batch::Batches;
use crate::trace::machine::{Files, Machine, MachineError};
use crate::trace::state::slot_root;

/// One nat in Q16.16.
const Q16_ONE: f64 = 65_536.0;

/// Separates evaluation roots from every other use of BLAKE3.
const ROOT_DERIVATION: &str = "aipot evaluation root v1";

/// Why a model could not be evaluated. Says nothing about the model's worth.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The program cannot run over these files.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The computation is not one of an evaluation.
    #[error("the computation counts no answers")]
    NoEvaluation,
}

/// What an evaluation found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluation {
    /// How many answers were right.
    pub correct_count: u64,
    /// Sum of the losses of all answers, each in Q16.16 nats.
    pub loss_sum_q16: u64,
    /// Roots of the logits, batch by batch.
    pub logits_roots: Vec<[u8; 32]>,
}

impl Evaluation {
    /// What the holder of a key publishes: each batch's root goes into the digest of the ones before.
    pub fn tally(&self, key: &[u8; 32]) -> Tally {
        let digest = self.logits_roots.iter().fold([0; 32], |digest, root| {
            *blake3::Hasher::new_keyed(key).update(&digest).update(root).finalize().as_bytes()
        });
        Tally {
            correct_count: self.correct_count,
            loss_sum_q16: self.loss_sum_q16,
            digest: EvaluationDigest(digest),
        }
    }

    /// BLAKE3 of the roots of the logits.
    pub fn logits_hash(&self) -> [u8; 32] {
        *blake3::hash(self.logits_roots.as_flattened()).as_bytes()
    }

    /// One hash that commits to model, data, answers and score:
    /// `derive_key("aipot evaluation root v1", SCALE(model root, data root, logits hash, score))`.
    pub fn root(&self, model: ModelRoot, data: DataRoot, score: Score) -> [u8; 32] {
        blake3::derive_key(ROOT_DERIVATION, &(model, data, self.logits_hash(), score).encode())
    }

    /// Share of right answers among `answer_count`, for people.
    pub fn accuracy(&self, answer_count: u64) -> f64 {
        as_f64(self.correct_count) / as_f64(answer_count.max(1))
    }

    /// Mean loss of `answer_count` answers in nats, for people.
    pub fn loss_nats(&self, answer_count: u64) -> f64 {
        as_f64(self.loss_sum_q16) / as_f64(answer_count.max(1)) / Q16_ONE
    }
}

/// Evaluates the model among `files`: runs `computation`, which is one of
/// `aipot_domain_runtime::program::evaluation` under any key.
///
/// # Errors
/// [`EvaluateError`] when the files are not those of the computation.
pub fn evaluate(computation: &Computation, files: Files<'_>) -> Result<Evaluation, EvaluateError> {
    let logits = logits_slot(computation).ok_or(EvaluateError::NoEvaluation)?;
    let mut machine = Machine::new(computation, files);
    machine.step(0)?;
    let mut logits_roots = Vec::new();
    for step in 1..computation.steps() {
        machine.step(step)?;
        let words = machine.slots().get(usize::from(logits));
        logits_roots.push(slot_root(words.ok_or(EvaluateError::NoEvaluation)?));
    }
    let [correct, losses, ..] = machine.persistent() else {
        return Err(EvaluateError::NoEvaluation);
    };
    Ok(Evaluation { correct_count: wide(correct)?, loss_sum_q16: wide(losses)?, logits_roots })
}

/// As [`evaluate`], of an order's model: batches go through the engine, with the same bits, and through the
/// machine where the engine cannot.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_order(
    specification: &OrderSpecification,
    computation: &Computation,
    files: Files<'_>,
) -> Result<Evaluation, EvaluateError> {
    let reading = batch::reading(computation);
    let Some(mut batches) = Batches::new(specification, &reading, files) else {
        return evaluate(computation, files);
    };
    let mut evaluation = Evaluation { correct_count: 0, loss_sum_q16: 0, logits_roots: Vec::new() };
    for step in 1..computation.steps() {
        let Some(answers) = batches.answer(step)? else { return evaluate(computation, files) };
        evaluation.correct_count = evaluation.correct_count.wrapping_add(answers.correct_count);
        evaluation.loss_sum_q16 = evaluation.loss_sum_q16.wrapping_add(answers.loss_sum_q16);
        evaluation.logits_roots.push(answers.logits_root);
    }
    Ok(evaluation)
}

/// The slot whose root goes into the digest.
fn logits_slot(computation: &Computation) -> Option<SlotIndex> {
    computation.step.operators.iter().find_map(|operator| match operator.operation {
        Operation::Digest { slot, .. } => Some(slot),
        _ => None,
    })
}

/// A counter of two words, the low one first.
fn wide(words: &[u32]) -> Result<u64, EvaluateError> {
    match words {
        [low, high] => Ok(u64::from(*high) << 32 | u64::from(*low)),
        _ => Err(EvaluateError::NoEvaluation),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few digits are enough for people")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
