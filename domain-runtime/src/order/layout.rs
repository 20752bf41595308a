//! Where the examples and their values lie in the files of an order.
//!
//! Referee and trainer read by these rules, so a single value can be opened by its place alone.

use core::ops::Range;

use super::{DataFormat, DataSpecification};

/// Widths that values of records may have, in bytes.
pub const VALUE_BYTES: [u8; 3] = [1, 2, 4];

/// Widths that tokens may have, in bytes; those of one byte are text.
pub const TOKEN_BYTES: [u8; 2] = [2, 4];

/// Bytes of an f32, and of the label behind such features.
pub const FLOAT_BYTES: u8 = 4;

/// Classes of text: its tokens are bytes.
pub const TEXT_CLASSES: u32 = 256;

impl DataSpecification {
    /// Values of one example: its features and the label, or its tokens and the one behind them.
    #[must_use]
    pub const fn value_count(&self) -> u64 {
        // u32 widened to u64: lossless, and `From` is not const.
        (self.feature_count as u64).saturating_add(1)
    }

    /// Bytes of one value.
    #[must_use]
    pub const fn value_bytes(&self) -> u64 {
        match self.format {
            DataFormat::Records { value_bytes } | DataFormat::Tokens { value_bytes } => {
                value_bytes as u64
            }
            DataFormat::Text => 1,
            DataFormat::Floats => FLOAT_BYTES as u64,
        }
    }

    /// Bytes of one example, in text with those it shares with its neighbours.
    #[must_use]
    pub const fn example_bytes(&self) -> u64 {
        self.value_count().saturating_mul(self.value_bytes())
    }

    /// Bytes from the start of an example to the start of the next one.
    #[must_use]
    pub const fn example_stride(&self) -> u64 {
        if self.format.is_running() {
            (self.feature_count as u64).saturating_mul(self.value_bytes())
        } else {
            self.example_bytes()
        }
    }

    /// The lengths in bytes that a file of so many examples may have.
    ///
    /// Text may end in bytes that do not fill a further example.
    #[must_use]
    pub fn file_bytes(&self, example_count: u32) -> core::ops::RangeInclusive<u64> {
        let strides = u64::from(example_count).saturating_mul(self.example_stride());
        if self.format.is_running() {
            let least = strides.saturating_add(self.value_bytes());
            least..=strides.saturating_add(self.example_stride())
        } else {
            strides..=strides
        }
    }

    /// Where an example lies in its file.
    #[must_use]
    pub fn example_range(&self, example: u32) -> Range<u64> {
        let start = u64::from(example).saturating_mul(self.example_stride());
        start..start.saturating_add(self.example_bytes())
    }

    /// Where a value of an example lies in its file; `None` beyond the last one.
    #[must_use]
    pub fn value_range(&self, example: u32, value: u32) -> Option<Range<u64>> {
        if value > self.feature_count {
            return None;
        }
        let before = u64::from(value).saturating_mul(self.value_bytes());
        let start = self.example_range(example).start.saturating_add(before);
        Some(start..start.saturating_add(self.value_bytes()))
    }
}

/// The value that its bytes stand for: a little-endian integer. `None` for more than four bytes.
#[must_use]
pub fn value(bytes: &[u8]) -> Option<u32> {
    let mut word = [0; 4];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u32::from_le_bytes(word))
}

#[cfg(test)]
mod tests;
