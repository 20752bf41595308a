//! What is wrong with a file of a client, and where in it.

use std::fmt;

use thiserror::Error;

/// A file that cannot be read as what it is said to be.
#[derive(Debug, Error)]
#[error("{file}{place}: {problem}")]
pub struct ImportError {
    /// The file, and in a file of several arrays the array.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    pub problem: Problem,
}

/// A place in a file. All numbers but offsets count from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole.
    Whole,
    /// A byte, counted from 0.
    Offset(u64),
    /// An example.
    Example(u64),
    /// A value of an example.
    Feature {
        /// The example.
        example: u64,
        /// The value in it.
        feature: u64,
    },
    /// A line.
    Line(u64),
    /// A place in a line of numbers.
    Column {
        /// The line.
        line: u64,
        /// What stands between two commas.
        column: u64,
    },
    /// A key in a line of JSON.
    LineKey {
        /// The line.
        line: u64,
        /// The key.
        key: String,
    },
    /// A named part of the header or the file.
    Key(String),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Offset(offset) => write!(formatter, ", byte {offset}"),
            Self::Example(example) => write!(formatter, ", example {example}"),
            Self::Feature { example, feature } => {
                write!(formatter, ", example {example}, value {feature}")
            }
            Self::Line(line) => write!(formatter, ", line {line}"),
            Self::Column { line, column } => write!(formatter, ", line {line}, column {column}"),
            Self::LineKey { line, key } => write!(formatter, ", line {line}, key {key:?}"),
            Self::Key(key) => write!(formatter, ", {key:?}"),
        }
    }
}

/// What is wrong, with what was found and what is allowed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("it cannot be read: {source}")]
    Read {
        /// Why.
        source: std::io::Error,
    },
    /// The file of an order cannot be written.
    #[error("it cannot be written: {source}")]
    Write {
        /// Why.
        source: std::io::Error,
    },
    /// The file ends too early.
    #[error("{found} of {expected} bytes, the file is cut off")]
    Truncated {
        /// Bytes that belong here.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file goes on behind its end.
    #[error("bytes behind the last value, expected the end of the file")]
    Trailing,
    /// The first bytes are those of another format.
    #[error("it begins with {found:02x?}, expected {expected}")]
    Magic {
        /// The bytes.
        found: Vec<u8>,
        /// What belongs there.
        expected: &'static str,
    },
    /// Something of a header is not as expected.
    #[error("{found}, expected {expected}")]
    Header {
        /// What stands there, cut short.
        found: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A header, line or text is longer than anything sensible.
    #[error("{found} bytes long, allowed at most {max}")]
    TooLong {
        /// Bytes, as far as they were counted.
        found: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The sides of an array.
    #[error("sides of {found:?}, expected {expected}")]
    Sides {
        /// The sides.
        found: Vec<u64>,
        /// What is allowed.
        expected: &'static str,
    },
    /// Values of a type that is not read.
    #[error("values of type {found}, allowed are {allowed}")]
    Element {
        /// The type.
        found: String,
        /// The types that are read.
        allowed: &'static str,
    },
    /// A named part is not in the file.
    #[error("it is not in the file, which has {available:?}")]
    Missing {
        /// What is there.
        available: Vec<String>,
    },
    /// A key that nobody reads.
    #[error("unknown, expected {expected:?}")]
    UnknownKey {
        /// The keys that are read.
        expected: Vec<String>,
    },
    /// A checksum in the file is not that of its bytes.
    #[error("the checksum is {found:08x}, the file says {expected:08x}")]
    Checksum {
        /// The checksum in the file.
        expected: u32,
        /// The checksum of the bytes.
        found: u32,
    },
    /// Features and labels are of different numbers of examples.
    #[error("{features} examples, but {labels} labels")]
    Count {
        /// Examples of features.
        features: u64,
        /// Labels.
        labels: u64,
    },
    /// There is no example, or more than any order allows.
    #[error("{found} examples, allowed 1 to {max}")]
    ExampleCount {
        /// Examples; one more than allowed when counting stopped there.
        found: u64,
        /// Examples allowed.
        max: u64,
    },
    /// An example has more or fewer features than the first one or than the training examples.
    #[error("{found} features, expected {expected}")]
    FeatureCount {
        /// Features of this example.
        found: u64,
        /// Features of the others.
        expected: u64,
    },
    /// A label is no class.
    #[error("label {value}, allowed are whole numbers from 0 to {max}")]
    Label {
        /// The label.
        value: f64,
        /// The largest class.
        max: u32,
    },
    /// A feature is not a number.
    #[error("{value} is no number that can be trained on")]
    NotFinite {
        /// Infinity or NaN.
        value: f64,
    },
    /// A feature does not fit the layout.
    #[error("{value} is not exactly {layout}{hint}")]
    NotExact {
        /// The feature.
        value: f64,
        /// What it is to be.
        layout: &'static str,
        /// What a person can do.
        hint: &'static str,
    },
    /// Something else than a number.
    #[error("{text:?} is not a number")]
    NotANumber {
        /// What stands there, cut short.
        text: String,
    },
    /// A line is not a JSON object with the right types.
    #[error("{source}")]
    Json {
        /// Why, with the column.
        source: serde_json::Error,
    },
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The test examples have a label of which no training example is.
    #[error("label {label} in the test, but the labels of the training end at {train_max}")]
    UnseenLabel {
        /// Largest label of the test.
        label: u32,
        /// Largest label of the training.
        train_max: u32,
    },
    /// A tokenizer made a token that its vocabulary has not.
    #[error("token {token}, the vocabulary ends at {vocabulary}")]
    Token {
        /// The token.
        token: u32,
        /// How many tokens there are.
        vocabulary: u32,
    },
    /// Text became the token that means padding.
    #[error("the tokenizer makes token 0 of text, which stands for padding")]
    PaddingToken,
    /// Text cannot be taken apart, or numbers were given where text is needed, or the other way round.
    #[error("{found}, expected {expected}")]
    Kind {
        /// What is there.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
    },
    /// Another library cannot read the file.
    #[error("{source}")]
    Foreign {
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Longest piece of a wrong value that is repeated in an error.
const QUOTED_BYTES_MAX: usize = 32;

/// The beginning of something wrong.
pub(super) fn quoted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(QUOTED_BYTES_MAX)]).into_owned()
}
