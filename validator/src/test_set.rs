//! On what the models of an order are scored; a function of the chain and the order's files.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{Beacon, DataRoot};
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::dataset::{Dataset, DatasetError, beacon_split, data_file};
use thiserror::Error;

/// The files of an order as far as this validator has them.
#[derive(Clone, Copy, Debug)]
pub struct OrderFiles<'bytes> {
    /// The training file.
    pub train: &'bytes [u8],
    /// The revealed test file; `None` when the client withheld it.
    pub test: Option<&'bytes [u8]>,
}

/// The data on which models are scored, and where it comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct TestSet {
    /// The examples.
    pub data: Dataset,
    /// Their origin.
    pub origin: TestOrigin,
}

/// Where the test data comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TestOrigin {
    /// The file that the client committed to.
    Revealed,
    /// A split of the training data, because the client withheld the test file.
    Withheld,
    /// A split of the training data, because the revealed file is not what the order says.
    Unreadable {
        /// What is wrong with it.
        reason: DatasetError,
    },
}

/// Why the test data could not be had. Says nothing about the providers.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum TestSetError {
    /// The revealed file was not fetched.
    #[error("the test file blake3:{root} is not at hand")]
    NotAtHand {
        /// Root of the file.
        root: DataRoot,
    },
    /// The bytes at hand are not those revealed: fetch them again.
    #[error("the test file at hand is blake3:{found}, revealed is blake3:{revealed}")]
    WrongBytes {
        /// Root on the chain.
        revealed: DataRoot,
        /// Root of the bytes.
        found: DataRoot,
    },
    /// The training file at hand is not the order's.
    #[error("the training file at hand is not the order's")]
    Train {
        /// What is wrong with it.
        source: DatasetError,
    },
}

/// The test data of an order.
///
/// A revealed file that does not hold what the order says is treated like a withheld one, with the
/// evaluation's beacon: every validator reads the same bytes, so all come to the same.
///
/// # Errors
/// [`TestSetError`] when a file is missing or another one.
pub fn test_set(
    specification: &OrderSpecification,
    source: &TestSource,
    evaluation_beacon: Beacon,
    files: OrderFiles<'_>,
) -> Result<TestSet, TestSetError> {
    let (beacon, origin) = match source {
        TestSource::BeaconSplit(beacon) => (*beacon, TestOrigin::Withheld),
        TestSource::Revealed(revealed) => {
            let root = revealed.root;
            let bytes = files.test.ok_or(TestSetError::NotAtHand { root })?;
            let found = data_file(bytes).root;
            if found != root {
                return Err(TestSetError::WrongBytes { revealed: root, found });
            }
            match Dataset::read_test(bytes, &specification.data) {
                Ok(data) => return Ok(TestSet { data, origin: TestOrigin::Revealed }),
                Err(reason) => (evaluation_beacon, TestOrigin::Unreadable { reason }),
            }
        }
    };
    let data = beacon_split(&beacon, files.train, &specification.data)
        .map_err(|source| TestSetError::Train { source })?;
    Ok(TestSet { data, origin })
}

#[cfg(test)]
mod tests;
