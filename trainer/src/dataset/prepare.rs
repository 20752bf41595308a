//! From the files of a client to those of an order: comma-separated text is packed into records.

use std::borrow::Cow;

use aipot_domain_runtime::order::check::{DATA_BYTES_MAX, EXAMPLES_MAX, WIDTH_MAX};
use aipot_domain_runtime::order::layout::TEXT_CLASSES;
use aipot_domain_runtime::order::{DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::DataRoot;
use thiserror::Error;

use super::records::{Form, Kind, LABEL_MAX, narrowest, write};
use super::{DataFacts, DatasetError, csv, data_file, text};

/// How the files of a client are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileFormat {
    /// Lines of comma-separated whole numbers, to be packed into the narrowest records.
    Csv,
    /// As the order wants them, or comma-separated lines to be packed into just such records.
    Exact(DataFormat),
}

/// What is known of files before they are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileShape {
    /// How they are written.
    pub format: FileFormat,
    /// Features of an example; in text, its tokens. Comma-separated files say it themselves.
    pub feature_count: Option<u32>,
    /// Root of the training file that an order names already.
    pub train_root: Option<DataRoot>,
}

/// A file as the order has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreparedFile<'bytes> {
    /// Its bytes.
    pub bytes: Cow<'bytes, [u8]>,
    /// What they hold.
    pub facts: DataFacts,
}

/// Why the files of a client cannot be those of an order.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// A file is not of its format.
    #[error("the {file} file is not usable")]
    File {
        /// Training or test.
        file: &'static str,
        /// Why.
        source: DatasetError,
    },
    /// Nothing says how many features an example has.
    #[error("data.features is missing: only comma-separated files say it themselves")]
    FeatureCount,
}

/// The files of an order, in one format.
///
/// A file that reads as comma-separated lines from beginning to end is taken for such lines, even where the
/// order speaks of records already, unless it is the very file that the order names.
///
/// # Errors
/// [`PrepareError`] naming the file and the place in it.
pub fn prepare<'bytes>(
    shape: &FileShape,
    train: Option<&'bytes [u8]>,
    test: Option<&'bytes [u8]>,
) -> Result<(Option<PreparedFile<'bytes>>, Option<PreparedFile<'bytes>>), PrepareError> {
    let read = |file, bytes: Option<&'bytes [u8]>| -> Result<_, PrepareError> {
        bytes.map(|bytes| Content::read(file, bytes, shape)).transpose()
    };
    let (train, test) = (read("training", train)?, read("test", test)?);
    // Both files have one format, so the wider one decides.
    let contents = || train.iter().chain(&test);
    let value_bytes = contents().map(Content::value_bytes).max().unwrap_or(1);
    let prepared = |file, content: Option<Content<'bytes>>| {
        let prepared = content.map(|content| content.prepared(shape.format, value_bytes));
        prepared.transpose().map_err(|source| PrepareError::File { file, source })
    };
    Ok((prepared("training", train)?, prepared("test", test)?))
}

/// Comma-separated lines as records of the narrowest width.
///
/// # Errors
/// [`DatasetError`] with line and column.
pub fn pack_csv(bytes: &[u8]) -> Result<PreparedFile<'static>, DatasetError> {
    let table = csv::read(bytes, None)?;
    let value_bytes = narrowest(table.largest);
    pack(&table, value_bytes)
}

/// A file that is to hold data of an order: comma-separated lines are packed, all else stays as it is.
///
/// # Errors
/// [`DatasetError`] when lines hold more than the order's records can.
pub fn pack_for<'bytes>(
    bytes: &'bytes [u8],
    data: &DataSpecification,
) -> Result<Cow<'bytes, [u8]>, DatasetError> {
    let DataFormat::Records { value_bytes } = data.format else { return Ok(Cow::Borrowed(bytes)) };
    let feature_count = usize::try_from(data.feature_count).ok();
    match csv::read(bytes, feature_count) {
        Ok(table) => Ok(pack(&table, value_bytes)?.bytes),
        Err(_) => Ok(Cow::Borrowed(bytes)),
    }
}

/// A file that was read as what it looks like.
enum Content<'bytes> {
    Lines(csv::Table),
    Exact(PreparedFile<'bytes>),
}

impl<'bytes> Content<'bytes> {
    fn read(
        file: &'static str,
        bytes: &'bytes [u8],
        shape: &FileShape,
    ) -> Result<Self, PrepareError> {
        let failed = |source| PrepareError::File { file, source };
        check_size(bytes).map_err(failed)?;
        let feature_count = shape.feature_count.and_then(|count| usize::try_from(count).ok());
        let lines = || csv::read(bytes, feature_count);
        match shape.format {
            FileFormat::Csv => lines().map(Self::Lines).map_err(failed),
            FileFormat::Exact(format @ DataFormat::Records { .. }) => {
                if shape.train_root == Some(data_file(bytes).root) {
                    return exact(file, bytes, format, shape);
                }
                match (lines(), exact(file, bytes, format, shape)) {
                    (Ok(table), _) => Ok(Self::Lines(table)),
                    (Err(source), Err(_)) if csv::is_likely(bytes) => Err(failed(source)),
                    (Err(_), content) => content,
                }
            }
            FileFormat::Exact(
                format @ (DataFormat::Text | DataFormat::Tokens { .. } | DataFormat::Floats),
            ) => exact(file, bytes, format, shape),
        }
    }

