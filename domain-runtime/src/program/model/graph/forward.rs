//! Layers of a graph forward; those over images and tokens have rooms of their own.

use super::{Kept, Site};
use crate::order::network::Layer;
use crate::program::builder::Builder;
use crate::program::error::ProgramError;
use crate::program::{Function, SlotIndex};

impl Site<'_> {
    /// What the layer makes, and what it leaves for the way back.
    pub(super) fn forward(&self, builder: &mut Builder) -> Result<(SlotIndex, Kept), ProgramError> {
        let (input, _) = self.input()?;
        match self.node.layer {
            Layer::Linear { outputs, .. } => {
                Ok((self.linear(outputs)?.forward(builder, input)?, Kept::Nothing))
            }
            Layer::Relu => self.single(builder, ("rectifier", Function::Relu), input),
            Layer::Gelu => self.single(builder, ("gelu", Function::Gelu), input),
            Layer::LayerNorm { epsilon } => {
                let normed = self.norm(epsilon)?.forward(builder, input)?;
                Ok((normed.output, Kept::Norm(normed)))
            }
            Layer::Embedding { vocabulary, .. } => {
                Ok((self.token_table(vocabulary)?.forward(builder, input)?, Kept::Nothing))
            }
            Layer::PositionEmbedding { positions } => {
                Ok((self.position_table(positions)?.forward(builder, input)?, Kept::Nothing))
            }
            Layer::Add => {
                let slots: alloc::vec::Vec<_> = self.inputs.iter().map(|(slot, _)| *slot).collect();
                Ok((self.map(builder, ("sum", Function::Add), &slots)?, Kept::Nothing))
            }
            // The same numbers in the same order.
            Layer::Flatten => Ok((input, Kept::Nothing)),
            Layer::Convolution { .. }
            | Layer::MaxPool
            | Layer::AveragePool
            | Layer::GroupNorm { .. }
            | Layer::Patches { .. } => self.image_forward(builder, input),
            Layer::Silu
            | Layer::RmsNorm { .. }
            | Layer::Attention { .. }
            | Layer::Rope { .. }
            | Layer::Dropout { .. }
            | Layer::Multiply
            | Layer::Scale { .. }
            | Layer::MeanTokens
            | Layer::FirstToken => self.token_forward(builder, input),
        }
    }

    fn single(
        &self,
        builder: &mut Builder,
        function: (&'static str, Function),
        input: SlotIndex,
    ) -> Result<(SlotIndex, Kept), ProgramError> {
        Ok((self.map(builder, function, &[input])?, Kept::Nothing))
    }
}
