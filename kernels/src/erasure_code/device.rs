//! The erasure code of a record on a device.

use aipot_shaders::{cuda, erasure};

use super::{RECORD_CODE, RECORD_LOG_CHUNKS, Scalar};
use crate::device::{ComputeDevice, Kernel, Step};
use crate::gpu::GpuError;

/// Chunks of a record.
const CHUNKS: u32 = 1 << RECORD_LOG_CHUNKS;

/// Words of a chunk.
const CHUNK_WORDS: u64 = 8;

/// Scalars that one workgroup of [`MIDDLE`] holds, two for each invocation.
const BLOCK_SCALARS: u32 = 512;

const WORKGROUP: u32 = 256;

const fn kernel(name: &'static str, wgsl: &'static str, cuda: &'static str) -> Kernel {
    Kernel { name, wgsl: Some(wgsl), cuda, workgroup_size: WORKGROUP }
}

const TURN: Kernel = kernel("erasure_turn", erasure::TURN, cuda::ERASURE_TURN);
const STAGE: Kernel = kernel("erasure_stage", erasure::STAGE, cuda::ERASURE_STAGE);
const MIDDLE: Kernel = kernel("erasure_middle", erasure::MIDDLE, cuda::ERASURE_MIDDLE);

/// The tables of a record's code on a device, and room for one record at a time.
#[derive(Debug)]
pub struct ErasurePipeline<D: ComputeDevice> {
    forward: D::Words,
    backward: D::Words,
    shift: D::Words,
    scalars: D::Words,
    /// Long stages towards coefficients, in order.
    splits: Vec<D::Words>,
    /// Long stages towards values, in order.
    merges: Vec<D::Words>,
}

impl<D: ComputeDevice> ErasurePipeline<D> {
    /// Brings the tables to a device.
    ///
    /// # Errors
    /// [`GpuError`]: there is no room, or the device failed.
    pub fn new(device: &D) -> Result<Self, GpuError> {
        let code = &*RECORD_CODE;
        let upload = |label, scalars: &[Scalar]| device.upload(label, &montgomery_words(scalars));
        // Distances that leave a block of the middle kernel.
        let distances: Vec<u32> = std::iter::successors(Some(BLOCK_SCALARS), |&distance| {
            (distance < CHUNKS / 2).then_some(distance * 2)
        })
        .collect();
        let stage = |distance: &u32, is_forward| device.upload("stage", &[*distance, is_forward]);
        Ok(Self {
            forward: upload("roots", &code.domain.forward)?,
            backward: upload("inverse roots", &code.domain.backward)?,
            shift: upload("shift", &code.shift)?,
            scalars: device.allocate("scalars", u64::from(CHUNKS) * CHUNK_WORDS)?,
            splits: distances.iter().rev().map(|it| stage(it, 0)).collect::<Result<_, _>>()?,
            merges: distances.iter().map(|it| stage(it, 1)).collect::<Result<_, _>>()?,
        })
    }

    /// The steps that compute the parity chunks of a record, as [`super::extend`] does.
    ///
    /// # Shapes
    /// Both have 262,144 words: the bytes of the chunks in the order of memory. Source chunks must be
    /// scalars.
    pub fn steps<'a>(
        &'a self,
        source: &'a D::Words,
        parity: &'a D::Words,
    ) -> Vec<Step<'a, D::Words>> {
        let turn =
            |before, after| Step::launch(&TURN, vec![before, after], [CHUNKS / WORKGROUP, 1, 1]);
        let stage = |stage, roots| {
            Step::launch(&STAGE, vec![stage, roots, &self.scalars], [CHUNKS / 2 / WORKGROUP, 1, 1])
        };
        let middle = vec![&self.backward, &self.forward, &self.shift, &self.scalars];
        let mut steps = vec![turn(source, &self.scalars)];
        steps.extend(self.splits.iter().map(|split| stage(split, &self.backward)));
        steps.push(Step::launch(&MIDDLE, middle, [CHUNKS / BLOCK_SCALARS, 1, 1]));
        steps.extend(self.merges.iter().map(|merge| stage(merge, &self.forward)));
        steps.push(turn(&self.scalars, parity));
        steps
    }
}

/// Scalars in Montgomery's form, eight words each, the least significant first.
fn montgomery_words(scalars: &[Scalar]) -> Vec<u32> {
    let limbs = scalars.iter().flat_map(|scalar| scalar.montgomery_limbs());
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a limb")]
    limbs.flat_map(|limb| [limb as u32, (limb >> 32) as u32]).collect()
}

#[cfg(test)]
pub(super) mod tests;
