//! One partition of one table: sort its entries by bucket, match them, hash the matches.

use super::choice::Candidate;
use super::columns::{gather, place_word, take_bits};
use super::compression::{INPUT_WORDS, hash};
use super::lanes::{Lanes, Work};
use super::matching::RightBucket;
use super::sorting::Sorting;
use super::stage::{BUCKET_ENTRIES_MAX, Chunk, Layout, Overflow, Shape, Stage, pack_parents};
use crate::proof_of_space::parameters::{BUCKET_VALUES, EXTRA_BITS, y_bits};
use crate::proof_of_space::{SBucket, TABLES, Variant};

/// Matches that are hashed together at least, unless they are the last.
const BATCH_MATCHES: usize = 512;

/// The most lanes that an instruction set has.
const LANES_MAX: usize = 16;

/// What the entries of a table leave behind for the proofs, in the order of their positions.
#[derive(Debug)]
pub(in super::super) enum Kept<'a> {
    /// Nothing.
    Nothing,
    /// The metadata of table 3: four values `x`.
    Values(&'a mut [[u32; 3]]),
    /// Packed parents.
    Parents(&'a mut [u32]),
}

/// Memory of a thread, kept from one partition to the next.
#[derive(Debug)]
pub(in super::super) struct Scratch {
    pub(in super::super) sorting: Sorting,
    /// The entries of the partition by bucket, without parents.
    sorted: Vec<Vec<u32>>,
    /// Where in its bucket every entry is.
    places: Vec<u16>,
    right_bucket: RightBucket,
    batch: Batch,
    /// Columns of the next table.
    pub(in super::super) made: Vec<Vec<u32>>,
}

/// Matches that wait to be hashed.
#[derive(Debug, Default)]
struct Batch {
    /// Left and right entries, by position within the partition.
    lefts: Vec<u16>,
    rights: Vec<u16>,
    gathered: Vec<u32>,
    words: [Vec<u32>; INPUT_WORDS],
}

impl Scratch {
    /// Empty scratch memory.
    pub(in super::super) fn new() -> Self {
        Self {
            sorting: Sorting::default(),
            sorted: Vec::new(),
            places: Vec::new(),
            right_bucket: RightBucket::new(BUCKET_ENTRIES_MAX),
            batch: Batch::default(),
            made: Vec::new(),
        }
    }
}

/// What a partition contributes to the next table.
#[derive(Debug)]
pub(in super::super) struct Made {
    /// Entries of tables 2 to 6.
    pub(in super::super) chunk: Chunk,
    /// Entries of table 7 that prove an s-bucket, in order.
    pub(in super::super) candidates: Vec<Candidate>,
    /// How many entries there are, candidates or not.
    pub(in super::super) entries: usize,
}

/// The work on one partition.
#[derive(Debug)]
pub(in super::super) struct Pass<'a> {
    pub(in super::super) layout: &'a Layout,
    /// The table before.
    pub(in super::super) stage: &'a Stage,
    /// The table to make, 2 to 7.
    pub(in super::super) table: usize,
    pub(in super::super) partition: usize,
    /// Position of the first entry of the partition in its table.
    pub(in super::super) first_position: u32,
    pub(in super::super) kept: Kept<'a>,
    pub(in super::super) scratch: &'a mut Scratch,
}

impl Work for Pass<'_> {
    type Output = Result<Made, Overflow>;

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) -> Result<Made, Overflow> {
        self.sort()?;
        self.keep();
        let mut output = Output {
            table: self.table,
            k: self.layout.k,
            parents: self.stage.shape,
            shape: Shape::of(self.table, self.layout.k),
            first_position: self.first_position,
            entries: 0,
            candidates: Vec::new(),
        };
        let Scratch { made, batch, .. } = &mut *self.scratch;
        made.resize_with(output.shape.columns(), Vec::new);
        made.iter_mut().for_each(Vec::clear);
        let (_, bucket_count) = self.layout.buckets(self.partition);
        batch.lefts.clear();
        batch.rights.clear();
        for left_bucket in 0..bucket_count - 1 {
            self.match_pair(lanes, left_bucket)?;
            let Scratch { sorted, made, batch, .. } = &mut *self.scratch;
            if batch.lefts.len() >= BATCH_MATCHES {
                output.make(lanes, sorted, batch, made);
            }
        }
        let Scratch { sorted, made, batch, sorting, .. } = &mut *self.scratch;
        output.make(lanes, sorted, batch, made);
        let chunk = self.layout.divide(made, sorting);
        Ok(Made { chunk, candidates: output.candidates, entries: output.entries })
    }
}

