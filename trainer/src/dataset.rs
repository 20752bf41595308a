//! Data files: bounded bytes in, checked examples out.
//!
//! [`Dataset`] is what training and evaluation see. [`split`] makes the two files of an order out of
//! one; [`beacon_split`] replaces a test file that the client did not reveal.

mod csv;
pub mod digits;
mod split;

pub use split::{Split, SplitError, beacon_split, split};

use aipot_domain_runtime::order::check::{DATA_BYTES_MAX, EXAMPLES_MAX, WIDTH_MAX};
use aipot_domain_runtime::order::{DataFile, DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::DataRoot;
use aipot_kernels::blake3_tree;
use thiserror::Error;

/// Largest absolute value of a feature: every whole number up to 2^24 is an f32.
pub const FEATURE_MAX: u32 = 1 << 24;

/// Examples of one file, checked and scaled.
#[derive(Clone, PartialEq, Debug)]
pub struct Dataset {
    file: DataFile,
    features: Vec<f32>,
    labels: Vec<u32>,
    feature_count: usize,
    class_count: u32,
}

/// What a file turned out to hold; [`Dataset::facts`] gives it, the draft of an order is filled by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataFacts {
    /// The file's root and length.
    pub file: DataFile,
    /// How many examples it has.
    pub example_count: u32,
    /// How many features each example has.
    pub feature_count: u32,
    /// One more than the largest label.
    pub class_count: u32,
}

/// Why bytes are not the data of the order.
///
/// Lines and columns count from 1, a column being what stands between two commas.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The length is another than the order's.
    #[error("the file has {found} bytes, the order says {expected}")]
    WrongByteCount {
        /// Bytes in the order.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
    /// The content is another than the order's.
    #[error("the file is blake3:{found}, the order says blake3:{expected}")]
    WrongRoot {
        /// Root in the order.
        expected: DataRoot,
        /// Root of the bytes.
        found: DataRoot,
    },
    /// The file is larger than any order allows.
    #[error("the file has {found} bytes, allowed at most {max}")]
    TooLarge {
        /// Bytes given.
        found: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// There are more or fewer examples.
    #[error("the file has {found} examples, the order says {expected}")]
    WrongExampleCount {
        /// Examples in the order.
        expected: u32,
        /// Examples in the file; one more than allowed when reading stopped there.
        found: u32,
    },
    /// A line has more or fewer columns.
    #[error("line {line} has {found} columns, expected {expected}: the features, then the label")]
    WrongColumnCount {
        /// The line.
        line: u64,
        /// Features and the label.
        expected: usize,
        /// Columns in the line.
        found: usize,
    },
    /// Something else than a whole number.
    #[error("line {line}, column {column}: {text:?} is not a whole number")]
    NotANumber {
        /// The line.
        line: u64,
        /// The column.
        column: usize,
        /// What stands there, cut short.
        text: String,
    },
    /// A number is outside what is allowed.
    #[error("line {line}, column {column}: {value} is outside {min} to {max}")]
    OutOfRange {
        /// The line.
        line: u64,
        /// The column.
        column: usize,
        /// The number.
        value: i64,
        /// Least allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
}

impl Dataset {
    /// Reads the training file of an order.
    ///
    /// # Errors
    /// [`DatasetError`] when it is another file or does not hold what the order says.
    pub fn read_train(bytes: &[u8], data: &DataSpecification) -> Result<Self, DatasetError> {
        let file = data_file(bytes);
        if file.byte_count != data.train.byte_count {
            let (expected, found) = (data.train.byte_count, file.byte_count);
            return Err(DatasetError::WrongByteCount { expected, found });
        }
        if file.root != data.train.root {
            return Err(DatasetError::WrongRoot { expected: data.train.root, found: file.root });
        }
        read_counted((bytes, file), data, data.train_example_count)
    }

    /// Reads the test file of an order; whether it is the committed one was decided on the chain.
    ///
    /// # Errors
    /// [`DatasetError`] when it does not hold what the order says.
    pub fn read_test(bytes: &[u8], data: &DataSpecification) -> Result<Self, DatasetError> {
        read_counted((bytes, data_file(bytes)), data, data.test_example_count)
    }

    /// Reads a file about which no order says anything yet.
    ///
    /// # Errors
    /// [`DatasetError`] when it is no data file or larger than any order allows.
    pub fn survey(
        bytes: &[u8],
        format: DataFormat,
        feature_divisor: u32,
    ) -> Result<Self, DatasetError> {
        let class_max = u32::try_from(WIDTH_MAX).unwrap_or(u32::MAX);
        let expected = csv::Expected {
            feature_count: None,
            feature_divisor,
            class_count: class_max,
            example_count_max: EXAMPLES_MAX,
        };
        let mut dataset = read((bytes, data_file(bytes)), format, &expected)?;
        dataset.class_count = dataset.facts().class_count;
        Ok(dataset)
    }

    /// Root and length of the file.
    pub fn file(&self) -> DataFile {
        self.file
    }

    /// All features.
    ///
    /// # Shapes
    /// `[example, feature]`.
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// The class of every example, below [`Self::class_count`].
    ///
    /// # Shapes
    /// `[example]`.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// How many examples there are.
    pub fn example_count(&self) -> usize {
        self.labels.len()
    }

    /// How many features each example has.
    pub fn feature_count(&self) -> usize {
        self.feature_count
    }

    /// How many classes the order has.
    pub fn class_count(&self) -> u32 {
        self.class_count
    }

    /// What the file holds, for the draft of an order.
    pub fn facts(&self) -> DataFacts {
        // Both counts were checked against bounds of 32 bits when they were read.
        DataFacts {
            file: self.file,
            example_count: u32::try_from(self.labels.len()).unwrap_or(u32::MAX),
            feature_count: u32::try_from(self.feature_count).unwrap_or(u32::MAX),
            class_count: self.labels.iter().max().map_or(0, |label| label.saturating_add(1)),
        }
    }
}

/// Root and length of the bytes of a data file.
pub fn data_file(bytes: &[u8]) -> DataFile {
    let byte_count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    DataFile { root: DataRoot(blake3_tree::root(bytes)), byte_count }
}

fn read_counted(
    bytes: (&[u8], DataFile),
    data: &DataSpecification,
    example_count: u32,
) -> Result<Dataset, DatasetError> {
    let expected = csv::Expected {
        feature_count: usize::try_from(data.feature_count).ok(),
        feature_divisor: data.feature_divisor,
        class_count: data.class_count,
        example_count_max: example_count,
    };
    let dataset = read(bytes, data.format, &expected)?;
    let found = dataset.facts().example_count;
    if found != example_count {
        return Err(DatasetError::WrongExampleCount { expected: example_count, found });
    }
    Ok(dataset)
}

/// Reads bytes together with what `data_file` says of them, for hashing is not for nothing.
fn read(
    (bytes, file): (&[u8], DataFile),
    format: DataFormat,
    expected: &csv::Expected,
) -> Result<Dataset, DatasetError> {
    if file.byte_count > DATA_BYTES_MAX {
        return Err(DatasetError::TooLarge { found: file.byte_count, max: DATA_BYTES_MAX });
    }
    let rows = match format {
        DataFormat::Csv => csv::read(bytes, expected)?,
    };
    Ok(Dataset {
        file,
        features: rows.features,
        labels: rows.labels,
        feature_count: rows.feature_count,
        class_count: expected.class_count,
    })
}

#[cfg(test)]
mod tests;
