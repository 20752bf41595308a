//! A linear layer, its bias and its activation as one operation.

use aipot_kernels::matmul::matmul;
use aipot_kernels::{activation, reduction};
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor,
};

use super::view::{matrix, values};

/// What happens to the outputs of a layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activation {
    /// Nothing.
    None,
    /// The rectified linear unit, whose gradient at zero is zero.
    Relu,
}

/// Whether a layer's input is worth a gradient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputGradient {
    /// The input comes from another layer.
    Needed,
    /// The input is data, which nobody changes.
    Skipped,
}

/// `activation(x w^T + b)` for an input `x`, a weight `w` and a bias `b`.
///
/// # Shapes
/// `x`: `[batch, input]`, `w`: `[output, input]`, `b`: `[output]`; the result: `[batch, output]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Linear {
    /// What happens to the outputs.
    pub activation: Activation,
    /// Whether the backward pass goes on to the input.
    pub input_gradient: InputGradient,
}

impl Linear {
    /// Applies the layer.
    ///
    /// # Errors
    /// candle's error when the shapes do not fit.
    pub fn forward(self, input: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
        input.apply_op3(weight, bias, self)
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let input = matrix(input, input_layout)?;
        let weight = matrix(weight, weight_layout)?;
        let bias = values(bias, bias_layout)?;
        let mut output = matmul(input, weight.transposed(), Some(bias)).map_err(Error::wrap)?;
        if self.activation == Activation::Relu {
            activation::relu(&mut output);
        }
        Ok((CpuStorage::F32(output), Shape::from((input.rows(), weight.rows()))))
    }

    /// With g the gradient before the activation: g w for the input, g^T x for the weight, the
    /// column sums of g for the bias.
    fn bwd(
        &self,
        input: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = match self.activation {
            Activation::None => gradient.contiguous()?,
            Activation::Relu => gradient.contiguous()?.apply_op2_no_bwd(output, &ReluGradient)?,
        };
        let of_input = match self.input_gradient {
            InputGradient::Needed => Some(gradient.apply_op2_no_bwd(weight, &Product)?),
            InputGradient::Skipped => None,
        };
        let of_weight = gradient.t()?.apply_op2_no_bwd(input, &Product)?;
        let of_bias = gradient.apply_op1_no_bwd(&SumColumns)?;
        Ok((of_input, Some(of_weight), Some(of_bias)))
    }
}

/// The canonical product of two matrices of any strides.
struct Product;

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(
        &self,
        left: &CpuStorage,
        left_layout: &Layout,
        right: &CpuStorage,
        right_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let left = matrix(left, left_layout)?;
        let right = matrix(right, right_layout)?;
        let product = matmul(left, right, None).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(product), Shape::from((left.rows(), right.columns()))))
    }
}

/// The gradient before a `ReLU`, from the gradient behind it and its output.
struct ReluGradient;

impl CustomOp2 for ReluGradient {
    fn name(&self) -> &'static str {
        "relu gradient"
    }

    fn cpu_fwd(
        &self,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
        output: &CpuStorage,
        output_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut gradient = values(gradient, gradient_layout)?.to_vec();
        let output = values(output, output_layout)?;
        activation::relu_gradient(output, &mut gradient).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(gradient), gradient_layout.shape().clone()))
    }
}

/// Sums over the batch.
struct SumColumns;

impl CustomOp1 for SumColumns {
    fn name(&self) -> &'static str {
        "sum of columns"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, columns) = layout.shape().dims2()?;
        let sums =
            reduction::sum_columns(values(storage, layout)?, columns).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(sums), Shape::from(columns)))
    }
}
