//! Records on a device against those of this processor, and what becomes of them when it fails.

mod hollow;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::device::{Download, Step};
use crate::gpu::{DeviceWords, Gpu, PendingDownloads};
use crate::plotting::{BITMAP_BYTES, RECORD_BYTES};
use crate::proof_of_space::{PROOF_BYTES, Seed};

/// What a submission is made to fail with.
type Fault = fn(usize) -> Option<GpuError>;

/// A software device whose submissions fail as a test wants; all that are opened share one count.
#[derive(Debug)]
struct Faulty {
    gpu: Gpu,
    submissions: Arc<AtomicUsize>,
    fault: Fault,
}

impl ComputeDevice for Faulty {
    type Words = DeviceWords;
    type Pending = PendingDownloads;

    fn name(&self) -> String {
        "faulty".to_owned()
    }

    fn words_max(&self) -> u64 {
        self.gpu.words_max()
    }

    fn allocate(&self, label: &'static str, word_count: u64) -> Result<DeviceWords, GpuError> {
        self.gpu.allocate(label, word_count)
    }

    fn write(&self, target: &DeviceWords, first: u64, words: &[u32]) -> Result<(), GpuError> {
        self.gpu.write(target, first, words)
    }

    fn submit(
        &self,
        steps: &[Step<'_, DeviceWords>],
        downloads: &[Download<'_, DeviceWords>],
    ) -> Result<PendingDownloads, GpuError> {
        match (self.fault)(self.submissions.fetch_add(1, Ordering::Relaxed)) {
            Some(error) => Err(error),
            None => self.gpu.submit(steps, downloads),
        }
    }

    fn wait(&self, pending: PendingDownloads) -> Result<Vec<Vec<u32>>, GpuError> {
        self.gpu.wait(pending)
    }
}

fn open_gpu() -> Gpu {
    Gpu::open().unwrap_or_else(|error| panic!("{error}"))
}

/// Records, and what becomes of them.
struct Records {
    bytes: Vec<Vec<u8>>,
    found: Vec<[u8; BITMAP_BYTES]>,
    sample_proofs: Vec<Vec<[u8; PROOF_BYTES]>>,
}

const RANKS: [u16; 3] = [0, 32_767, 1234];

impl Records {
    fn new(count: u8) -> Self {
        let record = |number: u8| {
            let mut record = vec![number; RECORD_BYTES];
            record.chunks_mut(32).for_each(|chunk| chunk[0] = 0);
            record
        };
        Self {
            bytes: (1..=count).map(record).collect(),
            found: vec![[0; BITMAP_BYTES]; usize::from(count)],
            sample_proofs: Vec::new(),
        }
    }

    /// Encodes them and says how many were done, and how it ended.
    fn encode(
        &mut self,
        encoder: &dyn RecordEncoder,
        variant: Variant,
        keep_going: KeepGoing<'_>,
    ) -> (usize, Result<(), EncodeError>) {
        let all = (0_u8..).zip(self.bytes.iter_mut().zip(&mut self.found));
        let mut jobs: Vec<RecordJob<'_>> = all
            .map(|(number, (record, found))| RecordJob {
                seed: Seed::new([number; 32]),
                record,
                found,
                sample_ranks: &RANKS,
                sample_proofs: Vec::new(),
                is_done: false,
            })
            .collect();
        let end = encoder.encode(variant, &mut jobs, keep_going);
        let done = jobs.iter().filter(|job| job.is_done).count();
        self.sample_proofs = jobs.into_iter().map(|job| job.sample_proofs).collect();
        (done, end)
    }
}

/// Checks that a device encodes as this processor does.
fn check(encoder: &dyn RecordEncoder, variant: Variant, count: u8) {
    let (mut expected, mut actual) = (Records::new(count), Records::new(count));
    let (done, end) = expected.encode(&CpuEncoder, variant, &|| true);
    assert!(end.is_ok() && done == usize::from(count));
    let (done, end) = actual.encode(encoder, variant, &|| true);
    end.unwrap();
    assert_eq!(done, usize::from(count));
    assert_eq!(actual.found, expected.found);
    assert!(actual.bytes == expected.bytes, "encoded chunks differ");
    assert_eq!(actual.sample_proofs, expected.sample_proofs);
}

fn faulty(fault: Fault) -> (DeviceEncoder<Faulty>, Arc<AtomicUsize>) {
    let submissions = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&submissions);
    let open = move || Ok(Faulty { gpu: Gpu::open()?, submissions: Arc::clone(&shared), fault });
    (DeviceEncoder::new(open).unwrap_or_else(|error| panic!("{error}")), submissions)
}

#[test]
fn wgpu_encodes_records_as_this_processor_does_in_both_variants() {
    let encoder = DeviceEncoder::new(|| Ok(open_gpu())).unwrap();
    check(&encoder, Variant::V1, 2);
    check(&encoder, Variant::V2, 1);
}

#[cfg(feature = "cuda-emulation")]
#[test]
fn cuda_encodes_records_as_this_processor_does_in_both_variants() {
    use crate::cuda::emulation::EmulatedDevice;
    let encoder = DeviceEncoder::new(|| Ok(EmulatedDevice::new())).unwrap();
    check(&encoder, Variant::V1, 1);
    check(&encoder, Variant::V2, 1);
}

#[test]
fn wgpu_a_record_whose_step_fails_is_tried_again() {
    // The third submission fails once; every record takes eight.
    let fault: Fault = |number| (number == 2).then_some(GpuError::NoAdapter);
    let (encoder, submissions) = faulty(fault);
    check(&encoder, Variant::V1, 1);
    assert_eq!(submissions.load(Ordering::Relaxed), 3 + 8);
}

#[test]
fn wgpu_a_record_that_fails_twice_is_left_to_the_processor_and_the_device_goes_on() {
    let fault: Fault = |number| (number < 2).then_some(GpuError::NoAdapter);
    let (encoder, submissions) = faulty(fault);
    check(&encoder, Variant::V1, 1);
    assert_eq!(submissions.load(Ordering::Relaxed), 2, "the device had two tries");
    check(&encoder, Variant::V1, 1);
    assert_eq!(submissions.load(Ordering::Relaxed), 2 + 8, "the next record is the device's");
}

#[test]
fn wgpu_a_lost_device_is_opened_anew() {
    let fault: Fault = |number| {
        (number == 4).then_some(GpuError::DeviceLost { stage: "a test", reason: String::new() })
    };
    let (encoder, submissions) = faulty(fault);
    check(&encoder, Variant::V1, 1);
    assert_eq!(submissions.load(Ordering::Relaxed), 5 + 8);
}

#[test]
fn wgpu_stops_at_a_table_and_goes_on_where_it_is_not_done() {
    let encoder = DeviceEncoder::new(|| Ok(open_gpu())).unwrap();
    let before = Records::new(1);
    let mut records = Records::new(1);
    let going = AtomicUsize::new(3);
    let keep_going = || going.fetch_sub(1, Ordering::Relaxed) > 0;
    let (done, end) = records.encode(&encoder, Variant::V1, &keep_going);
    assert!(matches!(end, Err(EncodeError::Stopped { table: 4 })), "{end:?}");
    assert_eq!(done, 0);
    assert!(records.bytes == before.bytes, "the record is as it was");
}