impl Pass<'_> {
    /// Sorts the entries of the partition by bucket; those of one bucket stay in their order.
    #[inline(always)]
    fn sort(&mut self) -> Result<(), Overflow> {
        let (first_bucket, bucket_count) = self.layout.buckets(self.partition);
        // There are a few thousand buckets.
        let first_bucket = u32::try_from(first_bucket).unwrap_or(0);
        let Scratch { sorting, sorted, places, .. } = &mut *self.scratch;
        let y = self.stage.pieces(self.partition, 0).flatten();
        sorting.plan(y.map(|y| y / BUCKET_VALUES - first_bucket), bucket_count);
        let sizes = sorting.starts.windows(2).map(|bounds| (bounds[1] - bounds[0]) as usize);
        if sizes.max().is_some_and(|size| size > BUCKET_ENTRIES_MAX) {
            return Err(Overflow);
        }
        sorted.resize_with(1 + self.stage.shape.metadata_words, Vec::new);
        for (index, column) in sorted.iter_mut().enumerate() {
            column.resize(sorting.len(), 0);
            let mut first = 0;
            for piece in self.stage.pieces(self.partition, index) {
                sorting.scatter(first, piece, column);
                first += piece.len();
            }
        }
        places.clear();
        let first_value = first_bucket * BUCKET_VALUES;
        places.extend(sorted[0].iter().map(|y| {
            // Less than a bucket has values.
            u16::try_from((y - first_value) % BUCKET_VALUES).unwrap_or(0)
        }));
        Ok(())
    }

    /// Writes down what the proofs will need.
    #[inline(always)]
    fn keep(&mut self) {
        let Scratch { sorting, sorted, .. } = &mut *self.scratch;
        match &mut self.kept {
            Kept::Nothing => {}
            Kept::Values(values) => {
                for (index, column) in sorted[1..].iter().enumerate() {
                    for (values, word) in values.iter_mut().zip(column) {
                        values[index] = *word;
                    }
                }
            }
            Kept::Parents(parents) => {
                let column = self.stage.shape.columns() - 1;
                let mut first = 0;
                for piece in self.stage.pieces(self.partition, column) {
                    sorting.scatter_within(first, piece, parents);
                    first += piece.len();
                }
            }
        }
    }

    /// Matches a pair of buckets of the partition.
    #[inline(always)]
    fn match_pair<L: Lanes>(&mut self, lanes: L, left_bucket: usize) -> Result<(), Overflow> {
        let variant = self.layout.variant;
        let (first_bucket, _) = self.layout.buckets(self.partition);
        let Scratch { sorting, places, right_bucket, batch, .. } = &mut *self.scratch;
        let bounds = |bucket: usize| {
            let (start, end) =
                (sorting.starts[bucket] as usize, sorting.starts[bucket + 1] as usize);
            start..end.min(start + variant.bucket_entries_max())
        };
        let (left, right) = (bounds(left_bucket), bounds(left_bucket + 1));
        right_bucket.fill(&places[right.clone()], (first_bucket + left_bucket) % 2);
        // A partition has at most 36 * 512 entries.
        let [left_start, right_start] =
            [left.start, right.start].map(|start| u16::try_from(start).unwrap_or(0));
        let matches_before = batch.lefts.len();
        for (left_entry, place) in (left_start..).zip(&places[left]) {
            right_bucket.find(
                lanes,
                *place,
                #[inline(always)]
                |right_entry| {
                    batch.lefts.push(left_entry);
                    batch.rights.push(right_start + right_entry);
                },
            );
            if batch.lefts.len() - matches_before > 2 * variant.matches_max() {
                break;
            }
        }
        if variant == Variant::V2 {
            batch.drop_duplicates(matches_before, places);
        }
        batch.limit(matches_before + variant.matches_max(), variant)
    }
}

impl Batch {
    /// Of right entries at the same place that match the same left entry, keeps the first two.
    #[inline(always)]
    fn drop_duplicates(&mut self, first: usize, places: &[u16]) {
        let place = |right: u16| places[usize::from(right)];
        let mut kept = first;
        for index in first..self.lefts.len() {
            let (left, right) = (self.lefts[index], self.rights[index]);
            let is_third = kept >= first + 2
                && self.lefts[kept - 2] == left
                && place(self.rights[kept - 2]) == place(right);
            if !is_third {
                (self.lefts[kept], self.rights[kept]) = (left, right);
                kept += 1;
            }
        }
        self.lefts.truncate(kept);
        self.rights.truncate(kept);
    }

    /// Keeps at most so many matches. V1 orders them otherwise, so it has nothing to cut here.
    #[inline(always)]
    fn limit(&mut self, matches_max: usize, variant: Variant) -> Result<(), Overflow> {
        if variant == Variant::V1 && self.lefts.len() > matches_max {
            return Err(Overflow);
        }
        self.lefts.truncate(matches_max);
        self.rights.truncate(matches_max);
        Ok(())
    }
}

