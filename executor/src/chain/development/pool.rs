//! Bundles that wait for a block, first come, first served.

use std::collections::{HashSet, VecDeque};

use crate::chain::{
    BLOCK_BYTES_MAX, BUNDLE_BYTES_MAX, BUNDLE_BYTES_MIN, BundleHash, BundlePlace, ChainError,
};

/// Bundles that may wait: with a block each half second and five of the longest bundles in one,
/// the last of them waits at most seven minutes.
pub const POOL_BUNDLES_MAX: usize = 4096;

/// Bytes that may wait: 64 MiB, a dozen full blocks.
pub const POOL_BYTES_MAX: usize = 64 << 20;

/// How much may wait for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// How many bundles.
    pub bundles_max: usize,
    /// How many bytes they may have together.
    pub bytes_max: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { bundles_max: POOL_BUNDLES_MAX, bytes_max: POOL_BYTES_MAX }
    }
}

/// The bundles that wait, in the order in which they will be taken.
#[derive(Debug)]
pub(super) struct Pool {
    limits: PoolLimits,
    bundles: VecDeque<Vec<u8>>,
    hashes: HashSet<BundleHash>,
    bytes: usize,
}

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self { limits, bundles: VecDeque::new(), hashes: HashSet::new(), bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.bundles.len()
    }

    /// Whether this bundle may wait here.
    pub(super) fn check(&self, bundle: &[u8], hash: BundleHash) -> Result<(), ChainError> {
        let bytes = bundle.len();
        if !(BUNDLE_BYTES_MIN..=BUNDLE_BYTES_MAX).contains(&bytes) {
            let (bytes_min, bytes_max) = (BUNDLE_BYTES_MIN, BUNDLE_BYTES_MAX);
            return Err(ChainError::BundleSize { bytes, bytes_min, bytes_max });
        }
        if self.hashes.contains(&hash) {
            return Err(ChainError::Duplicate { hash, place: BundlePlace::Pool });
        }
        let PoolLimits { bundles_max, bytes_max } = self.limits;
        if self.bundles.len() >= bundles_max || self.bytes.saturating_add(bytes) > bytes_max {
            let (bundle_count, bytes) = (self.bundles.len(), self.bytes);
            return Err(ChainError::PoolFull { bundle_count, bytes, bundles_max, bytes_max });
        }
        Ok(())
    }

    pub(super) fn push(&mut self, bundle: Vec<u8>, hash: BundleHash) {
        self.bytes += bundle.len();
        self.hashes.insert(hash);
        self.bundles.push_back(bundle);
    }

    /// The bundles for the next block, which stay here until they are removed.
    pub(super) fn next_block(&self) -> Vec<Vec<u8>> {
        let mut bytes = 0;
        let fits = |bundle: &&Vec<u8>| {
            bytes += bundle.len();
            bytes <= BLOCK_BYTES_MAX
        };
        self.bundles.iter().take_while(fits).cloned().collect()
    }

    /// Removes the first `count` bundles: they are in a block.
    pub(super) fn remove_first(&mut self, count: usize) {
        for bundle in self.bundles.drain(..count.min(self.bundles.len())) {
            self.bytes -= bundle.len();
            self.hashes.remove(&BundleHash::of(&bundle));
        }
    }

    /// Puts bundles of abandoned blocks before all others. They were admitted before, so the
    /// limits hold for what comes after them only.
    pub(super) fn put_back(&mut self, bundles: Vec<Vec<u8>>) {
        for bundle in bundles.into_iter().rev() {
            if self.hashes.insert(BundleHash::of(&bundle)) {
                self.bytes += bundle.len();
                self.bundles.push_front(bundle);
            }
        }
    }
}
