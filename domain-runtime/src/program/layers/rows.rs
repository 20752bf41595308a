//! Sums over rows that are longer than what one element may sum: pieces are summed, then their sums.

use crate::float::Float;
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Operation, ROW_ELEMENTS_MAX, Reduction, SlotIndex, View};

/// A count as a number, to divide by.
pub(in crate::program) fn count(elements: u32) -> Operand {
    Operand::Constant(Float::from_u32(elements).0)
}

/// The mean of each row of `[rows, length]`.
pub(in crate::program) fn mean_of_rows(
    builder: &mut Builder,
    name: &'static str,
    input: SlotIndex,
    [rows, length]: [u32; 2],
) -> Result<SlotIndex, ProgramError> {
    if length <= ROW_ELEMENTS_MAX {
        return builder.reduce(name, Reduction::Mean, input, [rows, length]);
    }
    let sums = sum_of_rows(builder, name, input, [rows, length])?;
    let operands = [of(sums, &[1]), count(length)];
    builder.update(name, (sums, &[rows]), Function::Divide, &operands)?;
    Ok(sums)
}

/// The sum of each row of `[rows, length]`, by pieces where one sum would be too long.
fn sum_of_rows(
    builder: &mut Builder,
    name: &'static str,
    input: SlotIndex,
    [rows, length]: [u32; 2],
) -> Result<SlotIndex, ProgramError> {
    let (mut sums, mut count) = (pieces(builder, name, input, [rows, length])?, length);
    loop {
        count = count.div_ceil(ROW_ELEMENTS_MAX);
        if count <= 1 {
            return Ok(sums);
        }
        let next = pieces(builder, name, sums, [rows, count])?;
        builder.release(sums);
        sums = next;
    }
}

/// The sums of the pieces of each row: `[rows, pieces]`.
fn pieces(
    builder: &mut Builder,
    name: &'static str,
    input: SlotIndex,
    [rows, length]: [u32; 2],
) -> Result<SlotIndex, ProgramError> {
    let full = length.checked_div(ROW_ELEMENTS_MAX).unwrap_or(0);
    let whole = full.saturating_mul(ROW_ELEMENTS_MAX);
    let rest = length.saturating_sub(whole);
    let sum = |input: View, length: u32| {
        let reduction = Reduction::Sum;
        Operation::Reduce { reduction, input, length }
    };
    let last = sum(View::new(input, &[length]).shifted(whole), rest);
    if full == 0 {
        return builder.compute(name, &[rows], last);
    }
    let first = sum(View::new(input, &[length, ROW_ELEMENTS_MAX]), ROW_ELEMENTS_MAX);
    let first = builder.compute(name, &[rows, full], first)?;
    if rest == 0 {
        return Ok(first);
    }
    let last = builder.compute(name, &[rows], last)?;
    // A sum is never minus zero, so it is itself behind zero.
    let all = full.saturating_add(1);
    let shape = [1, 1, rows, all];
    let zero = [Operand::Constant(Float::ZERO.0)];
    let joined = builder.map(name, &shape, Function::Copy, &zero)?;
    for (sums, at, columns) in [(first, 0, full), (last, full, 1)] {
        let operation = Operation::AddWindow {
            added: View::new(sums, &[0, 0, columns, 1]),
            origin: [0, at],
            size: [rows, columns],
            stride: 1,
        };
        builder.write(name, (joined, &shape), operation)?;
        builder.release(sums);
    }
    Ok(joined)
}
