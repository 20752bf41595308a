//! A byte-level tokenizer out of a text: byte-pair encoding, so that every text can be written.
//!
//! # Source
//! Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units"; bytes as of GPT-2.

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    TokenizerImpl,
};

use super::TokenizerError;
use crate::dataset::import::{ImportError, RunningText};

/// Fewest tokens: the bytes and the padding.
pub const VOCABULARY_MIN: u32 = 257;

/// Most tokens, as many as an order may have classes.
pub const VOCABULARY_MAX: u32 = 65_536;

/// What token 0 is called.
const PADDING_NAME: &str = "<padding>";

/// Why no tokenizer came out of a text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// The text cannot be read.
    #[error(transparent)]
    Text(#[from] ImportError),
    /// No tokenizer can be so large or small.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// Trains a tokenizer of at most `vocabulary` tokens and gives its `tokenizer.json`.
///
/// The same text gives the same file.
///
/// # Errors
/// [`TrainingError`] when the text is not UTF-8 or the vocabulary outside its bounds.
pub fn train(text: &mut RunningText, vocabulary: u32) -> Result<String, TrainingError> {
    if !(VOCABULARY_MIN..=VOCABULARY_MAX).contains(&vocabulary) {
        let (min, max) = (VOCABULARY_MIN, VOCABULARY_MAX);
        return Err(TokenizerError::Vocabulary { found: vocabulary.into(), min, max }.into());
    }
    let failed = |source| TokenizerError::Malformed { source };
    let bytes = || ByteLevel::new(false, true, true);
    let mut tokenizer: TokenizerImpl<
        BPE,
        NormalizerWrapper,
        PreTokenizerWrapper,
        PostProcessorWrapper,
        DecoderWrapper,
    > = TokenizerImpl::new(BPE::default());
    tokenizer
        .with_pre_tokenizer(Some(PreTokenizerWrapper::from(bytes())))
        .with_post_processor(Some(PostProcessorWrapper::from(ByteLevel::new(false, false, true))))
        .with_decoder(Some(DecoderWrapper::from(bytes())));
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(usize::try_from(vocabulary).unwrap_or(usize::MAX))
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(vec![AddedToken::from(PADDING_NAME, true)])
        .build();
    let mut error = None;
    let pieces = std::iter::from_fn(|| match text.text() {
        Ok("") => None,
        Ok(piece) => Some(piece.to_owned()),
        Err(source) => {
            error = Some(source);
            None
        }
    });
    tokenizer.train(&mut trainer, pieces).map_err(failed)?;
    if let Some(source) = error {
        return Err(source.into());
    }
    let json = tokenizer.to_string(true).map_err(failed)?;
    Ok(json)
}
