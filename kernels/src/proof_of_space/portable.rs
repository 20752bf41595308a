//! The definition of tables and proofs, written for reading.

use super::parameters::{
    BUCKET_VALUES, EXTRA_BITS, TARGETS, bucket_count, left_target, metadata_bits, y_bits,
};
use super::{
    KeepGoing, PROOF_VALUES, ProofError, RecordProofs, SBUCKETS, SBucket, Seed, TABLES, Variant,
    check_going, check_k, proof_bytes,
};
use crate::chacha8::keystream_portable;

/// One table.
///
/// # Shapes
/// `[entries]` each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The hash that decides the bucket of an entry and what it matches.
    pub y: Vec<u32>,
    /// What is hashed beside `y` in the next table, [`metadata_bits`] wide; in table 1 the value `x`.
    pub metadata: Vec<u128>,
    /// Positions of the left and the right parent in the table before; table 1 has none.
    pub parents: Vec<[u32; 2]>,
}

impl Table {
    /// Entries of the table.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.y.is_empty()
    }

    /// Table 1: every `x` with its `y`, in the order of `x`.
    fn first(seed: &Seed, k: u8) -> Self {
        let y = first_values(seed, k);
        let metadata = (0..y.len()).map(|x| x as u128).collect();
        Self { y, metadata, parents: Vec::new() }
    }

    /// The next table: an entry for every match, in the order of the matches.
    fn next(&self, number: usize, k: u8, variant: Variant) -> Self {
        let mut table = Self::default();
        for [left, right] in self.find_matches(k, variant) {
            let (y, metadata) = combine(
                number,
                k,
                self.y[left as usize],
                self.metadata[left as usize],
                self.metadata[right as usize],
            );
            table.y.push(y);
            table.metadata.push(metadata);
            table.parents.push([left, right]);
        }
        table
    }

    /// The same entries by `y`; those with the same `y` stay in their order.
    fn sorted(self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|&position| self.y[position]);
        Self {
            y: order.iter().map(|&position| self.y[position]).collect(),
            metadata: order.iter().map(|&position| self.metadata[position]).collect(),
            parents: if self.parents.is_empty() {
                Vec::new()
            } else {
                order.iter().map(|&position| self.parents[position]).collect()
            },
        }
    }

    /// Positions of the entries of every bucket, in order of position.
    fn buckets(&self, k: u8, variant: Variant) -> Vec<Vec<u32>> {
        let mut buckets = vec![Vec::new(); bucket_count(k)];
        for (position, y) in (0_u32..).zip(&self.y) {
            let bucket = &mut buckets[(y / BUCKET_VALUES) as usize];
            if bucket.len() < variant.bucket_entries_max() {
                bucket.push(position);
            }
        }
        buckets
    }

    /// Positions of all pairs of matching entries: by left bucket, then by position of the left entry; of
    /// one left entry by position of the right entry (V1) or by `m`, then by position (V2).
    fn find_matches(&self, k: u8, variant: Variant) -> Vec<[u32; 2]> {
        let buckets = self.buckets(k, variant);
        let mut matches = Vec::new();
        let mut right_positions = vec![Vec::new(); BUCKET_VALUES as usize];
        for (parity, pair) in (0..2).cycle().zip(buckets.windows(2)) {
            for &right in &pair[1] {
                right_positions[self.place(right)].push(right);
            }
            let rights = |&left: &u32| {
                let rights = self.rights(left, parity, variant, &right_positions);
                rights.into_iter().map(move |right| [left, right])
            };
            matches.extend(pair[0].iter().flat_map(rights).take(variant.matches_max()));
            for &right in &pair[1] {
                right_positions[self.place(right)].clear();
            }
        }
        matches
    }

    /// The right entries that a left entry matches, when those of every place are given.
    fn rights(
        &self,
        left: u32,
        parity: u32,
        variant: Variant,
        right_positions: &[Vec<u32>],
    ) -> Vec<u32> {
        let place = self.y[left as usize] % BUCKET_VALUES;
        let mut rights = Vec::new();
        for m in 0..TARGETS {
            let same_place = &right_positions[left_target(parity, place, m) as usize];
            rights.extend(same_place.iter().take(variant.duplicates_max()));
        }
        if variant == Variant::V1 {
            rights.sort_unstable();
        }
        rights
    }

    /// Where in its bucket an entry is.
    fn place(&self, position: u32) -> usize {
        (self.y[position as usize] % BUCKET_VALUES) as usize
    }
}

