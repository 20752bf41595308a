//! Notes that a node keeps about its own part in an order, because the state does not hold them.

use std::path::{Path, PathBuf};

use aipot_domain_runtime::evaluation::EvaluationEntries;
use aipot_domain_runtime::primitives::OrderId;
use parity_scale_codec::{Decode, DecodeAll, Encode};

use super::situation::LocalModel;
use crate::worker::durable::{self, FileError};

/// Folder in the folder of a node, with the files of orders that only this node has.
const ORDERS: &str = "orders";

/// Ending of the note about the model that was trained.
const MODEL_ENDING: &str = "model";

/// Ending of the note about models that were trained before it.
const EARLIER_ENDING: &str = "earlier-models";

/// Most models that are noted: more than a search has rounds.
const EARLIER_MAX: usize = 64;

/// Ending of the note about a recipe that was run to check claims.
const AUDIT_ENDING: &str = "audit";

/// Ending of the note about the evaluation that was committed to.
const EVALUATION_ENDING: &str = "evaluation";

/// Notes the trained model; one that was noted before stays known, because it may be claimed already.
pub(super) fn write_model(
    folder: &Path,
    order: &OrderId,
    model: &LocalModel,
) -> Result<(), FileError> {
    if let Some(replaced) = read_model(folder, order).filter(|replaced| replaced != model) {
        let mut earlier = read_earlier_models(folder, order);
        earlier.push(replaced);
        let dropped = earlier.len().saturating_sub(EARLIER_MAX);
        earlier.drain(..dropped);
        durable::write(&path(folder, order, EARLIER_ENDING), &earlier.encode())?;
    }
    durable::write(&path(folder, order, MODEL_ENDING), &model.encode())
}

/// The models that were noted before the last one, the oldest first.
pub(super) fn read_earlier_models(folder: &Path, order: &OrderId) -> Vec<LocalModel> {
    read(&path(folder, order, EARLIER_ENDING)).unwrap_or_default()
}

/// The trained model, if one was noted.
pub(super) fn read_model(folder: &Path, order: &OrderId) -> Option<LocalModel> {
    read(&path(folder, order, MODEL_ENDING))
}

/// Notes the result of the order's recipe, run to check claims.
pub(super) fn write_audit(
    folder: &Path,
    order: &OrderId,
    audit: &LocalModel,
) -> Result<(), FileError> {
    durable::write(&path(folder, order, AUDIT_ENDING), &audit.encode())
}

/// The result of the order's recipe, if one was noted.
pub(super) fn read_audit(folder: &Path, order: &OrderId) -> Option<LocalModel> {
    read(&path(folder, order, AUDIT_ENDING))
}

/// Notes the entries of an evaluation.
pub(super) fn write_evaluation(
    folder: &Path,
    order: &OrderId,
    entries: &EvaluationEntries,
) -> Result<(), FileError> {
    durable::write(&path(folder, order, EVALUATION_ENDING), &entries.encode())
}

/// The entries of an evaluation, if some were noted.
pub(super) fn read_evaluation(folder: &Path, order: &OrderId) -> Option<EvaluationEntries> {
    read(&path(folder, order, EVALUATION_ENDING))
}

/// Forgets all notes of a settled order.
pub(super) fn remove(folder: &Path, order: &OrderId) {
    for ending in [MODEL_ENDING, EARLIER_ENDING, AUDIT_ENDING, EVALUATION_ENDING] {
        if let Err(error) = durable::remove(&path(folder, order, ending)) {
            tracing::warn!(%order, %error, "an old note stays behind");
        }
    }
}

/// A note that cannot be read counts as none: everything in it can be computed again.
fn read<T: Decode>(path: &Path) -> Option<T> {
    match durable::read(path) {
        Ok(bytes) => T::decode_all(&mut bytes?.as_slice())
            .inspect_err(
                |error| tracing::warn!(path = %path.display(), %error, "a note is damaged"),
            )
            .ok(),
        Err(error) => {
            tracing::warn!(%error, "a note cannot be read");
            None
        }
    }
}

fn path(folder: &Path, order: &OrderId, ending: &str) -> PathBuf {
    folder.join(ORDERS).join(format!("{order}.{ending}"))
}
