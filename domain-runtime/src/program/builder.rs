//! Puts a program together, slot by slot and operator by operator, within the bounds of every program.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::error::ProgramError;
use super::{
    BLOCK_ELEMENTS, ELEMENTS_MAX, FILE_ELEMENTS_MAX, File, Function, OPERATORS_MAX, Operand,
    Operation, Operator, Program, RANK, ROW_ELEMENTS_MAX, Reduction, SLOTS_MAX, Slot, SlotIndex,
    SlotKind, View,
};

/// Files come last in a program; until their place is known they are counted from here.
const FILES_BASE: SlotIndex = 1 << 15;

const _: () = assert!(SLOTS_MAX < 1 << 15);

/// A program in the making.
#[derive(Default)]
pub(super) struct Builder {
    persistent: Vec<Slot>,
    scratch: Vec<Slot>,
    files: Vec<Slot>,
    operators: Vec<Operator>,
    /// Scratch slots that nobody reads any more, by their size.
    free: BTreeMap<u32, Vec<SlotIndex>>,
    /// Layer that the next slots and operators belong to.
    layer: u16,
}

/// A product over K that may be longer than a block.
pub(super) struct Product<'shape> {
    /// What it is.
    pub(super) name: &'static str,
    /// Sides of the output.
    pub(super) shape: &'shape [u32],
    /// One side.
    pub(super) left: View,
    /// The other side.
    pub(super) right: View,
    /// Elements of K.
    pub(super) depth: u32,
}

impl View {
    /// A slot from its first element on; sides without a stride repeat.
    pub(super) fn new(slot: SlotIndex, strides: &[u32]) -> Self {
        Self { slot, offset: 0, strides: padded(strides, 0) }
    }

    /// The same view some elements on.
    pub(super) fn shifted(self, elements: u32) -> Self {
        Self { offset: self.offset.saturating_add(elements), ..self }
    }
}

/// An operand that sees a slot from its first element on.
pub(super) fn of(slot: SlotIndex, strides: &[u32]) -> Operand {
    Operand::Slot(View::new(slot, strides))
}

/// The integer that grows with the sides.
pub(super) fn index(strides: &[u32]) -> Operand {
    Operand::Index { offset: 0, strides: padded(strides, 0) }
}

/// An array of all sides.
fn padded(numbers: &[u32], rest: u32) -> [u32; RANK] {
    let mut all = [rest; RANK];
    for (place, number) in all.iter_mut().zip(numbers) {
        *place = *number;
    }
    all
}

/// Strides of a tensor whose last side is the fastest.
pub(super) fn contiguous(shape: &[u32]) -> [u32; RANK] {
    let mut strides = [0; RANK];
    let mut stride = 1_u32;
    for (place, side) in strides.iter_mut().zip(shape).rev() {
        *place = stride;
        stride = stride.saturating_mul(*side);
    }
    strides
}

/// The blocks of K: where each starts and how long it is.
pub(super) fn blocks(depth: u32) -> impl Iterator<Item = (u32, u32)> {
    let starts =
        (0..depth.div_ceil(BLOCK_ELEMENTS)).map(|block| block.saturating_mul(BLOCK_ELEMENTS));
    starts.map(move |start| (start, depth.saturating_sub(start).min(BLOCK_ELEMENTS)))
}

impl Builder {
    /// What follows belongs to this layer.
    pub(super) fn enter(&mut self, layer: u16) {
        self.layer = layer;
    }

    /// A slot that survives the step.
    pub(super) fn persistent(
        &mut self,
        name: &'static str,
        element_count: u32,
    ) -> Result<SlotIndex, ProgramError> {
        let slot = self.slot(name, SlotKind::Persistent, element_count)?;
        self.persistent.push(slot);
        // Nothing is made between the persistent slots and the scratch slots behind them.
        index_of(self.persistent.len().checked_sub(1))
    }

