//! The memory of a job: what it may take, and what happens when it may not.

use aipot_domain_runtime::order::{OrderSpecification, Recipe};
use aipot_trainer::engine::EngineError;
use aipot_trainer::memory::training_memory;
use aipot_trainer::trace::recorder::SNAPSHOT_BYTES_MAX;

use super::calibration::Probe;
use super::{Control, Worker};
use crate::scheduler::calibration::{Calibration, Subject};
use crate::scheduler::memory::MemoryNeed;

/// What is kept, and the bytes of the file that is written of it.
const WRITTEN_COPIES: u64 = 2;

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

/// What training an order needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderMemory {
    /// Until the first step is done, by the rows of its micro-batches.
    pub step: MemoryNeed,
    /// What the run keeps and writes later: its trace, or its checkpoint, and the copy that is written.
    pub record_bytes: u64,
}

impl OrderMemory {
    /// Computed before anything is taken.
    ///
    /// # Errors
    /// [`EngineError::Overflow`] when a size does not fit.
    pub fn of(specification: &OrderSpecification) -> Result<Self, EngineError> {
        let total = |rows| training_memory(specification, rows).map(|memory| memory.total());
        let rows_max = specification.train.batch_size.max(1);
        let (one, first) = (total(1)?, training_memory(specification, 1)?);
        let state_bytes = first.weights.saturating_add(first.moments);
        let kept = kept(specification, state_bytes);
        // The file of frozen weights, and the weights.
        let base_bytes = specification.model.base.map_or(0, |base| base.byte_count);
        let base_bytes = base_bytes.saturating_mul(2);
        let data_bytes = specification.data.train.byte_count;
        let always = [data_bytes, base_bytes, one, kept.initial_bytes];
        let fixed_bytes = always.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        let mut step = MemoryNeed { fixed_bytes, row_bytes: 0, rows_max };
        // The steepest line from one row to any number that may be tried lies above all of them.
        for rows in step.halvings().take_while(|rows| *rows > 1) {
            let more = total(rows)?.saturating_sub(one);
            step.row_bytes = step.row_bytes.max(more.div_ceil(u64::from(rows - 1)));
        }
        step.fixed_bytes = step.fixed_bytes.saturating_sub(step.row_bytes);
        Ok(Self { step, record_bytes: kept.record_bytes.saturating_mul(WRITTEN_COPIES) })
    }

    /// All of it, with the first step corrected by what was measured.
    pub(super) fn corrected(&self, calibration: &Calibration, subject: &Subject) -> MemoryNeed {
        self.with_record(calibration.correct(subject, self.step))
    }

    fn with_record(&self, step: MemoryNeed) -> MemoryNeed {
        MemoryNeed { fixed_bytes: step.fixed_bytes.saturating_add(self.record_bytes), ..step }
    }
}

/// All that training an order needs, before anything was measured.
///
/// # Errors
/// [`EngineError::Overflow`] when a size does not fit.
pub fn training_need(specification: &OrderSpecification) -> Result<MemoryNeed, EngineError> {
    let memory = OrderMemory::of(specification)?;
    Ok(memory.with_record(memory.step))
}

/// What a run keeps beside what its steps compute with.
struct Kept {
    /// While the weights are made.
    initial_bytes: u64,
    /// At its end.
    record_bytes: u64,
}

fn kept(specification: &OrderSpecification, state_bytes: u64) -> Kept {
    let Recipe::Fixed(recipe) = specification.train.recipe else {
        return Kept { initial_bytes: 0, record_bytes: state_bytes };
    };
    let checkpoints = u64::from(recipe.step_count / recipe.checkpoint_interval.max(1)) + 1;
    let record_bytes = state_bytes.saturating_mul(checkpoints);
    Kept {
        // The machine makes the state, which is then copied.
        initial_bytes: state_bytes.saturating_mul(2),
        record_bytes: record_bytes.min(SNAPSHOT_BYTES_MAX.max(state_bytes)),
    }
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
        let memory = OrderMemory::of(specification)?;
        Ok(memory.corrected(&self.shared.calibration(), &subject(specification)))
    }
}

/// The memory of one go at a training: asked for before each step, measured around the first.
#[derive(Debug)]
pub(super) struct StepMemory<'job> {
    control: &'job Control,
    subject: Subject,
    memory: OrderMemory,
    /// What this go needs by what was measured before it, or in its first step.
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
        let memory = OrderMemory::of(specification)?;
        let micro_rows = control.micro_rows(specification.train.batch_size);
        let estimated_bytes = memory.step.bytes(micro_rows);
        let probe = control.owner().and_then(|owner| Probe::begin(&owner.shared, estimated_bytes));
        let subject = subject(specification);
        let need = match control.owner() {
            Some(owner) => memory.corrected(&owner.shared.calibration(), &subject),
            None => memory.with_record(memory.step),
        };
        Ok(Self { control, subject, memory, need, micro_rows, probe, is_first: true })
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
        // The first step may have taught that more must be reserved than the place had.
        let reserved_bytes = shared.board().reserved_bytes(owner.id);
        let request = MemoryRequest {
            step,
            micro_rows: self.micro_rows,
            needed_bytes: self.need.bytes(self.micro_rows),
            budget_bytes: reserved_bytes.unwrap_or(place.reserved_bytes),
            is_first: self.is_first,
        };
        let admitted = shared.guard.admit(request);
        // Another job may have taught, while this one waited, that it needs more.
        admitted.inspect_err(|_| shared.board().measure(owner.id, self.need))
    }

    /// Ends the measurement when this was the first step.
    pub(super) fn after_step(&mut self) {
        self.is_first = false;
        if let (Some(probe), Some(owner)) = (self.probe.take(), self.control.owner()) {
            let corrected = probe.end(owner, &self.subject, &self.memory);
            self.need = corrected.unwrap_or(self.need);
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
            let OrderMemory { step: need, record_bytes } = OrderMemory::of(&specification).unwrap();
            assert!(record_bytes > 0);
            let file_bytes = u64::try_from(file.len()).unwrap();
            for rows in need.halvings() {
                let taken = training_memory(&specification, rows).unwrap().total() + file_bytes;
                assert!(need.bytes(rows) >= taken, "{rows} rows: {taken} of {}", need.bytes(rows));
                assert!(
                    need.bytes(rows) < 3 * taken,
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
