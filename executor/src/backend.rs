//! What computes plots: the processor, a GPU through wgpu, or an NVIDIA GPU through CUDA.

mod cuda;
mod finder;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aipot_kernels::blake3_tree::{self, device::root_on};
use aipot_kernels::gpu::{Gpu, GpuError, list_adapters};
use aipot_kernels::plotting::{CpuEncoder, DeviceEncoder, RecordEncoder};
use aipot_kernels::proof_of_space::ProofError;
use aipot_kernels::proof_of_space::device::DeviceProofError;

pub use cuda::cuda_devices;
pub use finder::ProofFinder;

/// How wgpu calls an adapter that computes on the processor.
pub const SOFTWARE: &str = "software";

/// Through what is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// CUDA where a device answers, else a GPU through wgpu, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// A GPU through Vulkan, Metal or Direct3D 12.
    Wgpu,
    /// An NVIDIA GPU through CUDA.
    Cuda,
}

/// Which device: `wgpu`, or `wgpu:1` for the second one of `aipot device list`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceChoice {
    /// Through what is computed.
    pub backend: Backend,
    /// The place of the device among those of its backend; the first one when nothing is said.
    pub index: Option<usize>,
}

/// A text names no device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("allowed: {}", DeviceChoice::ALLOWED)]
pub struct UnknownDevice;

/// Why a device computes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// This program was built without CUDA.
    #[error("this program was built without CUDA: build it with --features cuda, or use wgpu")]
    NoCuda,
    /// The machine has no NVIDIA driver, or no device that it drives.
    #[error("no NVIDIA driver answers")]
    NoDriver,
    /// There is no such device.
    #[error("there is no device {choice}: aipot device list shows those that there are")]
    NoDevice {
        /// What was chosen.
        choice: DeviceChoice,
    },
    /// The device cannot be opened or failed.
    #[error(transparent)]
    Device(#[from] GpuError),
    /// Finding proofs failed.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Finding proofs on a device failed.
    #[error(transparent)]
    DeviceProof(#[from] DeviceProofError),
}

/// A device that can plot, not opened yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Through what it computes; never [`Backend::Auto`].
    pub backend: Backend,
    /// Its place among the devices of its backend.
    pub index: usize,
    /// What it calls itself.
    pub name: String,
    /// Whether it computes on the processor behind a driver for GPUs.
    pub is_software: bool,
}

impl DeviceChoice {
    /// The texts that are understood, for messages.
    pub const ALLOWED: &str = "auto, cpu, wgpu, cuda; wgpu:1 is the second device of wgpu";

    /// The best device that answers.
    pub const AUTO: Self = Self { backend: Backend::Auto, index: None };

    /// Whether a device may be the chosen one.
    pub fn includes(&self, candidate: &Candidate) -> bool {
        let is_of_backend = self.backend == Backend::Auto || self.backend == candidate.backend;
        is_of_backend && self.index.is_none_or(|index| index == candidate.index)
    }

    /// The device that is meant.
    ///
    /// # Errors
    /// [`BackendError::NoDevice`] when there is none, [`BackendError::NoCuda`] and
    /// [`BackendError::NoDriver`] when there cannot be one.
    pub fn candidate(self) -> Result<Candidate, BackendError> {
        match self.backend {
            // Looking for adapters takes time, and some drivers complain aloud.
            Backend::Cpu if self.index.unwrap_or(0) == 0 => return Ok(processor()),
            Backend::Cuda => drop(cuda_devices()?),
            _ => {}
        }
        // A software adapter is slower than the processor without it.
        let is_chosen = |candidate: &Candidate| {
            self.includes(candidate) && (self.backend != Backend::Auto || !candidate.is_software)
        };
        candidates().into_iter().find(is_chosen).ok_or(BackendError::NoDevice { choice: self })
    }
}

impl FromStr for DeviceChoice {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index.parse().map_err(|_| UnknownDevice)?)),
            None => (text, None),
        };
        let backend = match name {
            "auto" if index.is_none() => Backend::Auto,
            "cpu" => Backend::Cpu,
            "wgpu" => Backend::Wgpu,
            "cuda" => Backend::Cuda,
            _ => return Err(UnknownDevice),
        };
        Ok(Self { backend, index })
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(formatter, "{}:{index}", self.backend),
            None => self.backend.fmt(formatter),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        })
    }
}

/// Every device of this machine that can plot: those of CUDA, those of wgpu, and last the processor.
pub fn candidates() -> Vec<Candidate> {
    let cuda = cuda_devices().unwrap_or_default().into_iter().enumerate();
    let cuda = cuda.map(|(index, name)| Candidate {
        backend: Backend::Cuda,
        index,
        name,
        is_software: false,
    });
    let adapters = list_adapters().into_iter().enumerate();
    let adapters = adapters.map(|(index, adapter)| Candidate {
        backend: Backend::Wgpu,
        index,
        name: adapter.to_string(),
        is_software: adapter.kind == SOFTWARE,
    });
    cuda.chain(adapters).chain([processor()]).collect()
}

fn processor() -> Candidate {
    let name = format!("processor ({})", std::env::consts::ARCH);
    Candidate { backend: Backend::Cpu, index: 0, name, is_software: false }
}

impl Candidate {
    /// Opens the device to encode records.
    ///
    /// # Errors
    /// [`BackendError`] when it cannot be opened.
    pub fn encoder(&self) -> Result<Arc<dyn RecordEncoder>, BackendError> {
        let index = self.index;
        match self.backend {
            Backend::Cpu => Ok(Arc::new(CpuEncoder)),
            Backend::Wgpu => {
                let open = move || Gpu::open_adapter(&index.to_string());
                Ok(Arc::new(DeviceEncoder::new(open)?))
            }
            #[cfg(feature = "cuda")]
            Backend::Cuda => Ok(Arc::new(DeviceEncoder::new(move || cuda::open(index))?)),
            backend => {
                let choice = DeviceChoice { backend, index: Some(index) };
                Err(BackendError::NoDevice { choice })
            }
        }
    }

    /// The root of a model's file, computed on the device with the compression that also plots.
    ///
    /// # Errors
    /// [`BackendError`] when the device cannot be opened or fails.
    pub fn root(&self, bytes: &[u8]) -> Result<[u8; 32], BackendError> {
        let index = self.index;
        match self.backend {
            Backend::Cpu => Ok(blake3_tree::root(bytes)),
            Backend::Wgpu => Ok(root_on(&Gpu::open_adapter(&index.to_string())?, bytes)?),
            #[cfg(feature = "cuda")]
            Backend::Cuda => Ok(root_on(&cuda::open(index)?, bytes)?),
            backend => {
                let choice = DeviceChoice { backend, index: Some(index) };
                Err(BackendError::NoDevice { choice })
            }
        }
    }

    /// Opens the device to find proofs.
    ///
    /// # Errors
    /// [`BackendError`] when it cannot be opened.
    pub fn finder(&self) -> Result<ProofFinder, BackendError> {
        ProofFinder::open(self)
    }
}

#[cfg(test)]
mod tests;
