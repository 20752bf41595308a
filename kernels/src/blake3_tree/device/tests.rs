//! Roots on a device are those of the crate.

use super::*;
use crate::blake3_tree::root;
use crate::gpu::Gpu;

/// Checks roots of a device against the crate's, at every edge of blocks, chunks and levels.
fn check<D: ComputeDevice>(device: &D, bytes_max: usize) {
    let bytes: Vec<u8> = (0_u32..)
        .take(bytes_max)
        .map(|byte| byte.wrapping_mul(0x9e37_79b9).to_be_bytes()[0])
        .collect();
    let mut lengths = vec![0, 1, 3, 4, 5, 63, 64, 65, 127, 128];
    for chunks in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 63, 127, 255, 256, 257, 511, 1023] {
        lengths.extend([chunks * 1024 - 1, chunks * 1024, chunks * 1024 + 1]);
    }
    lengths.push(bytes_max);
    for length in lengths.into_iter().filter(|&length| length <= bytes_max) {
        let actual = root_on(device, &bytes[..length]).unwrap();
        assert_eq!(actual, root(&bytes[..length]), "{length} bytes");
    }
}

#[test]
fn wgpu_roots_are_those_of_the_crate_up_to_64_mib() {
    check(&Gpu::open().unwrap_or_else(|error| panic!("{error}")), 64 << 20);
}

#[test]
fn wgpu_bytes_behind_the_end_of_the_input_do_not_count() {
    let gpu = Gpu::open().unwrap_or_else(|error| panic!("{error}"));
    let words = gpu.upload("input", &[0x0403_0201, 0xffff_ff05]).unwrap();
    assert_eq!(root_of_words(&gpu, &words, 5).unwrap(), root(&[1, 2, 3, 4, 5]));
}

#[cfg(feature = "cuda-emulation")]
#[test]
fn cuda_roots_are_those_of_the_crate() {
    check(&crate::cuda::emulation::EmulatedDevice::new(), (1 << 20) + 77);
}
