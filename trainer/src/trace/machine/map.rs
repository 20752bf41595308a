//! Functions of single elements: tiles of operands are laid side by side and computed together.

use aipot_domain_runtime::program::{Function, Operand};
use rayon::prelude::*;

use super::function::{TILE, Tile, operand_count};
use super::sides::Course;
use super::{MachineError, Scene};

/// Fewer elements than this are not worth a second thread.
pub(super) const PARALLEL_ELEMENTS_MIN: usize = 1 << 14;

/// Where the words of an operand come from.
enum Source<'words> {
    Words(Course, &'words [u32]),
    Index(Course),
    Constant(u32),
}

impl Scene<'_> {
    pub(super) fn map(
        &self,
        function: Function,
        operands: &[Operand],
        output: &mut [u32],
    ) -> Result<(), MachineError> {
        let expected = operand_count(function);
        if operands.len() != expected {
            let (operator, found) = (self.operator.name, operands.len());
            return Err(MachineError::OperandCount { operator, found, expected });
        }
        let sources = operands.iter().map(|operand| self.source(operand));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        each_tile(output, |first, output| {
            let mut tile = Tile::new(output.len());
            for (index, source) in sources.iter().enumerate() {
                source.lay(first, tile.operand_mut(index));
            }
            tile.apply(function, output);
        });
        Ok(())
    }

    fn source(&self, operand: &Operand) -> Result<Source<'_>, MachineError> {
        Ok(match operand {
            Operand::Slot(view) => {
                let (course, words) = self.view(view, 1)?;
                Source::Words(course, words)
            }
            Operand::Index { offset, strides } => {
                Source::Index(Course::new(&self.operator.shape, *offset, strides))
            }
            Operand::Constant(word) => Source::Constant(*word),
        })
    }
}

impl Source<'_> {
    /// Lays the words of the elements from `first` on.
    fn lay(&self, first: usize, into: &mut [u32]) {
        match self {
            Self::Words(course, words) => course.gather(words, first, into),
            Self::Index(course) => course
                .each_position(first, into, |position| u32::try_from(position).unwrap_or(u32::MAX)),
            Self::Constant(word) => into.fill(*word),
        }
    }
}

/// Computes an output tile by tile, with threads when that pays.
pub(super) fn each_tile(output: &mut [u32], write: impl Fn(usize, &mut [u32]) + Sync + Send) {
    if output.len() < PARALLEL_ELEMENTS_MIN {
        let tiles = output.chunks_mut(TILE).enumerate();
        tiles.for_each(|(tile, output)| write(tile * TILE, output));
    } else {
        let tiles = output.par_chunks_mut(TILE).enumerate();
        tiles.for_each(|(tile, output)| write(tile * TILE, output));
    }
}
