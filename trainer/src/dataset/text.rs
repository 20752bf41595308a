//! Running text: every byte a token, an example so many tokens and the one behind them.

use aipot_domain_runtime::order::check::EXAMPLES_MAX;

use super::DatasetError;

/// How many examples of `context` tokens a text holds; bytes that do not fill one more are left over.
///
/// # Errors
/// [`DatasetError::WrongExampleCount`] for none and for more than any order allows.
pub(super) fn example_count(bytes: &[u8], context: usize) -> Result<u32, DatasetError> {
    let examples = bytes.len().saturating_sub(1).checked_div(context).unwrap_or(0);
    match u32::try_from(examples) {
        Ok(0) => Err(DatasetError::WrongExampleCount { expected: 1, found: 0 }),
        Ok(found) if found <= EXAMPLES_MAX => Ok(found),
        _ => {
            let found = EXAMPLES_MAX.saturating_add(1);
            Err(DatasetError::WrongExampleCount { expected: EXAMPLES_MAX, found })
        }
    }
}
