//! The adapter is there, and its limits are kept.

use super::*;
use crate::device::read_words;

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
    assert_eq!(read_words(&gpu, "words", &there, 1000).unwrap(), words);
}

#[test]
fn wgpu_keeps_several_submissions_apart() {
    let gpu = gpu();
    let buffers: Vec<_> = (0..4).map(|value| gpu.upload("value", &[value; 8]).unwrap()).collect();
    let whole = |source| Download { label: "value", source, words: 2..5 };
    let pending: Vec<_> =
        buffers.iter().map(|source| gpu.submit(&[], &[whole(source)]).unwrap()).collect();
    for (value, pending) in (0..4).zip(pending).rev() {
        assert_eq!(gpu.wait(pending).unwrap(), [[value; 3]]);
    }
}

#[test]
fn wgpu_memory_starts_as_zeros_and_can_be_cleared() {
    let gpu = gpu();
    let room = gpu.allocate("room", 100).unwrap();
    assert_eq!(read_words(&gpu, "room", &room, 100).unwrap(), [0; 100]);
    gpu.write(&room, 50, &[7; 50]).unwrap();
    gpu.submit(&[Step::Clear(&room)], &[]).unwrap();
    assert_eq!(read_words(&gpu, "room", &room, 100).unwrap(), [0; 100]);
}

#[test]
fn wgpu_refuses_a_source_that_does_not_compile() {
    let gpu = gpu();
    let wgsl = Some("this is no shader");
    let kernel = Kernel { name: "broken", wgsl, cuda: "", workgroup_size: 1 };
    let words = gpu.allocate("words", 1).unwrap();
    let launch = Launch { kernel: &kernel, buffers: vec![&words], workgroups: [1, 1, 1] };
    let error = gpu.submit(&[Step::Launch(launch)], &[]).unwrap_err();
    assert!(matches!(error, GpuError::Refused { stage: "broken", .. }), "{error}");
}

#[test]
fn wgpu_says_so_when_a_kernel_is_not_written_in_wgsl() {
    let gpu = gpu();
    let kernel = Kernel { name: "elsewhere", wgsl: None, cuda: "", workgroup_size: 1 };
    let words = gpu.allocate("words", 1).unwrap();
    let launch = Launch { kernel: &kernel, buffers: vec![&words], workgroups: [1, 1, 1] };
    let error = gpu.submit(&[Step::Launch(launch)], &[]).unwrap_err();
    assert!(matches!(error, GpuError::OnlyInCuda { kernel: "elsewhere" }), "{error}");
}

#[test]
fn wgpu_refuses_a_buffer_beyond_the_limit() {
    let gpu = gpu();
    let error = gpu.allocate("huge", gpu.words_max() + 1).unwrap_err();
    assert!(matches!(error, GpuError::BufferTooLarge { label: "huge", .. }), "{error}");
    assert!(gpu.allocate("absurd", u64::MAX).is_err());
}

#[test]
fn wgpu_refuses_words_outside_a_buffer() {
    let gpu = gpu();
    let room = gpu.allocate("room", 10).unwrap();
    let error = gpu.write(&room, 8, &[0; 3]).unwrap_err();
    assert!(matches!(error, GpuError::OutOfBounds { start: 8, end: 11, .. }), "{error}");
    assert!(gpu.write(&room, u64::MAX, &[0]).is_err());
    let error = read_words(&gpu, "room", &room, 11).unwrap_err();
    assert!(matches!(error, GpuError::OutOfBounds { word_count: 10, .. }), "{error}");
}

#[test]
fn wgpu_says_so_when_its_device_is_lost() {
    let gpu = gpu();
    gpu.device.destroy();
    // The loss is told while waiting, whatever comes of the wait itself.
    drop(gpu.device.poll(wgpu::PollType::wait_indefinitely()));
    assert!(gpu.is_lost());
    let error = gpu.allocate("room", 10).unwrap_err();
    assert!(matches!(error, GpuError::DeviceLost { .. }), "{error}");
}

#[test]
fn wgpu_opens_an_adapter_by_its_place_and_by_its_name() {
    let first = list_adapters().into_iter().next().expect("no adapter: install a Vulkan driver");
    assert_eq!(Gpu::open_adapter("0").unwrap().description(), &first);
    let name = first.name.to_uppercase();
    assert_eq!(Gpu::open_adapter(&name).unwrap().description().name, first.name);
    for wanted in ["9999", "no such adapter"] {
        let error = Gpu::open_adapter(wanted).unwrap_err();
        assert!(matches!(error, GpuError::NoSuchAdapter { .. }), "{error}");
    }
}

/// Adds one to a word for each workgroup.
const INCREMENT: Kernel = Kernel {
    name: "increment",
    wgsl: Some(
        "@group(0) @binding(0) var<storage, read_write> words: array<u32>;
        @compute @workgroup_size(1)
        fn increment(@builtin(workgroup_id) group: vec3<u32>) { words[group.x] += 1u; }",
    ),
    cuda: "",
    workgroup_size: 1,
};

#[test]
fn wgpu_steps_see_what_those_before_wrote_over_submissions_under_way() {
    let gpu = gpu();
    let words = gpu.upload("words", &[1, 2, 3, 4]).unwrap();
    let step = || {
        let buffers = vec![&words];
        Step::Launch(Launch { kernel: &INCREMENT, buffers, workgroups: [4, 1, 1] })
    };
    let part = |words_wanted| Download { label: "words", source: &words, words: words_wanted };
    let first = gpu.submit(&[step()], &[part(0..4)]).unwrap();
    let second = gpu.submit(&[step(), step()], &[part(3..4), part(0..2)]).unwrap();
    assert_eq!(gpu.wait(second).unwrap(), [vec![7], vec![4, 5]]);
    assert_eq!(gpu.wait(first).unwrap(), [vec![2, 3, 4, 5]]);
}

#[test]
fn wgpu_refuses_too_many_workgroups_and_missing_buffers() {
    let gpu = gpu();
    let words = gpu.allocate("words", 1).unwrap();
    for (buffers, workgroups) in [(vec![&words], [65_536, 1, 1]), (vec![], [1, 1, 1])] {
        let launch = Launch { kernel: &INCREMENT, buffers, workgroups };
        let error = gpu.submit(&[Step::Launch(launch)], &[]).unwrap_err();
        assert!(matches!(error, GpuError::Refused { .. }), "{error}");
    }
    assert!(gpu.allocate("words", 1).is_ok(), "a refusal leaves the device as it was");
}