/// All values `y` of table 1 in the order of `x`: `k` bits of keystream, then the first 6 bits of `x`.
fn first_values(seed: &Seed, k: u8) -> Vec<u32> {
    let bits = usize::from(k) << k;
    let block_count = u32::try_from(bits.div_ceil(512)).expect("k is at most 20");
    let words = keystream_portable(seed.as_bytes(), [0; 12], 0, block_count)
        .expect("few blocks from the first on");
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.resize(bytes.len() + 8, 0);
    let value = |x: u32| {
        let first_bit = x as usize * usize::from(k);
        let window: [u8; 8] = std::array::from_fn(|index| bytes[first_bit / 8 + index]);
        let bits = u64::from_be_bytes(window) << (first_bit % 8) >> (64 - u32::from(k));
        u32::try_from(bits).expect("k bits") << EXTRA_BITS | x >> (k - EXTRA_BITS)
    };
    (0..1 << k).map(value).collect()
}

/// The `y` of one value of table 1, from the only blocks of keystream that it needs.
pub(super) fn first_value(seed: &Seed, k: u8, x: u32) -> u32 {
    let first_bit = x as usize * usize::from(k);
    let first_block = u32::try_from(first_bit / 512).expect("k is at most 20");
    let words = keystream_portable(seed.as_bytes(), [0; 12], first_block, 2)
        .expect("two blocks, far from the end of the counter");
    let bit = |bit: usize| words[bit / 32].swap_bytes() >> (31 - bit % 32) & 1;
    let start = first_bit % 512;
    let bits = (start..start + usize::from(k)).fold(0, |bits, at| bits << 1 | bit(at));
    bits << EXTRA_BITS | x >> (k - EXTRA_BITS)
}

/// Hashes two matching entries of the table before into `y` and metadata of an entry of table 2 to 7.
pub(super) fn combine(
    table: usize,
    k: u8,
    left_y: u32,
    left_metadata: u128,
    right_metadata: u128,
) -> (u32, u128) {
    let parent_bits = metadata_bits(table - 1, k);
    let bits = metadata_bits(table, k);
    let y_bits = y_bits(k);

    let left = u128::from(left_y) << parent_bits | left_metadata;
    let left_bits = y_bits + parent_bits;
    let right = right_metadata << (128 - parent_bits);
    let input = [left << (128 - left_bits) | right >> left_bits, right << (128 - left_bits)];
    let input_bytes: Vec<u8> = input.iter().flat_map(|half| half.to_be_bytes()).collect();
    let byte_count = (left_bits + parent_bits).div_ceil(8) as usize;
    let hash = blake3::hash(&input_bytes[..byte_count]);

    let (head, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
    let head = u128::from_be_bytes(*head);
    let y = u32::try_from(head >> (128 - y_bits)).expect("at most 26 bits");
    let metadata = match table {
        2 | 3 => left_metadata << parent_bits | right_metadata,
        7 => 0,
        _ => head << y_bits >> (128 - bits),
    };
    (y, metadata)
}

/// The seven tables of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Size parameter.
    pub k: u8,
    /// How they were built.
    pub variant: Variant,
    /// Tables 1 to 7; V1: each by `y`, then by order of finding; V2: in order of finding.
    pub tables: [Table; TABLES],
}

