//! Tables and proofs of a seed on a device, over whatever drives it.
//!
//! A [`TablePipeline`] owns the buffers of one record in flight. Its steps come table by table, so that a
//! caller can stop in between, and leave the proofs on the device, where a record is encoded with them.

mod kernel;
mod table;

use thiserror::Error;

use super::{
    K, KeepGoing, ProofError, RecordProofs, SBUCKETS, Seed, TABLES, Variant, check_going, check_k,
    parameters::bucket_count, proof_bytes,
};
use crate::chacha8::{KEYSTREAM, WORKGROUP_BLOCKS, first_state};
use crate::device::{ComputeDevice, Download, Step};
use crate::gpu::GpuError;

use table::{FIRST_GROUP, LIST_STRIDE, TableNumbers};

/// Words of an entry: `y` and three of metadata.
const ENTRY_WORDS: u64 = 4;

/// Ranks of a row of the workgroups that trace proofs.
const TRACE_ROW: u32 = 32_768;

/// Set by kernels when a bucket or a pair of buckets has more entries than there is room for.
const FLAG_OVERFLOW: u32 = 1;

/// Set by kernels when two entries of an s-bucket have the same key, which only their ancestors decide.
const FLAG_TIE: u32 = 2;

/// Why a device gives no proofs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeviceProofError {
    /// Told to stop, or a size that tables are not made for.
    #[error(transparent)]
    Proofs(#[from] ProofError),
    /// The device failed.
    #[error(transparent)]
    Device(#[from] GpuError),
    /// Two entries of an s-bucket have the same key: one record in some 100,000, which takes the complete
    /// order of the processor's version.
    #[error("an s-bucket has a tie that the device does not decide")]
    Tie,
    /// More entries than there is room for, which no seed has been seen to have.
    #[error("a bucket has more entries than there is room for")]
    Overflow,
}

/// The buffers of one record in flight, and the steps that fill them.
///
/// What the last step leaves on the device:
///
/// | buffer | words | what |
/// | --- | --- | --- |
/// | [`Self::flags`] | 2 | flags, for [`proof_count`], then the number of proofs |
/// | [`Self::found`] | 2,048 | s-bucket `s` is bit `s % 32`, the least significant first, of word `s / 32` |
/// | [`Self::chosen`] | 65,536 | the s-bucket of each proof |
/// | [`Self::proofs`] | `2 k` a proof wanted | proofs in the order of their s-buckets, bytes in order of memory |
///
/// What follows the last proof is left over from records before. With a flag set nothing of it counts. The
/// next [`Self::start`] may be called at once, as long as its steps come after whatever reads these buffers.
///
/// Where entries lie, which is why variant 1 needs no sorting and variant 2 only within buckets, is said in
/// `shaders/wgsl/parts/tables.wgsl`.
#[derive(Debug)]
pub struct TablePipeline<D: ComputeDevice> {
    k: u8,
    variant: Variant,
    proofs_max: usize,
    numbers: Vec<D::Words>,
    state: D::Words,
    keystream: D::Words,
    entries: [D::Words; 2],
    group_counts: [D::Words; TABLES],
    bucket_counts: D::Words,
    lists: D::Words,
    parents: D::Words,
    best: D::Words,
    winners: D::Words,
    found: D::Words,
    chosen: D::Words,
    proofs: D::Words,
    flags: D::Words,
}

impl<D: ComputeDevice> TablePipeline<D> {
    /// Makes room on a device for records of this variant, at most `limit` proofs of each.
    ///
    /// # Errors
    /// [`DeviceProofError::Proofs`] when `k` is not 16 to 20; [`DeviceProofError::Device`] when there is no
    /// room.
    pub fn new(
        device: &D,
        k: u8,
        variant: Variant,
        limit: Option<usize>,
    ) -> Result<Self, DeviceProofError> {
        check_k(k)?;
        Ok(Self::with_room(device, k, variant, limit)?)
    }

    /// [`Self::new`] for a `k` that is known to be 16 to 20.
    pub(crate) fn with_room(
        device: &D,
        k: u8,
        variant: Variant,
        limit: Option<usize>,
    ) -> Result<Self, GpuError> {
        let buckets = bucket_count(k) as u64;
        let positions = buckets * u64::from(table::stride(variant));
        let proofs_max = variant.proofs_max(limit);
        let proof_words = proofs_max as u64 * proof_bytes(k) as u64 / 4;
        let upload = |number: usize| {
            let numbers = TableNumbers::new(number, k, variant, proofs_max);
            device.upload("table numbers", &numbers.words())
        };
        let room = |label, word_count| device.allocate(label, word_count);
        let group_counts = || room("group counts", buckets);
        Ok(Self {
            k,
            variant,
            proofs_max,
            numbers: (1..=TABLES).map(upload).collect::<Result<_, _>>()?,
            state: room("state", 16)?,
            keystream: room("keystream", u64::from(keystream_blocks(k)) * 16)?,
            entries: [
                room("entries", positions * ENTRY_WORDS)?,
                room("entries", positions * ENTRY_WORDS)?,
            ],
            group_counts: [
                group_counts()?,
                group_counts()?,
                group_counts()?,
                group_counts()?,
                group_counts()?,
                group_counts()?,
                group_counts()?,
            ],
            bucket_counts: room("bucket counts", buckets)?,
            lists: room("lists", buckets * u64::from(LIST_STRIDE))?,
            parents: room("parents", positions * 2 * (TABLES as u64 - 1))?,
            best: room("best", SBUCKETS as u64)?,
            winners: room("winners", 2 * SBUCKETS as u64)?,
            found: room("found", SBUCKETS as u64 / 32)?,
            chosen: room("chosen", SBUCKETS as u64)?,
            // No buffer may be empty.
            proofs: room("proofs", proof_words.max(1))?,
            flags: room("flags", 2)?,
        })
    }

    /// The variant that the room was made for.
    pub fn variant(&self) -> Variant {
        self.variant
    }

    /// The proofs, in the order of their s-buckets.
    pub fn proofs(&self) -> &D::Words {
        &self.proofs
    }

    /// Which s-buckets have a proof, one bit each, the least significant first.
    pub fn found(&self) -> &D::Words {
        &self.found
    }

    /// The s-bucket of each proof.
    pub fn chosen(&self) -> &D::Words {
        &self.chosen
    }

    /// Flags, then the number of proofs.
    pub fn flags(&self) -> &D::Words {
        &self.flags
    }

    /// Gives the seed of the next record to the device.
    ///
    /// # Errors
    /// [`GpuError`]: the device failed.
    pub fn start(&self, device: &D, seed: &Seed) -> Result<(), GpuError> {
        device.write(&self.state, 0, &first_state(seed.as_bytes()))
    }

    /// The steps that make table `number`, 1 to 7; after the seventh, also those that choose and trace.
    pub fn steps(&self, number: usize) -> Vec<Step<'_, D::Words>> {
        let mut steps = if number == 1 { self.first_table() } else { self.next_table(number) };
        if number < TABLES {
            steps.extend(self.sort_into_buckets(number));
        } else {
            steps.extend(self.choose());
        }
        steps
    }

    fn numbers(&self, number: usize) -> &D::Words {
        &self.numbers[number - 1]
    }

    fn entries(&self, number: usize) -> &D::Words {
        &self.entries[number % 2]
    }

    fn group_counts(&self, number: usize) -> &D::Words {
        &self.group_counts[number - 1]
    }

    /// Workgroups of a kernel that takes one for each group of a table.
    fn groups(&self, number: usize) -> u32 {
        if number == 1 { (1 << self.k) / FIRST_GROUP } else { self.buckets() - 1 }
    }

    fn buckets(&self) -> u32 {
        u32::try_from(bucket_count(self.k)).expect("some thousands")
    }

    fn first_table(&self) -> Vec<Step<'_, D::Words>> {
        let blocks = keystream_blocks(self.k);
        vec![
            Step::Clear(&self.flags),
            Step::Clear(&self.best),
            Step::Clear(&self.winners),
            Step::launch(
                &KEYSTREAM,
                vec![&self.state, &self.keystream],
                [blocks.div_ceil(WORKGROUP_BLOCKS), 1, 1],
            ),
            Step::launch(
                &kernel::FIRST_VALUES,
                vec![self.numbers(1), &self.keystream, self.entries(1), self.group_counts(1)],
                [(1 << self.k) / FIRST_GROUP, 1, 1],
            ),
        ]
    }

    fn next_table(&self, number: usize) -> Vec<Step<'_, D::Words>> {
        let buffers = vec![
            self.numbers(number),
            &self.bucket_counts,
            &self.lists,
            self.entries(number - 1),
            self.entries(number),
            &self.parents,
            self.group_counts(number),
            &self.flags,
        ];
        vec![Step::launch(&kernel::MATCH, buffers, [self.buckets() - 1, 1, 1])]
    }

    fn sort_into_buckets(&self, number: usize) -> Vec<Step<'_, D::Words>> {
        let numbers = self.numbers(number);
        let buffers = vec![
            numbers,
            self.entries(number),
            self.group_counts(number),
            &self.bucket_counts,
            &self.lists,
            &self.flags,
        ];
        let mut steps = vec![
            Step::Clear(&self.bucket_counts),
            Step::launch(&kernel::SCATTER, buffers, [self.groups(number), 1, 1]),
        ];
        if self.variant == Variant::V2 {
            let buffers = vec![numbers, &self.bucket_counts, &self.lists];
            steps.push(Step::launch(&kernel::SORT_BUCKETS, buffers, [self.buckets(), 1, 1]));
        }
        steps
    }

    fn choose(&self) -> Vec<Step<'_, D::Words>> {
        let numbers = self.numbers(TABLES);
        let chosen_from = || {
            vec![
                numbers,
                self.group_counts(TABLES),
                self.entries(TABLES),
                self.entries(TABLES - 1),
                &self.parents,
                &self.best,
            ]
        };
        let mut won = chosen_from();
        won.push(&self.winners);
        let groups = [self.groups(TABLES), 1, 1];
        let ranked = vec![numbers, &self.winners, &self.found, &self.chosen, &self.flags];
        let traced =
            vec![numbers, &self.winners, &self.chosen, &self.parents, &self.flags, &self.proofs];
        vec![
            Step::launch(&kernel::CHOOSE, chosen_from(), groups),
            Step::launch(&kernel::WINNERS, won, groups),
            Step::launch(&kernel::RANK, ranked, [1, 1, 1]),
            Step::launch(&kernel::TRACE, traced, [TRACE_ROW, 2, 1]),
        ]
    }

    /// Finds the proofs of a seed as [`super::find_proofs`] does, and reads them back.
    ///
    /// # Errors
    /// [`DeviceProofError`]: it was stopped, the device failed, or the processor has to do it.
    pub fn find_proofs(
        &self,
        device: &D,
        seed: &Seed,
        keep_going: KeepGoing<'_>,
    ) -> Result<RecordProofs, DeviceProofError> {
        self.start(device, seed)?;
        for number in 1..=TABLES {
            check_going(keep_going, number)?;
            // Waited for, so that what is asked at a boundary is asked when the device is there.
            device.wait(device.submit(&self.steps(number), &[])?)?;
        }
        let results = device.wait(device.submit(&[], &self.downloads())?)?;
        let [flags, found, proofs, group_counts @ ..] = results.as_slice() else {
            return Err(DeviceProofError::Overflow);
        };
        let count = proof_count(flags)?;
        let mut record = RecordProofs {
            found: Box::new([0; SBUCKETS / 8]),
            proofs: bytes_of(proofs),
            table_entries: [0; TABLES],
        };
        record.found.copy_from_slice(&bytes_of(found));
        record.proofs.truncate(count * proof_bytes(self.k));
        for (entries, counts) in record.table_entries.iter_mut().zip(group_counts) {
            *entries = counts.iter().sum();
        }
        Ok(record)
    }

    /// All of a record that is to be read back: flags, bitmap, proofs, then entries of the groups of each
    /// table.
    fn downloads(&self) -> Vec<Download<'_, D::Words>> {
        let whole = |label, source, word_count| Download { label, source, words: 0..word_count };
        let proof_words = self.proofs_max as u64 * proof_bytes(self.k) as u64 / 4;
        let mut downloads = vec![
            self.flags_download(),
            whole("found", &self.found, SBUCKETS as u64 / 32),
            whole("proofs", &self.proofs, proof_words),
        ];
        downloads.extend((1..=TABLES).map(|number| {
            let groups = u64::from(self.groups(number));
            whole("group counts", self.group_counts(number), groups)
        }));
        downloads
    }

    /// What is to be read of [`Self::flags`] after the last step.
    pub fn flags_download(&self) -> Download<'_, D::Words> {
        Download { label: "flags", source: &self.flags, words: 0..2 }
    }
}

/// Reads [`TablePipeline::flags`]: the number of proofs.
///
/// # Errors
/// [`DeviceProofError::Tie`], [`DeviceProofError::Overflow`]: the processor has to make this record.
pub fn proof_count(flags: &[u32]) -> Result<usize, DeviceProofError> {
    match flags {
        [flags, _] if flags & FLAG_OVERFLOW != 0 => Err(DeviceProofError::Overflow),
        [flags, _] if flags & FLAG_TIE != 0 => Err(DeviceProofError::Tie),
        [_, count] => Ok(*count as usize),
        _ => Ok(0),
    }
}

/// Words as they lie in memory.
fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Blocks of keystream that table 1 takes.
fn keystream_blocks(k: u8) -> u32 {
    (u32::from(k) << k).div_ceil(512)
}

const _: () = assert!(K == 20, "keystream_blocks stays far below 2^32 bits");

#[cfg(test)]
mod tests;
