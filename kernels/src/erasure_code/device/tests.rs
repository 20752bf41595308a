//! The erasure code on a device has the bits of the processor.

use super::*;
use crate::device::read_words;
use crate::erasure_code::{SCALAR_BYTES, extend};
use crate::gpu::Gpu;

/// The order of the field less one, the largest scalar.
fn largest() -> [u8; SCALAR_BYTES] {
    (Scalar::ZERO - Scalar::ONE).to_bytes()
}

/// Records of zeros, of the largest scalars, and of hashes.
fn records() -> Vec<Vec<u8>> {
    let hashed = |index: u32| {
        let mut chunk = *blake3::hash(&index.to_le_bytes()).as_bytes();
        chunk[0] &= 0x3f;
        chunk
    };
    let all: [&dyn Fn(u32) -> [u8; SCALAR_BYTES]; 3] =
        [&|_| [0; SCALAR_BYTES], &|_| largest(), &hashed];
    all.iter().map(|chunk| (0..CHUNKS).flat_map(*chunk).collect()).collect()
}

/// Checks the parity of a device against this processor's.
pub(crate) fn check<D: ComputeDevice>(device: &D) {
    let pipeline = ErasurePipeline::new(device).unwrap();
    for (number, record) in records().iter().enumerate() {
        let mut expected = vec![0; record.len()];
        extend(record, &mut expected).unwrap();
        let words: &[u32] = &bytemuck::pod_collect_to_vec(record);
        let source = device.upload("source", words).unwrap();
        let parity = device.allocate("parity", words.len() as u64).unwrap();
        device.submit(&pipeline.steps(&source, &parity), &[]).unwrap();
        let actual = read_words(device, "parity", &parity, words.len() as u64).unwrap();
        let actual: &[u8] = bytemuck::cast_slice(&actual);
        let first = actual.iter().zip(&expected).position(|(left, right)| left != right);
        assert_eq!(first, None, "record {number}");
    }
}

#[test]
fn wgpu_parity_is_that_of_this_processor() {
    check(&Gpu::open().unwrap_or_else(|error| panic!("{error}")));
}

#[cfg(feature = "cuda-emulation")]
#[test]
fn cuda_parity_is_that_of_this_processor() {
    check(&crate::cuda::emulation::EmulatedDevice::new());
}
