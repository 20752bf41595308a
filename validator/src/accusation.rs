//! What shows without a game that a result is wrong: chunks of a model's file.

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec};
use aipot_domain_runtime::challenge::proof::{OtherWeights, Proof, SameHeader};
use aipot_domain_runtime::chunk::prefix::prove_prefix;
use aipot_domain_runtime::chunk::{CHUNK_BYTES, prove_chunk};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::program::{ProgramError, SlotIndex, model_header};
use aipot_domain_runtime::trace::list_path;
use aipot_trainer::trace::recorder::Persistent;
use aipot_trainer::trace::state::slot_root;

/// Bytes of a weight.
const WEIGHT_BYTES: usize = 4;

/// Shows that a file does not begin with the header of the order's model; `None` when it does.
///
/// # Errors
/// [`ProgramError`] when the order has no model.
pub fn other_header(
    specification: &OrderSpecification,
    model: &[u8],
) -> Result<Option<Proof>, ProgramError> {
    let header = model_header(specification)?;
    let differs = header.iter().zip(model).position(|(expected, found)| expected != found);
    let chunk = differs.and_then(|offset| u64::try_from(offset / CHUNK_BYTES).ok());
    let chunk = chunk.and_then(|chunk| prove_chunk(model, chunk));
    Ok(chunk.map(|chunk| Proof::OtherHeader { chunk }))
}

/// Shows that a file does begin with the header of the order's model; `None` when it does not.
///
/// # Errors
/// [`ProgramError`] when the order has no model.
pub fn same_header(
    specification: &OrderSpecification,
    model: &[u8],
) -> Result<Option<Proof>, ProgramError> {
    let header = model_header(specification)?;
    if !model.starts_with(&header) {
        return Ok(None);
    }
    let end = header.len().next_multiple_of(CHUNK_BYTES).min(model.len());
    let rest = model.get(header.len()..end).unwrap_or_default().to_vec();
    let rest = BoundedBytes::try_from(rest).ok();
    let values = BoundedVec::try_from(prove_prefix(model, header.len())).ok();
    Ok(rest.zip(values).map(|(rest, values)| Proof::SameHeader(SameHeader { rest, values })))
}

/// Shows that a file holds another weight than the final state of its trace, of which `persistent` are the
/// words; `None` when it holds the same.
///
/// # Errors
/// [`ProgramError`] when the order has no model.
pub fn other_weights(
    specification: &OrderSpecification,
    persistent: &Persistent,
    model: &[u8],
) -> Result<Option<Proof>, ProgramError> {
    let header = model_header(specification)?;
    let weights = model.get(header.len()..).unwrap_or_default();
    let (weights, _) = weights.as_chunks::<WEIGHT_BYTES>();
    // Persistent slots begin with the weights, in the order in which they stand in the file.
    let mut place = 0_usize;
    for (slot, words) in persistent.iter().enumerate() {
        let of_slot = weights.get(place..).unwrap_or_default().iter();
        let differs =
            words.iter().zip(of_slot).position(|(word, bytes)| *word != u32::from_le_bytes(*bytes));
        if let Some(word) = differs {
            let offset = header.len() + (place + word) * WEIGHT_BYTES;
            return Ok(show(persistent, (slot, word), (model, offset)).map(Proof::OtherWeights));
        }
        place += words.len();
        if place >= weights.len() {
            break;
        }
    }
    Ok(None)
}

fn show(
    persistent: &Persistent,
    (slot, word): (usize, usize),
    (model, offset): (&[u8], usize),
) -> Option<OtherWeights> {
    let roots: Vec<[u8; 32]> = persistent.iter().map(|words| slot_root(words)).collect();
    let bytes: Vec<u8> = persistent.get(slot)?.iter().flat_map(|word| word.to_le_bytes()).collect();
    let chunk = |offset: usize| u64::try_from(offset / CHUNK_BYTES).ok();
    Some(OtherWeights {
        slot: SlotIndex::try_from(slot).ok()?,
        root: *roots.get(slot)?,
        path: BoundedVec::try_from(list_path(&roots, slot)?).ok()?,
        weights: prove_chunk(&bytes, chunk(word * WEIGHT_BYTES)?)?,
        file: prove_chunk(model, chunk(offset)?)?,
    })
}
