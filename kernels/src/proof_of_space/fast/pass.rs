//! One partition of one table: sort its entries by bucket, match them, hash the matches.

use super::choice::Candidate;
use super::columns::{gather, place_word, take_bits};
use super::compression::{INPUT_WORDS, hash};
use super::lanes::{Lanes, Work};
use super::matching::{Matches, RightBucket};
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
    /// The columns of the entries of the partition, by bucket.
    sorted: Vec<Vec<u32>>,
    /// Where in its bucket every entry is.
    places: Vec<u16>,
    right_bucket: RightBucket,
    batch: Batch,
    /// Columns of the next table.
    pub(in super::super) made: Vec<Vec<u32>>,
}

/// Matches that wait to be hashed.
#[derive(Debug)]
struct Batch {
    /// By position within the partition.
    matches: Matches,
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
            right_bucket: RightBucket::new(),
            batch: Batch {
                matches: Matches::new(),
                gathered: Vec::new(),
                words: Default::default(),
            },
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
        batch.matches.count = 0;
        for left_bucket in 0..bucket_count - 1 {
            self.match_pair(lanes, left_bucket)?;
            let Scratch { sorted, made, batch, .. } = &mut *self.scratch;
            if batch.matches.count >= BATCH_MATCHES {
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
        sorting.clear();
        for y in self.stage.pieces(self.partition, 0) {
            sorting.add(
                y,
                #[inline(always)]
                |y| y / BUCKET_VALUES - first_bucket,
            );
        }
        sorting.plan(bucket_count);
        let sizes = sorting.starts.windows(2).map(|bounds| (bounds[1] - bounds[0]) as usize);
        if sizes.max().is_some_and(|size| size > BUCKET_ENTRIES_MAX) {
            return Err(Overflow);
        }
        sorted.resize_with(self.stage.shape.columns(), Vec::new);
        for (index, column) in sorted.iter_mut().enumerate() {
            column.resize(sorting.len(), 0);
            let mut first = 0;
            for piece in self.stage.pieces(self.partition, index) {
                sorting.scatter(first, piece, column);
                first += piece.len();
            }
        }
        places.resize(sorting.len(), 0);
        let first_value = first_bucket * BUCKET_VALUES;
        for (place, y) in places.iter_mut().zip(&sorted[0]) {
            // Less than a bucket has values.
            *place = u16::try_from((y - first_value) % BUCKET_VALUES).unwrap_or(0);
        }
        Ok(())
    }

    /// Writes down what the proofs will need.
    #[inline(always)]
    fn keep(&mut self) {
        let sorted = &self.scratch.sorted;
        match &mut self.kept {
            Kept::Nothing => {}
            Kept::Values(values) => {
                keep_values(values, &sorted[1..=self.stage.shape.metadata_words]);
            }
            Kept::Parents(parents) => parents.copy_from_slice(
                // Behind them are those of the bucket behind the partition.
                &sorted[self.stage.shape.columns() - 1][..parents.len()],
            ),
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
        // A partition has at most 36 * 512 entries.
        let [left_start, right_start] =
            [left.start, right.start].map(|start| u16::try_from(start).unwrap_or(0));
        right_bucket.fill(&places[right], right_start, (first_bucket + left_bucket) % 2);
        let matches = &mut batch.matches;
        let matches_before = matches.count;
        for (left_entry, place) in (left_start..).zip(&places[left]) {
            right_bucket.find(lanes, left_entry, *place, matches);
            if matches.count - matches_before > 2 * variant.matches_max() {
                break;
            }
        }
        if variant == Variant::V2 {
            drop_duplicates(matches, matches_before, places);
        }
        let matches_max = matches_before + variant.matches_max();
        // V1 orders matches otherwise, so it has nothing to cut here.
        if variant == Variant::V1 && matches.count > matches_max {
            return Err(Overflow);
        }
        matches.count = matches.count.min(matches_max);
        Ok(())
    }
}

/// Writes the words of metadata of each entry side by side.
#[inline(always)]
fn keep_values(values: &mut [[u32; 3]], columns: &[Vec<u32>]) {
    for (index, column) in columns.iter().enumerate() {
        for (values, word) in values.iter_mut().zip(column) {
            values[index] = *word;
        }
    }
}

/// Of right entries at the same place that match the same left entry, keeps the first two.
#[inline(always)]
fn drop_duplicates(matches: &mut Matches, first: usize, places: &[u16]) {
    let place = |right: u16| places[usize::from(right)];
    let mut kept = first;
    for index in first..matches.count {
        let (left, right) = (matches.lefts[index], matches.rights[index]);
        let is_third = kept >= first + 2
            && matches.lefts[kept - 2] == left
            && place(matches.rights[kept - 2]) == place(right);
        if !is_third {
            (matches.lefts[kept], matches.rights[kept]) = (left, right);
            kept += 1;
        }
    }
    matches.count = kept;
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
        let count = batch.matches.count;
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
        batch.matches.count = 0;
    }

    /// Writes y and metadata of the parents as inputs of the hash; in tables 2 and 3 the metadata is that of
    /// the new entry too.
    #[inline(always)]
    fn fill_inputs(&self, sorted: &[Vec<u32>], batch: &mut Batch, made: &mut [Vec<u32>]) {
        let Batch { matches, gathered, words } = batch;
        let count = matches.count;
        let [lefts, rights] = [&matches.lefts[..count], &matches.rights[..count]];
        let mut words = words.each_mut().map(Vec::as_mut_slice);
        let first = made[0].len();
        let mut joined: Vec<&mut [u32]> = Vec::new();
        if joins_metadata(self.table) {
            for column in &mut made[1..] {
                column.resize(first + count, 0);
                joined.push(&mut column[first..]);
            }
        }
        let y_bits = y_bits(self.k);
        gather(&sorted[0], lefts, gathered);
        for y in gathered.iter_mut() {
            *y <<= 32 - y_bits;
        }
        place_word(&mut words, 0, gathered);
        let mut first_bit = 0;
        for side in [lefts, rights] {
            let columns = &sorted[1..=self.parents.metadata_words];
            for (bit, column) in (first_bit..).step_by(32).zip(columns) {
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
        let count = batch.matches.count;
        let y_bits = y_bits(self.k);
        let first = made[0].len();
        if joins_metadata(self.table) {
            made[0].resize(first + count, 0);
        } else {
            for column in made.iter_mut() {
                column.resize(first + count, 0);
            }
        }
        for (y, word) in made[0][first..].iter_mut().zip(&batch.words[0]) {
            *y = word >> (32 - y_bits);
        }
        if joins_metadata(self.table) {
            return;
        }
        let words = batch.words.iter().zip(&batch.words[1..]);
        let columns = made[1..=self.shape.metadata_words].iter_mut();
        for ((column, (word, next)), bit) in columns.zip(words).zip((0..).step_by(32)) {
            let bits = (self.shape.metadata_bits - bit).min(32);
            take_bits([word, next], [y_bits, bits], &mut column[first..]);
        }
        let parents = &mut made[1 + self.shape.metadata_words][first..];
        let Matches { lefts, rights, .. } = &batch.matches;
        for ((parents, left), right) in parents.iter_mut().zip(lefts.iter()).zip(rights.iter()) {
            *parents = self.pack_parents(*left, *right);
        }
    }

    /// The packed parents of a match.
    #[inline(always)]
    fn pack_parents(&self, left: u16, right: u16) -> u32 {
        pack_parents(self.first_position + u32::from(left), u32::from(right - left))
    }

    /// Takes the entries of table 7 that prove an s-bucket.
    #[inline(always)]
    fn choose(&mut self, sorted: &[Vec<u32>], batch: &Batch) {
        let y_bits = y_bits(self.k);
        let Matches { lefts, rights, count } = &batch.matches;
        let matches = lefts.iter().zip(rights.iter()).take(*count);
        for (word, (left, right)) in batch.words[0].iter().zip(matches) {
            let y = word >> (32 - y_bits);
            if let Some(s_bucket) = SBucket::of_challenge_index(y >> EXTRA_BITS, self.k) {
                let rank = (y % (1 << EXTRA_BITS)) << y_bits | sorted[0][usize::from(*left)];
                let parents = self.pack_parents(*left, *right);
                self.candidates.push(Candidate { s_bucket, rank, parents });
            }
        }
    }
}

/// Whether the metadata of a table is that of both parents, rather than bits of the hash.
fn joins_metadata(table: usize) -> bool {
    matches!(table, 2 | 3)
}
