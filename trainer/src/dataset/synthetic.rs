//! Data that nobody has to fetch: files that follow from a seed and can be learnt.
//!
//! Records: every class has a random pattern of features, and an example is the pattern of its class with
//! noise. Text: a walk over bytes, each of which has few successors. Integers only, so that the bytes are the
//! same everywhere.

use std::num::NonZeroU64;

use aipot_domain_runtime::order::DataFormat;
use aipot_domain_runtime::order::layout::TEXT_CLASSES;
use aipot_kernels::chacha8::ChaChaStream;
use thiserror::Error;

use super::DatasetError;
use super::prepare::check_feature_count;
use crate::batch_order::seed_bytes;

/// Largest file that is invented: it is made in memory.
pub const SYNTHETIC_BYTES_MAX: u64 = 1 << 30;

/// The whole of a feature of records, by which features are divided where nothing else is said.
pub const SYNTHETIC_DIVISOR: u32 = 255;

/// Most classes of records, whose values are bytes.
const RECORD_CLASSES_MAX: u32 = 256;

/// Names the stream of the patterns of classes; the counter is the class.
const PATTERN_DOMAIN: &str = "synthetic pattern";
/// Names the stream of the successors of bytes.
const SUCCESSOR_DOMAIN: &str = "synthetic successors";
/// Names the stream of examples; the counter is the part.
const EXAMPLE_DOMAIN: &str = "synthetic examples";

/// Least value of a pattern: room for the noise below it.
const PATTERN_MIN: u8 = 64;
/// Patterns vary, and noise too, by what stays of a random byte under this mask; noise is less
/// [`PATTERN_MIN`], so that it goes both ways and the sum stays a byte.
const NOISE_MASK: u8 = 127;

/// What can follow a byte of text.
const SUCCESSOR_COUNT: usize = 4;
/// Which of the successors follows for a random number below 8: shares of 4, 2, 1 and 1 eighths, 1.2 nats.
const CHOICES: [usize; 8] = [0, 0, 0, 0, 1, 1, 2, 3];

/// What the files hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyntheticShape {
    /// Records of bytes, or text.
    pub format: DataFormat,
    /// Features of an example; in text, its tokens.
    pub feature_count: u32,
    /// Classes; 256 for text.
    pub class_count: u32,
}

/// Which file of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The training file.
    Train,
    /// The test file.
    Test,
}

