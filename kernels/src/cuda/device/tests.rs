//! What can be said of devices where there may be none.

use super::*;

#[test]
fn cuda_device_that_is_not_there_is_refused_with_or_without_a_driver() {
    let error = CudaDevice::open(usize::MAX).unwrap_err();
    let found = list_devices();
    let GpuError::NoSuchAdapter { wanted, found: named } = error else { panic!("{error}") };
    assert_eq!(wanted, format!("cuda {}", usize::MAX));
    assert_eq!(named, found);
}

#[test]
fn cuda_fat_binaries_hold_their_magic_number() {
    // Empty where there was no nvcc.
    for (name, bytes) in FAT_BINARIES {
        assert_eq!(bytes[..4], 0xba55_ed50_u32.to_le_bytes(), "{name}");
    }
}
