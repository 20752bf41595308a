//! What computes plots: the processor, a GPU through wgpu, or an NVIDIA GPU through CUDA.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aipot_kernels::gpu::{GpuError, list_adapters};
use aipot_kernels::plotting::{CpuEncoder, RecordEncoder};
use aipot_kernels::proof_of_space::{
    KeepGoing, ProofError, RecordProofs, Seed, Variant, find_proofs,
};

/// How wgpu calls an adapter that computes on the processor.
pub const SOFTWARE: &str = "software";

/// What computes.
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

/// A text names no backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("allowed: {}", Backend::ALLOWED)]
pub struct UnknownBackend;

/// Why a backend computes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// This program was built without CUDA.
    #[error("this program was built without CUDA; build it with --features cuda, or use wgpu")]
    NoCuda,
    /// The machine has no NVIDIA driver, or no device that it drives.
    #[error("no NVIDIA driver answers")]
    NoDriver,
    /// There is no device of this backend.
    #[error("no device answers to backend {backend}: aipot doctor says what is missing")]
    NoDevice {
        /// The backend.
        backend: Backend,
    },
    /// The device cannot be opened or failed.
    #[error(transparent)]
    Device(#[from] GpuError),
    /// Finding proofs failed.
    #[error(transparent)]
    Proof(#[from] ProofError),
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

/// Finds all proofs of a seed on one device.
#[derive(Debug)]
pub struct ProofFinder {
    device: FinderDevice,
    name: String,
}

#[derive(Debug)]
enum FinderDevice {
    Cpu,
}

impl Backend {
    /// The names that are understood, for messages.
    pub const ALLOWED: &str = "auto, cpu, wgpu, cuda";

    /// The device that this backend uses.
    ///
    /// # Errors
    /// [`BackendError::NoDevice`] when there is none, [`BackendError::NoCuda`] when there cannot be one.
    pub fn choose(self) -> Result<Candidate, BackendError> {
        if self == Self::Cuda && !cfg!(feature = "cuda") {
            return Err(BackendError::NoCuda);
        }
        if self == Self::Cpu {
            // Looking for adapters takes time, and some drivers complain aloud.
            return Ok(processor());
        }
        let all = candidates();
        let is_chosen = |candidate: &&Candidate| match self {
            // A software adapter is slower than the processor without it.
            Self::Auto => !candidate.is_software,
            backend => candidate.backend == backend,
        };
        all.iter().find(is_chosen).cloned().ok_or(BackendError::NoDevice { backend: self })
    }
}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, UnknownBackend> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "wgpu" => Ok(Self::Wgpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(UnknownBackend),
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
    let adapters = list_adapters().into_iter().enumerate();
    let mut found: Vec<Candidate> = adapters
        .map(|(index, adapter)| Candidate {
            backend: Backend::Wgpu,
            index,
            name: adapter.to_string(),
            is_software: adapter.kind == SOFTWARE,
        })
        .collect();
    found.push(processor());
    found
}

/// A device that CUDA drives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CudaDevice {
    /// What it calls itself.
    pub name: String,
    /// Its own memory.
    pub memory_bytes: u64,
}

/// The devices that CUDA drives, at least one.
///
/// # Errors
/// [`BackendError::NoCuda`] when this program was built without it, [`BackendError::NoDriver`] when no driver
/// answers.
pub fn cuda_devices() -> Result<Vec<CudaDevice>, BackendError> {
    Err(BackendError::NoCuda)
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
        match self.backend {
            Backend::Cpu => Ok(Arc::new(CpuEncoder)),
            backend => Err(BackendError::NoDevice { backend }),
        }
    }

    /// Opens the device to find proofs.
    ///
    /// # Errors
    /// [`BackendError`] when it cannot be opened.
    pub fn finder(&self) -> Result<ProofFinder, BackendError> {
        let device = match self.backend {
            Backend::Cpu => FinderDevice::Cpu,
            backend => return Err(BackendError::NoDevice { backend }),
        };
        Ok(ProofFinder { device, name: self.name.clone() })
    }
}

impl ProofFinder {
    /// What the device calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds every proof that the variant looks for; on the processor, with the threads of the current pool.
    ///
    /// # Errors
    /// [`BackendError::Proof`] when `k` is none that this device knows, or the device failed.
    pub fn find(
        &self,
        seed: &Seed,
        k: u8,
        variant: Variant,
        keep_going: KeepGoing<'_>,
    ) -> Result<RecordProofs, BackendError> {
        match &self.device {
            FinderDevice::Cpu => Ok(find_proofs(seed, k, variant, None, keep_going)?),
        }
    }
}
