//! The definitions: every sum in the order that the page above writes down, one element at a time.

use super::{ConvolutionError, Geometry, K_BLOCK, dense};
use crate::canonical::{canonical, canonicalize};
use crate::length;
use crate::matmul::matmul_portable;

/// What the kernel sees from every pixel.
///
/// # Shapes
/// `input`: `[batch, channels, height, width]`; the result: `[batch, pixels, depth]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or the input has other sizes.
pub fn columns_portable(geometry: Geometry, input: &[f32]) -> Result<Vec<f32>, ConvolutionError> {
    geometry.check()?;
    geometry.check_input(input.len())?;
    let images = input.chunks(geometry.input_values());
    let columns = images.flat_map(|image| {
        (0..geometry.pixels()).flat_map(move |p| {
            (0..geometry.depth()).map(move |k| seen(geometry, image, geometry.source(p, k)))
        })
    });
    Ok(columns.collect())
}

/// Adds what stands in columns onto the values they were made of.
///
/// # Shapes
/// `columns`: `[batch, pixels, depth]`; the result: `[batch, channels, height, width]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or the columns have other sizes.
pub fn fold_portable(geometry: Geometry, columns: &[f32]) -> Result<Vec<f32>, ConvolutionError> {
    geometry.check()?;
    let of_image = length::product(&[geometry.pixels(), geometry.depth()]);
    length::check("columns", columns.len(), length::product(&[geometry.batch, of_image]))?;
    let mut input = vec![0.0; geometry.batch * geometry.input_values()];
    for (image, columns) in input.chunks_mut(geometry.input_values()).zip(columns.chunks(of_image))
    {
        // A pixel gives each value at most one summand, so only the order of k matters.
        for k in 0..geometry.depth() {
            let places = (0..geometry.pixels()).filter_map(|p| Some((p, geometry.source(p, k)?)));
            for (p, source) in places {
                image[source] += columns[p * geometry.depth() + k];
            }
        }
        canonicalize(image);
    }
    Ok(input)
}

/// A value of the image, or of its frame.
fn seen(geometry: Geometry, image: &[f32], source: Option<usize>) -> f32 {
    match source {
        None => 0.0,
        Some(source) if geometry.padding == 0 => canonical(image[source]),
        Some(source) => canonical(image[source] + 0.0),
    }
}

/// The convolution of every image, plus the bias of the output channel where there is one.
///
/// # Shapes
/// `input`: `[batch, channels, height, width]`, `weight`: `[outputs, depth]`, `bias`: `[outputs]`;
/// the result: `[batch, outputs, pixels]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn forward_portable(
    geometry: Geometry,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Result<Vec<f32>, ConvolutionError> {
    let columns = columns_portable(geometry, input)?;
    geometry.check_weight("the weight", weight.len())?;
    geometry.check_bias(bias)?;
    let (pixels, depth) = (geometry.pixels(), geometry.depth());
    let mut output = Vec::new();
    for columns in columns.chunks(pixels * depth) {
        let columns = dense(columns, pixels, depth).transposed();
        let weight = dense(weight, geometry.outputs, depth);
        let products =
            matmul_portable(weight, columns, None).expect("the geometry gave all shapes");
        for (channel, products) in products.chunks(pixels).enumerate() {
            let shifted = |product: &f32| bias.map_or(*product, |bias| product + bias[channel]);
            output.extend(products.iter().map(|product| canonical(shifted(product))));
        }
    }
    Ok(output)
}

/// The gradient of the weight.
///
/// # Shapes
/// `input`: `[batch, channels, height, width]`, `gradient`: `[batch, outputs, pixels]`; the result:
/// `[outputs, depth]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn weight_gradient_portable(
    geometry: Geometry,
    input: &[f32],
    gradient: &[f32],
) -> Result<Vec<f32>, ConvolutionError> {
    let columns = columns_portable(geometry, input)?;
    geometry.check_output("the gradient", gradient.len())?;
    let (pixels, depth) = (geometry.pixels(), geometry.depth());
    let element = |(output, k): (usize, usize)| {
        sum_of_blocks(geometry, |image, p, sum| {
            let of_pixel = gradient[(image * geometry.outputs + output) * pixels + p];
            of_pixel.mul_add(columns[(image * pixels + p) * depth + k], sum)
        })
    };
    let elements = (0..geometry.outputs).flat_map(|output| (0..depth).map(move |k| (output, k)));
    Ok(elements.map(element).collect())
}

/// The gradient of the bias.
///
/// # Shapes
/// `gradient`: `[batch, outputs, pixels]`; the result: `[outputs]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or the gradient has other sizes.
pub fn bias_gradient_portable(
    geometry: Geometry,
    gradient: &[f32],
) -> Result<Vec<f32>, ConvolutionError> {
    geometry.check()?;
    geometry.check_output("the gradient", gradient.len())?;
    let element = |output| {
        sum_of_blocks(geometry, |image, p, sum| {
            sum + gradient[(image * geometry.outputs + output) * geometry.pixels() + p]
        })
    };
    Ok((0..geometry.outputs).map(element).collect())
}

/// The gradient of the input.
///
/// # Shapes
/// `weight`: `[outputs, depth]`, `gradient`: `[batch, outputs, pixels]`; the result:
/// `[batch, channels, height, width]`.
///
/// # Errors
/// [`ConvolutionError`] when the sizes make no convolution or a buffer has other sizes.
pub fn input_gradient_portable(
    geometry: Geometry,
    weight: &[f32],
    gradient: &[f32],
) -> Result<Vec<f32>, ConvolutionError> {
    geometry.check()?;
    geometry.check_weight("the weight", weight.len())?;
    geometry.check_output("the gradient", gradient.len())?;
    let weight = dense(weight, geometry.outputs, geometry.depth());
    let mut columns = Vec::new();
    for gradient in gradient.chunks(geometry.output_values()) {
        let gradient = dense(gradient, geometry.outputs, geometry.pixels()).transposed();
        let of_image = matmul_portable(gradient, weight, None);
        columns.extend(of_image.expect("the geometry gave all shapes"));
    }
    fold_portable(geometry, &columns)
}

/// Chains over the pixels of each block of each image, their sums added one after the other.
fn sum_of_blocks(geometry: Geometry, chain: impl Fn(usize, usize, f32) -> f32) -> f32 {
    let pixels = geometry.pixels();
    let blocks = (0..geometry.batch).flat_map(|image| {
        (0..pixels).step_by(K_BLOCK).map(move |first| (image, first..pixels.min(first + K_BLOCK)))
    });
    let block_sums = blocks.map(|(image, block)| block.fold(0.0, |sum, p| chain(image, p, sum)));
    canonical(block_sums.reduce(|total, sum| total + sum).unwrap_or(0.0))
}
