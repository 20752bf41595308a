//! Splits of a data file by seeded shuffles of its lines.

use aipot_domain_runtime::order::DataSpecification;
use aipot_domain_runtime::primitives::{Beacon, OrderId};
use aipot_kernels::chacha8::ChaChaStream;
use thiserror::Error;

use super::{Dataset, DatasetError, csv, data_file, read_counted};
use crate::batch_order::seed_bytes;

/// Names the stream of the client's own split.
const SPLIT_DOMAIN: &str = "split";

/// Names the stream of the split that replaces a test file.
const BEACON_SPLIT_DOMAIN: &str = "beacon split";

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

/// Splits a file into training and test lines, shuffled by the seed.
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
/// The commitments of the protocol: a split of the order's own data drawn from the beacon.
pub fn beacon_split(
    order: OrderId,
    beacon: Beacon,
    train: &[u8],
    data: &DataSpecification,
) -> Result<Dataset, DatasetError> {
    Dataset::read_train(train, data)?;
    let key = [order.as_bytes().as_slice(), beacon.as_bytes()].concat();
    let seed = *blake3::hash(&key).as_bytes();
    let mut lines: Vec<&[u8]> = csv::lines(train).collect();
    ChaChaStream::derive(&seed, BEACON_SPLIT_DOMAIN, 0).shuffle(&mut lines);
    let example_count = data.test_example_count.min(data.train_example_count);
    lines.truncate(usize::try_from(example_count).unwrap_or(usize::MAX));
    let bytes = joined(&lines);
    read_counted((&bytes, data_file(&bytes)), data, example_count)
}

fn joined(lines: &[&[u8]]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}
