//! The architectures: which tensors a model of an order has, and how they start.

mod initial;

pub use initial::initial_parameters;

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::{self, Overflow};
use aipot_domain_runtime::order::tensors::{self, Start, Tensor};

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

#[cfg(test)]
mod tests;
