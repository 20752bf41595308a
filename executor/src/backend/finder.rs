//! Finds all proofs of a seed on any device.

use aipot_kernels::gpu::Gpu;
use aipot_kernels::proof_of_space::device::{DeviceProofError, find_proofs_on};
use aipot_kernels::proof_of_space::{KeepGoing, RecordProofs, Seed, Variant, find_proofs};

use super::{Backend, BackendError, Candidate, DeviceChoice};

/// Finds all proofs of a seed on one device.
#[derive(Debug)]
pub struct ProofFinder {
    device: Device,
    name: String,
}

#[derive(Debug)]
enum Device {
    Processor,
    Wgpu(Box<Gpu>),
    #[cfg(feature = "cuda")]
    Cuda(Box<aipot_kernels::cuda::device::CudaDevice>),
}

impl ProofFinder {
    /// Opens a device.
    pub(super) fn open(candidate: &Candidate) -> Result<Self, BackendError> {
        let choice = DeviceChoice { backend: candidate.backend, index: Some(candidate.index) };
        let device = match candidate.backend {
            Backend::Cpu => Device::Processor,
            Backend::Wgpu => {
                Device::Wgpu(Box::new(Gpu::open_adapter(&candidate.index.to_string())?))
            }
            #[cfg(feature = "cuda")]
            Backend::Cuda => Device::Cuda(Box::new(super::cuda::open(candidate.index)?)),
            _ => return Err(BackendError::NoDevice { choice }),
        };
        Ok(Self { device, name: candidate.name.clone() })
    }

    /// What the device calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds every proof that the variant looks for. What a device leaves undecided, one record in some
    /// 100,000, the processor does, with the threads of the current pool.
    ///
    /// # Errors
    /// [`BackendError::Proof`] when `k` is none that there are tables for, [`BackendError::DeviceProof`] when
    /// the device failed.
    pub fn find(
        &self,
        seed: &Seed,
        k: u8,
        variant: Variant,
        keep_going: KeepGoing<'_>,
    ) -> Result<RecordProofs, BackendError> {
        let on_processor = || Ok(find_proofs(seed, k, variant, None, keep_going)?);
        let found = match &self.device {
            Device::Processor => return on_processor(),
            Device::Wgpu(gpu) => find_proofs_on(gpu.as_ref(), seed, k, variant, None, keep_going),
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => {
                find_proofs_on(device.as_ref(), seed, k, variant, None, keep_going)
            }
        };
        match found {
            Ok(proofs) => Ok(proofs),
            Err(DeviceProofError::Tie | DeviceProofError::Overflow) => on_processor(),
            Err(DeviceProofError::Proofs(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        }
    }
}
