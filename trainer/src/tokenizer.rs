//! Tokenizers in the form `tokenizer.json` of the crate `tokenizers`: read, trained, used.
//!
//! Token 0 stands for padding everywhere: [`train`] gives it to nothing else, and a labelled text
//! whose tokens contain it is refused.

mod labelled;
mod train;

pub use labelled::Tokenized;
pub use train::{TrainingError, VOCABULARY_MAX, VOCABULARY_MIN, train};

use thiserror::Error;
use tokenizers::{PostProcessor, TruncationParams};

use crate::dataset::FEATURE_MAX;

/// Largest `tokenizer.json` that is read: some 500,000 tokens.
pub const TOKENIZER_BYTES_MAX: u64 = 1 << 26;

/// The token that fills up short texts.
pub const PADDING: u32 = 0;

/// Turns text into tokens and back.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    vocabulary: u32,
}

/// Why a tokenizer cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file is no tokenizer.
    #[error("it is no tokenizer: {source}")]
    Malformed {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It has no token, or so many that no order allows them.
    #[error("a vocabulary of {found} tokens, allowed {min} to {max}")]
    Vocabulary {
        /// Tokens.
        found: u64,
        /// Fewest allowed.
        min: u32,
        /// Most allowed.
        max: u32,
    },
    /// Examples are too short for the tokens that the tokenizer puts around each text.
    #[error(
        "examples of {context} tokens, {needed} are needed: the tokenizer adds some to each text"
    )]
    Context {
        /// Tokens of an example.
        context: usize,
        /// Fewest tokens.
        needed: usize,
    },
    /// Text cannot be taken apart.
    #[error("text cannot be taken apart: {source}")]
    Text {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A token is outside the vocabulary.
    #[error("token {token}, the vocabulary has {vocabulary}")]
    Token {
        /// The token.
        token: u32,
        /// How many there are.
        vocabulary: u32,
    },
    /// Text became the token that stands for padding.
    #[error("token {PADDING} is made of text, but stands for padding")]
    Padding,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. What it says of padding and cutting is left aside.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] and [`TokenizerError::Vocabulary`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let malformed = |source| TokenizerError::Malformed { source };
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(malformed)?;
        inner.with_padding(None).with_truncation(None).map_err(malformed)?;
        // Tokens need not be numbered without gaps.
        let last = inner.get_vocab(true).into_values().max();
        let found = last.map_or(0, |last| u64::from(last).saturating_add(1));
        let vocabulary =
            u32::try_from(found).ok().filter(|count| (2..=FEATURE_MAX).contains(count));
        let wrong = TokenizerError::Vocabulary { found, min: 2, max: FEATURE_MAX };
        Ok(Self { inner, vocabulary: vocabulary.ok_or(wrong)? })
    }

    /// One more than the largest token.
    pub fn vocabulary(&self) -> u32 {
        self.vocabulary
    }

    /// The classes of an order whose tokens these are: each token is one.
    ///
    /// # Errors
    /// [`TokenizerError::Vocabulary`] when there are more than an order may have.
    pub fn class_count(&self) -> Result<u32, TokenizerError> {
        let (found, min, max) = (u64::from(self.vocabulary), 2, VOCABULARY_MAX);
        if self.vocabulary > max {
            return Err(TokenizerError::Vocabulary { found, min, max });
        }
        Ok(self.vocabulary)
    }

    /// Bytes of a token in the files of an order: 2 or 4.
    pub fn value_bytes(&self) -> u8 {
        if self.vocabulary <= u32::from(u16::MAX) + 1 { 2 } else { 4 }
    }

    /// The tokens of a piece of running text, nothing added.
    ///
    /// # Errors
    /// [`TokenizerError::Text`] and [`TokenizerError::Token`].
    pub fn running(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.tokens(text, false)
    }

    /// The text that tokens stand for, without padding and other marks.
    ///
    /// # Errors
    /// [`TokenizerError::Text`] when they stand for none, [`TokenizerError::Token`] when one is unknown.
    pub fn text(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        self.check(tokens)?;
        self.inner.decode(tokens, true).map_err(|source| TokenizerError::Text { source })
    }

    /// A tokenizer whose texts are cut to `context` tokens, those that it adds itself included.
    fn cut_to(&self, context: usize) -> Result<Self, TokenizerError> {
        let added = self.inner.get_post_processor().map_or(0, |post| post.added_tokens(false));
        let needed = added.saturating_add(1);
        if context < needed {
            return Err(TokenizerError::Context { context, needed });
        }
        let mut inner = self.inner.clone();
        let truncation = TruncationParams { max_length: context, ..TruncationParams::default() };
        inner
            .with_truncation(Some(truncation))
            .map_err(|source| TokenizerError::Malformed { source })?;
        Ok(Self { inner, ..*self })
    }

    fn tokens(&self, text: &str, with_marks: bool) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.inner.encode_fast(text, with_marks);
        let encoding = encoding.map_err(|source| TokenizerError::Text { source })?;
        self.check(encoding.get_ids())?;
        Ok(encoding.get_ids().to_vec())
    }

    fn check(&self, tokens: &[u32]) -> Result<(), TokenizerError> {
        let vocabulary = self.vocabulary;
        match tokens.iter().find(|token| **token >= vocabulary) {
            Some(token) => Err(TokenizerError::Token { token: *token, vocabulary }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