/// Why a file cannot be invented.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SyntheticError {
    /// Records are invented with values of one byte only.
    #[error("synthetic records have values of 1 byte, the order wants {found}")]
    ValueBytes {
        /// Bytes wanted.
        found: u8,
    },
    /// There are too few or too many classes.
    #[error("synthetic data of {found} classes, allowed {min} to {max}")]
    ClassCount {
        /// Classes wanted.
        found: u32,
        /// Least allowed.
        min: u32,
        /// Largest allowed.
        max: u32,
    },
    /// The file would be too large.
    #[error("synthetic data of {found} bytes, allowed at most {max}")]
    TooLarge {
        /// Bytes wanted.
        found: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// Data of this format is not invented.
    #[error("data of the format {found} is not invented, only records and text are")]
    Format {
        /// What the order says.
        found: &'static str,
    },
    /// No example has so many features.
    #[error(transparent)]
    Features(#[from] DatasetError),
}

/// The bytes of a file of `example_count` examples.
///
/// # Errors
/// [`SyntheticError`] when the shape is none that can be invented.
pub fn synthetic_file(
    shape: &SyntheticShape,
    seed: u64,
    part: Part,
    example_count: u32,
) -> Result<Vec<u8>, SyntheticError> {
    let feature_count = check_feature_count(shape.feature_count)?;
    let classes = match shape.format {
        DataFormat::Records { value_bytes: 1 } => 1..=RECORD_CLASSES_MAX,
        DataFormat::Records { value_bytes } => {
            return Err(SyntheticError::ValueBytes { found: value_bytes });
        }
        DataFormat::Text => TEXT_CLASSES..=TEXT_CLASSES,
        DataFormat::Tokens { .. } | DataFormat::Floats => {
            return Err(SyntheticError::Format { found: shape.format.name() });
        }
    };
    if !classes.contains(&shape.class_count) {
        let (min, max, found) = (*classes.start(), *classes.end(), shape.class_count);
        return Err(SyntheticError::ClassCount { found, min, max });
    }
    let example_bytes = u64::from(shape.feature_count).saturating_add(1);
    let found = u64::from(example_count).saturating_mul(example_bytes);
    if found > SYNTHETIC_BYTES_MAX {
        return Err(SyntheticError::TooLarge { found, max: SYNTHETIC_BYTES_MAX });
    }
    let example_count = usize::try_from(example_count).unwrap_or(usize::MAX);
    Ok(if shape.format.is_running() {
        text(example_count.saturating_mul(feature_count), (seed, part))
    } else {
        records(shape, feature_count, (seed, part), example_count)
    })
}

/// The stream of the examples of a part.
fn examples(seed: u64, part: Part) -> Bytes {
    let counter = match part {
        Part::Train => 0,
        Part::Test => 1,
    };
    Bytes::new(seed, EXAMPLE_DOMAIN, counter)
}

/// Examples with labels in a random order, equally often but for chance.
fn records(
    shape: &SyntheticShape,
    feature_count: usize,
    (seed, part): (u64, Part),
    example_count: usize,
) -> Vec<u8> {
    let patterns: Vec<Vec<u8>> = (0..shape.class_count)
        .map(|class| pattern(seed, u64::from(class), feature_count))
        .collect();
    let class_count = NonZeroU64::new(u64::from(shape.class_count)).unwrap_or(NonZeroU64::MIN);
    let mut stream = examples(seed, part);
    let mut bytes = Vec::with_capacity(example_count * (feature_count + 1));
    for _ in 0..example_count {
        let label = stream.words.below(class_count);
        let pattern = usize::try_from(label).ok().and_then(|label| patterns.get(label));
        for value in pattern.into_iter().flatten() {
            let noise = stream.next() & NOISE_MASK;
            bytes.push(value - PATTERN_MIN + noise);
        }
        bytes.push(u8::try_from(label).unwrap_or(u8::MAX));
    }
    bytes
}

/// The features of a class without noise, in the middle half of a byte.
fn pattern(seed: u64, class: u64, feature_count: usize) -> Vec<u8> {
    let mut stream = Bytes::new(seed, PATTERN_DOMAIN, class);
    (0..feature_count).map(|_| PATTERN_MIN + (stream.next() & NOISE_MASK)).collect()
}

/// A walk of `step_count` steps from a byte to one of its successors, with its beginning.
fn text(step_count: usize, (seed, part): (u64, Part)) -> Vec<u8> {
    let successors = successors(seed);
    let mut stream = examples(seed, part);
    let mut bytes = Vec::with_capacity(step_count.saturating_add(1));
    let mut byte = stream.next();
    bytes.push(byte);
    for _ in 0..step_count {
        let choice = CHOICES[usize::from(stream.next()) % CHOICES.len()];
        byte = successors[usize::from(byte)][choice];
        bytes.push(byte);
    }
    bytes
}

/// The successors of every byte; the first ones form one cycle, so that no byte is a dead end.
fn successors(seed: u64) -> [[u8; SUCCESSOR_COUNT]; 256] {
    let mut stream = Bytes::new(seed, SUCCESSOR_DOMAIN, 0);
    let mut cycle: Vec<u8> = (0..=u8::MAX).collect();
    stream.words.shuffle(&mut cycle);
    let mut successors = [[0; SUCCESSOR_COUNT]; 256];
    for (place, byte) in cycle.iter().enumerate() {
        let next = cycle[(place + 1) % cycle.len()];
        successors[usize::from(*byte)] = [next, stream.next(), stream.next(), stream.next()];
    }
    successors
}

/// A stream of words, taken byte by byte.
struct Bytes {
    words: ChaChaStream,
    left: u32,
    left_count: u32,
}

impl Bytes {
    fn new(seed: u64, domain: &str, counter: u64) -> Self {
        let words = ChaChaStream::derive(&seed_bytes(seed), domain, counter);
        Self { words, left: 0, left_count: 0 }
    }

    fn next(&mut self) -> u8 {
        if self.left_count == 0 {
            (self.left, self.left_count) = (self.words.next_u32(), u32::BITS / u8::BITS);
        }
        let [byte, ..] = self.left.to_le_bytes();
        self.left >>= u8::BITS;
        self.left_count -= 1;
        byte
    }
}

#[cfg(test)]
mod tests;
