//! Follows a recipe from the first weight to the last, and records it.

use aipot_domain_runtime::order::OrderSpecification;

use super::recorder::{Persistent, Recorder, Trace};
use super::replay::{Engine, ReplayError};
use crate::architecture::layout;
use crate::parameters::{Parameters, ParametersError};

/// Runs all steps of a computation of which `trace` records nothing yet, and gives the record and the
/// final state. `observe` sees the engine after every step.
///
/// # Errors
/// [`ReplayError::Engine`] when a step fails.
pub fn record<E: Engine>(
    engine: &mut E,
    trace: Trace,
    mut observe: impl FnMut(u32, &E),
) -> Result<(Trace, Persistent), ReplayError> {
    let step_count = trace.step_count;
    let mut recorder = Recorder::new(trace);
    for step in 0..step_count {
        engine.step(step).map_err(|source| ReplayError::engine(step, source))?;
        recorder.after_step(step, || engine.persistent());
        observe(step, engine);
    }
    Ok((recorder.finish(), engine.persistent()))
}

/// The model in a state: its tensors are the first slots, in the order of the layout.
///
/// # Errors
/// [`ParametersError`] when the state is not one of the order.
pub fn parameters(
    specification: &OrderSpecification,
    persistent: &[Vec<u32>],
) -> Result<Parameters, ParametersError> {
    let tensor_count = layout(specification)?.len();
    let values = persistent.iter().take(tensor_count);
    let values = values.map(|words| words.iter().map(|word| f32::from_bits(*word)).collect());
    Parameters::new(specification, values.collect())
}

#[cfg(test)]
mod tests;
