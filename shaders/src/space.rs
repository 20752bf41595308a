//! WGSL sources of proof-of-space tables. Each takes a `Table` (binding 0, see `parts/tables.wgsl`) first.

/// The WGSL of a kernel over tables: the shared parts, then its own file.
macro_rules! over_tables {
    ($($file:literal),+) => {
        concat!(
            include_str!("../wgsl/parts/bytes.wgsl"),
            include_str!("../wgsl/parts/tables.wgsl"),
            $(include_str!(concat!("../wgsl/", $file))),+
        )
    };
}

/// Table 1 from a keystream, entry point `space_first_values`.
///
/// # Shapes
/// Binding 1: keystream, `k * 2^k / 32` words. 2: entries, four words each: `y`, then metadata from the left
/// end of three words. 3: entries of every group. One invocation for each `x`, 256 a workgroup.
pub const FIRST_VALUES: &str = over_tables!("space_first_values.wgsl");

/// Lists of positions by bucket, entry point `space_scatter`.
///
/// # Shapes
/// Binding 1: entries. 2: entries of every group. 3: entries of every bucket, zero before. 4: lists of 512
/// positions. 5: flags. One workgroup of 256 for each group.
pub const SCATTER: &str = over_tables!("space_scatter.wgsl");

/// Lists in order of position, cut to what takes part, entry point `space_sort_buckets`.
///
/// # Shapes
/// Binding 1: entries of every bucket. 2: lists. One workgroup of 256 for each bucket.
pub const SORT_BUCKETS: &str = over_tables!("space_sort_buckets.wgsl");

/// The next table, entry point `space_match`.
///
/// # Shapes
/// Binding 1: entries of every bucket. 2: lists. 3: entries. 4: entries of the next table. 5: pairs of
/// parents of all tables. 6: entries of every group of the next table. 7: flags. One workgroup of 256 for
/// each pair of buckets.
pub const MATCH: &str = over_tables!("parts/blake3.wgsl", "space_match.wgsl");

/// The best key of every s-bucket, entry point `space_choose`.
///
/// # Shapes
/// Binding 1: entries of every group of table 7. 2, 3: entries of tables 7 and 6. 4: parents. 5: the
/// inverted best key of every s-bucket, zero before. One workgroup of 256 for each group.
pub const CHOOSE: &str = over_tables!("parts/choice.wgsl", "space_choose.wgsl");

/// The entry with the best key of every s-bucket, entry point `space_winners`.
///
/// # Shapes
/// As [`CHOOSE`]; binding 6: for every s-bucket how many have its best key, zero before, and a position.
pub const WINNERS: &str = over_tables!("parts/choice.wgsl", "space_winners.wgsl");

/// Ranks of the s-buckets with a proof, entry point `space_rank`.
///
/// # Shapes
/// Binding 1: winners. 2: bitmap, 2,048 words. 3: s-bucket of each rank, 65,536 words. 4: flags, then the
/// number of proofs. A single workgroup of 256.
pub const RANK: &str = over_tables!("space_rank.wgsl");

/// Proofs in the order of their s-buckets, entry point `space_trace`.
///
/// # Shapes
/// Binding 1: winners. 2: s-bucket of each rank. 3: parents. 4: flags and number of proofs. 5: proofs,
/// `2 k` words each. 32,768 by 2 workgroups of 64.
pub const TRACE: &str = over_tables!("space_trace.wgsl");
