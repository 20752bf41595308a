//! Why bytes are not the data of an order.

use aipot_domain_runtime::primitives::DataRoot;
use thiserror::Error;

/// Why bytes are not the data of the order.
///
/// Lines and columns of comma-separated files count from 1, a column being what stands between two commas;
/// offsets in files of records count bytes from 0.
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
    #[error("the file has {found} examples, expected {expected}")]
    WrongExampleCount {
        /// Examples in the order, or the nearest number that any order allows.
        expected: u32,
        /// Examples in the file; one more than allowed when reading stopped there.
        found: u32,
    },
    /// No example has so many features.
    #[error("examples of {found} features, allowed 1 to {max}")]
    FeatureCount {
        /// Features wanted.
        found: u32,
        /// Features allowed.
        max: u32,
    },
    /// Records of another width than any reader knows.
    #[error("values of {found} bytes, allowed 1, 2 and 4")]
    ValueBytes {
        /// Bytes wanted.
        found: u8,
    },
    /// The last record is not whole.
    #[error("the file has {found} bytes, which are not whole records of {record_bytes} bytes")]
    PartialRecord {
        /// Bytes given.
        found: u64,
        /// Bytes of a record.
        record_bytes: u64,
    },
    /// A feature is no finite number.
    #[error("the value at offset {offset} is not finite")]
    NotFinite {
        /// First byte of the value.
        offset: u64,
    },
    /// A value in a record is above what is allowed.
    #[error("byte {offset}: {value} is above {max}")]
    ValueTooLarge {
        /// Where the value begins.
        offset: u64,
        /// The value.
        value: u32,
        /// Largest allowed.
        max: u32,
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