    /// A slot in a file.
    pub(super) fn file(
        &mut self,
        name: &'static str,
        file: File,
        (byte_offset, element_count): (u64, u32),
    ) -> Result<SlotIndex, ProgramError> {
        let slot = Slot {
            name,
            layer: self.layer,
            kind: SlotKind::File { file, byte_offset },
            element_count,
        };
        self.files.push(slot);
        let place = index_of(self.files.len().checked_sub(1))?;
        Ok(FILES_BASE.saturating_add(place))
    }

    fn slot(
        &self,
        name: &'static str,
        kind: SlotKind,
        element_count: u32,
    ) -> Result<Slot, ProgramError> {
        if element_count == 0 || element_count > ELEMENTS_MAX {
            return Err(ProgramError::SlotSize { name, element_count: u64::from(element_count) });
        }
        if self.persistent.len().saturating_add(self.scratch.len()) >= SLOTS_MAX {
            return Err(ProgramError::SlotCount);
        }
        Ok(Slot { name, layer: self.layer, kind, element_count })
    }

    /// A scratch slot of the size of `shape`; one that is free again where there is one.
    fn scratch(&mut self, name: &'static str, shape: &[u32]) -> Result<SlotIndex, ProgramError> {
        let element_count = element_count(name, shape)?;
        if let Some(slot) = self.free.get_mut(&element_count).and_then(Vec::pop) {
            return Ok(slot);
        }
        self.fresh(name, element_count)
    }

    /// A scratch slot that no other tensor had.
    pub(super) fn fresh(
        &mut self,
        name: &'static str,
        element_count: u32,
    ) -> Result<SlotIndex, ProgramError> {
        let slot = self.slot(name, SlotKind::Scratch, element_count)?;
        let place = self.persistent.len().checked_add(self.scratch.len());
        self.scratch.push(slot);
        index_of(place)
    }

    /// Says that nobody reads a scratch slot any more, so that another tensor may take its place.
    pub(super) fn release(&mut self, slot: SlotIndex) {
        let place = usize::from(slot).checked_sub(self.persistent.len());
        if let Some(scratch) = place.and_then(|place| self.scratch.get(place)) {
            self.free.entry(scratch.element_count).or_default().push(slot);
        }
    }

    /// An operator that writes a slot.
    pub(super) fn write(
        &mut self,
        name: &'static str,
        (output, shape): (SlotIndex, &[u32]),
        operation: Operation,
    ) -> Result<(), ProgramError> {
        if self.operators.len() >= OPERATORS_MAX {
            return Err(ProgramError::OperatorCount);
        }
        let (layer, shape) = (self.layer, padded(shape, 1));
        self.operators.push(Operator { name, layer, output, shape, operation });
        Ok(())
    }

    /// An operator that writes a scratch slot of its own.
    pub(super) fn compute(
        &mut self,
        name: &'static str,
        shape: &[u32],
        operation: Operation,
    ) -> Result<SlotIndex, ProgramError> {
        let output = self.scratch(name, shape)?;
        self.write(name, (output, shape), operation)?;
        Ok(output)
    }

    /// A function of single elements.
    pub(super) fn map(
        &mut self,
        name: &'static str,
        shape: &[u32],
        function: Function,
        operands: &[Operand],
    ) -> Result<SlotIndex, ProgramError> {
        self.compute(name, shape, Operation::Map { function, operands: operands.to_vec() })
    }

    /// A function of single elements that writes a slot which is there.
    pub(super) fn update(
        &mut self,
        name: &'static str,
        output: (SlotIndex, &[u32]),
        function: Function,
        operands: &[Operand],
    ) -> Result<(), ProgramError> {
        self.write(name, output, Operation::Map { function, operands: operands.to_vec() })
    }

    /// The elements of a view in the order of `shape`.
    pub(super) fn copy(
        &mut self,
        name: &'static str,
        shape: &[u32],
        view: View,
    ) -> Result<SlotIndex, ProgramError> {
        self.map(name, shape, Function::Copy, &[Operand::Slot(view)])
    }

