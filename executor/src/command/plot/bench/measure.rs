//! Times of one device: for all proofs of a seed, and for whole records.

use std::time::{Duration, Instant};

use aipot_kernels::plotting::{BITMAP_BYTES, RECORD_BYTES, RecordEncoder, RecordJob};
use aipot_kernels::proof_of_space::{K, Seed};

use super::super::super::CommandError;
use super::super::super::model::on_threads;
use super::Plan;
use crate::backend::Candidate;

/// Bytes of a scalar; the first one is zero, so that it is canonical whatever the others are.
const SCALAR_BYTES: usize = 32;
/// Runs for the tables, of which the fastest counts: the first compiles kernels and touches memory.
const TABLE_RUNS: u8 = 3;
/// After so long, one run has to do.
const PATIENCE: Duration = Duration::from_secs(5);
/// Records that a GPU is given unless said otherwise: some for each that is in flight.
const RECORDS_GPU: u64 = 32;
/// Records for each thread of the processor unless said otherwise.
const RECORDS_THREAD: u64 = 2;

/// What one device took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For all proofs of one seed, when nothing else is done.
    pub(super) table: Duration,
    /// For one record, as the mean of several that were in work together.
    pub(super) record: Duration,
    /// How many that were.
    pub(super) record_count: u64,
}

/// Measures a device; `threads` are those of the processor.
pub(super) fn measure(
    candidate: &Candidate,
    threads: Option<usize>,
    plan: &Plan,
) -> Result<Times, CommandError> {
    on_threads(threads.unwrap_or(0), || {
        let table = table_time(candidate, plan)?;
        let default = threads.and_then(|threads| u64::try_from(threads).ok());
        let default = default.map_or(RECORDS_GPU, |threads| threads * RECORDS_THREAD);
        let record_count = match plan.records {
            _ if candidate.is_software => 1,
            records => records.unwrap_or(default),
        };
        let encoder = candidate.encoder()?;
        // A device that has compiled its kernels shows what it does all day.
        let (mut records, is_warm) = (Records::new(record_count), candidate.is_software);
        if threads.is_none() && !is_warm {
            Records::new(1).encode(encoder.as_ref(), plan)?;
        }
        let start = Instant::now();
        records.encode(encoder.as_ref(), plan)?;
        let count = u32::try_from(record_count).unwrap_or(u32::MAX);
        Ok(Times { table, record: start.elapsed() / count, record_count })
    })?
}

fn table_time(candidate: &Candidate, plan: &Plan) -> Result<Duration, CommandError> {
    let finder = candidate.finder()?;
    let mut fastest = Duration::MAX;
    for run in 0..TABLE_RUNS {
        let start = Instant::now();
        finder.find(&Seed::new([run; 32]), K, plan.variant, &|| true)?;
        let time = start.elapsed();
        fastest = fastest.min(time);
        if time > PATIENCE {
            break;
        }
    }
    Ok(fastest)
}

/// Records of made-up data.
struct Records {
    data: Vec<u8>,
    found: Vec<[u8; BITMAP_BYTES]>,
}

impl Records {
    fn new(count: u64) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut data = vec![0; count.saturating_mul(RECORD_BYTES)];
        blake3::Hasher::new().finalize_xof().fill(&mut data);
        data.chunks_mut(SCALAR_BYTES).filter_map(<[u8]>::first_mut).for_each(|first| *first = 0);
        Self { data, found: vec![[0; BITMAP_BYTES]; count] }
    }

    fn encode(&mut self, encoder: &dyn RecordEncoder, plan: &Plan) -> Result<(), CommandError> {
        let records = self.data.chunks_mut(RECORD_BYTES).zip(&mut self.found);
        let mut jobs: Vec<RecordJob<'_>> = (0_u64..)
            .zip(records)
            .map(|(number, (record, found))| {
                let seed = Seed::new(*blake3::hash(&number.to_le_bytes()).as_bytes());
                RecordJob {
                    seed,
                    record,
                    found,
                    sample_ranks: &[],
                    sample_proofs: Vec::new(),
                    is_done: false,
                }
            })
            .collect();
        Ok(encoder.encode(plan.variant, &mut jobs, &|| true)?)
    }
}
