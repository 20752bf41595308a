//! Checks that a program is one: that it stays within the bounds, and reads nothing that is not there.

use alloc::collections::BTreeSet;

use super::builder::contiguous;
use super::error::{OperatorFault, ProgramError};
use super::{
    BLOCK_ELEMENTS, Computation, ELEMENTS_MAX, FILE_ELEMENTS_MAX, OPERATORS_MAX, Operation,
    Operator, Program, RANK, ROW_ELEMENTS_MAX, SLOTS_MAX, Slot, SlotIndex, SlotKind, View,
};

impl Computation {
    /// Checks both programs, and that the first step makes the whole state.
    ///
    /// # Errors
    /// [`ProgramError`] with the first fault.
    pub fn check(&self) -> Result<(), ProgramError> {
        let (initial, step) = (self.initial.state(), self.step.state());
        if !initial.clone().eq(step.clone()) {
            let (initial, step) = (initial.count(), step.count());
            return Err(ProgramError::StateMismatch { initial, step });
        }
        let written = self.initial.check_from(BTreeSet::new())?;
        for (place, slot) in (0..).zip(&self.initial.slots) {
            if slot.kind == SlotKind::Persistent && !written.contains(&place) {
                let (slot, name) = (usize::from(place), slot.name);
                return Err(ProgramError::NotInitial { slot, name });
            }
        }
        self.step.check()
    }
}

impl Program {
    /// Checks bounds, order of slots, and that every operator reads what is there and was written before.
    ///
    /// # Errors
    /// [`ProgramError`] with the first fault.
    pub fn check(&self) -> Result<(), ProgramError> {
        let persistent = (0..).zip(&self.slots);
        let persistent = persistent.filter(|(_, slot)| slot.kind == SlotKind::Persistent);
        self.check_from(persistent.map(|(place, _)| place).collect()).map(|_| ())
    }

    /// The slots that survive, as far as two programs must agree on them.
    fn state(&self) -> impl Iterator<Item = u32> + Clone {
        let persistent = self.slots.iter().filter(|slot| slot.kind == SlotKind::Persistent);
        persistent.map(|slot| slot.element_count)
    }

    /// Checks the program behind slots that are `written`, and gives those that are in the end.
    fn check_from(
        &self,
        mut written: BTreeSet<SlotIndex>,
    ) -> Result<BTreeSet<SlotIndex>, ProgramError> {
        if self.operators.len() > OPERATORS_MAX {
            return Err(ProgramError::OperatorCount);
        }
        self.check_slots()?;
        for (place, operator) in self.operators.iter().enumerate() {
            self.check_operator(operator, &written).map_err(|fault| ProgramError::Operator {
                operator: place,
                name: operator.name,
                fault,
            })?;
            written.insert(operator.output);
        }
        Ok(written)
    }

    fn check_slots(&self) -> Result<(), ProgramError> {
        if self.persistent_count().saturating_add(self.scratch_count()) > SLOTS_MAX {
            return Err(ProgramError::SlotCount);
        }
        let mut before = 0_u8;
        for (place, slot) in self.slots.iter().enumerate() {
            let (rank, least) = match slot.kind {
                SlotKind::Persistent => (0, 1),
                SlotKind::Scratch => (1, 1),
                SlotKind::File { .. } => (2, 0),
            };
            let Slot { name, element_count, .. } = *slot;
            let most = if rank == 2 { FILE_ELEMENTS_MAX } else { ELEMENTS_MAX };
            if rank < before || !(least..=most).contains(&element_count) {
                return Err(ProgramError::Slot { slot: place, name, element_count });
            }
            before = rank;
        }
        Ok(())
    }

    fn check_operator(
        &self,
        operator: &Operator,
        written: &BTreeSet<SlotIndex>,
    ) -> Result<(), OperatorFault> {
        let output = self.slots.get(usize::from(operator.output));
        let output = output.filter(|slot| !matches!(slot.kind, SlotKind::File { .. }));
        let element_count = output.ok_or(OperatorFault::Output(operator.output))?.element_count;
        let sides = product(&operator.shape);
        if sides != u64::from(element_count) {
            return Err(OperatorFault::Sides { sides, element_count });
        }
        check_lengths(&operator.operation, element_count)?;
        let reads = Reads { program: self, operator, written };
        reads.check()
    }
}

/// Checks what does not depend on the slots that are read.
fn check_lengths(operation: &Operation, element_count: u32) -> Result<(), OperatorFault> {
    let within = |length: u32, max: u32| {
        if (1..=max).contains(&length) {
            Ok(())
        } else {
            Err(OperatorFault::Length { length, max })
        }
    };
    let of_words = |expected: u32| {
        if element_count == expected {
            Ok(())
        } else {
            Err(OperatorFault::Counter { expected, element_count })
        }
    };
    match operation {
        Operation::Map { function, operands } => {
            let (expected, found) = (function.operand_count(), operands.len());
            if expected == found {
                Ok(())
            } else {
                Err(OperatorFault::Operands { expected, found })
            }
        }
        Operation::Product { depth, .. } | Operation::ChainSum { depth, .. } => {
            within(*depth, BLOCK_ELEMENTS)
        }
        Operation::Reduce { length, .. } => within(*length, ROW_ELEMENTS_MAX),
        Operation::IsCorrect { class_count, .. } => within(*class_count, ROW_ELEMENTS_MAX),
        Operation::CountUp { length, .. } => {
            within(*length, ROW_ELEMENTS_MAX)?;
            of_words(2)
        }
        Operation::Digest { .. } => of_words(8),
        Operation::LearningRate { .. } => of_words(1),
        Operation::Gather { .. }
        | Operation::AddWindow { .. }
        | Operation::Feature { .. }
        | Operation::Label { .. }
        | Operation::Token { .. }
        | Operation::IsPresent { .. }
        | Operation::Normal { .. }
        | Operation::Kept { .. } => Ok(()),
    }
}

