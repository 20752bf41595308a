//! Traces of runs, as another provider sends them.

use aipot_domain_runtime::{order::cost::cost, program::training};
use aipot_trainer::trace::{file::TraceFile, prover::Prover, replay::Change};

use crate::targets::game::honest_trace;

/// Bytes of the hash at the end of a trace.
const FOOTER_BYTES: usize = 32;
/// Operations of the longest run that is computed again; others would only take their time.
const OPERATIONS_MAX: u64 = 1_000_000;
/// Steps of the longest run that is computed again.
const STEPS_MAX: u32 = 16;

/// Reads a trace whose hash is right, and computes the last state again if that is short work.
pub(crate) fn accepts_trace(body: &[u8]) -> bool {
    let bytes = [body, blake3::hash(body).as_bytes()].concat();
    let Ok(file) = TraceFile::from_bytes(&bytes) else { return false };
    assert_eq!(file.to_bytes(), bytes, "two files of one trace");
    let Ok(cost) = cost(&file.specification) else { return false };
    if cost.training_operations > OPERATIONS_MAX {
        return false;
    }
    let Ok(computation) = training(&file.specification) else { return false };
    if file.check(&computation).is_err() || computation.steps() > STEPS_MAX {
        return false;
    }
    let Ok(replay) = file.replay(&computation) else { return false };
    let Ok(found) = Prover::new(replay).final_root() else { return false };
    // The last state is a checkpoint, whether it was kept or is computed again.
    let is_forged = !file.changes.is_empty();
    is_forged || file.trace.roots.last() == Some(&found)
}

/// A run, and one with a forgery.
pub(crate) fn traces() -> Vec<Vec<u8>> {
    let honest = honest_trace();
    let computation = training(&honest.specification).expect("the order is small");
    let change = Change { step: 1, operator: 0, element: 0, bit: 24 };
    let forged = honest.corrupted(&computation, change).expect("the bit is of weight");
    [honest, forged]
        .map(|file| {
            let bytes = file.to_bytes();
            bytes[..bytes.len() - FOOTER_BYTES].to_vec()
        })
        .to_vec()
}
