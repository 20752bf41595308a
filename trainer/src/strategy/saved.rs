//! A search between two moves as bytes: a magic word with the version, the SCALE bytes of the content, and
//! BLAKE3 of both.

use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::primitives::OrderId;
use aipot_kernels::blake3_tree;
use parity_scale_codec::{Decode, DecodeAll, Encode};
use thiserror::Error;

use super::{Best, Division, Search, SearchError, SearchOptions};
use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::parameters::{Parameters, ParametersError};
use crate::run::{TrainError, Trainer};

/// What every saved search starts with; the number is the version of the content.
const MAGIC: &[u8] = b"aipot search v1\n";

/// Bytes of the BLAKE3 hash at the end.
const FOOTER_BYTES: usize = 32;

/// Bytes of everything but the checkpoints, generously.
const OVERHEAD_BYTES_MAX: u64 = 64 * 1024;

/// Why bytes are no search over the training file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SavedSearchError {
    /// The order's own sizes do not fit this machine.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The bytes are damaged, too long, or of another version.
    #[error("the file is no whole search of this version")]
    Foreign,
    /// The content cannot be decoded.
    #[error("the content of the search cannot be decoded")]
    Content {
        /// What the decoder found.
        source: parity_scale_codec::Error,
    },
    /// The search is of another training file.
    #[error("the search is of {found}, expected {expected}")]
    OtherFile {
        /// The order over what candidates are trained on.
        expected: OrderId,
        /// That of the saved search.
        found: OrderId,
    },
    /// The content contradicts itself.
    #[error("the search has other candidates or rounds than its options")]
    Contradiction,
    /// A candidate's checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The best model is none of the order.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The options make no search.
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// What is encoded.
#[derive(Encode, Decode)]
struct Content {
    order: OrderId,
    options: SearchOptions,
    rung: u64,
    place: u64,
    spent_examples: u64,
    survivors: Vec<u32>,
    /// For each candidate its loss, the bits of an f64, and the bytes of its checkpoint.
    candidates: Vec<(u64, Option<Vec<u8>>)>,
    best: Option<(u32, u64, u64, Vec<Vec<f32>>)>,
}

impl<'data> Search<'data> {
    /// Everything that is needed to go on later.
    ///
    /// # Errors
    /// [`TrainError::Parameters`] when the weights of the running candidate are none of the order's model.
    pub fn to_bytes(&mut self) -> Result<Vec<u8>, TrainError> {
        let running = self.trainer.as_mut().map(Trainer::checkpoint).transpose()?;
        let turn = self.survivors.get(self.place).copied();
        let of_candidate = |(index, candidate): (usize, &super::Candidate)| {
            let running = running.as_ref().filter(|_| Some(index) == turn);
            let checkpoint = running.or(candidate.checkpoint.as_ref()).map(Checkpoint::to_bytes);
            (candidate.loss_nats.to_bits(), checkpoint)
        };
        let of_best = |best: &Best| {
            let values = best.parameters.clone().into_values();
            (small(best.candidate), best.step, best.loss_nats.to_bits(), values)
        };
        let content = Content {
            order: self.division.train.specification.id(),
            options: self.options,
            rung: wide(self.rung),
            place: wide(self.place),
            spent_examples: self.spent_examples,
            survivors: self.survivors.iter().map(|survivor| small(*survivor)).collect(),
            candidates: self.candidates.iter().enumerate().map(of_candidate).collect(),
            best: self.best.as_ref().map(of_best),
        };
        let mut bytes = MAGIC.to_vec();
        content.encode_to(&mut bytes);
        bytes.extend(blake3_tree::root(&bytes));
        Ok(bytes)
    }

    /// A search where its bytes left it.
    ///
    /// # Errors
    /// [`SavedSearchError`] when the bytes are damaged or of something else.
    pub fn from_bytes(bytes: &[u8], division: &'data Division) -> Result<Self, SavedSearchError> {
        let specification = &division.train.specification;
        let content = content(bytes, division)?;
        let expected = specification.id();
        if content.order != expected {
            return Err(SavedSearchError::OtherFile { expected, found: content.order });
        }
        let mut search = Self::new(division, content.options)?;
        search.restore(content)?;
        Ok(search)
    }

    fn restore(&mut self, content: Content) -> Result<(), SavedSearchError> {
        let specification = &self.division.train.specification;
        let narrow = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let count = self.candidates.len();
        let survivors: Vec<usize> =
            content.survivors.iter().map(|survivor| narrow(u64::from(*survivor))).collect();
        let (rung, place) = (narrow(content.rung), narrow(content.place));
        let is_place = place < survivors.len() || (place == 0 && survivors.is_empty());
        let is_whole = content.candidates.len() == count
            && survivors.iter().all(|survivor| *survivor < count)
            && rung <= self.plan.rungs().len()
            && is_place;
        if !is_whole {
            return Err(SavedSearchError::Contradiction);
        }
        let read = |bytes: &Vec<u8>| Checkpoint::from_bytes(bytes, specification);
        for (candidate, (loss, checkpoint)) in self.candidates.iter_mut().zip(&content.candidates) {
            candidate.loss_nats = f64::from_bits(*loss);
            candidate.checkpoint = checkpoint.as_ref().map(read).transpose()?;
        }
        self.best = match content.best {
            None => None,
            Some((candidate, step, loss, values)) => Some(Best {
                candidate: narrow(u64::from(candidate)),
                step,
                loss_nats: f64::from_bits(loss),
                parameters: Parameters::new(specification, values)?,
            }),
        };
        (self.survivors, self.rung, self.place) = (survivors, rung, place);
        self.spent_examples = content.spent_examples;
        Ok(())
    }
}

fn content(bytes: &[u8], division: &Division) -> Result<Content, SavedSearchError> {
    let checkpoint_max = checkpoint::byte_count_max(&division.train.specification)?;
    // A checkpoint for each candidate, and the best model.
    let checkpoints = u64::from(super::CANDIDATES_MAX).saturating_add(1);
    let max = checkpoint_max.saturating_mul(checkpoints).saturating_add(OVERHEAD_BYTES_MAX);
    if u64::try_from(bytes.len()).is_ok_and(|found| found > max) {
        return Err(SavedSearchError::Foreign);
    }
    let split = bytes.split_last_chunk::<FOOTER_BYTES>();
    let (body, footer) = split.ok_or(SavedSearchError::Foreign)?;
    if blake3_tree::root(body) != *footer {
        return Err(SavedSearchError::Foreign);
    }
    let mut encoded = body.strip_prefix(MAGIC).ok_or(SavedSearchError::Foreign)?;
    Content::decode_all(&mut encoded).map_err(|source| SavedSearchError::Content { source })
}

fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn small(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