/// What an operator reads, at a time when some slots are written.
struct Reads<'program> {
    program: &'program Program,
    operator: &'program Operator,
    written: &'program BTreeSet<SlotIndex>,
}

impl Reads<'_> {
    fn check(&self) -> Result<(), OperatorFault> {
        let shape = self.operator.shape;
        let output = self.operator.output;
        match &self.operator.operation {
            Operation::AddWindow { added, origin: [top, left], size: [height, width], stride } => {
                let [first, second, rows, columns, fifth, sixth] = shape;
                let is_within = reaches(*top, *height, *stride) <= u64::from(rows)
                    && reaches(*left, *width, *stride) <= u64::from(columns);
                if *stride == 0 || !is_within {
                    return Err(OperatorFault::Window);
                }
                self.readable(output)?;
                self.view(added, [first, second, *height, *width, fifth, sixth], 1)
            }
            Operation::Map { .. } => {
                self.operator.operation.views().try_for_each(|view| self.operand(view))
            }
            Operation::Feature { data, .. }
            | Operation::Label { data }
            | Operation::Token { data, .. } => self.readable(data.slot).map(|_| ()),
            Operation::Digest { slot, .. } => {
                self.readable(output)?;
                self.readable(*slot).map(|_| ())
            }
            Operation::CountUp { input, length } => {
                self.readable(output)?;
                self.row(input, *length)
            }
            Operation::Product { depth: length, .. }
            | Operation::ChainSum { depth: length, .. }
            | Operation::Reduce { length, .. } => {
                let mut views = self.operator.operation.views();
                views.try_for_each(|view| self.row(view, *length))
            }
            Operation::IsCorrect { logits, class_count, label, is_present } => {
                self.row(logits, *class_count)?;
                self.row(label, 1)?;
                self.row(is_present, 1)
            }
            Operation::Gather { table, index, .. } => {
                self.row(table, 1)?;
                self.row(index, 1)
            }
            Operation::IsPresent { .. }
            | Operation::Normal { .. }
            | Operation::Kept { .. }
            | Operation::LearningRate { .. } => Ok(()),
        }
    }

    /// An operand of a function, which may write over what it reads: an element over itself.
    fn operand(&self, view: &View) -> Result<(), OperatorFault> {
        let shape = self.operator.shape;
        self.view(view, shape, 1)?;
        let is_itself = view.offset == 0 && is_contiguous(view, &shape);
        if view.slot == self.operator.output && !is_itself {
            return Err(OperatorFault::Aliased(view.slot));
        }
        Ok(())
    }

    /// Rows of `length` neighbours from each element of a view on, none of them of the output.
    fn row(&self, view: &View, length: u32) -> Result<(), OperatorFault> {
        if view.slot == self.operator.output {
            return Err(OperatorFault::Aliased(view.slot));
        }
        self.view(view, self.operator.shape, length)
    }

    fn view(&self, view: &View, shape: [u32; RANK], length: u32) -> Result<(), OperatorFault> {
        let element_count = self.readable(view.slot)?;
        let last =
            view.strides.iter().zip(shape).fold(u64::from(view.offset), |sum, (stride, side)| {
                let steps = u64::from(side).saturating_sub(1);
                sum.saturating_add(steps.saturating_mul(u64::from(*stride)))
            });
        let element = last.saturating_add(u64::from(length)).saturating_sub(1);
        if element >= u64::from(element_count) {
            return Err(OperatorFault::Beyond { slot: view.slot, element, element_count });
        }
        Ok(())
    }

    /// Elements of a slot that is there.
    fn readable(&self, slot: SlotIndex) -> Result<u32, OperatorFault> {
        let found = self.program.slots.get(usize::from(slot));
        let readable = found.filter(|found| match found.kind {
            SlotKind::File { .. } => true,
            SlotKind::Persistent | SlotKind::Scratch => self.written.contains(&slot),
        });
        readable.map(|found| found.element_count).ok_or(OperatorFault::Unwritten(slot))
    }
}

/// Where the rows or columns of a window end on its plane.
fn reaches(origin: u32, count: u32, stride: u32) -> u64 {
    let steps = u64::from(count.saturating_sub(1)).saturating_mul(u64::from(stride));
    u64::from(origin).saturating_add(steps).saturating_add(u64::from(count.min(1)))
}

/// Whether a view sees a slot as it stands; the stride of a side of 1 says nothing.
fn is_contiguous(view: &View, shape: &[u32; RANK]) -> bool {
    let expected = contiguous(shape);
    let sides = view.strides.iter().zip(expected).zip(shape);
    sides.into_iter().all(|((stride, expected), side)| *side == 1 || *stride == expected)
}

fn product(shape: &[u32; RANK]) -> u64 {
    shape.iter().fold(1_u64, |count, side| count.saturating_mul(u64::from(*side)))
}
