//! The fast convolution: a product for each image, images in parallel.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::columns::Gather;
use super::{ConvolutionError, Geometry, dense, multiply};
use crate::canonical::canonical;

/// The same bits as [`super::forward_portable`], with vectors and threads.
///
/// # Shapes
/// `input`: `[batch, channels, height, width]`, `weight`: `[outputs, depth]`, `bias`: `[outputs]`,
/// `output`: `[batch, outputs, pixels]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn forward(
    geometry: Geometry,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) -> Result<(), ConvolutionError> {
    geometry.check()?;
    geometry.check_input(input.len())?;
    geometry.check_weight("the weight", weight.len())?;
    geometry.check_bias(bias)?;
    geometry.check_output("the output", output.len())?;
    let (pixels, depth) = (geometry.pixels(), geometry.depth());
    let arch = Arch::new();
    let images = input.par_chunks(geometry.input_values());
    let outputs = output.par_chunks_mut(geometry.output_values());
    outputs.zip(images).for_each_init(
        || vec![0.0; depth * pixels],
        |columns, (output, image)| {
            arch.dispatch(Gather { geometry, image, depths: 0..depth, columns });
            let weight = dense(weight, geometry.outputs, depth);
            multiply(weight, dense(columns, depth, pixels), output);
            if let Some(bias) = bias {
                arch.dispatch(AddBias { bias, pixels, output });
            }
        },
    );
    Ok(())
}

/// Adds to each channel of an image its bias.
struct AddBias<'values> {
    bias: &'values [f32],
    pixels: usize,
    output: &'values mut [f32],
}

impl WithSimd for AddBias<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (channel, bias) in self.output.chunks_exact_mut(self.pixels).zip(self.bias) {
            for value in channel {
                *value = canonical(*value + bias);
            }
        }
    }
}
