//! A run of a fixed recipe from its first to its last step, with its trace.
//!
//! Between steps it can be stopped; what [`RecipeRun::trace`] holds is enough to take it up again at the
//! last checkpoint, with the same bits.

use aipot_domain_runtime::order::{OrderSpecification, Recipe};
use aipot_domain_runtime::program::Computation;
use thiserror::Error;

use crate::engine::{EngineError, FastEngine};
use crate::model_file::write_model;
use crate::parameters::{Parameters, ParametersError};
use crate::run::StepReport;
use crate::trace::recorder::{Recorder, Trace};
use crate::trace::replay::Engine;

/// Why a run does not go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A step failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The weights are not those of the order's model.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The trace is of another run.
    #[error("the trace is of {found} steps, the order's run has {expected}")]
    ForeignTrace {
        /// Steps of the trace.
        found: u32,
        /// Steps of the run.
        expected: u32,
    },
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RecipeReport {
    /// Step, loss and rate; the loss is no number when the run has diverged.
    pub step: StepReport,
    /// Whether the trace has a new checkpoint.
    pub is_checkpoint: bool,
}

/// A run between two steps.
#[derive(Debug)]
pub struct RecipeRun<'input> {
    specification: &'input OrderSpecification,
    engine: FastEngine<'input>,
    recorder: Recorder,
    /// The next step of the computation; step 0 makes the weights.
    next: u32,
    steps: u32,
}

/// A trace of a run of the order of which nothing is recorded yet.
///
/// # Errors
/// [`EngineError::NoRecipe`] when the order leaves the training to its provider.
pub fn empty_trace(
    specification: &OrderSpecification,
    computation: &Computation,
) -> Result<Trace, EngineError> {
    match specification.train.recipe {
        Recipe::Fixed(recipe) => Ok(Trace::new(computation.steps(), recipe.checkpoint_interval)),
        Recipe::Free => Err(EngineError::NoRecipe),
    }
}

impl<'input> RecipeRun<'input> {
    /// A run that goes on at the last state that `trace` keeps, or begins.
    ///
    /// # Errors
    /// [`RecipeError`] when order, data and trace do not fit.
    pub fn new(
        specification: &'input OrderSpecification,
        computation: &'input Computation,
        train: &'input [u8],
        trace: &Trace,
    ) -> Result<Self, RecipeError> {
        Self::in_pieces(specification, computation, train, trace, u32::MAX)
    }

    /// The same with memory for at most `micro_rows` examples, through which a batch goes in pieces.
    ///
    /// No size of the pieces changes a bit; 0 counts as 1.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn in_pieces(
        specification: &'input OrderSpecification,
        computation: &'input Computation,
        train: &'input [u8],
        trace: &Trace,
        micro_rows: u32,
    ) -> Result<Self, RecipeError> {
        let steps = computation.steps();
        if trace.step_count != steps {
            let (found, expected) = (trace.step_count, steps);
            return Err(RecipeError::ForeignTrace { found, expected });
        }
        let mut engine =
            FastEngine::with_micro_batch(specification, computation, train, micro_rows)?;
        let kept = trace.snapshots.nearest(steps);
        if let Some((_, persistent)) = kept {
            engine.restore(persistent)?;
        }
        let next = kept.map_or(0, |(state, _)| state);
        let recorder = Recorder::new(trace.until(next));
        let mut run = Self { specification, engine, recorder, next, steps };
        if run.next == 0 {
            run.advance()?;
        }
        Ok(run)
    }

    /// The number of the next step, from 0.
    pub fn step_index(&self) -> u32 {
        self.next.saturating_sub(1)
    }

    /// Whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.next >= self.steps
    }

    /// Does one step.
    ///
    /// # Errors
    /// [`RecipeError::Engine`] when a kernel refuses.
    pub fn step(&mut self) -> Result<RecipeReport, RecipeError> {
        let step = u64::from(self.step_index());
        let known = self.recorder.trace().roots.len();
        self.advance()?;
        Ok(RecipeReport {
            step: StepReport {
                step,
                step_count: u64::from(self.steps.saturating_sub(1)),
                loss_nats: self.engine.loss_nats(),
                learning_rate: self.engine.learning_rate(),
            },
            is_checkpoint: self.recorder.trace().roots.len() > known,
        })
    }

    fn advance(&mut self) -> Result<(), RecipeError> {
        self.engine.step(self.next)?;
        let engine = &self.engine;
        self.recorder.after_step(self.next, || engine.persistent());
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    /// What is recorded so far.
    pub fn trace(&self) -> &Trace {
        self.recorder.trace()
    }

    /// The bytes of the model as it is now.
    ///
    /// # Errors
    /// [`RecipeError::Parameters`] when the weights are none of the order's model.
    pub fn model(&self) -> Result<Vec<u8>, RecipeError> {
        let weights = self.engine.weights().to_vec();
        Ok(write_model(&Parameters::new(self.specification, weights)?))
    }
}

#[cfg(test)]
mod tests;
