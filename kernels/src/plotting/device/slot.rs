//! The room of one record in flight, and how far it has come.

use super::super::encoder::RecordJob;
use super::super::{CHUNK_BYTES, RECORD_BYTES, RECORD_CHUNKS};
use crate::device::{ComputeDevice, Download, Kernel, Step, copy_words, words_of};
use crate::erasure_code::Scalar;
use crate::erasure_code::device::ErasurePipeline;
use crate::gpu::GpuError;
use crate::proof_of_space::device::{TablePipeline, proof_count};
use crate::proof_of_space::{K, PROOF_BYTES, SBUCKETS, TABLES, Variant};

/// Words of a record.
const RECORD_WORDS: u64 = RECORD_BYTES as u64 / 4;

/// Words of a proof.
const PROOF_WORDS: u64 = PROOF_BYTES as u64 / 4;

/// Invocations of a workgroup of [`ENCODE`].
const WORKGROUP_CHUNKS: u32 = 256;

const ENCODE: Kernel = Kernel {
    name: "plot_encode",
    wgsl: Some(aipot_shaders::plotting::ENCODE),
    cuda: aipot_shaders::cuda::PLOT_ENCODE,
    workgroup_size: WORKGROUP_CHUNKS,
};

#[expect(clippy::cast_possible_truncation, reason = "32,768 chunks")]
const ENCODE_WORKGROUPS: u32 = RECORD_CHUNKS as u32 / WORKGROUP_CHUNKS;

/// Why a record does not go on here.
pub(super) enum SlotError {
    /// The device does not decide it.
    ForProcessor,
    /// The device failed.
    Device(GpuError),
}

impl From<GpuError> for SlotError {
    fn from(error: GpuError) -> Self {
        Self::Device(error)
    }
}

/// The room of one record in flight.
#[derive(Debug)]
pub(super) struct Slot<D: ComputeDevice> {
    tables: TablePipeline<D>,
    source: D::Words,
    parity: D::Words,
    encoded: D::Words,
    /// The job that is under way.
    job: Option<usize>,
    /// The table that comes next; after the seventh the encoding, then nothing.
    next_table: usize,
    pending: Option<D::Pending>,
}

impl<D: ComputeDevice> Slot<D> {
    pub(super) fn new(device: &D, variant: Variant) -> Result<Self, GpuError> {
        Ok(Self {
            tables: TablePipeline::with_room(device, K, variant, Some(RECORD_CHUNKS))?,
            source: device.allocate("source", RECORD_WORDS)?,
            parity: device.allocate("parity", RECORD_WORDS)?,
            encoded: device.allocate("encoded", RECORD_WORDS)?,
            job: None,
            next_table: 1,
            pending: None,
        })
    }

    /// The job that is under way.
    pub(super) fn job(&self) -> Option<usize> {
        self.job
    }

    /// The table that comes next.
    pub(super) fn next_table(&self) -> usize {
        self.next_table
    }

    /// Forgets what is under way.
    pub(super) fn forget(&mut self) {
        self.job = None;
        self.next_table = 1;
        self.pending = None;
    }

    /// Waits for the last step of a job and gives the device the next one.
    pub(super) fn advance(
        &mut self,
        device: &D,
        erasure: &ErasurePipeline<D>,
        number: usize,
        job: &mut RecordJob<'_>,
    ) -> Result<(), SlotError> {
        let results = match self.pending.take() {
            Some(pending) => device.wait(pending)?,
            None => Vec::new(),
        };
        if self.job.is_none() {
            if !has_scalars(job.record) {
                return Err(SlotError::ForProcessor);
            }
            self.job = Some(number);
            self.tables.start(device, &job.seed)?;
            device.write(&self.source, 0, &words_of(job.record))?;
        }
        match self.next_table {
            1..=TABLES => {
                let steps = self.tables.steps(self.next_table);
                self.pending = Some(device.submit(&steps, &[self.tables.flags_download()])?);
            }
            table if table == TABLES + 1 => {
                let count = results.first().map(|flags| proof_count(flags));
                if !matches!(count, Some(Ok(RECORD_CHUNKS))) {
                    return Err(SlotError::ForProcessor);
                }
                self.pending = Some(self.submit_encoding(device, erasure, job.sample_ranks)?);
            }
            _ => {
                take(&results, job);
                self.forget();
                return Ok(());
            }
        }
        self.next_table += 1;
        Ok(())
    }

    fn submit_encoding(
        &self,
        device: &D,
        erasure: &ErasurePipeline<D>,
        sample_ranks: &[u16],
    ) -> Result<D::Pending, GpuError> {
        let mut steps = erasure.steps(&self.source, &self.parity);
        steps.push(Step::launch(
            &ENCODE,
            vec![
                self.tables.chosen(),
                self.tables.proofs(),
                &self.source,
                &self.parity,
                &self.encoded,
            ],
            [ENCODE_WORKGROUPS, 1, 1],
        ));
        let whole = |label, source, end| Download { label, source, words: 0..end };
        let mut downloads = vec![
            whole("encoded", &self.encoded, RECORD_WORDS),
            whole("found", self.tables.found(), SBUCKETS as u64 / 32),
        ];
        downloads.extend(sample_ranks.iter().map(|&rank| {
            let start = u64::from(rank) * PROOF_WORDS;
            let words = start..start + PROOF_WORDS;
            Download { label: "sample proof", source: self.tables.proofs(), words }
        }));
        device.submit(&steps, &downloads)
    }
}

/// Whether a record is made of scalars, which the kernels take for granted; the processor says what is
/// wrong with one that is not.
fn has_scalars(record: &[u8]) -> bool {
    let (chunks, rest) = record.as_chunks::<CHUNK_BYTES>();
    chunks.len() == RECORD_CHUNKS && rest.is_empty() && chunks.iter().all(Scalar::is_canonical)
}

/// Copies results into the job: encoded chunks, bitmap, proofs.
fn take(results: &[Vec<u32>], job: &mut RecordJob<'_>) {
    let [encoded, found, samples @ ..] = results else { return };
    copy_words(encoded, job.record);
    copy_words(found, job.found);
    job.sample_proofs = samples
        .iter()
        .map(|words| {
            let mut proof = [0; PROOF_BYTES];
            copy_words(words, &mut proof);
            proof
        })
        .collect();
    job.is_done = true;
}

const _: () = assert!(CHUNK_BYTES == 32, "the kernel takes eight words a chunk");
