//! Checkpoints: everything a run needs to go on as if it had never stopped.
//!
//! Bytes: a magic word with the version, the SCALE bytes of the content, and BLAKE3 of both. Batches
//! and weights come from counters, so the step is the data cursor and the generator's state.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::{self, Overflow};
use aipot_domain_runtime::primitives::OrderId;
use aipot_kernels::blake3_tree;
use parity_scale_codec::{Decode, DecodeAll, Encode};
use thiserror::Error;

use crate::optimizer::{OptimizerState, TensorShape};
use crate::parameters::{Parameters, ParametersError};
use crate::run::TrainingOptions;

/// What every checkpoint starts with; the number is the version of the content.
const MAGIC: &[u8] = b"aipot checkpoint v2\n";

/// Bytes of the BLAKE3 hash at the end.
const FOOTER_BYTES: usize = 32;

/// Bytes of everything but weights and moments, generously.
const OVERHEAD_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of weights, their averages and at most two moments for each parameter.
const PARAMETER_BYTES_MAX: u64 = 4 * 4;

/// A run between two steps.
#[derive(Clone, PartialEq, Debug)]
pub struct Checkpoint {
    /// The order that is trained.
    pub order: OrderId,
    /// How it is trained.
    pub options: TrainingOptions,
    /// The next step.
    pub step: u64,
    /// The weights.
    pub parameters: Parameters,
    /// Their averages, where the model is made of them.
    pub averages: Option<Parameters>,
    /// What the optimizer remembers.
    pub state: OptimizerState,
}

/// Why bytes are not a checkpoint of the order.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The order's own sizes do not fit this machine.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// Longer than any checkpoint of this order.
    #[error("the checkpoint has {found} bytes, allowed at most {max}")]
    TooLarge {
        /// Bytes given.
        found: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The bytes do not start like a checkpoint of this version.
    #[error("the file is no checkpoint of this version")]
    Foreign,
    /// The bytes are not those that were written.
    #[error("the checkpoint is damaged: its hash is {found}, its end says {expected}")]
    Damaged {
        /// Hash at the end of the file.
        expected: blake3::Hash,
        /// Hash of what stands before.
        found: blake3::Hash,
    },
    /// The content cannot be decoded.
    #[error("the content of the checkpoint cannot be decoded")]
    Content {
        /// What the decoder found.
        source: parity_scale_codec::Error,
    },
    /// The checkpoint is of another order.
    #[error("the checkpoint is of order {found}, expected {expected}")]
    OtherOrder {
        /// This order.
        expected: OrderId,
        /// The checkpoint's order.
        found: OrderId,
    },
    /// The weights are not those of the order's model.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The optimizer's state is not as long as the weights.
    #[error("the optimizer's state does not fit the weights")]
    State,
}

/// What is encoded; the layout of the weights comes from the order.
#[derive(Encode, Decode)]
struct Content {
    order: OrderId,
    options: TrainingOptions,
    step: u64,
    weights: Vec<Vec<f32>>,
    averages: Option<Vec<Vec<f32>>>,
    state: OptimizerState,
}

impl Checkpoint {
    /// The bytes of the checkpoint.
    pub fn to_bytes(&self) -> Vec<u8> {
        let values = |parameters: &Parameters| parameters.clone().into_values();
        let content = Content {
            order: self.order,
            options: self.options,
            step: self.step,
            weights: values(&self.parameters),
            averages: self.averages.as_ref().map(values),
            state: self.state.clone(),
        };
        let mut bytes = MAGIC.to_vec();
        content.encode_to(&mut bytes);
        bytes.extend(blake3_tree::root(&bytes));
        bytes
    }

    /// Reads a checkpoint of the order; nothing is decoded before the length and the hash are right.
    ///
    /// # Errors
    /// [`CheckpointError`] when the bytes are damaged or belong to something else.
    pub fn from_bytes(
        bytes: &[u8],
        specification: &OrderSpecification,
    ) -> Result<Self, CheckpointError> {
        let content = content(bytes, specification)?;
        let expected = specification.id();
        if content.order != expected {
            return Err(CheckpointError::OtherOrder { expected, found: content.order });
        }
        let parameters = Parameters::new(specification, content.weights)?;
        let averages = content.averages.map(|values| Parameters::new(specification, values));
        let shapes = TensorShape::of_order(specification)?;
        if !content.state.fits(content.options.optimizer, &shapes) {
            return Err(CheckpointError::State);
        }
        Ok(Self {
            order: content.order,
            options: content.options,
            step: content.step,
            parameters,
            averages: averages.transpose()?,
            state: content.state,
        })
    }
}

/// Bytes of the longest checkpoint of an order.
pub(crate) fn byte_count_max(specification: &OrderSpecification) -> Result<u64, Overflow> {
    let parameter_count = cost::cost(specification)?.parameter_count;
    Ok(parameter_count.saturating_mul(PARAMETER_BYTES_MAX).saturating_add(OVERHEAD_BYTES_MAX))
}

fn content(bytes: &[u8], specification: &OrderSpecification) -> Result<Content, CheckpointError> {
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let max = byte_count_max(specification)?;
    if found > max {
        return Err(CheckpointError::TooLarge { found, max });
    }
    let (body, footer) =
        bytes.split_last_chunk::<FOOTER_BYTES>().ok_or(CheckpointError::Foreign)?;
    let mut encoded = body.strip_prefix(MAGIC).ok_or(CheckpointError::Foreign)?;
    let (expected, found) = (*footer, blake3_tree::root(body));
    if expected != found {
        let (expected, found) = (expected.into(), found.into());
        return Err(CheckpointError::Damaged { expected, found });
    }
    Content::decode_all(&mut encoded).map_err(|source| CheckpointError::Content { source })
}

#[cfg(test)]
mod tests;
