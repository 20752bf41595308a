//! The memory of a job: what it may take, and what happens when it may not.

use std::sync::PoisonError;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_trainer::engine::EngineError;
use aipot_trainer::memory::training_memory;

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
/// [`EngineError::Overflow`] when a size does not fit.
pub fn training_need(specification: &OrderSpecification) -> Result<MemoryNeed, EngineError> {
    let total = |rows| training_memory(specification, rows).map(|memory| memory.total());
    let rows_max = specification.train.batch_size.max(1);
    let one = total(1)?;
    let file_bytes = specification.data.train.byte_count;
    let mut need =
        MemoryNeed { fixed_bytes: file_bytes.saturating_add(one), row_bytes: 0, rows_max };
    // The steepest line from one row to any number that may be tried lies above all of them.
    for rows in need.halvings().take_while(|rows| *rows > 1) {
        let more = total(rows)?.saturating_sub(one);
        need.row_bytes = need.row_bytes.max(more.div_ceil(u64::from(rows - 1)));
    }
    need.fixed_bytes = need.fixed_bytes.saturating_sub(need.row_bytes);
    Ok(need)
}

/// What is measured together with other orders.
pub(super) fn subject(specification: &OrderSpecification) -> Subject {
    let architecture = specification.model.architecture.name();
    Subject { architecture: architecture.to_owned(), device: PROCESSOR.to_owned() }
}

impl Worker {
    /// What training an order needs, corrected by what was measured here.
    pub(super) fn corrected_need(
        &self,
        specification: &OrderSpecification,
    ) -> Result<MemoryNeed, EngineError> {
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
    ) -> Result<Self, EngineError> {
        let need = training_need(specification)?;
        let micro_rows = control.micro_rows(specification.train.batch_size);
        let estimated_bytes = need.bytes(micro_rows);
        let probe = control.owner().and_then(|owner| Probe::begin(&owner.shared, estimated_bytes));
        let subject = subject(specification);
        Ok(Self { control, subject, need, micro_rows, probe, is_first: true })
    }

    /// Rows of a micro-batch.
    pub(super) fn micro_rows(&self) -> u32 {
        self.micro_rows
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::orders::{CNN, GPT, MLP, fixed, free};

    #[test]
    fn the_need_is_at_least_what_the_engine_takes_whatever_the_pieces() {
        for (specification, file) in [fixed(MLP), fixed(CNN), fixed(GPT), free(MLP)] {
            let need = training_need(&specification).unwrap();
            let file_bytes = u64::try_from(file.len()).unwrap();
            for rows in need.halvings() {
                let taken = training_memory(&specification, rows).unwrap().total() + file_bytes;
                assert!(need.bytes(rows) >= taken, "{rows} rows: {taken} of {}", need.bytes(rows));
                assert!(
                    need.bytes(rows) < 2 * taken,
                    "{rows} rows: {taken} of {}",
                    need.bytes(rows)
                );
            }
        }
    }

    #[test]
    fn memory_above_the_budget_is_refused_with_both_sides() {
        let request = MemoryRequest {
            step: 3,
            micro_rows: 8,
            needed_bytes: 101,
            budget_bytes: 100,
            is_first: false,
        };
        let refused = MachineMemory.admit(request).unwrap_err().to_string();
        assert_eq!(
            refused,
            "step 3 needs 101 bytes for micro-batches of 8 rows, the job may take 100"
        );
        let fits = MemoryRequest { needed_bytes: 100, ..request };
        assert_eq!(MachineMemory.admit(fits), Ok(()));
    }

    #[test]
    fn memory_that_the_operating_system_does_not_give_is_refused() {
        let bytes = u64::MAX >> 2;
        let request = MemoryRequest {
            step: 0,
            micro_rows: 1,
            needed_bytes: bytes,
            budget_bytes: bytes,
            is_first: true,
        };
        assert_eq!(MachineMemory.admit(request), Err(OutOfMemory { request }));
    }
}
