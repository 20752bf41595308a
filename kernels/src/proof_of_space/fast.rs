//! The fast version: the same proofs as the definition, with the widest instructions of this machine, the
//! threads of the current pool and a few tens of megabytes.
//!
//! - [`stage`]: how entries lie in memory between two tables, and why it is fast.
//! - [`pass`]: one partition of one table.
//! - [`matching`]: the pairs of two buckets.
//! - [`compression`], [`keystream`]: BLAKE3 and `ChaCha8`, one input in each lane.
//! - [`choice`]: which entries of table 7 prove what, and the proofs.

mod choice;
pub(super) mod columns;
pub(super) mod compression;
pub(super) mod keystream;
pub(super) mod lanes;
mod matching;
mod pass;
mod sorting;
mod stage;

use rayon::prelude::*;

use self::choice::{Choice, KeptTables};
use self::keystream::{BLOCK_BITS, BLOCK_WORDS, blocks, first_y};
use self::lanes::{Lanes, Work, dispatch};
use self::pass::{Kept, Made, Pass, Scratch};
use self::stage::{Chunk, Layout, Overflow, Shape, Stage, TABLE_ENTRIES_MAX};
use super::{KeepGoing, ProofError, RecordProofs, Seed, TABLES, Variant, check_going, check_k};

/// Values `x` of a chunk of table 1. Their keystream is a whole number of blocks, and of lanes.
const CHUNK_VALUES: usize = 8_192;

/// Finds the proofs, or `None` when a seed needs more room than there is here.
pub(super) fn find_proofs(
    seed: &Seed,
    k: u8,
    variant: Variant,
    limit: Option<usize>,
    keep_going: KeepGoing<'_>,
) -> Result<Option<RecordProofs>, ProofError> {
    check_k(k)?;
    check_going(keep_going, 1)?;
    let layout = Layout::new(k, variant);
    let mut stage = first_stage(seed, &layout);
    let mut kept = KeptTables::default();
    let mut table_entries = [0; TABLES];
    table_entries[0] = 1 << k;
    let mut choice = Choice::new(std::iter::empty(), variant);
    for table in 2..=TABLES {
        check_going(keep_going, table)?;
        let Ok(made) = next_table(&layout, &stage, table, &mut kept) else { return Ok(None) };
        let entries: usize = made.iter().map(|made| made.entries).sum();
        if entries > TABLE_ENTRIES_MAX {
            return Ok(None);
        }
        // At most 2^22 entries.
        table_entries[table - 1] = u32::try_from(entries).unwrap_or(u32::MAX);
        if table == TABLES {
            let candidates = made.iter().flat_map(|made| made.candidates.iter().copied());
            choice = Choice::new(candidates, variant);
        }
        let chunks = made.into_iter().map(|made| made.chunk).collect();
        stage = Stage { chunks, shape: Shape::of(table, k) };
    }
    drop(stage);
    choice.break_ties(seed, k, &kept);
    let (found, chosen) = choice.first(variant.proofs_max(limit));
    Ok(Some(RecordProofs { found, proofs: kept.proofs(&chosen, k), table_entries }))
}

/// Table 1.
fn first_stage(seed: &Seed, layout: &Layout) -> Stage {
    let chunk_count = (1_usize << layout.k).div_ceil(CHUNK_VALUES);
    let chunks = (0..chunk_count).into_par_iter().map_init(Scratch::new, |scratch, index| {
        dispatch(FirstChunk { seed, layout, index, scratch })
    });
    Stage { chunks: chunks.collect(), shape: Shape::of(1, layout.k) }
}

/// The work on one chunk of table 1.
struct FirstChunk<'a> {
    seed: &'a Seed,
    layout: &'a Layout,
    index: usize,
    scratch: &'a mut Scratch,
}

impl Work for FirstChunk<'_> {
    type Output = Chunk;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Chunk {
        let k = self.layout.k;
        let block_count = CHUNK_VALUES * usize::from(k) / BLOCK_BITS;
        let first_block = self.index * block_count;
        // 2^20 values of 20 bits take 40,960 blocks.
        let counter = |block: usize| u32::try_from(first_block + block).unwrap_or(0);
        let counters: Vec<u32> = (0..block_count).map(counter).collect();
        let mut keystream = vec![[0; BLOCK_WORDS]; block_count];
        blocks(lanes, self.seed, &counters, &mut keystream);
        let words = keystream.as_flattened();
        let Scratch { sorting, made, .. } = self.scratch;
        made.resize_with(2, Vec::new);
        made.iter_mut().for_each(Vec::clear);
        let first_x = u32::try_from(self.index * CHUNK_VALUES).unwrap_or(0);
        for (x, first_bit) in (first_x..).zip((0..32 * words.len()).step_by(usize::from(k))) {
            made[0].push(first_y(k, x, words, first_bit));
            made[1].push(x << (32 - u32::from(k)));
        }
        self.layout.divide(made, sorting)
    }
}

/// Makes the next table of all partitions, and keeps what the proofs will need of the one before.
fn next_table(
    layout: &Layout,
    stage: &Stage,
    table: usize,
    kept: &mut KeptTables,
) -> Result<Vec<Made>, Overflow> {
    let partitions = 0..layout.partition_count();
    let sizes: Vec<usize> =
        partitions.clone().map(|partition| stage.own_entries(partition)).collect();
    let entry_count = sizes.iter().sum();
    let pieces: Vec<Kept<'_>> = match table - 1 {
        3 => split(&mut kept.values, entry_count, &sizes).map(Kept::Values).collect(),
        before @ 4..=6 => {
            split(&mut kept.parents[before - 4], entry_count, &sizes).map(Kept::Parents).collect()
        }
        _ => partitions.map(|_| Kept::Nothing).collect(),
    };
    // Less than 2^22, as was checked when the table was made.
    let first_positions = sizes.iter().scan(0, |next, size| {
        let first = u32::try_from(*next).unwrap_or(0);
        *next += size;
        Some(first)
    });
    let first_positions: Vec<u32> = first_positions.collect();
    let work = pieces.into_par_iter().zip(first_positions).enumerate();
    work.map_init(Scratch::new, |scratch, (partition, (kept, first_position))| {
        dispatch(Pass { layout, stage, table, partition, first_position, kept, scratch })
    })
    .collect()
}

/// Makes room for entries and splits it among partitions.
fn split<'a, Entry: Clone + Default>(
    entries: &'a mut Vec<Entry>,
    entry_count: usize,
    sizes: &'a [usize],
) -> impl Iterator<Item = &'a mut [Entry]> {
    entries.resize(entry_count, Entry::default());
    let mut rest = entries.as_mut_slice();
    sizes.iter().filter_map(move |size| rest.split_off_mut(..*size))
}

#[cfg(test)]
mod tests;
