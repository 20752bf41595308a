//! A client's file, split by a seeded shuffle of its lines.

use aipot_kernels::chacha8::ChaChaStream;
use thiserror::Error;

use super::csv;
use crate::batch_order::seed_bytes;

/// Names the stream of the client's own split.
const SPLIT_DOMAIN: &str = "split";

/// The two files of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    /// The training file.
    pub train: Vec<u8>,
    /// The test file.
    pub test: Vec<u8>,
}

/// Why a file cannot be split.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// One of the two files would be empty.
    #[error(
        "{test_count} of {example_count} examples for the test, allowed 1 to one less than all"
    )]
    Count {
        /// Examples wanted for the test.
        test_count: usize,
        /// Examples in the file.
        example_count: usize,
    },
}

/// Splits a file of lines into training and test lines, shuffled by the seed.
///
/// # Errors
/// [`SplitError::Count`] when a part would be empty.
pub fn split(bytes: &[u8], test_count: usize, seed: u64) -> Result<Split, SplitError> {
    let mut lines: Vec<&[u8]> = csv::lines(bytes).collect();
    let example_count = lines.len();
    if test_count == 0 || test_count >= example_count {
        return Err(SplitError::Count { test_count, example_count });
    }
    ChaChaStream::derive(&seed_bytes(seed), SPLIT_DOMAIN, 0).shuffle(&mut lines);
    let (test, train) = lines.split_at(test_count);
    Ok(Split { train: joined(train), test: joined(test) })
}

fn joined(lines: &[&[u8]]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}
