//! Devices are chosen as they are named.

use super::*;

#[test]
fn a_choice_is_read_and_written_alike() {
    for text in ["auto", "cpu", "wgpu", "cuda", "wgpu:1", "cuda:7"] {
        assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
    }
    for text in ["", "gpu", "auto:0", "wgpu:", "wgpu:-1", "cuda:one", "WGPU", "wgpu:1:2"] {
        assert_eq!(text.parse::<DeviceChoice>(), Err(UnknownDevice), "{text}");
    }
}

#[test]
fn the_processor_is_there_without_looking_for_others() {
    let choice: DeviceChoice = "cpu".parse().unwrap();
    assert_eq!(choice.candidate().unwrap(), processor());
    let second: DeviceChoice = "cpu:1".parse().unwrap();
    assert!(matches!(second.candidate(), Err(BackendError::NoDevice { .. })));
}

#[test]
fn a_choice_includes_the_devices_that_it_means() {
    let device = |backend, index| Candidate { backend, index, ..processor() };
    let includes = |text: &str, backend, index| {
        text.parse::<DeviceChoice>().unwrap().includes(&device(backend, index))
    };
    assert!(includes("auto", Backend::Cuda, 3) && includes("wgpu", Backend::Wgpu, 3));
    assert!(includes("wgpu:1", Backend::Wgpu, 1) && !includes("wgpu:1", Backend::Wgpu, 0));
    assert!(!includes("wgpu", Backend::Cuda, 0) && !includes("cpu", Backend::Wgpu, 0));
}