impl Tables {
    /// Builds all tables.
    ///
    /// # Errors
    /// [`ProofError::Stopped`] when `keep_going` said no;
    /// [`ProofError::UnsupportedK`] when `k` is not 16 to 20.
    pub fn build(
        seed: &Seed,
        k: u8,
        variant: Variant,
        keep_going: KeepGoing<'_>,
    ) -> Result<Self, ProofError> {
        check_k(k)?;
        let mut tables: [Table; TABLES] = Default::default();
        for number in 1..=TABLES {
            check_going(keep_going, number)?;
            let table = match number {
                1 => Table::first(seed, k),
                _ => tables[number - 2].next(number, k, variant),
            };
            tables[number - 1] = match variant {
                Variant::V1 => table.sorted(),
                Variant::V2 => table,
            };
        }
        Ok(Self { k, variant, tables })
    }

    /// Entries of tables 1 to 7.
    pub fn entries(&self) -> [u32; TABLES] {
        self.tables.each_ref().map(|table| u32::try_from(table.len()).expect("a few million"))
    }

    /// Positions in table 7 of the entries that prove an s-bucket, for every s-bucket, in order of choice:
    /// a record uses the first.
    pub fn candidates(&self) -> Vec<Vec<u32>> {
        let mut candidates = vec![Vec::new(); SBUCKETS];
        for (position, y) in (0_u32..).zip(&self.tables[TABLES - 1].y) {
            if let Some(s_bucket) = SBucket::of_challenge_index(y >> EXTRA_BITS, self.k) {
                candidates[usize::from(s_bucket.number())].push(position);
            }
        }
        candidates
    }

    /// The 64 values `x` below an entry of table 7, from left to right.
    pub fn values(&self, position: u32) -> Vec<u32> {
        let mut positions = vec![position];
        for table in self.tables.iter().skip(1).rev() {
            positions =
                positions.iter().flat_map(|&position| table.parents[position as usize]).collect();
        }
        let x = |&position: &u32| self.tables[0].metadata[position as usize];
        positions.iter().map(|position| u32::try_from(x(position)).expect("k bits")).collect()
    }

    /// The proof that an entry of table 7 stands for.
    pub fn proof(&self, position: u32) -> Vec<u8> {
        pack_values(&self.values(position), self.k)
    }

    /// The first proof of every s-bucket, from the first s-bucket on, at most `limit`.
    pub fn record_proofs(&self, limit: Option<usize>) -> RecordProofs {
        let mut found = Box::new([0; SBUCKETS / 8]);
        let mut proofs = Vec::new();
        let candidates = self.candidates().into_iter().enumerate();
        let chosen =
            candidates.filter_map(|(number, of_bucket)| Some((number, *of_bucket.first()?)));
        for (number, position) in chosen.take(self.variant.proofs_max(limit)) {
            found[number / 8] |= 1 << (number % 8);
            proofs.extend(self.proof(position));
        }
        RecordProofs { found, proofs, table_entries: self.entries() }
    }
}

/// Writes the values of a proof as `k` bits each, the most significant first.
fn pack_values(values: &[u32], k: u8) -> Vec<u8> {
    debug_assert_eq!(values.len(), PROOF_VALUES);
    let mut proof = vec![0; proof_bytes(k)];
    let bits = values.iter().flat_map(|value| (0..k).rev().map(move |bit| value >> bit & 1));
    for (index, bit) in bits.enumerate() {
        proof[index / 8] |= u8::from(bit == 1) << (7 - index % 8);
    }
    proof
}

/// Finds the proof of every s-bucket that has one, at most `limit`: the definition of
/// [`super::find_proofs`].
///
/// # Errors
/// [`ProofError::Stopped`] when `keep_going` said no;
/// [`ProofError::UnsupportedK`] when `k` is not 16 to 20.
pub fn find_proofs_portable(
    seed: &Seed,
    k: u8,
    variant: Variant,
    limit: Option<usize>,
    keep_going: KeepGoing<'_>,
) -> Result<RecordProofs, ProofError> {
    Ok(Tables::build(seed, k, variant, keep_going)?.record_proofs(limit))
}