    /// One number for each row of `[rows, length]`.
    pub(super) fn reduce(
        &mut self,
        name: &'static str,
        reduction: Reduction,
        input: SlotIndex,
        [rows, length]: [u32; 2],
    ) -> Result<SlotIndex, ProgramError> {
        if length == 0 || length > ROW_ELEMENTS_MAX {
            return Err(ProgramError::RowLength { name, length });
        }
        let input = View::new(input, &[length]);
        self.compute(name, &[rows], Operation::Reduce { reduction, input, length })
    }

    /// A product over K: a block after the other, and their sums in order.
    pub(super) fn product(&mut self, product: &Product<'_>) -> Result<SlotIndex, ProgramError> {
        let &Product { name, shape, left, right, depth } = product;
        let mut total = None;
        for (start, depth) in blocks(depth) {
            let (left, right) = (left.shifted(start), right.shifted(start));
            let block = Operation::Product { left, right, depth };
            total = Some(self.accumulate((name, shape), total, block)?);
        }
        total.ok_or(ProgramError::RowLength { name, length: depth })
    }

    /// The sums of the rows of `[columns, rows]`: a block after the other, in order.
    pub(super) fn column_sums(
        &mut self,
        name: &'static str,
        transposed: SlotIndex,
        [columns, rows]: [u32; 2],
    ) -> Result<SlotIndex, ProgramError> {
        let mut total = None;
        for (start, depth) in blocks(rows) {
            let input = View::new(transposed, &[rows]).shifted(start);
            let block = Operation::ChainSum { input, depth };
            total = Some(self.accumulate((name, &[columns]), total, block)?);
        }
        total.ok_or(ProgramError::RowLength { name, length: rows })
    }

    /// The first block is the total, every other is added to it.
    pub(super) fn accumulate(
        &mut self,
        (name, shape): (&'static str, &[u32]),
        total: Option<SlotIndex>,
        block: Operation,
    ) -> Result<SlotIndex, ProgramError> {
        let Some(total) = total else { return self.compute(name, shape, block) };
        let block = self.compute(name, shape, block)?;
        let strides = contiguous(shape);
        let operands = [of(total, &strides), of(block, &strides)];
        self.update(name, (total, shape), Function::Add, &operands)?;
        self.release(block);
        Ok(total)
    }

    /// The program, with the files behind all other slots.
    pub(super) fn finish(self) -> Result<Program, ProgramError> {
        let Self { persistent, scratch, files, mut operators, .. } = self;
        let first = index_of(persistent.len().checked_add(scratch.len()))?;
        let mut place_file = |slot: &mut SlotIndex| {
            let place = slot.checked_sub(FILES_BASE);
            *slot = place.map_or(*slot, |place| first.saturating_add(place));
        };
        for operator in &mut operators {
            operator.operation.each_slot_mut(&mut place_file);
        }
        let slots = persistent.into_iter().chain(scratch).chain(files).collect();
        Ok(Program { slots, operators })
    }
}

/// Elements of a tensor in a file.
pub(super) fn file_element_count(name: &'static str, shape: &[u32]) -> Result<u32, ProgramError> {
    count(name, shape, FILE_ELEMENTS_MAX)
}

/// Elements of a tensor.
pub(super) fn element_count(name: &'static str, shape: &[u32]) -> Result<u32, ProgramError> {
    count(name, shape, ELEMENTS_MAX)
}

fn count(name: &'static str, shape: &[u32], max: u32) -> Result<u32, ProgramError> {
    let element_count =
        shape.iter().fold(1_u64, |count, side| count.saturating_mul(u64::from(*side)));
    let fitting = u32::try_from(element_count).ok();
    fitting
        .filter(|count| (1..=max).contains(count))
        .ok_or(ProgramError::SlotSize { name, element_count })
}

fn index_of(place: Option<usize>) -> Result<SlotIndex, ProgramError> {
    let place = place.and_then(|place| SlotIndex::try_from(place).ok());
    place.filter(|place| *place < FILES_BASE).ok_or(ProgramError::SlotCount)
}
