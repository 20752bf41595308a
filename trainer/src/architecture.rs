//! The architectures: which tensors a model of an order has, how they start, and how it answers.

mod initial;
mod mlp;

pub use initial::initial_parameters;

use aipot_domain_runtime::order::cost::{self, Overflow, layer_widths};
use aipot_domain_runtime::order::{Architecture, OrderSpecification};
use candle_core::{Device, Tensor, Var};

use crate::parameters::{Parameters, ParametersError};

/// Name and shape of one tensor of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TensorLayout {
    /// Name in the model file.
    pub name: String,
    /// Lengths of its sides, the slowest first.
    pub shape: Vec<usize>,
}

impl TensorLayout {
    /// How many values the tensor holds.
    pub fn value_count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The tensors of an order's model, sorted by name: for each layer a bias `[output]` and a weight
/// `[output, input]`, named `layers.00.bias` and so on.
///
/// # Errors
/// [`Overflow`] when the sizes do not fit this machine.
pub fn layout(specification: &OrderSpecification) -> Result<Vec<TensorLayout>, Overflow> {
    // Proves that every product of sides below fits into 64 bits.
    cost::cost(specification)?;
    let widths: Vec<usize> = layer_widths(specification)
        .map(|width| usize::try_from(width).map_err(|_| Overflow { quantity: "layer width" }))
        .collect::<Result<_, _>>()?;
    let layers = widths.windows(2).enumerate();
    Ok(layers
        .flat_map(|(layer, widths)| {
            let (input, output) = (widths[0], widths[1]);
            let name = |part| format!("layers.{layer:02}.{part}");
            let bias = TensorLayout { name: name("bias"), shape: vec![output] };
            let weight = TensorLayout { name: name("weight"), shape: vec![output, input] };
            [bias, weight]
        })
        .collect())
}

/// A model as candle trains it: the order's tensors as variables.
#[derive(Debug)]
pub struct Model {
    architecture: Architecture,
    variables: Vec<Var>,
}

impl Model {
    /// A model with the given weights, on the CPU.
    ///
    /// # Errors
    /// candle's error when a tensor cannot be made.
    pub fn new(
        specification: &OrderSpecification,
        parameters: &Parameters,
    ) -> candle_core::Result<Self> {
        let variables = parameters.tensors().iter().map(|parameter| {
            let shape = parameter.layout().shape.as_slice();
            Var::from_slice(parameter.values(), shape, &Device::Cpu)
        });
        let architecture = specification.model.architecture.clone();
        Ok(Self { architecture, variables: variables.collect::<Result<_, _>>()? })
    }

    /// The logits of a batch.
    ///
    /// # Shapes
    /// `features`: `[batch, feature]`; the result: `[batch, class]`.
    ///
    /// # Errors
    /// candle's error when the shapes do not fit.
    pub fn forward(&self, features: &Tensor) -> candle_core::Result<Tensor> {
        match &self.architecture {
            Architecture::Mlp { .. } => mlp::forward(&self.variables, features),
        }
    }

    /// The tensors, in the order of [`layout`].
    pub fn variables(&self) -> &[Var] {
        &self.variables
    }

    /// A copy of the weights.
    ///
    /// # Errors
    /// [`ModelReadError`] when candle or the order's layout refuses.
    pub fn parameters(
        &self,
        specification: &OrderSpecification,
    ) -> Result<Parameters, ModelReadError> {
        let values = self.variables.iter().map(|variable| variable.flatten_all()?.to_vec1());
        let values = values.collect::<candle_core::Result<Vec<Vec<f32>>>>()?;
        Ok(Parameters::new(specification, values)?)
    }
}

/// Why the weights of a [`Model`] could not be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelReadError {
    /// candle refused.
    #[error("a tensor cannot be read")]
    Tensor(#[from] candle_core::Error),
    /// The specification is not the one the model was made from.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
}

#[cfg(test)]
mod tests;
