//! Embeddings of tokens and of their positions.

use super::linear::transposed;
use super::{Gradients, Parameter};
use crate::program::builder::{Builder, Product, index, of};
use crate::program::error::ProgramError;
use crate::program::{Function, Operand, Operation, SlotIndex, View};

/// The two tables of a decoder over a batch of texts.
#[derive(Clone, Copy)]
pub(in crate::program) struct Embedding {
    pub(in crate::program) token: Parameter,
    pub(in crate::program) position: Parameter,
    pub(in crate::program) batch: u32,
    pub(in crate::program) context: u32,
    pub(in crate::program) width: u32,
    pub(in crate::program) vocabulary: u32,
}

impl Embedding {
    const fn rows(self) -> u32 {
        self.batch.saturating_mul(self.context)
    }

    /// # Shapes
    /// `tokens`: `[batch, context]`, integers; the result: `[batch, context, width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        tokens: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Self { batch, context, width, .. } = self;
        let gather = Operation::Gather {
            table: View::new(self.token.slot, &[0, 1]),
            index: View::new(tokens, &[1]),
            stride: width,
        };
        let entries = builder.compute("token embedding", &[self.rows(), width], gather)?;
        let shape = [batch, context, width];
        let row = context.saturating_mul(width);
        let operands = [of(entries, &[row, width, 1]), of(self.position.slot, &[0, width, 1])];
        let sums = builder.map("embedding", &shape, Function::Add, &operands)?;
        builder.release(entries);
        Ok(sums)
    }

    /// Gradients of both tables: products of one-hot rows, over the rows of the batch.
    ///
    /// # Shapes
    /// `gradient`: `[batch, context, width]`.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        (tokens, gradient): (SlotIndex, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let Self { batch, context, width, vocabulary, .. } = self;
        let rows = self.rows();
        let name = "embedding gradient transposed";
        let gradient = transposed(builder, name, gradient, [rows, width])?;
        let token = token_gradient(builder, (tokens, gradient), [vocabulary, rows, width])?;
        let position = position_gradient(builder, gradient, (context, [batch, context, width]))?;
        builder.release(gradient);
        gradients.insert(self.token.place, token);
        gradients.insert(self.position.place, position);
        Ok(())
    }
}

/// A row of a table for every token.
#[derive(Clone, Copy)]
pub(in crate::program) struct TokenTable {
    pub(in crate::program) weight: Parameter,
    pub(in crate::program) rows: u32,
    pub(in crate::program) width: u32,
    pub(in crate::program) vocabulary: u32,
}

impl TokenTable {
    /// # Shapes
    /// `tokens`: `[rows]`, integers; the result: `[rows, width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        tokens: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let table = View::new(self.weight.slot, &[0, 1]);
        let gather =
            Operation::Gather { table, index: View::new(tokens, &[1]), stride: self.width };
        builder.compute("token embedding", &[self.rows, self.width], gather)
    }

    /// The gradient of the table.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        (tokens, gradient): (SlotIndex, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let Self { rows, width, vocabulary, .. } = self;
        let name = "embedding gradient transposed";
        let turned = transposed(builder, name, gradient, [rows, width])?;
        let table = token_gradient(builder, (tokens, turned), [vocabulary, rows, width])?;
        builder.release(turned);
        gradients.insert(self.weight.place, table);
        Ok(())
    }
}

/// A row of a table added for every position.
#[derive(Clone, Copy)]
pub(in crate::program) struct PositionTable {
    pub(in crate::program) weight: Parameter,
    pub(in crate::program) batch: u32,
    pub(in crate::program) context: u32,
    pub(in crate::program) width: u32,
    pub(in crate::program) positions: u32,
}

impl PositionTable {
    /// # Shapes
    /// `input` and the result: `[batch, context, width]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Self { batch, context, width, .. } = self;
        let row = context.saturating_mul(width);
        let operands = [of(input, &[row, width, 1]), of(self.weight.slot, &[0, width, 1])];
        builder.map("embedding", &[batch, context, width], Function::Add, &operands)
    }

    /// The gradient of the table.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let Self { batch, context, width, positions, .. } = self;
        let rows = batch.saturating_mul(context);
        let name = "embedding gradient transposed";
        let turned = transposed(builder, name, gradient, [rows, width])?;
        let table = position_gradient(builder, turned, (positions, [batch, context, width]))?;
        builder.release(turned);
        gradients.insert(self.weight.place, table);
        Ok(())
    }
}

fn token_gradient(
    builder: &mut Builder,
    (tokens, gradient): (SlotIndex, SlotIndex),
    [vocabulary, rows, width]: [u32; 3],
) -> Result<SlotIndex, ProgramError> {
    let operands = [of(tokens, &[0, 1]), index(&[1])];
    let shape = [vocabulary, rows];
    let one_hot = builder.map("one-hot tokens", &shape, Function::IsEqual, &operands)?;
    table_gradient(builder, ("token gradient", width), (one_hot, shape), gradient)
}

fn position_gradient(
    builder: &mut Builder,
    gradient: SlotIndex,
    (positions, [batch, context, width]): (u32, [u32; 3]),
) -> Result<SlotIndex, ProgramError> {
    let operands: [Operand; 2] = [index(&[0, 0, 1]), index(&[1])];
    let shape = [positions, batch, context];
    let one_hot = builder.map("one-hot positions", &shape, Function::IsEqual, &operands)?;
    let sides = [positions, batch.saturating_mul(context)];
    table_gradient(builder, ("position gradient", width), (one_hot, sides), gradient)
}

/// The rows of the gradient that belong to each entry, summed.
fn table_gradient(
    builder: &mut Builder,
    (name, width): (&'static str, u32),
    (one_hot, [entries, rows]): (SlotIndex, [u32; 2]),
    gradient: SlotIndex,
) -> Result<SlotIndex, ProgramError> {
    let product = builder.product(&Product {
        name,
        shape: &[entries, width],
        left: View::new(one_hot, &[rows, 0]),
        right: View::new(gradient, &[0, rows]),
        depth: rows,
    })?;
    builder.release(one_hot);
    Ok(product)
}
