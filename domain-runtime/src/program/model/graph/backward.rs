//! Layers of a graph backward.

use alloc::vec;
use alloc::vec::Vec;

use super::{Kept, Site};
use crate::order::network::Layer;
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;
use crate::program::layers::norm::{Norm, Normed};
use crate::program::{Function, SlotIndex, View};

/// Gradients of what a layer reads, where they are wanted.
pub(super) type Before = Vec<Option<SlotIndex>>;

impl Site<'_> {
    /// The gradients of what the layer reads, as far as they are `wanted`, and those of its tensors.
    ///
    /// `gradient` belongs to the layer from now on: it is handed on or released.
    pub(super) fn backward(
        &self,
        builder: &mut Builder,
        (kept, made, gradient): (Kept, SlotIndex, SlotIndex),
        wanted: &[bool],
        gradients: &mut Gradients,
    ) -> Result<Before, ProgramError> {
        let (input, _) = self.input()?;
        let is_wanted = wanted.first() == Some(&true);
        match (self.node.layer, kept) {
            (Layer::Linear { outputs, .. }, _) => {
                let linear = self.linear(outputs)?;
                if self.is_trained {
                    linear.backward(builder, (input, gradient), gradients)?;
                }
                let before = is_wanted.then(|| linear.input_gradient(builder, gradient));
                one(builder, gradient, before)
            }
            (Layer::Relu, _) => {
                let slots = [gradient, made];
                self.replaced(builder, ("rectifier gradient", Function::ReluGradient), slots)
            }
            (Layer::Gelu, _) => {
                let slots = [gradient, input];
                self.replaced(builder, ("gelu gradient", Function::GeluGradient), slots)
            }
            (Layer::LayerNorm { epsilon }, Kept::Norm(normed)) => {
                let norm = self.norm(epsilon)?;
                self.norm_backward(builder, (norm, normed, gradient), is_wanted, gradients)
            }
            (Layer::Embedding { vocabulary, .. }, _) => {
                if self.is_trained {
                    let table = self.token_table(vocabulary)?;
                    table.backward(builder, (input, gradient), gradients)?;
                }
                one(builder, gradient, None)
            }
            (Layer::PositionEmbedding { positions }, _) => {
                if self.is_trained {
                    self.position_table(positions)?.backward(builder, gradient, gradients)?;
                }
                Ok(vec![Some(gradient)])
            }
            (Layer::Add, _) => self.both(builder, gradient, wanted),
            (Layer::Flatten, _) => Ok(vec![Some(gradient)]),
            (
                Layer::Convolution { .. }
                | Layer::MaxPool
                | Layer::AveragePool
                | Layer::GroupNorm { .. }
                | Layer::Patches { .. },
                _,
            ) => self.image_backward(builder, (kept, gradient), is_wanted, gradients),
            (
                Layer::LayerNorm { .. }
                | Layer::Attention { .. }
                | Layer::Silu
                | Layer::RmsNorm { .. }
                | Layer::Rope { .. }
                | Layer::Dropout { .. }
                | Layer::Multiply
                | Layer::Scale { .. }
                | Layer::MeanTokens
                | Layer::FirstToken,
                _,
            ) => self.token_backward(builder, (kept, gradient), wanted, gradients),
        }
    }

    /// A function of the gradient and another slot, in the place of the gradient.
    pub(super) fn replaced(
        &self,
        builder: &mut Builder,
        (name, function): (&'static str, Function),
        [gradient, other]: [SlotIndex; 2],
    ) -> Result<Before, ProgramError> {
        let operands = [of(gradient, &[1]), of(other, &[1])];
        let shape = [self.elements()];
        builder.update(name, (gradient, &shape), function, &operands)?;
        Ok(vec![Some(gradient)])
    }

    fn norm_backward(
        &self,
        builder: &mut Builder,
        (norm, normed, gradient): (Norm, Normed, SlotIndex),
        is_wanted: bool,
        gradients: &mut Gradients,
    ) -> Result<Before, ProgramError> {
        if self.is_trained {
            norm.parameter_gradients(builder, (normed, gradient), gradients)?;
        }
        let before = is_wanted.then(|| norm.input_gradient(builder, normed, gradient));
        one(builder, gradient, before)
    }

    /// The gradient of a sum for both of its values.
    fn both(
        &self,
        builder: &mut Builder,
        gradient: SlotIndex,
        wanted: &[bool],
    ) -> Result<Before, ProgramError> {
        match *wanted {
            [true, true] => {
                let view = View::new(gradient, &[1]);
                let second = builder.copy("gradient of a sum", &[self.elements()], view)?;
                Ok(vec![Some(gradient), Some(second)])
            }
            [true, false] => Ok(vec![Some(gradient), None]),
            [false, true] => Ok(vec![None, Some(gradient)]),
            _ => one(builder, gradient, None),
        }
    }
}

/// The gradient of the only value that is read; the one behind it is not needed any more.
pub(super) fn one(
    builder: &mut Builder,
    gradient: SlotIndex,
    before: Option<Result<SlotIndex, ProgramError>>,
) -> Result<Before, ProgramError> {
    let before = before.transpose()?;
    builder.release(gradient);
    Ok(vec![before])
}
