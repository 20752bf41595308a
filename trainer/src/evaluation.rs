//! The score of a model on a data set, in profile P0: the same bits on every machine.
//!
//! For each example: layers of the canonical product, bias and `ReLU`; then the class of the largest
//! logit, and the negative log-likelihood of the label in Q16.16 nats. Losses are added as integers.

use aipot_domain_runtime::order::{Architecture, DataFormat, Metric, OrderSpecification};
use aipot_domain_runtime::primitives::{DataRoot, EvaluationDigest, ModelRoot, Score};
use aipot_kernels::blake3_tree::{bits_digest, keyed_bits_digest};
use aipot_kernels::matmul::{MatmulError, matmul};
use aipot_kernels::matrix::{Matrix, MatrixError};
use aipot_kernels::softmax::{SoftmaxError, argmax, negative_log_likelihood, relu};
use parity_scale_codec::Encode;
use thiserror::Error;

use crate::dataset::Dataset;
use crate::parameters::{Parameter, Parameters};

/// Examples that go through the model at a time, which bounds the memory of activations.
const BATCH_EXAMPLES: usize = 1024;

/// One nat in Q16.16.
const Q16_ONE: f32 = 65_536.0;

/// Separates evaluation roots from every other use of BLAKE3.
const ROOT_DERIVATION: &str = "aipot evaluation root v1";

