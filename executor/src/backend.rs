//! What computes plots: the processor, a GPU through wgpu, or an NVIDIA GPU through CUDA.

use std::fmt;
use std::str::FromStr;

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

impl Backend {
    /// The names that are understood, for messages.
    pub const ALLOWED: &str = "auto, cpu, wgpu, cuda";
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
