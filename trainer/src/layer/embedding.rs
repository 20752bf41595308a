//! Rows of tables, for tokens and for positions.

use aipot_kernels::embedding::{embed, embed_gradient_rows};

use super::{Behind, Layer, Seen, Site};
use crate::engine::EngineError;
use crate::engine::room::Room;

/// A row of a table for every token.
#[derive(Debug)]
pub(super) struct TokenTable {
    tokens: usize,
    width: usize,
}

/// A row of a table added for every position.
#[derive(Debug)]
pub(super) struct PositionTable {
    tokens: usize,
    width: usize,
    /// The position of each row in its example.
    positions: Vec<u32>,
}

impl TokenTable {
    pub(super) fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        let (tokens, width) = site.output_sides()?;
        Ok(Self { tokens, width })
    }
}

impl PositionTable {
    pub(super) fn new(site: &Site<'_>, room: &mut Room) -> Result<Self, EngineError> {
        let (tokens, width) = site.output_sides()?;
        let mut positions = room.words(site.rows.saturating_mul(tokens));
        let numbers = (0_u32..).take(tokens).cycle();
        positions.iter_mut().zip(numbers).for_each(|(position, number)| *position = number);
        Ok(Self { tokens, width, positions })
    }
}

fn only<'tensors>(tensors: &[&'tensors [f32]]) -> Result<&'tensors [f32], EngineError> {
    match *tensors {
        [table] => Ok(table),
        _ => Err(EngineError::Overflow { quantity: "the list of tensors" }),
    }
}

impl Layer for TokenTable {
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        embed(only(tensors)?, self.width, seen.tokens, output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let (gradient, span) = (behind.gradient, seen.span.times(self.tokens));
        let Some(of_table) = behind.sum(0) else { return Ok(()) };
        embed_gradient_rows((seen.tokens, gradient), self.width, span, of_table)
            .map_err(EngineError::kernel)
    }
}

impl Layer for PositionTable {
    fn forward(
        &mut self,
        tensors: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let example = self.tokens * self.width;
        let table = &only(tensors)?[..example];
        let examples = output.chunks_mut(example.max(1)).zip(seen.first().chunks(example.max(1)));
        for (output, input) in examples {
            let pairs = input.iter().zip(table);
            output.iter_mut().zip(pairs).for_each(|(sum, (input, entry))| *sum = input + entry);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let (gradient, span) = (behind.gradient, seen.span.times(self.tokens));
        if let Some(of_table) = behind.sum(0) {
            let positions = &self.positions[..span.count];
            embed_gradient_rows((positions, gradient), self.width, span, of_table)
                .map_err(EngineError::kernel)?;
        }
        behind.copied();
        Ok(())
    }
}
