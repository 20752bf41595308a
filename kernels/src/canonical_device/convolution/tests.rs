//! Convolutions on a device have the bits of the definitions.

use super::super::tests::{assert_same, awkward, normals, size, with_operators};
use super::*;
use crate::convolution::{
    Geometry, bias_gradient_portable, forward_portable, input_gradient_portable,
    weight_gradient_portable,
};

const SHAPES: &[ConvolutionShape] = &[
    shape([1, 1, 1, 1, 1, 1]),
    shape([0, 1, 3, 3, 2, 2]),
    shape([2, 1, 5, 4, 3, 2]),
    shape([3, 2, 7, 6, 3, 5]),
    // More than 512 pixels an image, more than 512 values a window.
    shape([2, 1, 27, 25, 3, 3]),
    shape([1, 60, 4, 5, 3, 2]),
];

const fn shape(sizes: [u32; 6]) -> ConvolutionShape {
    let [batch, channels, height, width, kernel, outputs] = sizes;
    ConvolutionShape { batch, channels, height, width, kernel, outputs }
}

/// What goes in.
struct Case {
    shape: ConvolutionShape,
    images: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<f32>,
}

/// Output, and gradients of weight, bias and images.
type Results = [Vec<f32>; 4];

impl Case {
    fn new(shape: ConvolutionShape, every: usize) -> Self {
        let lengths = shape.lengths().unwrap();
        Self {
            shape,
            images: awkward(1, lengths.input, every),
            weight: normals(2, lengths.weight),
            bias: normals(3, shape.outputs),
            gradient: awkward(4, lengths.output, every),
        }
    }

    fn expected(&self) -> Results {
        let ConvolutionShape { batch, channels, height, width, kernel, outputs } = self.shape;
        let [batch, channels, height, width, kernel, outputs] =
            [batch, channels, height, width, kernel, outputs].map(size);
        let (stride, padding) = (1, 0);
        let geometry =
            Geometry { batch, channels, height, width, kernel, outputs, stride, padding };
        let forward = forward_portable(geometry, &self.images, &self.weight, Some(&self.bias));
        let of_weight = weight_gradient_portable(geometry, &self.images, &self.gradient);
        let of_bias = bias_gradient_portable(geometry, &self.gradient);
        let of_images = input_gradient_portable(geometry, &self.weight, &self.gradient);
        [forward, of_weight, of_bias, of_images].map(Result::unwrap)
    }

    fn actual(&self) -> Results {
        let (shape, lengths) = (self.shape, self.shape.lengths().unwrap());
        with_operators(|operators| {
            let [images, weight, bias, gradient] =
                [&self.images, &self.weight, &self.bias, &self.gradient]
                    .map(|values| operators.upload(values).unwrap());
            let room = |count| operators.zeros(count).unwrap();
            let (columns, output) = (room(lengths.columns), room(lengths.output));
            let (of_weight, of_bias) = (room(lengths.weight), room(shape.outputs));
            let (of_columns, of_images) = (room(lengths.columns), room(lengths.input));
            operators.patches(shape, &images, &columns).unwrap();
            operators.convolution(shape, &columns, [&weight, &bias], &output).unwrap();
            let gradients = [&of_weight, &of_bias];
            operators.convolution_gradient(shape, &columns, &gradient, gradients).unwrap();
            let rooms = [&of_columns, &of_images];
            operators.convolution_input_gradient(shape, &weight, &gradient, rooms).unwrap();
            [&output, &of_weight, &of_bias, &of_images]
                .map(|tensor| operators.download(tensor).unwrap())
        })
    }
}

#[test]
fn cuda_convolutions_and_their_gradients_equal_the_definition() {
    for &shape in SHAPES {
        for every in [100_000, 150] {
            let case = Case::new(shape, every);
            let names = ["output", "weight", "bias", "images"];
            for (name, (actual, expected)) in
                names.iter().zip(case.actual().iter().zip(&case.expected()))
            {
                assert_same(actual, expected, &format!("{name} of {shape:?}, every {every}"));
            }
        }
    }
}

#[test]
fn cuda_windows_larger_than_the_image_are_refused() {
    let error = shape([1, 1, 3, 5, 4, 1]).lengths().unwrap_err();
    assert!(matches!(error, OperatorError::Indivisible { size: 3, part: 4, .. }), "{error}");
    assert!(shape([1, 1, 3, 5, 0, 1]).lengths().is_err());
}
