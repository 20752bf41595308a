//! The architectures: which tensors a model of an order has, how they start, and how it answers.

mod initial;
mod mlp;

pub use initial::initial_parameters;

use aipot_domain_runtime::order::cost::{self, Overflow};
use aipot_domain_runtime::order::tensors::{self, Start, Tensor};
use aipot_domain_runtime::order::{Architecture, OrderSpecification};
use candle_core::{Device, Var};

use crate::parameters::{Parameters, ParametersError};

/// Name and shape of one tensor of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TensorLayout {
    /// Name in the model file.
    pub name: String,
    /// Lengths of its sides, the slowest first.
    pub shape: Vec<usize>,
    /// How its values start.
    pub start: Start,
}

impl TryFrom<Tensor> for TensorLayout {
    type Error = Overflow;

    fn try_from(tensor: Tensor) -> Result<Self, Overflow> {
        let Tensor { name, shape, start, .. } = tensor;
        let sides = shape.into_iter().map(usize::try_from).collect::<Result<_, _>>();
        let shape = sides.map_err(|_| Overflow { quantity: "side of a tensor" })?;
        Ok(Self { name, shape, start })
    }
}

impl TensorLayout {
    /// How many values the tensor holds.
    pub fn value_count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The tensors of an order's model, sorted by name; see [`tensors::tensors`] of the domain runtime.
///
/// # Errors
/// [`Overflow`] when the sizes do not fit this machine.
pub fn layout(specification: &OrderSpecification) -> Result<Vec<TensorLayout>, Overflow> {
    // Proves that all values together fit into 64 bits.
    cost::cost(specification)?;
    let tensors = tensors::tensors(specification)?;
    tensors.into_iter().map(TensorLayout::try_from).collect()
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
    /// candle's error when the shapes do not fit, or for a network that has other layers than linear
    /// ones.
    pub fn forward(
        &self,
        features: &candle_core::Tensor,
    ) -> candle_core::Result<candle_core::Tensor> {
        match &self.architecture {
            Architecture::Mlp { .. } => mlp::forward(&self.variables, features),
            Architecture::Cnn { .. } | Architecture::Gpt { .. } => {
                Err(candle_core::Error::msg("the graph of candle holds linear layers only"))
            }
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
