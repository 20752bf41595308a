//! Tables on a device against those of this processor, kernel by kernel and as a whole.

mod kernels;

use super::*;
use crate::gpu::Gpu;
use crate::proof_of_space::find_proofs;

fn gpu() -> Gpu {
    Gpu::open().unwrap_or_else(|error| panic!("{error}"))
}

/// Compares first what differs first.
fn assert_same(actual: &RecordProofs, expected: &RecordProofs, what: &str) {
    assert_eq!(actual.table_entries, expected.table_entries, "{what}");
    assert_eq!(actual.proof_count(), expected.proof_count(), "{what}");
    assert_eq!(actual.found, expected.found, "{what}");
    let pairs = actual.proofs.chunks(16).zip(expected.proofs.chunks(16));
    let first = pairs.into_iter().position(|(actual, expected)| actual != expected);
    assert_eq!((first, actual.proofs.len()), (None, expected.proofs.len()), "{what}");
}

/// Small tables of several seeds, wherever they are made.
pub(in crate::proof_of_space) fn check_small<D: ComputeDevice>(device: &D) {
    for (k, seed) in [(16, 1), (17, 2)] {
        let seed = Seed::new([seed; 32]);
        for variant in [Variant::V1, Variant::V2] {
            for limit in [None, Some(100)] {
                let expected = find_proofs(&seed, k, variant, limit, &|| true).unwrap();
                let pipeline = TablePipeline::new(device, k, variant, limit).unwrap();
                let actual = pipeline.find_proofs(device, &seed, &|| true);
                assert_same(&actual.unwrap(), &expected, &format!("k {k}, {variant}, {limit:?}"));
            }
        }
    }
}

#[test]
fn wgpu_small_tables_are_those_of_this_processor() {
    check_small(&gpu());
}

#[test]
fn wgpu_stops_between_tables() {
    let going = std::sync::atomic::AtomicUsize::new(3);
    let keep_going = || going.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) > 0;
    let gpu = gpu();
    let pipeline = TablePipeline::new(&gpu, 16, Variant::V1, None).unwrap();
    let stopped = pipeline.find_proofs(&gpu, &Seed::new([1; 32]), &keep_going);
    let Err(DeviceProofError::Proofs(error)) = stopped else { panic!("{stopped:?}") };
    assert_eq!(error, ProofError::Stopped { table: 4 });
}

#[test]
fn flags_send_a_record_to_the_processor() {
    assert!(matches!(proof_count(&[0, 7]), Ok(7)));
    assert!(matches!(proof_count(&[FLAG_TIE, 7]), Err(DeviceProofError::Tie)));
    assert!(matches!(proof_count(&[FLAG_TIE | FLAG_OVERFLOW, 7]), Err(DeviceProofError::Overflow)));
}

#[test]
fn wgpu_room_is_used_again_by_the_next_record() {
    let gpu = gpu();
    let pipeline = TablePipeline::new(&gpu, 16, Variant::V2, Some(300)).unwrap();
    for first_byte in [9, 10, 9] {
        let seed = Seed::new([first_byte; 32]);
        let expected = find_proofs(&seed, 16, Variant::V2, Some(300), &|| true).unwrap();
        let actual = pipeline.find_proofs(&gpu, &seed, &|| true).unwrap();
        assert_same(&actual, &expected, &format!("seed {first_byte}"));
    }
}

#[cfg(feature = "cuda-emulation")]
#[test]
fn cuda_small_tables_are_those_of_this_processor() {
    check_small(&crate::cuda::emulation::EmulatedDevice::new());
}