/// Why a model could not be evaluated. Says nothing about the model's worth.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The data has other features than the model has inputs.
    #[error("the data has {features} features, the model {inputs} inputs")]
    FeatureCount {
        /// Features of an example.
        features: usize,
        /// Inputs of the first layer.
        inputs: usize,
    },
    /// The model has other outputs than the data has classes.
    #[error("the data has {classes} classes, the model {outputs} outputs")]
    ClassCount {
        /// Classes of the order.
        classes: u32,
        /// Outputs of the last layer.
        outputs: usize,
    },
    /// The network has other layers than linear ones.
    #[error("only networks of linear layers are evaluated")]
    Architecture,
    /// The data is text, the model answers about features.
    #[error("the data is text, the model reads records of features")]
    Text,
    /// Values do not have the shape of their tensor.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// Shapes of neighbouring layers do not fit.
    #[error(transparent)]
    Matmul(#[from] MatmulError),
    /// Labels do not fit the logits.
    #[error(transparent)]
    Softmax(#[from] SoftmaxError),
}

/// What an evaluation found.
#[derive(Clone, PartialEq, Debug)]
pub struct Evaluation {
    /// The score by the order's metric.
    pub score: Score,
    /// How many examples got their label.
    pub correct_count: u32,
    /// How many examples there were.
    pub example_count: u32,
    /// Mean loss in Q16.16 nats, rounded down; the largest value when a loss is not a number.
    pub loss_q16: u32,
    /// The answers, `[example, class]`.
    pub logits: Vec<f32>,
}

impl Evaluation {
    /// BLAKE3 of the bits of the logits.
    pub fn logits_hash(&self) -> [u8; 32] {
        bits_digest(&self.logits)
    }

    /// The digest that only the holder of the key can compute; see the protocol's commitments.
    pub fn keyed_digest(&self, key: &[u8; 32]) -> EvaluationDigest {
        keyed_logits_digest(key, &self.logits)
    }

    /// One hash that commits to model, data, answers and score.
    pub fn root(&self, model: ModelRoot, data: DataRoot) -> [u8; 32] {
        evaluation_root(model, data, self.logits_hash(), self.score)
    }

    /// Share of right answers, for people.
    pub fn accuracy(&self) -> f64 {
        f64::from(self.correct_count) / f64::from(self.example_count.max(1))
    }

    /// Mean loss in nats, for people.
    pub fn loss_nats(&self) -> f64 {
        f64::from(self.loss_q16) / f64::from(Q16_ONE)
    }
}

/// The digest of logits under a key.
pub fn keyed_logits_digest(key: &[u8; 32], logits: &[f32]) -> EvaluationDigest {
    EvaluationDigest(keyed_bits_digest(key, logits))
}

/// `derive_key("aipot evaluation root v1", SCALE(model root, data root, logits hash, score))`.
pub fn evaluation_root(
    model: ModelRoot,
    data: DataRoot,
    logits_hash: [u8; 32],
    score: Score,
) -> [u8; 32] {
    blake3::derive_key(ROOT_DERIVATION, &(model, data, logits_hash, score).encode())
}

/// Evaluates a model.
///
/// # Errors
/// [`EvaluateError`] when model and data do not fit each other.
pub fn evaluate(
    parameters: &Parameters,
    data: &Dataset,
    specification: &OrderSpecification,
) -> Result<Evaluation, EvaluateError> {
    let outputs = check_fit(parameters, data)?;
    let logits = logits(parameters, data, specification)?;
    let answers = argmax(&logits, outputs)?;
    let losses = negative_log_likelihood(&logits, outputs, data.labels())?;
    let correct = answers
        .iter()
        .zip(data.labels())
        .filter(|(answer, label)| u32::try_from(**answer).as_ref() == Ok(*label));
    let correct_count = u32::try_from(correct.count()).unwrap_or(u32::MAX);
    let loss_q16 = mean_q16(&losses);
    let score = match specification.train.metric {
        Metric::Accuracy => Score::accuracy(correct_count, loss_q16),
        Metric::Loss => Score::loss(loss_q16),
    };
    let example_count = u32::try_from(data.example_count()).unwrap_or(u32::MAX);
    Ok(Evaluation { score, correct_count, example_count, loss_q16, logits })
}

/// Compares the outer layers with the data and gives the number of outputs.
fn check_fit(parameters: &Parameters, data: &Dataset) -> Result<usize, EvaluateError> {
    let weights: Vec<(usize, usize)> = parameters
        .tensors()
        .iter()
        .filter_map(|tensor| match tensor.layout().shape[..] {
            [outputs, inputs] => Some((outputs, inputs)),
            _ => None,
        })
        .collect();
    let (_, inputs) = weights.first().copied().unwrap_or_default();
    let (outputs, _) = weights.last().copied().unwrap_or_default();
    if data.format() == DataFormat::Text {
        return Err(EvaluateError::Text);
    }
    let (features, classes) = (data.feature_count(), data.class_count());
    if features != inputs {
        return Err(EvaluateError::FeatureCount { features, inputs });
    }
    if usize::try_from(classes) != Ok(outputs) {
        return Err(EvaluateError::ClassCount { classes, outputs });
    }
    Ok(outputs)
}

/// The answers to all examples.
///
/// # Shapes
/// `[example, class]`.
fn logits(
    parameters: &Parameters,
    data: &Dataset,
    specification: &OrderSpecification,
) -> Result<Vec<f32>, EvaluateError> {
    let mut logits = Vec::new();
    for batch in data.features().chunks(BATCH_EXAMPLES.saturating_mul(data.feature_count())) {
        logits.extend(match &specification.model.architecture {
            Architecture::Mlp { .. } => mlp(parameters.tensors(), batch)?,
            Architecture::Cnn { .. } | Architecture::Gpt { .. } => {
                return Err(EvaluateError::Architecture);
            }
        });
    }
    Ok(logits)
}

/// Linear layers with `ReLU` between them, as `architecture::mlp` trains them.
fn mlp(tensors: &[Parameter], features: &[f32]) -> Result<Vec<f32>, EvaluateError> {
    let (layers, _) = tensors.as_chunks::<2>();
    let mut activations = features.to_vec();
    for (index, [bias, weight]) in layers.iter().enumerate() {
        let [outputs, inputs] = weight.layout().shape[..] else { continue };
        let rows = activations.len().checked_div(inputs).unwrap_or(0);
        let input = Matrix::new(&activations, rows, inputs)?;
        let weight = Matrix::new(weight.values(), outputs, inputs)?;
        activations = matmul(input, weight.transposed(), Some(bias.values()))?;
        if index + 1 < layers.len() {
            relu(&mut activations);
        }
    }
    Ok(activations)
}

/// The mean of losses as integers: each rounded to the nearest Q16.16, ties to even, and kept in
/// 32 bits; added exactly; divided, rounded down. A loss that is not a number is the largest.
fn mean_q16(losses: &[f32]) -> u32 {
    let sum: u64 = losses.iter().map(|loss| u64::from(q16(*loss))).sum();
    let count = u64::try_from(losses.len()).unwrap_or(u64::MAX);
    // A mean of 32-bit numbers fits into 32 bits.
    sum.checked_div(count).map_or(u32::MAX, |mean| u32::try_from(mean).unwrap_or(u32::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast keeps numbers outside 32 bits at the nearest end, which is what is wanted"
)]
fn q16(loss: f32) -> u32 {
    if loss.is_nan() { u32::MAX } else { (loss * Q16_ONE).round_ties_even() as u32 }
}

#[cfg(test)]
mod tests;
