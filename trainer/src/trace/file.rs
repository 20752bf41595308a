//! Trace files: a run with everything that a dispute about it needs.
//!
//! Bytes: a magic word with the version, the SCALE bytes of the content, and BLAKE3 of both.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::check::DATA_BYTES_MAX;
use aipot_domain_runtime::program::Computation;
use aipot_kernels::blake3_tree;
use parity_scale_codec::{Decode, DecodeAll, Encode};
use thiserror::Error;

use super::machine::Files;
use super::recorder::{SNAPSHOT_BYTES_MAX, Trace};
use super::replay::{Change, Replay, ReplayError};
use super::state::persistent_root;
use crate::engine::{EngineError, FastEngine};

/// What every trace file starts with; the number is the version of the content.
const MAGIC: &[u8] = b"aipot trace v2\n";

/// Bytes of the BLAKE3 hash at the end.
const FOOTER_BYTES: usize = 32;

/// Bytes of everything but data and states: roots of the most steps that an order may have, and the order.
const OVERHEAD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Most bits that a forger flips.
pub const CHANGES_MAX: usize = 16;

/// The content of a trace file.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct TraceFile {
    /// The order whose recipe was followed.
    pub specification: OrderSpecification,
    /// The training data.
    pub train: Vec<u8>,
    /// The base of the order's model; empty where it has none.
    pub base: Vec<u8>,
    /// Bits that were flipped on the way; none in an honest run.
    pub changes: Vec<Change>,
    /// What was recorded.
    pub trace: Trace,
}

/// Why bytes are not a trace file.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum TraceFileError {
    /// The bytes do not start like a trace file of this version.
    #[error("the file is no trace of this version")]
    Foreign,
    /// The bytes are not those that were written.
    #[error("the trace is damaged: its hash is {found}, its end says {expected}")]
    Damaged {
        /// Hash at the end of the file.
        expected: blake3::Hash,
        /// Hash of what stands before.
        found: blake3::Hash,
    },
    /// The content cannot be decoded.
    #[error("the content of the trace cannot be decoded")]
    Content {
        /// What the decoder found.
        source: parity_scale_codec::Error,
    },
    /// The data is not that of the order.
    #[error("the data in the trace is not that of its order")]
    OtherData,
    /// More bits are flipped than a trace may say.
    #[error("{found} bits are flipped, allowed at most {max}")]
    TooManyChanges {
        /// Bits flipped.
        found: usize,
        /// Bits allowed.
        max: usize,
    },
    /// The trace is of another number of steps.
    #[error("the trace has {found} steps, its order {expected}")]
    WrongStepCount {
        /// Steps of the order, the first included.
        expected: u32,
        /// Steps of the trace.
        found: u32,
    },
    /// There is not one root for each checkpoint.
    #[error("{found} roots, expected {expected}")]
    WrongRootCount {
        /// Checkpoints of the run.
        expected: usize,
        /// Roots given.
        found: usize,
    },
    /// A state does not have the root of its checkpoint.
    #[error("the state after {state} steps does not have the root of its checkpoint")]
    WrongState {
        /// Number of the state.
        state: u32,
    },
}

/// Why a trace cannot be forged as wanted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CorruptError {
    /// The run cannot be computed again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The run cannot be computed at all.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// More bits would be flipped than a trace may say.
    #[error("{found} bits would be flipped, allowed at most {max}")]
    TooManyChanges {
        /// Bits flipped.
        found: usize,
        /// Bits allowed.
        max: usize,
    },
    /// The run ends as before.
    #[error(
        "bit {} of word {} leaves no trace: it is rounded away before the run ends; take a higher bit or \
         another word", .change.bit, .change.element
    )]
    NoEffect {
        /// The bit that was flipped.
        change: Change,
    },
}

