//! Data files: bounded bytes in, checked examples out.
//!
//! [`Dataset`] is what training and evaluation see. [`prepare`] makes the files of an order out of what
//! people write; [`import`] does the same for files of many formats that no memory holds; [`split`]
//! makes two files out of one; [`stream`] reads the batches of a file that stays on the disk;
//! [`augment`] changes images; [`synthetic`] invents data that can be learnt.

pub mod augment;
mod csv;
pub mod digits;
mod error;
pub mod import;
mod prepare;
mod records;
mod split;
pub mod stream;
pub mod synthetic;
mod text;

pub use error::DatasetError;
pub use prepare::{
    FileFormat, FileShape, PrepareError, PreparedFile, pack_csv, pack_for, prepare, survey,
};
pub use split::{Split, SplitError, split};

use aipot_domain_runtime::order::layout::TEXT_CLASSES;
use aipot_domain_runtime::order::{DataFile, DataFormat, DataSpecification};
use aipot_domain_runtime::primitives::DataRoot;
use aipot_kernels::blake3_tree;

/// Largest feature: every whole number up to 2^24 is an f32.
pub const FEATURE_MAX: u32 = 1 << 24;

/// Examples of one file, checked; those of records scaled.
#[derive(Clone, PartialEq, Debug)]
pub struct Dataset {
    file: DataFile,
    examples: Examples,
    example_count: u32,
    feature_count: usize,
    class_count: u32,
}

/// What the examples are.
#[derive(Clone, PartialEq, Debug)]
enum Examples {
    /// Features `[example, feature]` and labels `[example]`.
    Records { format: DataFormat, features: Vec<f32>, labels: Vec<u32> },
    /// Tokens, and how many lie from the start of one example to the start of the next.
    Text { token_bytes: u8, tokens: Vec<u32>, stride: usize },
}

/// What a file turned out to hold; [`survey`] gives it, the draft of an order is filled by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataFacts {
    /// The file's root and length.
    pub file: DataFile,
    /// How its bytes are read.
    pub format: DataFormat,
    /// How many examples it has.
    pub example_count: u32,
    /// How many features each example has; in text, how many tokens.
    pub feature_count: u32,
    /// One more than the largest label; 256 for text.
    pub class_count: u32,
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
        Self::read((bytes, file), data, data.train_example_count)
    }

    /// Reads the test file of an order; whether it is the committed one was decided on the chain.
    ///
    /// # Errors
    /// [`DatasetError`] when it does not hold what the order says.
    pub fn read_test(bytes: &[u8], data: &DataSpecification) -> Result<Self, DatasetError> {
        Self::read((bytes, data_file(bytes)), data, data.test_example_count)
    }

    /// Reads bytes together with what `data_file` says of them, for hashing is not for nothing.
    fn read(
        (bytes, file): (&[u8], DataFile),
        data: &DataSpecification,
        expected: u32,
    ) -> Result<Self, DatasetError> {
        prepare::check_size(bytes)?;
        let feature_count = prepare::check_feature_count(data.feature_count)?;
        let (examples, found) = match data.format {
            format @ (DataFormat::Records { .. } | DataFormat::Floats) => {
                read_records(bytes, format, data)?
            }
            DataFormat::Text => text::read(bytes, (1, feature_count), TEXT_CLASSES)?,
            DataFormat::Tokens { value_bytes } => {
                text::read(bytes, (value_bytes, feature_count), data.class_count)?
            }
        };
        if found != expected {
            return Err(DatasetError::WrongExampleCount { expected, found });
        }
        let class_count = data.class_count;
        Ok(Self { file, examples, example_count: expected, feature_count, class_count })
    }

    /// Root and length of the file.
    pub fn file(&self) -> DataFile {
        self.file
    }

    /// How the file's bytes are read.
    pub fn format(&self) -> DataFormat {
        match self.examples {
            Examples::Records { format, .. } => format,
            Examples::Text { token_bytes: 1, .. } => DataFormat::Text,
            Examples::Text { token_bytes, .. } => DataFormat::Tokens { value_bytes: token_bytes },
        }
    }

    /// All features of records; text has none.
    ///
    /// # Shapes
    /// `[example, feature]`.
    pub fn features(&self) -> &[f32] {
        match &self.examples {
            Examples::Records { features, .. } => features,
            Examples::Text { .. } => &[],
        }
    }

    /// The class of every example of records, below [`Self::class_count`]; text has none.
    ///
    /// # Shapes
    /// `[example]`.
    pub fn labels(&self) -> &[u32] {
        match &self.examples {
            Examples::Records { labels, .. } => labels,
            Examples::Text { .. } => &[],
        }
    }

    /// The tokens of an example of text and the one behind them: inputs are all but the last, targets all
    /// but the first. Records and examples that are not there have none.
    ///
    /// # Shapes
    /// `[feature_count + 1]`.
    pub fn tokens(&self, example: usize) -> &[u32] {
        match &self.examples {
            Examples::Text { tokens, stride, .. } if example < self.example_count() => {
                let start = example.saturating_mul(*stride);
                let end = start.saturating_add(self.feature_count).saturating_add(1);
                tokens.get(start..end).unwrap_or_default()
            }
            Examples::Text { .. } | Examples::Records { .. } => &[],
        }
    }

    /// How many examples there are.
    pub fn example_count(&self) -> usize {
        usize::try_from(self.example_count).unwrap_or(usize::MAX)
    }

    /// How many features each example has; in text, how many tokens.
    pub fn feature_count(&self) -> usize {
        self.feature_count
    }

    /// How many classes the order has.
    pub fn class_count(&self) -> u32 {
        self.class_count
    }
}

/// Root and length of the bytes of a data file.
pub fn data_file(bytes: &[u8]) -> DataFile {
    let byte_count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    DataFile { root: DataRoot(blake3_tree::root(bytes)), byte_count }
}

fn read_records(
    bytes: &[u8],
    format: DataFormat,
    data: &DataSpecification,
) -> Result<(Examples, u32), DatasetError> {
    let form = records::Form {
        kind: records::Kind::of(format),
        feature_count: prepare::check_feature_count(data.feature_count)?,
        label_max: data.class_count.saturating_sub(1),
    };
    let records::Rows { features, labels } = form.read(bytes, data.feature_divisor)?;
    let found = u32::try_from(labels.len()).unwrap_or(u32::MAX);
    Ok((Examples::Records { format, features, labels }, found))
}

#[cfg(test)]
mod tests;
