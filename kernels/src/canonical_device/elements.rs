//! Functions of single elements on a device; see [`crate::elementary`].

use aipot_shaders::canonical;

use super::{OperatorError, Operators, Tensor, WORKGROUP, kernel};
use crate::device::{ComputeDevice, Kernel};

const ELEMENTS: Kernel = kernel("canonical_elements", canonical::ELEMENTS);

/// A function of one element, by its number in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Unary {
    /// [`crate::elementary::exp`].
    Exp = 0,
    /// [`crate::elementary::log`].
    Log = 1,
    /// [`crate::elementary::tanh`].
    Tanh = 2,
    /// [`crate::elementary::erf`].
    Erf = 3,
    /// [`crate::elementary::rsqrt`].
    Rsqrt = 4,
    /// [`crate::elementary::sqrt`].
    Sqrt = 5,
    /// The rectified linear unit.
    Relu = 6,
    /// The Gaussian error linear unit.
    Gelu = 7,
}

/// A function of two elements at the same place, by its number in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Binary {
    /// The sum.
    Add = 8,
    /// The product.
    Multiply = 9,
    /// The gradient on the left where the output of [`Unary::Relu`] on the right is above zero, or +0.
    ReluGradient = 10,
    /// The gradient on the left times the slope of [`Unary::Gelu`] at its input on the right.
    GeluGradient = 11,
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// The function of each element; the output may be the input.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when the output has another length.
    pub fn unary(
        &self,
        function: Unary,
        input: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        self.elements(function as u32, [input, input], output)
    }

    /// The function of elements at the same place; the output may be one of the inputs.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when the lengths differ.
    pub fn binary(
        &self,
        function: Binary,
        inputs: [&Tensor<D>; 2],
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        self.elements(function as u32, inputs, output)
    }

    fn elements(
        &self,
        function: u32,
        [left, right]: [&Tensor<D>; 2],
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let count = left.value_count();
        right.check(ELEMENTS.name, "right", count)?;
        output.check(ELEMENTS.name, "output", count)?;
        let operands = [left, right, output].map(|tensor| &tensor.words);
        self.run_over(&ELEMENTS, &[count, function], &operands, count.div_ceil(WORKGROUP))
    }
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
