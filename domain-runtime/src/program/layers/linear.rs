//! Products of rows with a weight, and what follows them element by element.

use super::{Gradients, Pair, Parameter};
use crate::program::builder::{Builder, Product, of};
use crate::program::error::ProgramError;
use crate::program::{Function, SlotIndex, View};

/// A linear layer over rows.
#[derive(Clone, Copy)]
pub(in crate::program) struct Linear {
    pub(in crate::program) weight: Parameter,
    pub(in crate::program) bias: Option<Parameter>,
    pub(in crate::program) rows: u32,
    pub(in crate::program) inputs: u32,
    pub(in crate::program) outputs: u32,
}

impl Linear {
    /// A layer with a bias, of inputs and outputs.
    pub(in crate::program) const fn new(
        pair: Pair,
        rows: u32,
        [inputs, outputs]: [u32; 2],
    ) -> Self {
        Self { weight: pair.weight, bias: Some(pair.bias), rows, inputs, outputs }
    }

    /// # Shapes
    /// `input`: `[rows, inputs]`, weight: `[outputs, inputs]`; the result: `[rows, outputs]`.
    pub(in crate::program) fn forward(
        self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Self { weight, bias, rows, inputs, outputs } = self;
        let shape = [rows, outputs];
        let left = View::new(input, &[inputs, 0]);
        let right = View::new(weight.slot, &[0, inputs]);
        let product = Product { name: "linear product", shape: &shape, left, right, depth: inputs };
        let output = builder.product(&product)?;
        if let Some(bias) = bias {
            let operands = [of(output, &[outputs, 1]), of(bias.slot, &[0, 1])];
            builder.update("linear bias", (output, &shape), Function::Add, &operands)?;
        }
        Ok(output)
    }

    /// Gradients of weight and bias.
    ///
    /// # Shapes
    /// `input`: `[rows, inputs]`, `gradient`: `[rows, outputs]`.
    pub(in crate::program) fn backward(
        self,
        builder: &mut Builder,
        (input, gradient): (SlotIndex, SlotIndex),
        gradients: &mut Gradients,
    ) -> Result<(), ProgramError> {
        let Self { weight, bias, rows, inputs, outputs } = self;
        let gradient =
            transposed(builder, "linear gradient transposed", gradient, [rows, outputs])?;
        let input = transposed(builder, "linear input transposed", input, [rows, inputs])?;
        let of_weight = builder.product(&Product {
            name: "linear weight gradient",
            shape: &[outputs, inputs],
            left: View::new(gradient, &[rows, 0]),
            right: View::new(input, &[0, rows]),
            depth: rows,
        })?;
        gradients.insert(weight.place, of_weight);
        if let Some(bias) = bias {
            let sides = [outputs, rows];
            let of_bias = builder.column_sums("linear bias gradient", gradient, sides)?;
            gradients.insert(bias.place, of_bias);
        }
        builder.release(gradient);
        builder.release(input);
        Ok(())
    }

    /// The gradient of the input.
    ///
    /// # Shapes
    /// `gradient`: `[rows, outputs]`; the result: `[rows, inputs]`.
    pub(in crate::program) fn input_gradient(
        self,
        builder: &mut Builder,
        gradient: SlotIndex,
    ) -> Result<SlotIndex, ProgramError> {
        let Self { weight, rows, inputs, outputs, .. } = self;
        let name = "linear weight transposed";
        let weight = transposed(builder, name, weight.slot, [outputs, inputs])?;
        let product = builder.product(&Product {
            name: "linear input gradient",
            shape: &[rows, inputs],
            left: View::new(gradient, &[outputs, 0]),
            right: View::new(weight, &[0, outputs]),
            depth: outputs,
        })?;
        builder.release(weight);
        Ok(product)
    }
}

/// `[rows, columns]` becomes `[columns, rows]`.
pub(in crate::program) fn transposed(
    builder: &mut Builder,
    name: &'static str,
    input: SlotIndex,
    [rows, columns]: [u32; 2],
) -> Result<SlotIndex, ProgramError> {
    builder.copy(name, &[columns, rows], View::new(input, &[1, columns]))
}

/// The rectified input, in its place.
pub(in crate::program) fn rectify(
    builder: &mut Builder,
    input: SlotIndex,
    element_count: u32,
) -> Result<(), ProgramError> {
    let shape = [element_count];
    builder.update("rectifier", (input, &shape), Function::Relu, &[of(input, &[1])])
}

/// The gradient before a rectifier, in the place of the one behind it.
pub(in crate::program) fn rectify_backward(
    builder: &mut Builder,
    (output, gradient): (SlotIndex, SlotIndex),
    element_count: u32,
) -> Result<(), ProgramError> {
    let operands = [of(gradient, &[1]), of(output, &[1])];
    let written = (gradient, [element_count]);
    builder.update("rectifier gradient", (written.0, &written.1), Function::ReluGradient, &operands)
}
