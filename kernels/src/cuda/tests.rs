//! The emulation does what CUDA does, and finds what CUDA leaves undefined.

use super::emulation::EmulatedDevice;
use crate::device::{ComputeDevice, Download, Kernel, Launch, Step};
use crate::gpu::GpuError;

/// A kernel of `tests/cuda`, which the emulation finds by its name.
const fn shown(name: &'static str, workgroup_size: u32) -> Kernel {
    Kernel { name, wgsl: None, cuda: "", workgroup_size }
}

/// Runs a kernel over buffers with these words and gives back what is in the last one.
fn run(kernel: &Kernel, buffers: &[&[u32]], workgroups: u32) -> Result<Vec<u32>, GpuError> {
    let device = EmulatedDevice::new();
    let there: Vec<_> =
        buffers.iter().map(|words| device.upload("words", words)).collect::<Result<_, _>>()?;
    let all: Vec<_> = there.iter().collect();
    let source = all[all.len() - 1];
    let launch = Launch { kernel, buffers: all, workgroups: [workgroups, 1, 1] };
    let words = 0..buffers[buffers.len() - 1].len() as u64;
    let download = Download { label: "result", source, words };
    let pending = device.submit(&[Step::Launch(launch)], &[download])?;
    Ok(device.wait(pending)?.concat())
}

/// What the emulation says about a kernel that it refuses.
fn refusal(kernel: &Kernel, buffers: &[&[u32]]) -> String {
    run(kernel, buffers, 1).unwrap_err().to_string()
}

#[test]
fn cuda_emulation_shuffles_within_warps() {
    let shown = run(&shown("shown_shuffles", 96), &[&[0; 2 * 96 * 8]], 2).unwrap();
    let (rows, _) = shown.as_chunks::<8>();
    for (index, row) in (0_u32..).zip(rows) {
        let thread = index % 96;
        let (lane, first) = (thread % 32, thread / 32 * 32);
        assert_eq!(row[0], first + 5);
        assert_eq!(row[1], if lane < 3 { thread } else { thread - 3 });
        assert_eq!(row[2], if lane + 3 < 32 { thread + 3 } else { thread });
        assert_eq!(row[3], thread ^ 7);
        assert_eq!(row[4], 0b0100_1001_0010_0100_1001_0010_0100_1001);
        assert_eq!(row[5], first + lane / 8 * 8 + 1);
        assert_eq!(row[6], if lane < 16 { 120 } else { 16 });
        assert_eq!(row[7], 0x1111_1111 << (lane % 4));
    }
}

#[test]
fn cuda_emulation_keeps_barriers_and_shared_memory() {
    let words: Vec<u32> = (0..768).map(|word: u32| word.wrapping_mul(0x9e37_79b9)).collect();
    let sums = run(&shown("shown_scan", 256), &[&words, &[0; 768]], 3).unwrap();
    for (words, sums) in words.chunks(256).zip(sums.chunks(256)) {
        let mut sum = 0_u32;
        for (word, at) in words.iter().zip(sums) {
            sum = sum.wrapping_add(*word);
            assert_eq!(*at, sum);
        }
    }
}

#[test]
fn cuda_emulation_knows_atomics_and_wide_products() {
    let mut words = [0; 16];
    words[1] = u32::MAX;
    words[5] = u32::MAX;
    let words = run(&shown("shown_atomics", 64), &[&words], 4).unwrap();
    let all = 0..256_u32;
    assert_eq!(words[0], all.clone().sum::<u32>());
    assert_eq!((words[1], words[2], words[3]), (1000 - 255, 255, u32::MAX));
    assert_eq!(words[4], all.clone().fold(0, |left, right| left ^ right));
    assert_eq!(words[5], all.fold(u32::MAX, |left, right| left & !right));
    assert_eq!(words[6], 65, "64 in the first block, one in the second, which runs backwards");
    assert_eq!(words[8..11], [0xffff_fffd, 0x78, 0x7800_0000]);
    assert_eq!(words[11], 0x0055_2277);
    assert_eq!(words[12], 31 + (8 << 8) + (4 << 16));
    assert_eq!(words[13..15], [0xffff_fffe, 16]);
}

#[test]
fn cuda_emulation_finds_divergent_barriers() {
    let kernel = shown("shown_divergence", 64);
    run(&kernel, &[&[0]], 2).unwrap();
    let left_early = refusal(&kernel, &[&[1]]);
    assert!(left_early.contains("thread 7 is done"), "{left_early}");
    let two_places = refusal(&kernel, &[&[2]]);
    assert!(two_places.contains("thread 1 waits for the block"), "{two_places}");
    let lone_lane = refusal(&kernel, &[&[3]]);
    assert!(lone_lane.contains("thread 40 waits for lanes"), "{lone_lane}");
    run(&kernel, &[&[0]], 2).expect("the emulation is whole after an error");
}

#[test]
fn cuda_emulation_finds_writes_beyond_the_ends() {
    let kernel = shown("shown_overflow", 1);
    let spoiled = run(&kernel, &[&[0; 65], &[64]], 1).unwrap();
    assert_eq!(spoiled, [64]);
    for index in [65, 100] {
        let text = refusal(&kernel, &[&[0; 65], &[index]]);
        assert!(text.contains("writes beyond the ends of words"), "{text}");
    }
}

#[test]
fn cuda_emulation_spoils_shared_memory() {
    let device = EmulatedDevice::new();
    let words = device.allocate("words", 1).unwrap();
    let index = device.allocate("index", 1).unwrap();
    let launch = Launch {
        kernel: &shown("shown_overflow", 1),
        buffers: vec![&words, &index],
        workgroups: [1, 1, 1],
    };
    let download = Download { label: "words", source: &words, words: 0..1 };
    let pending = device.submit(&[Step::Launch(launch)], &[download]).unwrap();
    assert_eq!(device.wait(pending).unwrap(), [[0xa5a5_a5a5]]);
}

#[test]
fn cuda_emulation_refuses_what_does_not_fit() {
    let unknown = refusal(&shown("nowhere", 1), &[&[0]]);
    assert!(unknown.contains("no such kernel"), "{unknown}");
    let buffers = refusal(&shown("shown_scan", 256), &[&[0]]);
    assert!(buffers.contains("not those of the kernel"), "{buffers}");
    let device = EmulatedDevice::new();
    let words = device.allocate("words", 3).unwrap();
    let error = device.write(&words, 2, &[1, 2]).unwrap_err();
    assert!(matches!(error, GpuError::OutOfBounds { word_count: 3, .. }), "{error}");
    let huge = device.allocate("huge", device.words_max() + 1).unwrap_err();
    assert!(matches!(huge, GpuError::BufferTooLarge { .. }), "{huge}");
}
