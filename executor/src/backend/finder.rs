//! Finds all proofs of a seed on any device.

use std::sync::{Mutex, PoisonError};

use aipot_kernels::device::ComputeDevice;
use aipot_kernels::gpu::Gpu;
use aipot_kernels::proof_of_space::device::{DeviceProofError, TablePipeline};
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
    Wgpu(Box<Opened<Gpu>>),
    #[cfg(feature = "cuda")]
    Cuda(Box<Opened<aipot_kernels::cuda::device::CudaDevice>>),
}

/// An open device, with the room of the last tables.
#[derive(Debug)]
struct Opened<D: ComputeDevice> {
    device: D,
    room: Mutex<Option<(u8, TablePipeline<D>)>>,
}

impl ProofFinder {
    /// Opens a device.
    pub(super) fn open(candidate: &Candidate) -> Result<Self, BackendError> {
        let index = candidate.index;
        let device = match candidate.backend {
            Backend::Cpu => Device::Processor,
            Backend::Wgpu => {
                Device::Wgpu(Box::new(Opened::new(Gpu::open_adapter(&index.to_string())?)))
            }
            #[cfg(feature = "cuda")]
            Backend::Cuda => Device::Cuda(Box::new(Opened::new(super::cuda::open(index)?))),
            backend => {
                let choice = DeviceChoice { backend, index: Some(index) };
                return Err(BackendError::NoDevice { choice });
            }
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
            Device::Wgpu(opened) => opened.find(seed, k, variant, keep_going),
            #[cfg(feature = "cuda")]
            Device::Cuda(opened) => opened.find(seed, k, variant, keep_going),
        };
        match found {
            Ok(proofs) => Ok(proofs),
            Err(DeviceProofError::Tie | DeviceProofError::Overflow) => on_processor(),
            Err(DeviceProofError::Proofs(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<D: ComputeDevice> Opened<D> {
    fn new(device: D) -> Self {
        Self { device, room: Mutex::new(None) }
    }

    fn find(
        &self,
        seed: &Seed,
        k: u8,
        variant: Variant,
        keep_going: KeepGoing<'_>,
    ) -> Result<RecordProofs, DeviceProofError> {
        // Whoever panicked here left at worst numbers that the next seed overwrites.
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = room.take().filter(|(of, tables)| *of == k && tables.variant() == variant);
        let (_, tables) = room.insert(match fitting {
            Some(fitting) => fitting,
            None => (k, TablePipeline::new(&self.device, k, variant, None)?),
        });
        tables.find_proofs(&self.device, seed, keep_going)
    }
}
