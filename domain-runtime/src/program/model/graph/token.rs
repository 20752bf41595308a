//! Layers over tokens, and what belongs to them.

use alloc::vec;

use super::backward::{Before, one};
use super::{Kept, Site};
use crate::order::network::{AttentionMask, DropoutConstants, Layer};
use crate::program::builder::{Builder, of};
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;
use crate::program::layers::attention::Mask;
use crate::program::layers::rms::RmsNorm;
use crate::program::layers::rotation::Rotation;
use crate::program::layers::tokens::Texts;
use crate::program::{Function, Operand, Operation, SlotIndex};

impl Site<'_> {
    /// As [`Site::forward`].
    pub(super) fn token_forward(
        &self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<(SlotIndex, Kept), ProgramError> {
        match self.node.layer {
            Layer::Silu => {
                Ok((self.map(builder, ("silu", Function::Silu), &[input])?, Kept::Nothing))
            }
            Layer::RmsNorm { epsilon } => {
                let normed = self.root_norm(epsilon)?.forward(builder, input)?;
                Ok((normed.output, Kept::Root(normed)))
            }
            Layer::Attention { heads, mask } => {
                let mask = self.mask(mask)?;
                let attended = self.attention(heads).forward(builder, input, mask)?;
                Ok((attended.output, Kept::Attention(attended)))
            }
            Layer::Rope { heads, base } => {
                let rotated = self.rotation(heads, base).forward(builder, input)?;
                Ok((rotated.output, Kept::Rotation(rotated)))
            }
            Layer::Dropout { rate } => self.dropout(builder, (input, rate)),
            Layer::Multiply => {
                let slots = [input, self.second()?];
                let product = self.map(builder, ("product", Function::Multiply), &slots)?;
                Ok((product, Kept::Nothing))
            }
            Layer::Scale { factor } => {
                let operands = [of(input, &[1]), Operand::Constant(factor)];
                let shape = [self.elements()];
                let scaled = builder.map("scale", &shape, Function::Multiply, &operands)?;
                Ok((scaled, Kept::Nothing))
            }
            Layer::MeanTokens => {
                let ids = self.inputs.get(1).map(|(slot, _)| *slot);
                let averaged = self.texts()?.mean(builder, (input, ids))?;
                Ok((averaged.output, Kept::Mean(averaged)))
            }
            Layer::FirstToken => Ok((self.texts()?.first(builder, input)?, Kept::Nothing)),
            Layer::Linear { .. }
            | Layer::Convolution { .. }
            | Layer::MaxPool
            | Layer::AveragePool
            | Layer::Relu
            | Layer::Gelu
            | Layer::LayerNorm { .. }
            | Layer::GroupNorm { .. }
            | Layer::Embedding { .. }
            | Layer::PositionEmbedding { .. }
            | Layer::Add
            | Layer::Flatten
            | Layer::Patches { .. } => self.no_operators(),
        }
    }

    /// As [`Site::backward`].
    pub(super) fn token_backward(
        &self,
        builder: &mut Builder,
        (kept, gradient): (Kept, SlotIndex),
        wanted: &[bool],
        gradients: &mut Gradients,
    ) -> Result<Before, ProgramError> {
        let (input, _) = self.input()?;
        let is_wanted = wanted.first() == Some(&true);
        match (self.node.layer, kept) {
            (Layer::Silu, _) => {
                let slots = [gradient, input];
                self.replaced(builder, ("silu gradient", Function::SiluGradient), slots)
            }
            (Layer::RmsNorm { epsilon }, Kept::Root(normed)) => {
                let norm = self.root_norm(epsilon)?;
                if self.is_trained {
                    norm.parameter_gradient(builder, (normed, gradient), gradients)?;
                }
                let before = is_wanted.then(|| norm.input_gradient(builder, normed, gradient));
                one(builder, gradient, before)
            }
            (Layer::Attention { heads, .. }, Kept::Attention(attended)) => {
                let attention = self.attention(heads);
                let before =
                    is_wanted.then(|| attention.backward(builder, (input, attended), gradient));
                Ok(self.beside_tokens(one(builder, gradient, before)?))
            }
            (Layer::Rope { heads, base }, Kept::Rotation(rotated)) => {
                let rotation = self.rotation(heads, base);
                let before = is_wanted.then(|| rotation.backward(builder, rotated, gradient));
                one(builder, gradient, before)
            }
            (Layer::Dropout { rate }, Kept::Dropout(mask)) => {
                let slots = [gradient, mask];
                self.replaced(builder, ("dropout gradient", dropout_function(rate)), slots)
            }
            // Without a seed nothing is left out.
            (Layer::Dropout { .. }, _) => Ok(vec![Some(gradient)]),
            (Layer::Multiply, _) => self.factors(builder, gradient, wanted),
            (Layer::Scale { factor }, _) => {
                let operands = [of(gradient, &[1]), Operand::Constant(factor)];
                let shape = [self.elements()];
                let function = Function::Multiply;
                builder.update("scale gradient", (gradient, &shape), function, &operands)?;
                Ok(vec![Some(gradient)])
            }
            (Layer::MeanTokens, Kept::Mean(averaged)) => {
                let texts = self.texts()?;
                let before = is_wanted.then(|| texts.mean_gradient(builder, averaged, gradient));
                Ok(self.beside_tokens(one(builder, gradient, before)?))
            }
            (Layer::FirstToken, _) => {
                let texts = self.texts()?;
                let before = is_wanted.then(|| texts.first_gradient(builder, gradient));
                one(builder, gradient, before)
            }
            _ => self.no_operators(),
        }
    }

    /// Tokens have no gradient.
    fn beside_tokens(&self, mut before: Before) -> Before {
        before.resize(self.inputs.len(), None);
        before
    }

    /// The second value that it reads.
    fn second(&self) -> Result<SlotIndex, ProgramError> {
        self.inputs.get(1).map(|(slot, _)| *slot).ok_or(ProgramError::SlotCount)
    }

    fn mask(&self, mask: AttentionMask) -> Result<Mask, ProgramError> {
        Ok(match mask {
            AttentionMask::None => Mask::None,
            AttentionMask::Causal => Mask::Causal,
            AttentionMask::Padding => Mask::Padding(self.second()?),
        })
    }

    fn root_norm(&self, epsilon: u32) -> Result<RmsNorm, ProgramError> {
        let ((weight, _), (rows, width)) = (self.weight()?, self.rows()?);
        Ok(RmsNorm { weight, rows, width, epsilon })
    }

    fn rotation(&self, heads: u32, base: u32) -> Rotation {
        let (context, packed) = self.node.shape.rows();
        let parts = heads.saturating_mul(3);
        let head_width = packed.checked_div(parts).unwrap_or(0);
        Rotation { batch: self.batch, context, heads, head_width, base }
    }

    fn texts(&self) -> Result<Texts, ProgramError> {
        let (context, width) = self.input()?.1.rows();
        Ok(Texts { batch: self.batch, context, width })
    }

    /// While a network is trained some values are left out, else all pass.
    fn dropout(
        &self,
        builder: &mut Builder,
        (input, rate): (SlotIndex, u32),
    ) -> Result<(SlotIndex, Kept), ProgramError> {
        let Some(seed) = self.seed else { return Ok((input, Kept::Nothing)) };
        let shape = [self.elements()];
        let threshold = DropoutConstants::new(rate).threshold;
        let operation = Operation::Kept { seed, node: self.number, threshold };
        let kept = builder.compute("what dropout keeps", &shape, operation)?;
        let output = self.map(builder, ("dropout", dropout_function(rate)), &[input, kept])?;
        Ok((output, Kept::Dropout(kept)))
    }

    /// The gradients of both factors, as far as they are wanted: the gradient times the other one.
    fn factors(
        &self,
        builder: &mut Builder,
        gradient: SlotIndex,
        wanted: &[bool],
    ) -> Result<Before, ProgramError> {
        let factors = [self.input()?.0, self.second()?];
        let name = "gradient of a factor";
        let mut before = Before::new();
        for (is_wanted, other) in wanted.iter().zip(factors.iter().rev()) {
            let slots = [gradient, *other];
            let product = is_wanted.then(|| self.map(builder, (name, Function::Multiply), &slots));
            before.push(product.transpose()?);
        }
        builder.release(gradient);
        Ok(before)
    }
}

/// Keeps and grows what is not left out.
fn dropout_function(rate: u32) -> Function {
    Function::Dropout { factor: DropoutConstants::new(rate).factor }
}
