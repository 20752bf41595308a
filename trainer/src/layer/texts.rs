//! One row for a whole text.

use aipot_kernels::tokens::{
    Texts, first_token, first_token_gradient, mean_tokens, mean_tokens_gradient,
};

use super::{Behind, Layer, Seen, Site};
use crate::engine::EngineError;

/// The mean of all tokens, or of those that are no padding.
#[derive(Debug)]
pub(super) struct MeanTokens {
    sides: Sides,
    /// Whether the layer reads the tokens.
    has_tokens: bool,
}

/// The first token.
#[derive(Debug)]
pub(super) struct FirstToken {
    sides: Sides,
}

/// Sides of a text.
#[derive(Clone, Copy, Debug)]
struct Sides {
    tokens: usize,
    width: usize,
}

impl Sides {
    fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        let (tokens, width) = site.input_sides()?;
        Ok(Self { tokens, width })
    }

    fn texts(self, seen: Seen<'_>, has_tokens: bool) -> Texts<'_> {
        let Self { tokens, width } = self;
        let ids = has_tokens.then_some(seen.tokens);
        Texts { batch: seen.span.count, tokens, width, ids }
    }
}

impl MeanTokens {
    pub(super) fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        let has_tokens = site.node.inputs.len() > 1;
        Ok(Self { sides: Sides::new(site)?, has_tokens })
    }
}

impl FirstToken {
    pub(super) fn new(site: &Site<'_>) -> Result<Self, EngineError> {
        Ok(Self { sides: Sides::new(site)? })
    }
}

impl Layer for MeanTokens {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let texts = self.sides.texts(seen, self.has_tokens);
        mean_tokens(texts, seen.first(), output).map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        let Some(of_input) = behind.of_first() else { return Ok(()) };
        let texts = self.sides.texts(seen, self.has_tokens);
        mean_tokens_gradient(texts, gradient, of_input).map_err(EngineError::kernel)
    }
}

impl Layer for FirstToken {
    fn forward(
        &mut self,
        _: &[&[f32]],
        seen: Seen<'_>,
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        first_token(self.sides.texts(seen, false), seen.first(), output)
            .map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        _: &[&[f32]],
        (seen, _): (Seen<'_>, &[f32]),
        mut behind: Behind<'_, '_>,
    ) -> Result<(), EngineError> {
        let gradient = behind.gradient;
        let Some(of_input) = behind.of_first() else { return Ok(()) };
        first_token_gradient(self.sides.texts(seen, false), gradient, of_input)
            .map_err(EngineError::kernel)
    }
}
