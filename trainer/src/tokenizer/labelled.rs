//! Labelled texts as labelled rows of tokens, cut and padded to one length.

use super::{PADDING, Tokenizer, TokenizerError};
use crate::dataset::import::{Example, Examples, ImportError, Place, Problem};

/// Examples whose text becomes features.
#[derive(Debug)]
pub struct Tokenized<Inner> {
    inner: Inner,
    tokenizer: Tokenizer,
    context: usize,
    read_count: u64,
}

impl<Inner: Examples> Tokenized<Inner> {
    /// Texts as rows of `context` tokens.
    ///
    /// # Errors
    /// [`TokenizerError::Context`] when not even one token of a text would fit.
    pub fn new(
        inner: Inner,
        tokenizer: &Tokenizer,
        context: usize,
    ) -> Result<Self, TokenizerError> {
        let tokenizer = tokenizer.cut_to(context)?;
        Ok(Self { inner, tokenizer, context, read_count: 0 })
    }

    fn tokens(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let tokens = self.tokenizer.tokens(text, true)?;
        if tokens.contains(&PADDING) { Err(TokenizerError::Padding) } else { Ok(tokens) }
    }
}

impl<Inner: Examples> Examples for Tokenized<Inner> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn progress(&self) -> (u64, u64) {
        self.inner.progress()
    }

    fn read(&mut self, example: &mut Example) -> Result<bool, ImportError> {
        if !self.inner.read(example)? {
            return Ok(false);
        }
        self.read_count = self.read_count.saturating_add(1);
        let refuse = |problem| ImportError {
            file: self.inner.name().to_owned(),
            place: Place::Example(self.read_count),
            problem,
        };
        if !example.features.is_empty() {
            let (found, expected) = ("numbers", "text, which the tokenizer takes apart");
            return Err(refuse(Problem::Kind { found, expected }));
        }
        let tokens = self.tokens(&example.text);
        let tokens =
            tokens.map_err(|source| refuse(Problem::Foreign { source: Box::new(source) }))?;
        example.text.clear();
        example.features.clear();
        example.features.extend(tokens.into_iter().map(f64::from));
        example.features.resize(self.context, f64::from(PADDING));
        Ok(true)
    }
}