/// What is made of the matches.
struct Output {
    table: usize,
    k: u8,
    parents: Shape,
    shape: Shape,
    first_position: u32,
    entries: usize,
    candidates: Vec<Candidate>,
}

impl Output {
    /// Hashes the matches that wait into entries of the next table.
    #[inline(always)]
    fn make<L: Lanes>(
        &mut self,
        lanes: L,
        sorted: &[Vec<u32>],
        batch: &mut Batch,
        made: &mut [Vec<u32>],
    ) {
        let count = batch.lefts.len();
        self.entries += count;
        for words in &mut batch.words {
            words.clear();
            words.resize(count.next_multiple_of(LANES_MAX), 0);
        }
        batch.gathered.resize(count, 0);
        self.fill_inputs(sorted, batch, made);
        let input_bits = y_bits(self.k) + 2 * self.parents.metadata_bits;
        hash(lanes, batch.words.each_mut().map(Vec::as_mut_slice), input_bits.div_ceil(8));
        if self.table == TABLES {
            self.choose(sorted, batch);
        } else {
            self.take_hashes(batch, made);
        }
        batch.lefts.clear();
        batch.rights.clear();
    }

    /// Writes y and metadata of the parents as inputs of the hash; in tables 2 and 3 the metadata is that of
    /// the new entry too.
    #[inline(always)]
    fn fill_inputs(&self, sorted: &[Vec<u32>], batch: &mut Batch, made: &mut [Vec<u32>]) {
        let Batch { lefts, rights, gathered, words } = batch;
        let mut words = words.each_mut().map(Vec::as_mut_slice);
        let first = made[0].len();
        let joins = matches!(self.table, 2 | 3);
        let mut joined: Vec<&mut [u32]> = Vec::new();
        if joins {
            for column in &mut made[1..] {
                column.resize(first + lefts.len(), 0);
                joined.push(&mut column[first..]);
            }
        }
        let y_bits = y_bits(self.k);
        gather(&sorted[0], lefts, gathered);
        gathered.iter_mut().for_each(|y| *y <<= 32 - y_bits);
        place_word(&mut words, 0, gathered);
        let mut first_bit = 0;
        for side in [lefts, rights] {
            for (bit, column) in (first_bit..).step_by(32).zip(&sorted[1..]) {
                gather(column, side, gathered);
                place_word(&mut words, y_bits + bit, gathered);
                place_word(&mut joined, bit, gathered);
            }
            first_bit += self.parents.metadata_bits;
        }
    }

    /// Takes y, metadata and parents of new entries.
    #[inline(always)]
    fn take_hashes(&self, batch: &Batch, made: &mut [Vec<u32>]) {
        let count = batch.lefts.len();
        let hashes = batch.words.each_ref().map(|words| &words[..count]);
        let y_bits = y_bits(self.k);
        made[0].extend(hashes[0].iter().map(|word| word >> (32 - y_bits)));
        if !self.shape.has_parents {
            return;
        }
        for index in 0..self.shape.metadata_words {
            let bits = (self.shape.metadata_bits - 32 * u32::try_from(index).unwrap_or(0)).min(32);
            made[1 + index].extend(take_bits([hashes[index], hashes[index + 1]], y_bits, bits));
        }
        made[1 + self.shape.metadata_words].extend(self.packed_parents(batch));
    }

    /// The packed parents of all matches.
    #[inline(always)]
    fn packed_parents<'a>(&self, batch: &'a Batch) -> impl Iterator<Item = u32> + use<'a> {
        let first_position = self.first_position;
        batch.lefts.iter().zip(&batch.rights).map(
            #[inline(always)]
            move |(left, right)| {
                pack_parents(first_position + u32::from(*left), u32::from(right - left))
            },
        )
    }

    /// Takes the entries of table 7 that prove an s-bucket.
    #[inline(always)]
    fn choose(&mut self, sorted: &[Vec<u32>], batch: &Batch) {
        let y_bits = y_bits(self.k);
        let matches = batch.words[0].iter().zip(&batch.lefts).zip(self.packed_parents(batch));
        for ((word, left), parents) in matches {
            let y = word >> (32 - y_bits);
            if let Some(s_bucket) = SBucket::of_challenge_index(y >> EXTRA_BITS, self.k) {
                let rank = (y % (1 << EXTRA_BITS)) << y_bits | sorted[0][usize::from(*left)];
                self.candidates.push(Candidate { s_bucket, rank, parents });
            }
        }
    }
}
