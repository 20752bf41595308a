//! Runs of fixed recipes: by a provider that will claim the result, and by whoever checks such claims.
//!
//! The trace of a run is kept until its order is settled: every move of a game about it starts from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aipot_domain_runtime::challenge::case::Case;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{BlockNumber, OrderId};
use aipot_domain_runtime::trace::TraceOpening;
use aipot_trainer::recipe_run::{RecipeRun, empty_trace};
use aipot_trainer::trace::machine::Files;
use aipot_trainer::trace::recorder::Trace;
use parity_scale_codec::{DecodeAll, Encode};

use super::memory::StepMemory;
use super::pace::Pace;
use super::performer::Outcome;
use super::progress::Reporter;
use super::protocol::{Failure, Purpose};
use super::training::{TrainingData, TrainingError};
use super::{Control, JobEnd, Worker, durable};
use crate::scheduler::{Job, Priority};

/// Folder of traces in the folder of a node; each file bears the name of its order.
const TRACES: &str = "traces";

/// Bytes of the hash at the end of a file.
const FOOTER_BYTES: usize = 32;

/// A fixed recipe to be run.
#[derive(Clone, Debug)]
pub struct RecipeJob {
    /// What is bought.
    pub specification: OrderSpecification,
    /// For a claim, or to check those of others.
    pub purpose: RecipePurpose,
    /// First block in which the result is of no use.
    pub deadline_block: BlockNumber,
}

/// For what a recipe is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecipePurpose {
    /// To claim the result; a run that diverges is given up.
    Claim,
    /// To check the claims of others, to the end whatever comes.
    Audit,
}

/// The one result of a recipe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecipeResult {
    /// The bytes of the model.
    pub model: Vec<u8>,
    /// What a claim commits to.
    pub trace: TraceOpening,
}

impl Worker {
    /// Runs the recipe of an order whose training data `data` has, from the trace that is kept of it.
    ///
    /// # Errors
    /// [`TrainingError`]; unless it is permanent, the same call goes on from the last checkpoint.
    pub async fn run_recipe(
        &self,
        job: RecipeJob,
        data: Arc<dyn TrainingData>,
    ) -> Result<RecipeResult, TrainingError> {
        let priority = match job.purpose {
            RecipePurpose::Claim => Priority::Training,
            RecipePurpose::Audit => Priority::Validation,
        };
        let memory = self.corrected_need(&job.specification)?;
        let place = Job { priority, deadline_block: job.deadline_block, memory };
        if !self.is_workplace() {
            let purpose = match job.purpose {
                RecipePurpose::Claim => Purpose::Claim,
                RecipePurpose::Audit => Purpose::Audit,
            };
            let errand = self.errand(&job.specification, purpose, data);
            let Outcome { model, trace } = self.send(place, errand).await?;
            return Ok(RecipeResult { model, trace: trace.ok_or(Failure::Cancelled)? });
        }
        let shared = Arc::clone(&self.shared);
        let work = move |control: &Control| {
            let (train, base) = match data.files(&job.specification) {
                Ok(files) => files,
                Err(error) => return JobEnd::Finished(Err(error.into())),
            };
            let reporter = Reporter::new(job.specification.id(), &shared.progress);
            let files = Files { train: &train, base: &base, ..Files::default() };
            match run(&job, files, &shared.configuration.folder, (control, reporter)) {
                Ok(JobEnd::Finished(result)) => JobEnd::Finished(Ok(result)),
                Ok(JobEnd::Stopped) => JobEnd::Stopped,
                Ok(JobEnd::OutOfMemory(error)) => JobEnd::OutOfMemory(error),
                Err(error) => JobEnd::Finished(Err(error)),
            }
        };
        self.run(place, work).await?
    }

    /// The trace that is kept of an order's recipe, whole or not.
    pub fn read_trace(&self, order: &OrderId) -> Option<Trace> {
        read_trace(&trace_path(&self.configuration().folder, order))
    }

    /// Forgets the trace of an order.
    pub fn remove_trace(&self, order: &OrderId) {
        if let Err(error) = durable::remove(&trace_path(&self.configuration().folder, order)) {
            tracing::warn!(%order, %error, "an old trace stays behind");
        }
    }
}

fn run(
    job: &RecipeJob,
    files: Files<'_>,
    folder: &Path,
    (control, mut reporter): (&Control, Reporter<'_>),
) -> Result<JobEnd<RecipeResult>, TrainingError> {
    let specification = &job.specification;
    let order = specification.id();
    let case = Case::training(specification)?;
    let path = trace_path(folder, &order);
    let empty = empty_trace(specification, &case.computation)?;
    let mut memory = StepMemory::new(control, specification)?;
    if let Err(error) = memory.before_step(0) {
        return Ok(JobEnd::OutOfMemory(error));
    }
    let kept = read_trace(&path).filter(|kept| kept.step_count == empty.step_count);
    let mut run = RecipeRun::in_pieces(
        specification,
        &case.computation,
        files,
        &kept.unwrap_or(empty),
        memory.micro_rows(),
    )?;
    let mut pace = Pace::new(control, job.deadline_block);
    while !run.is_finished() {
        if control.is_stopped() {
            return Ok(JobEnd::Stopped);
        }
        if let Err(error) = memory.before_step(run.step_index().into()) {
            return Ok(JobEnd::OutOfMemory(error));
        }
        let report = run.step()?;
        memory.after_step();
        reporter.step(&report.step);
        let steps_left = report.step.step_count.saturating_sub(report.step.step).saturating_sub(1);
        pace.after_step(steps_left).inspect_err(|_| keep(&path, &order, run.trace()))?;
        if job.purpose == RecipePurpose::Claim && !report.step.loss_nats.is_finite() {
            let (step, loss) = (report.step.step, report.step.loss_nats);
            return Err(TrainingError::Diverged { step, loss });
        }
        if report.is_checkpoint && !run.is_finished() {
            keep(&path, &order, run.trace());
        }
    }
    // The games about this run need its trace, so it is no result without one.
    write_trace(&path, run.trace())?;
    Ok(JobEnd::Finished(RecipeResult { model: run.model()?, trace: run.trace().opening() }))
}

/// A disk that refuses costs nothing but the steps since the last checkpoint.
fn keep(path: &Path, order: &OrderId, trace: &Trace) {
    if let Err(error) = write_trace(path, trace) {
        tracing::warn!(%order, %error, "a trace was not written; the run goes on and tries again");
    }
}

/// The file of an order's trace.
pub(super) fn trace_path(folder: &Path, order: &OrderId) -> PathBuf {
    folder.join(TRACES).join(order.to_string())
}

fn write_trace(path: &Path, trace: &Trace) -> Result<(), durable::FileError> {
    let mut bytes = trace.encode();
    bytes.extend(blake3::hash(&bytes).as_bytes());
    durable::write(path, &bytes)
}

/// The trace in a file, if there is a whole one.
pub(super) fn read_trace(path: &Path) -> Option<Trace> {
    let bytes = durable::read(path).unwrap_or_else(|error| {
        tracing::warn!(%error, "a trace cannot be read; the run starts again");
        None
    })?;
    let (body, footer) = bytes.split_last_chunk::<FOOTER_BYTES>()?;
    if blake3::hash(body).as_bytes() != footer {
        tracing::warn!(path = %path.display(), "a trace is damaged; the run starts again");
        return None;
    }
    Trace::decode_all(&mut &*body).ok()
}
