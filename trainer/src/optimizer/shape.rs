//! What an optimizer must know of a tensor: how many values, and whether they are a hidden layer's matrix.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::order::tensors::{Tensor, tensors};

/// A tensor as optimizers see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TensorShape {
    /// The matrix `[rows, columns]` of a hidden layer.
    Hidden {
        /// Outputs of the layer.
        rows: usize,
        /// Inputs of the layer.
        columns: usize,
    },
    /// A vector, an embedding, or the matrix of the output layer.
    Other {
        /// Values of the tensor.
        value_count: usize,
    },
}

impl TensorShape {
    /// The tensors of an order's model, in the order of its layout.
    ///
    /// # Errors
    /// [`Overflow`] when the sizes do not fit this machine.
    pub fn of_order(specification: &OrderSpecification) -> Result<Vec<Self>, Overflow> {
        let tensors = tensors(specification)?;
        let class_count = specification.data.class_count;
        let is_matrix = |tensor: &Tensor| is_hidden_matrix(tensor);
        // Where no tensor is called the output layer's, it is the last of as many rows as classes.
        let has_output = tensors.iter().any(|tensor| tensor.label.starts_with("output"));
        let last = tensors.iter().rposition(is_matrix).filter(|_| !has_output);
        let output = last.filter(|last| tensors[*last].shape.first() == Some(&class_count));
        let of_tensor = |(index, tensor): (usize, &Tensor)| {
            let overflow = Overflow { quantity: "values of a tensor" };
            let value_count = tensor.value_count().and_then(|count| usize::try_from(count).ok());
            let value_count = value_count.ok_or(overflow)?;
            let rows = tensor.shape.first().and_then(|rows| usize::try_from(*rows).ok());
            match rows.filter(|rows| *rows > 0) {
                Some(rows) if is_matrix(tensor) && Some(index) != output => {
                    Ok(Self::Hidden { rows, columns: value_count / rows })
                }
                _ => Ok(Self::Other { value_count }),
            }
        };
        tensors.iter().enumerate().map(of_tensor).collect()
    }

    /// How many values the tensor holds.
    pub fn value_count(self) -> usize {
        match self {
            Self::Hidden { rows, columns } => rows.saturating_mul(columns),
            Self::Other { value_count } => value_count,
        }
    }
}

fn is_hidden_matrix(tensor: &Tensor) -> bool {
    let has_sides = tensor.shape.len() >= 2 && tensor.shape.iter().all(|side| *side > 0);
    has_sides && !tensor.label.contains("embedding") && !tensor.label.starts_with("output")
}
