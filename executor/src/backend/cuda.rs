//! NVIDIA devices, where this program was built for them.

use super::BackendError;

/// The names of the devices that CUDA drives, at least one.
///
/// # Errors
/// [`BackendError::NoCuda`] when this program was built without it, [`BackendError::NoDriver`] when no driver
/// answers.
pub fn cuda_devices() -> Result<Vec<String>, BackendError> {
    #[cfg(feature = "cuda")]
    {
        let names = aipot_kernels::cuda::device::list_devices();
        if names.is_empty() { Err(BackendError::NoDriver) } else { Ok(names) }
    }
    #[cfg(not(feature = "cuda"))]
    Err(BackendError::NoCuda)
}

/// Opens the device with this ordinal.
#[cfg(feature = "cuda")]
pub(super) fn open(
    index: usize,
) -> Result<aipot_kernels::cuda::device::CudaDevice, aipot_kernels::gpu::GpuError> {
    aipot_kernels::cuda::device::CudaDevice::open(index)
}
