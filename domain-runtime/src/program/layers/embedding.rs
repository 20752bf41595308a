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
        let operands = [of(tokens, &[0, 1]), index(&[1])];
        let shape = [vocabulary, rows];
        let one_hot = builder.map("one-hot tokens", &shape, Function::IsEqual, &operands)?;
        let token =
            self.table_gradient(builder, "token gradient", (one_hot, vocabulary), gradient)?;
        let operands: [Operand; 2] = [index(&[0, 0, 1]), index(&[1])];
        let shape = [context, batch, context];
        let one_hot = builder.map("one-hot positions", &shape, Function::IsEqual, &operands)?;
        let name = "position gradient";
        let position = self.table_gradient(builder, name, (one_hot, context), gradient)?;
        builder.release(gradient);
        gradients.insert(self.token.place, token);
        gradients.insert(self.position.place, position);
        Ok(())
    }

    fn table_gradient(
        self,
        builder: &mut Builder,
        name: &'static str,
        (one_hot, entries): (SlotIndex, u32),
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let rows = self.rows();
        let product = builder.product(&Product {
            name,
            shape: &[entries, self.width],
            left: View::new(one_hot, &[rows, 0]),
            right: View::new(gradient, &[0, rows]),
            depth: rows,
        })?;
        builder.release(one_hot);
        Ok(product)
    }
}