impl TraceFile {
    /// The files that the run reads.
    pub fn files(&self) -> Files<'_> {
        Files { train: &self.train, base: &self.base, ..Files::default() }
    }

    /// The run, ready to be computed again; `computation` is that of the order.
    ///
    /// # Errors
    /// [`EngineError`] when the order has no recipe or the data is not the order's.
    pub fn replay<'input>(
        &'input self,
        computation: &'input Computation,
    ) -> Result<Replay<'input, FastEngine<'input>>, EngineError> {
        let engine = FastEngine::new(&self.specification, computation, self.files())?;
        let snapshots = self.trace.snapshots.clone();
        Ok(Replay::new((computation, self.files()), engine, self.changes.clone(), snapshots))
    }

    /// The run of a forger: one more bit flipped, and everything that follows from it.
    ///
    /// # Errors
    /// [`CorruptError`] when there is no such bit or nothing follows from it.
    pub fn corrupted(
        &self,
        computation: &Computation,
        change: Change,
    ) -> Result<Self, CorruptError> {
        let found = self.changes.len().saturating_add(1);
        if found > CHANGES_MAX {
            return Err(CorruptError::TooManyChanges { found, max: CHANGES_MAX });
        }
        if computation.program(change.step).is_none() {
            let (state, count) = (change.step, computation.steps());
            return Err(ReplayError::NoState { state, count }.into());
        }
        let mut forged = self.clone();
        forged.changes.push(change);
        forged.trace = self.trace.until(change.step);
        let trace = forged.replay(computation)?.record(forged.trace.clone(), change.step)?;
        if trace.opening() == self.trace.opening() {
            return Err(CorruptError::NoEffect { change });
        }
        Ok(Self { trace, ..forged })
    }

    /// Most bytes of a trace file.
    pub fn bytes_max() -> u64 {
        DATA_BYTES_MAX.saturating_add(SNAPSHOT_BYTES_MAX).saturating_add(OVERHEAD_BYTES_MAX)
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        self.encode_to(&mut bytes);
        let footer = blake3_tree::root(&bytes);
        bytes.extend(footer);
        bytes
    }

    /// Reads a file, which must have at most [`Self::bytes_max`] bytes.
    ///
    /// # Errors
    /// [`TraceFileError`] when the bytes are not a trace file as [`Self::to_bytes`] writes it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TraceFileError> {
        let content = bytes.strip_prefix(MAGIC).ok_or(TraceFileError::Foreign)?;
        let (content, footer) =
            content.split_last_chunk::<FOOTER_BYTES>().ok_or(TraceFileError::Foreign)?;
        let found = blake3_tree::root(&bytes[..bytes.len() - FOOTER_BYTES]);
        if found != *footer {
            let expected = blake3::Hash::from_bytes(*footer);
            return Err(TraceFileError::Damaged { expected, found: found.into() });
        }
        let file = Self::decode_all(&mut &*content)
            .map_err(|source| TraceFileError::Content { source })?;
        let found = file.changes.len();
        if found > CHANGES_MAX {
            return Err(TraceFileError::TooManyChanges { found, max: CHANGES_MAX });
        }
        let base = file.specification.model.base;
        let is_base = match base {
            Some(base) => blake3_tree::root(&file.base) == base.root.0,
            None => file.base.is_empty(),
        };
        if !is_base || blake3_tree::root(&file.train) != file.specification.data.train.root.0 {
            return Err(TraceFileError::OtherData);
        }
        Ok(file)
    }

    /// Checks what is recorded against the computation of the order.
    ///
    /// # Errors
    /// [`TraceFileError`] when steps, roots or states do not fit.
    pub fn check(&self, computation: &Computation) -> Result<(), TraceFileError> {
        let (expected, found) = (computation.steps(), self.trace.step_count);
        if expected != found {
            return Err(TraceFileError::WrongStepCount { expected, found });
        }
        let checkpoints: Vec<u32> = self.trace.checkpoints().collect();
        let (expected, found) = (checkpoints.len(), self.trace.roots.len());
        if expected != found {
            return Err(TraceFileError::WrongRootCount { expected, found });
        }
        for (state, persistent) in self.trace.snapshots.iter() {
            let place = checkpoints.binary_search(&state).ok();
            let root = place.and_then(|place| self.trace.roots.get(place));
            if root != Some(&persistent_root(persistent)) {
                return Err(TraceFileError::WrongState { state });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
