//! Running text: an example is so many tokens and the one behind them.

use aipot_domain_runtime::order::check::EXAMPLES_MAX;

use super::{DatasetError, Examples};

/// Reads a file of tokens of `token_bytes` each, all below `vocabulary`.
///
/// # Errors
/// [`DatasetError::ValueTooLarge`] with the offset of a token beyond the vocabulary, else as
/// [`example_count`].
pub(super) fn read(
    bytes: &[u8],
    (token_bytes, context): (u8, usize),
    vocabulary: u32,
) -> Result<(Examples, u32), DatasetError> {
    let found = example_count(bytes, (token_bytes, context))?;
    let tokens: Vec<u32> = tokens(bytes, token_bytes).collect();
    let wrong = (0_u64..).zip(&tokens).find(|(_, token)| **token >= vocabulary);
    if let Some((place, value)) = wrong {
        let offset = place.saturating_mul(u64::from(token_bytes));
        let (value, max) = (*value, vocabulary.saturating_sub(1));
        return Err(DatasetError::ValueTooLarge { offset, value, max });
    }
    Ok((Examples::Text { token_bytes, tokens, stride: context }, found))
}

fn tokens(bytes: &[u8], token_bytes: u8) -> impl Iterator<Item = u32> {
    let value =
        |bytes: &[u8]| bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
    bytes.chunks_exact(usize::from(token_bytes).max(1)).map(value)
}

/// The largest token of a file; 0 for an empty one.
pub(super) fn largest(bytes: &[u8], token_bytes: u8) -> u32 {
    tokens(bytes, token_bytes).max().unwrap_or(0)
}

/// How many examples of `context` tokens a text holds; bytes that do not fill one more are left over.
///
/// # Errors
/// [`DatasetError::WrongExampleCount`] for none and for more than any order allows.
pub(super) fn example_count(
    bytes: &[u8],
    (token_bytes, context): (u8, usize),
) -> Result<u32, DatasetError> {
    let tokens = bytes.len() / usize::from(token_bytes).max(1);
    let examples = tokens.saturating_sub(1).checked_div(context).unwrap_or(0);
    match u32::try_from(examples) {
        Ok(0) => Err(DatasetError::WrongExampleCount { expected: 1, found: 0 }),
        Ok(found) if found <= EXAMPLES_MAX => Ok(found),
        _ => {
            let found = EXAMPLES_MAX.saturating_add(1);
            Err(DatasetError::WrongExampleCount { expected: EXAMPLES_MAX, found })
        }
    }
}
