//! Records: features and label of each example, little-endian unsigned integers of one width.

use aipot_domain_runtime::order::DataFormat;
use aipot_domain_runtime::order::check::WIDTH_MAX;
use aipot_domain_runtime::order::layout::{FLOAT_BYTES, VALUE_BYTES};

use super::{DatasetError, FEATURE_MAX};

/// Largest label of any order.
pub(super) const LABEL_MAX: u32 = label_max();

/// The form of the records of a file.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// What its values are.
    pub(super) kind: Kind,
    /// Features of a record.
    pub(super) feature_count: usize,
    /// Largest label allowed.
    pub(super) label_max: u32,
}

/// What the values of records are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Unsigned integers of 1, 2 or 4 bytes.
    Integers { value_bytes: u8 },
    /// Features are f32, the label an integer of 4 bytes.
    Floats,
}

impl Kind {
    /// The values of a format; running text is taken for bytes.
    pub(super) const fn of(format: DataFormat) -> Self {
        match format {
            DataFormat::Records { value_bytes } | DataFormat::Tokens { value_bytes } => {
                Self::Integers { value_bytes }
            }
            DataFormat::Text => Self::Integers { value_bytes: 1 },
            DataFormat::Floats => Self::Floats,
        }
    }

    const fn value_bytes(self) -> u8 {
        match self {
            Self::Integers { value_bytes } => value_bytes,
            Self::Floats => FLOAT_BYTES,
        }
    }
}

/// The examples of a file.
pub(super) struct Rows {
    /// `[example, feature]`.
    pub(super) features: Vec<f32>,
    /// `[example]`.
    pub(super) labels: Vec<u32>,
}

impl Form {
    /// Reads all records, features divided once.
    ///
    /// # Errors
    /// [`DatasetError`] with the offset of the first value that is not as expected.
    pub(super) fn read(self, bytes: &[u8], feature_divisor: u32) -> Result<Rows, DatasetError> {
        let example_count = self.example_count(bytes)?;
        let feature_total = example_count.saturating_mul(self.feature_count);
        let mut rows = Rows {
            features: Vec::with_capacity(feature_total),
            labels: Vec::with_capacity(example_count),
        };
        self.for_each(bytes, |value, is_label| {
            if is_label {
                rows.labels.push(value);
            } else {
                rows.features.push(match self.kind {
                    Kind::Integers { .. } => scaled(value, feature_divisor),
                    Kind::Floats => f32::from_bits(value) / scaled(feature_divisor, 1),
                });
            }
        })?;
        Ok(rows)
    }

    /// Counts the examples and gives the largest label.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn survey(self, bytes: &[u8]) -> Result<(usize, u32), DatasetError> {
        let example_count = self.example_count(bytes)?;
        let mut label_max = 0;
        self.for_each(bytes, |value, is_label| {
            if is_label {
                label_max = value.max(label_max);
            }
        })?;
        Ok((example_count, label_max))
    }

    fn example_count(self, bytes: &[u8]) -> Result<usize, DatasetError> {
        let value_bytes = self.kind.value_bytes();
        if !VALUE_BYTES.contains(&value_bytes) {
            return Err(DatasetError::ValueBytes { found: value_bytes });
        }
        let value_count = self.feature_count.saturating_add(1);
        let record_bytes = value_count.saturating_mul(usize::from(value_bytes));
        if !bytes.len().is_multiple_of(record_bytes) {
            return Err(DatasetError::PartialRecord {
                found: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                record_bytes: u64::try_from(record_bytes).unwrap_or(u64::MAX),
            });
        }
        Ok(bytes.len() / record_bytes)
    }

    /// Shows every value in turn, with whether it is a label.
    fn for_each(self, bytes: &[u8], show: impl FnMut(u32, bool)) -> Result<(), DatasetError> {
        match self.kind.value_bytes() {
            1 => self.check_each(bytes.iter().copied().map(u32::from), show),
            2 => {
                let values = bytes.as_chunks().0.iter();
                self.check_each(values.map(|bytes| u32::from(u16::from_le_bytes(*bytes))), show)
            }
            _ => {
                let values = bytes.as_chunks().0.iter();
                self.check_each(values.map(|bytes| u32::from_le_bytes(*bytes)), show)
            }
        }
    }

    fn check_each(
        self,
        values: impl Iterator<Item = u32>,
        mut show: impl FnMut(u32, bool),
    ) -> Result<(), DatasetError> {
        let mut place = 0;
        for (index, value) in (0_u64..).zip(values) {
            let is_label = place == self.feature_count;
            let offset = || index.saturating_mul(u64::from(self.kind.value_bytes()));
            let max = if is_label { self.label_max } else { FEATURE_MAX };
            let is_real = self.kind == Kind::Floats && !is_label;
            if is_real && !f32::from_bits(value).is_finite() {
                return Err(DatasetError::NotFinite { offset: offset() });
            }
            if !is_real && value > max {
                return Err(DatasetError::ValueTooLarge { offset: offset(), value, max });
            }
            show(value, is_label);
            place = if is_label { 0 } else { place.saturating_add(1) };
        }
        Ok(())
    }
}

/// The narrowest width in bytes that holds a value.
pub(super) fn narrowest(largest: u32) -> u8 {
    match largest {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    }
}

/// Writes values one after the other; they must fit the width.
pub(super) fn write(values: &[u32], value_bytes: u8) -> Vec<u8> {
    let width = usize::from(value_bytes);
    let mut bytes = Vec::with_capacity(values.len().saturating_mul(width));
    for value in values {
        bytes.extend(value.to_le_bytes().iter().take(width));
    }
    bytes
}

/// A feature as training sees it: one correctly rounded division.
#[expect(
    clippy::cast_precision_loss,
    reason = "features and divisors are at most 2^24, which f32 holds exactly"
)]
fn scaled(value: u32, divisor: u32) -> f32 {
    value as f32 / divisor as f32
}

#[expect(clippy::cast_possible_truncation, reason = "the assertion shows that it fits")]
const fn label_max() -> u32 {
    const { assert!(WIDTH_MAX > 0 && WIDTH_MAX <= 1 << 32) };
    (WIDTH_MAX - 1) as u32
}
