//! The memory of a job: what it may take, and what happens when it may not.

use std::sync::PoisonError;

use aipot_domain_runtime::order::cost::{Overflow, cost};
use aipot_domain_runtime::order::{Architecture, OrderSpecification};

use super::calibration::Probe;
use super::{Control, Worker};
use crate::scheduler::calibration::Subject;
use crate::scheduler::memory::MemoryNeed;

/// The only device on which orders are trained at present.
const PROCESSOR: &str = "cpu:0";

/// Memory that a job is about to take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryRequest {
    /// The step for which it is, from 0.
    pub step: u64,
    /// Rows of a micro-batch.
    pub micro_rows: u32,
    /// What the step needs at its peak.
    pub needed_bytes: u64,
    /// What the job may take.
    pub budget_bytes: u64,
    /// Whether it is the first step since the job was started, for which everything is taken.
    pub is_first: bool,
}

/// Memory that a job cannot have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "step {} needs {} bytes for micro-batches of {} rows, the job may take {}",
    .request.step, .request.needed_bytes, .request.micro_rows, .request.budget_bytes
)]
pub struct OutOfMemory {
    /// What was asked for.
    pub request: MemoryRequest,
}

/// Says before memory is taken whether there is enough.
pub trait MemoryGuard: Send + Sync + std::fmt::Debug {
    /// Whether a step may go on.
    ///
    /// # Errors
    /// [`OutOfMemory`] when it may not; nothing was taken then.
    fn admit(&self, request: MemoryRequest) -> Result<(), OutOfMemory>;
}

/// Refuses what is above the budget, and what the operating system does not give.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MachineMemory;

impl MemoryGuard for MachineMemory {
    fn admit(&self, request: MemoryRequest) -> Result<(), OutOfMemory> {
        let refused = OutOfMemory { request };
        if request.needed_bytes > request.budget_bytes {
            return Err(refused);
        }
        if !request.is_first {
            return Ok(());
        }
        // Limits of the process refuse addresses before they are used; asking takes nothing.
        let needed = usize::try_from(request.needed_bytes).map_err(|_| refused)?;
        Vec::<u8>::new().try_reserve_exact(needed).map_err(|_| refused)
    }
}

/// What training an order needs, by the rows of its micro-batches.
///
/// # Errors
/// [`Overflow`] when a size does not fit.
pub fn training_need(specification: &OrderSpecification) -> Result<MemoryNeed, Overflow> {
    let rows = |batch_size| {
        let mut smaller = specification.clone();
        smaller.train.batch_size = batch_size;
        Ok(cost(&smaller)?.training_bytes)
    };
    // The cost is a line over the rows of the batch: two of its points say all.
    let (one, two) = (rows(1)?, rows(2)?);
    let row_bytes = two.saturating_sub(one);
    let fixed_bytes = one.saturating_sub(row_bytes);
    Ok(MemoryNeed { fixed_bytes, row_bytes, rows_max: specification.train.batch_size })
}

/// What is measured together with other orders.
pub(super) fn subject(specification: &OrderSpecification) -> Subject {
    let architecture = match specification.model.architecture {
        Architecture::Mlp { .. } => "mlp",
        Architecture::Cnn { .. } => "cnn",
        Architecture::Gpt { .. } => "gpt",
    };
    Subject { architecture: architecture.to_owned(), device: PROCESSOR.to_owned() }
}

impl Worker {
    /// What training an order needs, corrected by what was measured here.
    pub(super) fn corrected_need(
        &self,
        specification: &OrderSpecification,
    ) -> Result<MemoryNeed, Overflow> {
        let need = training_need(specification)?;
        let calibration = self.shared.calibration.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(calibration.correct(&subject(specification), need))
    }
}

/// The memory of one go at a training: asked for before each step, measured around the first.
#[derive(Debug)]
pub(super) struct StepMemory<'job> {
    control: &'job Control,
    subject: Subject,
    need: MemoryNeed,
    micro_rows: u32,
    probe: Option<Probe>,
    is_first: bool,
}

impl<'job> StepMemory<'job> {
    /// Before anything is taken.
    pub(super) fn new(
        control: &'job Control,
        specification: &OrderSpecification,
    ) -> Result<Self, Overflow> {
        let need = training_need(specification)?;
        let micro_rows = control.micro_rows(specification.train.batch_size);
        let estimated_bytes = need.bytes(micro_rows);
        let probe = control.owner().and_then(|owner| Probe::begin(&owner.shared, estimated_bytes));
        let subject = subject(specification);
        Ok(Self { control, subject, need, micro_rows, probe, is_first: true })
    }

    /// Asks for the memory of a step.
    pub(super) fn before_step(&self, step: u64) -> Result<(), OutOfMemory> {
        let (Some(owner), Some(place)) = (self.control.owner(), self.control.place()) else {
            return Ok(());
        };
        let shared = &owner.shared;
        let calibration = shared.calibration.lock().unwrap_or_else(PoisonError::into_inner);
        // Another job may have taught meanwhile that more is needed than was reserved.
        let need = calibration.correct(&self.subject, self.need);
        let needed_bytes = need.bytes(self.micro_rows);
        drop(calibration);
        let request = MemoryRequest {
            step,
            micro_rows: self.micro_rows,
            needed_bytes,
            budget_bytes: place.reserved_bytes,
            is_first: self.is_first,
        };
        shared.guard.admit(request).inspect_err(|_| shared.board().measure(owner.id, need))
    }

    /// Ends the measurement when this was the first step.
    pub(super) fn after_step(&mut self) {
        self.is_first = false;
        if let (Some(probe), Some(owner)) = (self.probe.take(), self.control.owner()) {
            probe.end(owner, &self.subject, self.need);
        }
    }
}
