//! The numbers of a table as kernels read them.

use crate::proof_of_space::Variant;
use crate::proof_of_space::parameters::{bucket_count, metadata_bits, y_bits};

/// Entries that the list of a bucket has room for.
pub(super) const LIST_STRIDE: u32 = 512;

/// Values of `x` in a group of table 1.
pub(super) const FIRST_GROUP: u32 = 256;

/// Entries that a group has room for.
pub(super) const fn stride(variant: Variant) -> u32 {
    match variant {
        Variant::V1 => 512,
        Variant::V2 => 288,
    }
}

const _: () = assert!(Variant::V1.matches_max() == stride(Variant::V1) as usize);
const _: () = assert!(Variant::V2.matches_max() == stride(Variant::V2) as usize);
const _: () = assert!(Variant::V1.bucket_entries_max() <= LIST_STRIDE as usize);

/// What `Table` of the shaders is filled with.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableNumbers {
    number: usize,
    k: u8,
    variant: Variant,
    proofs_max: usize,
}

impl TableNumbers {
    /// The numbers of table 1 to 7.
    pub(super) fn new(number: usize, k: u8, variant: Variant, proofs_max: usize) -> Self {
        Self { number, k, variant, proofs_max }
    }

    /// In the order of the fields of `Table` in `parts/tables.wgsl`.
    pub(super) fn words(self) -> [u32; 13] {
        let Self { number, k, variant, proofs_max } = self;
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let buckets = small(bucket_count(k));
        let parent_bits = if number > 1 { metadata_bits(number - 1, k) } else { 0 };
        [
            k.into(),
            y_bits(k),
            buckets,
            stride(variant),
            small(variant.duplicates_max()),
            small(variant.bucket_entries_max()),
            small(number),
            parent_bits,
            metadata_bits(number, k),
            (y_bits(k) + 2 * parent_bits).div_ceil(8),
            buckets * stride(variant) * small(number.saturating_sub(2)),
            if variant == Variant::V1 { 1 } else { 2 },
            small(proofs_max),
        ]
    }
}
