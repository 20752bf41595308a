//! Splits: of a client's file by a seeded shuffle of its lines, of an order's file by a beacon.

use aipot_domain_runtime::batch_order::split_order;
use aipot_domain_runtime::order::DataSpecification;
use aipot_domain_runtime::primitives::Beacon;
use aipot_kernels::chacha8::ChaChaStream;
use thiserror::Error;

use super::{Dataset, DatasetError, csv};
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

/// The test data that replaces a hidden test file which was not revealed: examples of the training
/// file, drawn without repetition by the beacon; as many as the hidden file had, or all.
///
/// # Errors
/// [`DatasetError`] when `train` is not the order's training file.
///
/// # Source
/// The commitments of the protocol: a split of the order's own data drawn from the beacon;
/// [`aipot_domain_runtime::batch_order::split_example`] says which examples.
pub fn beacon_split(
    beacon: &Beacon,
    train: &[u8],
    data: &DataSpecification,
) -> Result<Dataset, DatasetError> {
    let all = Dataset::read_train(train, data)?;
    let order = split_order(beacon, data.train_example_count);
    let example_count = data.test_example_count.min(data.train_example_count);
    let mut bytes = Vec::new();
    for place in 0..example_count {
        let range = data.example_range(order.at(place));
        let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
        // The file was just found to hold all its examples.
        if let (Ok(start), Ok(end)) = (start, end) {
            bytes.extend(train.get(start..end).unwrap_or_default());
        }
    }
    all.drawn(&bytes, example_count, data)
}

fn joined(lines: &[&[u8]]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}
