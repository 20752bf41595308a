//! Profile P0 on a CUDA device: the operators of training with the bits of the portable definitions.
//!
//! [`Operators`] checks sizes, brings them to the device and starts one kernel after the other; nothing
//! waits. Values stay on the device as [`Tensor`]s. Every output element is computed by one thread (or the
//! 32 lanes of one warp) in the written order; no floating-point atomics, no split sums, no tensor cores.
//! These kernels are written in CUDA C++ only: a wgpu device answers [`GpuError::OnlyInCuda`].

mod attention;
mod convolution;
mod elements;
mod embedding;
mod normalization;
mod pooling;
mod product;
mod rows;
mod tensor;
mod update;

pub use attention::{AttentionGradients, AttentionPast, AttentionShape};
pub use convolution::{ConvolutionLengths, ConvolutionShape};
pub use elements::{Binary, Unary};
pub use normalization::{NormGradients, NormParameters, NormPast, NormResults};
pub use pooling::{PoolShape, Positions};
pub use product::{Bias, Operand, ProductShape};
pub use rows::{Columns, Reduction, RowShape};
pub use tensor::{Labels, Layout, Tensor};

use thiserror::Error;

use crate::device::{ComputeDevice, Kernel, Step};
use crate::gpu::GpuError;

/// Invocations of a workgroup of every kernel here.
const WORKGROUP: u32 = 256;

/// Workgroups in each direction at most, the limit of [`crate::device::Launch`].
const WORKGROUPS_MAX: u32 = 65_535;

/// Why an operator did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The device failed.
    #[error("{operator}: {source}")]
    Device {
        /// What was to be done.
        operator: &'static str,
        /// What the device says.
        source: GpuError,
    },
    /// A tensor has not the values that the sizes ask for.
    #[error("{operator}: {operand} has {actual} values, wanted are {wanted}")]
    WrongLength {
        /// What was to be done.
        operator: &'static str,
        /// Which tensor.
        operand: &'static str,
        /// Values that the sizes ask for.
        wanted: u64,
        /// Values that are there.
        actual: u64,
    },
    /// A layout reaches beyond the values of its tensor.
    #[error("{operator}: {operand} reaches over {wanted} values of {actual}")]
    OutOfBounds {
        /// What was to be done.
        operator: &'static str,
        /// Which tensor.
        operand: &'static str,
        /// Values that the layout reaches over.
        wanted: u64,
        /// Values that are there.
        actual: u64,
    },
    /// A size is beyond what the kernels count.
    #[error("{operator}: {size} is beyond {max}")]
    TooLarge {
        /// What was to be done.
        operator: &'static str,
        /// The size.
        size: u64,
        /// The largest one.
        max: u64,
    },
    /// A size that must not be zero, or must divide, does not.
    #[error("{operator}: {size} does not divide into parts of {part}")]
    Indivisible {
        /// What was to be done.
        operator: &'static str,
        /// The size.
        size: u32,
        /// What must divide it.
        part: u32,
    },
    /// A label names no class.
    #[error("label {index} is {label}, but there are {classes} classes")]
    LabelOutOfRange {
        /// Place of the label.
        index: usize,
        /// The label.
        label: u32,
        /// Classes there are.
        classes: u32,
    },
}

/// The operators of profile P0 on one device.
#[derive(Debug)]
pub struct Operators<'device, D> {
    device: &'device D,
}

/// A kernel of this room.
const fn kernel(name: &'static str, cuda: &'static str) -> Kernel {
    Kernel { name, wgsl: None, cuda, workgroup_size: WORKGROUP }
}

impl<'device, D: ComputeDevice> Operators<'device, D> {
    /// Operators on this device.
    pub fn new(device: &'device D) -> Self {
        Self { device }
    }

    /// The device.
    pub fn device(&self) -> &'device D {
        self.device
    }

    /// Brings sizes to the device and starts a kernel over them and its buffers.
    fn run(
        &self,
        kernel: &Kernel,
        sizes: &[u32],
        operands: &[&D::Words],
        workgroups: [u32; 3],
    ) -> Result<(), OperatorError> {
        let operator = kernel.name;
        if workgroups.contains(&0) {
            return Ok(());
        }
        if let Some(&count) = workgroups.iter().find(|&&count| count > WORKGROUPS_MAX) {
            let (size, max) = (u64::from(count), u64::from(WORKGROUPS_MAX));
            return Err(OperatorError::TooLarge { operator, size, max });
        }
        let failed = |source| OperatorError::Device { operator, source };
        let sizes = self.device.upload("sizes", sizes).map_err(failed)?;
        let buffers = std::iter::once(&sizes).chain(operands.iter().copied()).collect();
        let step = Step::launch(kernel, buffers, workgroups);
        // The sizes are freed after the kernel: a device works in the order in which it is asked.
        self.device.submit(&[step], &[]).map(drop).map_err(failed)
    }

    /// [`Self::run`] with so many workgroups in x, each of which goes on until the work is done.
    fn run_over(
        &self,
        kernel: &Kernel,
        sizes: &[u32],
        operands: &[&D::Words],
        workgroup_count: u32,
    ) -> Result<(), OperatorError> {
        self.run(kernel, sizes, operands, [workgroup_count.min(WORKGROUPS_MAX), 1, 1])
    }
}

/// The product of sizes, as kernels count values.
fn volume(operator: &'static str, sizes: &[u32]) -> Result<u32, OperatorError> {
    let size = sizes.iter().fold(1_u64, |volume, size| volume.saturating_mul(u64::from(*size)));
    // A zero among huge sizes is still no values.
    let size = if sizes.contains(&0) { 0 } else { size };
    let max = u64::from(u32::MAX);
    u32::try_from(size).map_err(|_| OperatorError::TooLarge { operator, size, max })
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