    fn value_bytes(&self) -> u8 {
        match self {
            Self::Lines(table) => narrowest(table.largest),
            Self::Exact(_) => 1,
        }
    }

    fn prepared(
        self,
        format: FileFormat,
        value_bytes: u8,
    ) -> Result<PreparedFile<'bytes>, DatasetError> {
        match (self, format) {
            (Self::Exact(file), _) => Ok(file),
            (Self::Lines(table), FileFormat::Exact(DataFormat::Records { value_bytes })) => {
                pack(&table, value_bytes)
            }
            (Self::Lines(table), _) => pack(&table, value_bytes),
        }
    }
}

/// A file that is as the order wants it.
fn exact<'bytes>(
    file: &'static str,
    bytes: &'bytes [u8],
    format: DataFormat,
    shape: &FileShape,
) -> Result<Content<'bytes>, PrepareError> {
    let feature_count = shape.feature_count.ok_or(PrepareError::FeatureCount)?;
    let facts = survey(bytes, format, feature_count);
    let facts = facts.map_err(|source| PrepareError::File { file, source })?;
    Ok(Content::Exact(PreparedFile { bytes: Cow::Borrowed(bytes), facts }))
}

/// What a file of a known format holds.
///
/// # Errors
/// [`DatasetError`] when it is not of the format or larger than any order allows.
pub fn survey(
    bytes: &[u8],
    format: DataFormat,
    feature_count: u32,
) -> Result<DataFacts, DatasetError> {
    check_size(bytes)?;
    let width = check_feature_count(feature_count)?;
    let (example_count, class_count) = match format {
        DataFormat::Records { .. } | DataFormat::Floats => {
            let kind = Kind::of(format);
            let form = Form { kind, feature_count: width, label_max: LABEL_MAX };
            let (example_count, label_max) = form.survey(bytes)?;
            (count(example_count)?, label_max.saturating_add(1))
        }
        DataFormat::Text => (text::example_count(bytes, (1, width))?, TEXT_CLASSES),
        DataFormat::Tokens { value_bytes } => {
            let largest = text::largest(bytes, value_bytes);
            (text::example_count(bytes, (value_bytes, width))?, largest.saturating_add(1))
        }
    };
    Ok(DataFacts { file: data_file(bytes), format, example_count, feature_count, class_count })
}

/// Refuses files that no order allows.
pub(super) fn check_size(bytes: &[u8]) -> Result<(), DatasetError> {
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found > DATA_BYTES_MAX {
        return Err(DatasetError::TooLarge { found, max: DATA_BYTES_MAX });
    }
    Ok(())
}

/// Refuses examples that no order allows.
pub(super) fn check_feature_count(feature_count: u32) -> Result<usize, DatasetError> {
    let max = u32::try_from(WIDTH_MAX).unwrap_or(u32::MAX);
    let inside = (1..=max).contains(&feature_count).then(|| usize::try_from(feature_count).ok());
    inside.flatten().ok_or(DatasetError::FeatureCount { found: feature_count, max })
}

fn count(example_count: usize) -> Result<u32, DatasetError> {
    let found = u32::try_from(example_count).unwrap_or(u32::MAX);
    let expected = found.clamp(1, EXAMPLES_MAX);
    if found == expected {
        Ok(found)
    } else {
        Err(DatasetError::WrongExampleCount { expected, found })
    }
}

fn pack(table: &csv::Table, value_bytes: u8) -> Result<PreparedFile<'static>, DatasetError> {
    let width = u32::from(value_bytes).saturating_mul(8);
    let max = u32::try_from(1_u64.checked_shl(width).unwrap_or(0).saturating_sub(1));
    let max = max.unwrap_or(u32::MAX);
    if let Some(index) = table.values.iter().position(|value| *value > max) {
        let columns = table.feature_count.saturating_add(1);
        return Err(DatasetError::OutOfRange {
            line: u64::try_from(index / columns).unwrap_or(u64::MAX).saturating_add(1),
            column: (index % columns).saturating_add(1),
            value: i64::from(table.values[index]),
            min: 0,
            max: i64::from(max),
        });
    }
    let bytes = write(&table.values, value_bytes);
    let feature_count = u32::try_from(table.feature_count).unwrap_or(u32::MAX);
    let facts = survey(&bytes, DataFormat::Records { value_bytes }, feature_count)?;
    Ok(PreparedFile { bytes: Cow::Owned(bytes), facts })
}

#[cfg(test)]
mod tests;
