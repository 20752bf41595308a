//! The weights of a model outside any tensor library: names, shapes and plain values.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::Overflow;

use crate::architecture::{TensorLayout, layout};

/// One tensor of a model.
#[derive(Clone, PartialEq, Debug)]
pub struct Parameter {
    layout: TensorLayout,
    values: Vec<f32>,
}

impl Parameter {
    /// Name and shape.
    pub fn layout(&self) -> &TensorLayout {
        &self.layout
    }

    /// The values, the last side of the shape fastest.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

/// The tensors of one model, sorted by name, as [`layout`] lists them.
#[derive(Clone, PartialEq, Debug)]
pub struct Parameters(Vec<Parameter>);

/// Values were given that do not fit the layout of the order's model.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// A size does not fit this machine.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// There are more or fewer tensors.
    #[error("the model has {expected} tensors, {found} were given")]
    TensorCount {
        /// Tensors of the layout.
        expected: usize,
        /// Tensors given.
        found: usize,
    },
    /// A tensor has more or fewer values.
    #[error("tensor {name} has {expected} values, {found} were given")]
    ValueCount {
        /// The tensor.
        name: String,
        /// Values of the layout.
        expected: usize,
        /// Values given.
        found: usize,
    },
}

impl Parameters {
    /// Makes the model of an order from the values of its tensors, in the order of the layout.
    ///
    /// # Errors
    /// [`ParametersError`] when counts differ from the layout.
    pub fn new(
        specification: &OrderSpecification,
        values: Vec<Vec<f32>>,
    ) -> Result<Self, ParametersError> {
        let layout = layout(specification)?;
        let (expected, found) = (layout.len(), values.len());
        if expected != found {
            return Err(ParametersError::TensorCount { expected, found });
        }
        let parameters = layout.into_iter().zip(values).map(|(layout, values)| {
            let (expected, found) = (layout.value_count(), values.len());
            if expected == found {
                Ok(Parameter { layout, values })
            } else {
                Err(ParametersError::ValueCount { name: layout.name, expected, found })
            }
        });
        parameters.collect::<Result<_, _>>().map(Self)
    }

    /// The weights in a state of a fixed recipe's run, of whose slots they are the first.
    ///
    /// # Errors
    /// [`ParametersError`] when the state is not one of the order.
    pub fn from_state(
        specification: &OrderSpecification,
        persistent: &[Vec<u32>],
    ) -> Result<Self, ParametersError> {
        let tensor_count = layout(specification)?.len();
        let values = persistent.iter().take(tensor_count);
        let values = values.map(|words| words.iter().map(|word| f32::from_bits(*word)).collect());
        Self::new(specification, values.collect())
    }

    /// The tensors, sorted by name.
    pub fn tensors(&self) -> &[Parameter] {
        &self.0
    }

    /// The tensors, whose values may be changed in place.
    pub fn tensors_mut(&mut self) -> &mut [Parameter] {
        &mut self.0
    }

    /// The values alone, `[tensor][value]`.
    pub fn into_values(self) -> Vec<Vec<f32>> {
        self.0.into_iter().map(|parameter| parameter.values).collect()
    }

    /// How many values there are in all tensors.
    pub fn value_count(&self) -> usize {
        self.0.iter().map(|parameter| parameter.values.len()).sum()
    }
}

#[cfg(test)]
mod tests;
