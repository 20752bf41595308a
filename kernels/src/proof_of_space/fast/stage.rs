//! How the entries of one table lie between the work that made them and the work that matches them.
//!
//! Buckets are matched in partitions of neighbors, small enough for a level-2 cache. Work on one partition
//! makes a [`Chunk`] of the next table, sorted by partition; work on a partition of the next table takes its
//! part out of all chunks, in their order, and sorts it by bucket. So every entry moves in sequence or
//! within a cache, and no result depends on which thread did what.

use super::sorting::Sorting;
use crate::proof_of_space::Variant;
use crate::proof_of_space::parameters::{BUCKET_VALUES, bucket_count, metadata_bits};

/// Buckets of a partition: about 8,000 entries, whose columns take about 160 KiB.
const PARTITION_BUCKETS: usize = 35;

/// The most buckets of a partition, with the one behind it, which is the last right bucket.
pub(in super::super) const LOCAL_BUCKETS_MAX: usize = PARTITION_BUCKETS + 1;

/// Entries of a bucket that the packed form of parents has room for.
pub(in super::super) const BUCKET_ENTRIES_MAX: usize = 512;

/// Bits of the distance between the positions of two parents.
const DISTANCE_BITS: u32 = 10;

// The parents are in neighboring buckets.
const _: () = assert!(2 * BUCKET_ENTRIES_MAX <= 1 << DISTANCE_BITS);

/// Entries of a table that the packed form of parents has room for.
pub(in super::super) const TABLE_ENTRIES_MAX: usize = 1 << (32 - DISTANCE_BITS);

/// Some bucket, pair of buckets or table has more entries than there is room for. The hashes of honest and
/// dishonest seeds alike do that less than once in 10^12 records; the definition has room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Overflow;

/// Packs the positions of two parents.
#[inline(always)]
pub(in super::super) fn pack_parents(left: u32, distance: u32) -> u32 {
    left << DISTANCE_BITS | distance
}

/// Unpacks the positions of two parents.
#[inline(always)]
pub(in super::super) fn unpack_parents(parents: u32) -> [usize; 2] {
    let left = parents >> DISTANCE_BITS;
    let right = left + parents % (1 << DISTANCE_BITS);
    [left as usize, right as usize]
}

/// Columns of a stage: y, the words of metadata, and from table 4 to 6 the packed parents. The metadata of
/// table 3 is four values `x`, so nothing below it needs to be kept.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Shape {
    pub(in super::super) metadata_bits: u32,
    pub(in super::super) metadata_words: usize,
    pub(in super::super) has_parents: bool,
}

impl Shape {
    /// The shape of the entries of a table.
    pub(in super::super) fn of(table: usize, k: u8) -> Self {
        let metadata_bits = metadata_bits(table, k);
        Self {
            metadata_bits,
            metadata_words: metadata_bits.div_ceil(32) as usize,
            has_parents: matches!(table, 4..=6),
        }
    }

    /// Columns of an entry.
    pub(in super::super) fn columns(self) -> usize {
        1 + self.metadata_words + usize::from(self.has_parents)
    }
}

/// How the buckets are divided.
#[derive(Debug)]
pub(in super::super) struct Layout {
    pub(in super::super) k: u8,
    pub(in super::super) variant: Variant,
    bucket_count: usize,
    /// The part of a chunk that holds a bucket, by bucket.
    parts: Vec<u16>,
}

impl Layout {
    /// The division of tables of this size.
    pub(in super::super) fn new(k: u8, variant: Variant) -> Self {
        let bucket_count = bucket_count(k);
        // A partition has two parts: its first bucket, which the partition before it needs too, and the
        // rest.
        let part = |bucket: usize| {
            2 * (bucket / PARTITION_BUCKETS)
                + usize::from(!bucket.is_multiple_of(PARTITION_BUCKETS))
        };
        let parts = (0..bucket_count).map(|bucket| u16::try_from(part(bucket)));
        Self { k, variant, bucket_count, parts: parts.map(Result::unwrap_or_default).collect() }
    }

    /// How many partitions there are.
    pub(in super::super) fn partition_count(&self) -> usize {
        self.bucket_count.div_ceil(PARTITION_BUCKETS)
    }

    /// The first bucket of a partition and how many it has, with the one behind it.
    pub(in super::super) fn buckets(&self, partition: usize) -> (usize, usize) {
        let first = partition * PARTITION_BUCKETS;
        (first, (self.bucket_count - first).min(LOCAL_BUCKETS_MAX))
    }

    /// Sorts the entries of a chunk, given as columns, by part.
    #[inline(always)]
    pub(in super::super) fn divide(&self, columns: &[Vec<u32>], sorting: &mut Sorting) -> Chunk {
        sorting.clear();
        sorting.add(
            &columns[0],
            #[inline(always)]
            |y| u32::from(self.parts[(y / BUCKET_VALUES) as usize]),
        );
        sorting.plan(2 * self.partition_count());
        let sorted = columns.iter().map(|column| {
            let mut sorted = vec![0; column.len()];
            sorting.scatter(0, column, &mut sorted);
            sorted
        });
        Chunk { columns: sorted.collect(), starts: sorting.starts.clone() }
    }
}

/// Entries of a table that were made together.
#[derive(Debug)]
pub(in super::super) struct Chunk {
    columns: Vec<Vec<u32>>,
    /// Where each part starts, and where the last ends.
    starts: Vec<u32>,
}

impl Chunk {
    /// Entries that belong to a partition.
    fn own_entries(&self, partition: usize) -> usize {
        (self.starts[2 * partition + 2] - self.starts[2 * partition]) as usize
    }

    /// A column of the entries that a partition works on: its own, and those of the bucket behind it.
    #[inline(always)]
    fn column(&self, partition: usize, index: usize) -> &[u32] {
        let behind = self.starts.get(2 * partition + 3).or(self.starts.last());
        let end = behind.copied().unwrap_or(0);
        &self.columns[index][self.starts[2 * partition] as usize..end as usize]
    }
}

/// All entries of a table.
#[derive(Debug)]
pub(in super::super) struct Stage {
    pub(in super::super) chunks: Vec<Chunk>,
    pub(in super::super) shape: Shape,
}

impl Stage {
    /// The pieces of a column that a partition works on, in order.
    #[inline(always)]
    pub(in super::super) fn pieces(
        &self,
        partition: usize,
        column: usize,
    ) -> impl Iterator<Item = &[u32]> + Clone {
        self.chunks.iter().map(move |chunk| chunk.column(partition, column))
    }

    /// Entries that belong to a partition.
    pub(in super::super) fn own_entries(&self, partition: usize) -> usize {
        self.chunks.iter().map(|chunk| chunk.own_entries(partition)).sum()
    }
}
