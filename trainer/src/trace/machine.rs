//! Runs a computation operator by operator over memory, with the bits that the referee computes.
//!
//! A fast engine fuses what stands here one after the other; the machine is what disputes are replayed
//! with, and the definition that engines are compared with. Each operator is parallel over its output.

mod data;
mod error;
mod function;
mod map;
mod product;
mod rows;
mod sides;

pub use error::MachineError;
pub(crate) use function::q16;

use aipot_domain_runtime::program::{
    Computation, File, Operation, Operator, Program, Slot, SlotIndex, SlotKind, View,
};

use rows::Window;
use sides::{Course, wide};

/// The contents of the files that a computation reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Files<'bytes> {
    /// The training data.
    pub train: &'bytes [u8],
    /// The test data.
    pub test: &'bytes [u8],
    /// The model.
    pub model: &'bytes [u8],
    /// The weights that the order starts from or builds upon.
    pub base: &'bytes [u8],
}

impl<'bytes> Files<'bytes> {
    /// The bytes of one of them.
    pub fn get(&self, file: File) -> &'bytes [u8] {
        match file {
            File::Train => self.train,
            File::Test => self.test,
            File::Model => self.model,
            File::Base => self.base,
        }
    }
}

/// Memory in which a computation runs. A slot that was not written yet has no words.
#[derive(Clone, Debug)]
pub struct Machine<'input> {
    computation: &'input Computation,
    files: Files<'input>,
    slots: Vec<Vec<u32>>,
    /// What an operator writes before it takes the place of the old words.
    spare: Vec<u32>,
    /// The step whose slots are in memory.
    step: Option<u32>,
}

impl<'input> Machine<'input> {
    /// A machine before step 0.
    pub fn new(computation: &'input Computation, files: Files<'input>) -> Self {
        Self { computation, files, slots: Vec::new(), spare: Vec::new(), step: None }
    }

    /// The computation that it runs.
    pub fn computation(&self) -> &'input Computation {
        self.computation
    }

    /// The words of all slots of the step that was begun last, persistent ones first.
    pub fn slots(&self) -> &[Vec<u32>] {
        &self.slots
    }

    /// Changes single words, as a forger would.
    pub fn slots_mut(&mut self) -> &mut [Vec<u32>] {
        &mut self.slots
    }

    /// The words of the slots that survive a step.
    pub fn persistent(&self) -> &[Vec<u32>] {
        let count = self.computation.step.persistent_count().min(self.slots.len());
        &self.slots[..count]
    }

    /// Puts back what [`Self::persistent`] gave after some step.
    pub fn restore(&mut self, persistent: Vec<Vec<u32>>) {
        self.slots = persistent;
        self.step = None;
    }

    /// Makes room for a step: what does not survive a step is unset, files are loaded.
    ///
    /// # Errors
    /// [`MachineError::NoStep`] beyond the last; [`MachineError::FileTooShort`].
    pub fn begin(&mut self, step: u32) -> Result<(), MachineError> {
        let program = self.program(step)?;
        let keeps_files = self.step.is_some_and(|last| (last == 0) == (step == 0));
        self.slots.resize(program.slots.len(), Vec::new());
        for (words, slot) in self.slots.iter_mut().zip(&program.slots) {
            match slot.kind {
                SlotKind::Persistent if step > 0 => {}
                SlotKind::Persistent | SlotKind::Scratch => words.clear(),
                SlotKind::File { .. } if keeps_files => {}
                SlotKind::File { file, byte_offset } => {
                    *words = file_words(slot, self.files.get(file), byte_offset)?;
                }
            }
        }
        self.step = Some(step);
        Ok(())
    }

    /// Runs one operator of the step that was begun.
    ///
    /// # Errors
    /// [`MachineError`] when the program is not sound or a file is not the one that it is for.
    pub fn run(&mut self, operator_index: usize) -> Result<(), MachineError> {
        let step = self.step.ok_or(MachineError::NotBegun)?;
        let (program, number) = self.computation.program(step).ok_or_else(|| self.no_step(step))?;
        let operator = program.operators.get(operator_index).ok_or(MachineError::NoOperator {
            operator: operator_index,
            count: program.operators.len(),
        })?;
        let mut output = std::mem::take(&mut self.spare);
        let words = &self.slots;
        let scene = Scene { program, operator, words, files: self.files, number };
        scene.write(&mut output)?;
        let place = self.slots.get_mut(usize::from(operator.output));
        let place = place.ok_or(MachineError::NoSlot { slot: operator.output })?;
        self.spare = std::mem::replace(place, output);
        Ok(())
    }

    /// Begins a step and runs all its operators.
    ///
    /// # Errors
    /// As [`Self::begin`] and [`Self::run`].
    pub fn step(&mut self, step: u32) -> Result<(), MachineError> {
        self.begin(step)?;
        (0..self.program(step)?.operators.len()).try_for_each(|operator| self.run(operator))
    }

    /// The program of a step.
    ///
    /// # Errors
    /// [`MachineError::NoStep`] beyond the last.
    pub fn program(&self, step: u32) -> Result<&'input Program, MachineError> {
        let (program, _) = self.computation.program(step).ok_or_else(|| self.no_step(step))?;
        Ok(program)
    }

    fn no_step(&self, step: u32) -> MachineError {
        MachineError::NoStep { step, step_count: self.computation.steps() }
    }
}

