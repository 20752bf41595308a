//! Layers over images.

use super::backward::Before;
use super::{Kept, Site};
use crate::program::SlotIndex;
use crate::program::builder::Builder;
use crate::program::error::ProgramError;
use crate::program::layers::Gradients;

impl Site<'_> {
    /// As [`Site::forward`].
    pub(super) fn image_forward(
        &self,
        _builder: &mut Builder,
        _input: SlotIndex,
    ) -> Result<(SlotIndex, Kept), ProgramError> {
        self.no_operators()
    }

    /// As [`Site::backward`].
    pub(super) fn image_backward(
        &self,
        _builder: &mut Builder,
        (_kept, _made, _gradient): (Kept, SlotIndex, SlotIndex),
        _is_wanted: bool,
        _gradients: &mut Gradients,
    ) -> Result<Before, ProgramError> {
        self.no_operators()
    }
}
