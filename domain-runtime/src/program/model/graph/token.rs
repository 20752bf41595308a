//! Layers over tokens, and what belongs to them.

use super::backward::{Before, one};
use super::{Kept, Site};
use crate::order::network::{AttentionMask, Layer};
use crate::program::SlotIndex;
use crate::program::builder::Builder;
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;

impl Site<'_> {
    /// As [`Site::forward`].
    pub(super) fn token_forward(
        &self,
        builder: &mut Builder,
        input: SlotIndex,
    ) -> Result<(SlotIndex, Kept), ProgramError> {
        if let Layer::Attention { heads, mask: AttentionMask::Causal } = self.node.layer {
            let attended = self.attention(heads).forward(builder, input)?;
            return Ok((attended.output, Kept::Attention(attended)));
        }
        self.no_operators()
    }

    /// As [`Site::backward`].
    pub(super) fn token_backward(
        &self,
        builder: &mut Builder,
        (kept, _made, gradient): (Kept, SlotIndex, SlotIndex),
        wanted: &[bool],
        _gradients: &mut Gradients,
    ) -> Result<Before, ProgramError> {
        let (input, _) = self.input()?;
        let is_wanted = wanted.first() == Some(&true);
        if let (Layer::Attention { heads, .. }, Kept::Attention(attended)) = (self.node.layer, kept)
        {
            let attention = self.attention(heads);
            let before =
                is_wanted.then(|| attention.backward(builder, (input, attended), gradient));
            let mut before = one(builder, gradient, before)?;
            // Tokens have no gradient.
            before.resize(self.inputs.len(), None);
            return Ok(before);
        }
        self.no_operators()
    }
}