/// An operator with everything that it reads.
#[derive(Clone, Copy)]
struct Scene<'step> {
    program: &'step Program,
    operator: &'step Operator,
    words: &'step [Vec<u32>],
    files: Files<'step>,
    number: u32,
}

impl Scene<'_> {
    /// Computes all elements of the output.
    fn write(&self, output: &mut Vec<u32>) -> Result<(), MachineError> {
        let slot = self.slot(self.operator.output)?;
        let elements =
            self.operator.shape.iter().try_fold(1, |all: u32, size| all.checked_mul(*size));
        if elements != Some(slot.element_count) || slot.element_count == 0 {
            return Err(MachineError::WrongShape { operator: self.operator.name, slot: slot.name });
        }
        output.clear();
        output.resize(wide(slot.element_count), 0);
        match &self.operator.operation {
            Operation::Map { function, operands } => self.map(*function, operands, output),
            Operation::Product { left, right, depth } => self.product(left, right, *depth, output),
            Operation::ChainSum { input, depth } => self.chain_sum(input, *depth, output),
            Operation::Reduce { reduction, input, length } => {
                self.reduce(*reduction, input, *length, output)
            }
            Operation::Gather { table, index, stride } => {
                self.gather(table, index, *stride, output)
            }
            Operation::AddWindow { added, origin, size, stride } => {
                let shape = &self.operator.shape;
                self.add_window(&Window::new(shape, added, (*origin, *size, *stride)), output)
            }
            _ => self.write_data(output),
        }
    }

    fn slot(&self, index: SlotIndex) -> Result<&Slot, MachineError> {
        self.program.slots.get(usize::from(index)).ok_or(MachineError::NoSlot { slot: index })
    }

    /// The words of a slot that was written already.
    fn slot_words(&self, index: SlotIndex) -> Result<&[u32], MachineError> {
        let slot = self.slot(index)?;
        let words = self.words.get(usize::from(index)).map_or(&[][..], Vec::as_slice);
        if words.len() == wide(slot.element_count) {
            return Ok(words);
        }
        Err(MachineError::Unset { operator: self.operator.name, slot: slot.name })
    }

    /// The words that a view reads, where `length` neighbours from every position are read.
    fn view(&self, view: &View, length: u32) -> Result<(Course, &[u32]), MachineError> {
        let course = Course::new(&self.operator.shape, view.offset, &view.strides);
        Ok((course.clone(), self.within(&course, view.slot, length)?))
    }

    /// The words of a slot if a course with `length` neighbours from every position stays inside.
    fn within(
        &self,
        course: &Course,
        slot: SlotIndex,
        length: u32,
    ) -> Result<&[u32], MachineError> {
        let words = self.slot_words(slot)?;
        let end = course.last().and_then(|last| last.checked_add(wide(length)));
        if end.is_some_and(|end| end <= words.len()) {
            return Ok(words);
        }
        let slot = self.slot(slot)?.name;
        Err(MachineError::OutOfBounds { operator: self.operator.name, slot })
    }
}

/// The words of a slot that stands in a file; none for data, whose records are read by the byte.
fn file_words(slot: &Slot, bytes: &[u8], byte_offset: u64) -> Result<Vec<u32>, MachineError> {
    let too_short = || MachineError::FileTooShort {
        slot: slot.name,
        found: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
    };
    let begin = usize::try_from(byte_offset).map_err(|_| too_short())?;
    let bytes = bytes.get(begin..).ok_or_else(too_short)?;
    let bytes = bytes.get(..wide(slot.element_count).saturating_mul(4)).ok_or_else(too_short)?;
    let (words, _) = bytes.as_chunks::<4>();
    Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

#[cfg(test)]
mod tests;
