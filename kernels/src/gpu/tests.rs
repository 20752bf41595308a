//! The adapter is there, and its limits are kept.

use super::*;

/// A missing adapter fails here, loudly, with the way to mend it.
fn gpu() -> Gpu {
    Gpu::open().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn wgpu_lists_the_adapter_that_it_opens_first() {
    let first = list_adapters().into_iter().next().expect("no adapter: install a Vulkan driver");
    assert_eq!(&first, gpu().description());
    assert!(!first.name.is_empty() && !first.backend.is_empty());
}

#[test]
fn wgpu_gives_back_what_was_uploaded() {
    let gpu = gpu();
    let words: Vec<u32> = (0..1000).map(|word: u32| word.wrapping_mul(0x9e37_79b9)).collect();
    let there = gpu.upload("words", &words).unwrap();
    assert_eq!(gpu.read("words", &there).unwrap(), words);
}

#[test]
fn wgpu_memory_starts_as_zeros() {
    let gpu = gpu();
    let room = gpu.allocate("room", 100).unwrap();
    assert_eq!(gpu.read("room", &room).unwrap(), [0; 100]);
}

#[test]
fn wgpu_refuses_a_source_that_does_not_compile() {
    let gpu = gpu();
    let stage = Stage { name: "broken", source: "this is no shader" };
    let words = gpu.allocate("words", 1).unwrap();
    let error = gpu.run(stage, &[&words], [1, 1, 1]).unwrap_err();
    assert!(matches!(error, GpuError::Refused { stage: "broken", .. }), "{error}");
}

#[test]
fn wgpu_refuses_a_buffer_beyond_the_limit() {
    let gpu = gpu();
    let error = gpu.allocate("huge", gpu.words_max() + 1).unwrap_err();
    assert!(matches!(error, GpuError::BufferTooLarge { label: "huge", .. }), "{error}");
    assert!(gpu.allocate("absurd", u64::MAX).is_err());
}
