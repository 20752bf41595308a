//! Convolutions on a device have the bits of their written order.

use super::super::tests::{assert_same, awkward, normals, product_of, size, with_operators};
use super::*;
use crate::canonical::canonical;

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

    /// Where element k of the window at a pixel lies in the images.
    fn place(&self, image: usize, pixel: usize, k: usize) -> usize {
        let [channels, height, width, kernel] =
            [self.shape.channels, self.shape.height, self.shape.width, self.shape.kernel].map(size);
        let over = width - kernel + 1;
        let (channel, ky, kx) = (k / kernel / kernel, k / kernel % kernel, k % kernel);
        let (y, x) = (pixel / over + ky, pixel % over + kx);
        ((image * channels + channel) * height + y) * width + x
    }

    fn expected(&self) -> Results {
        let lengths = self.shape.lengths().unwrap();
        let [batch, outputs, pixels, window] =
            [self.shape.batch, self.shape.outputs, lengths.pixels, lengths.window].map(size);
        let value = |image, pixel, k| self.images[self.place(image, pixel, k)];
        let behind =
            |image, output, pixel| self.gradient[(image * outputs + output) * pixels + pixel];
        let mut forward = Vec::new();
        for at in 0..batch * outputs * pixels {
            let (image, output, pixel) =
                (at / pixels / outputs, at / pixels % outputs, at % pixels);
            let terms = (0..window)
                .map(|k| (value(image, pixel, k), self.weight[output * window + k]))
                .collect();
            forward.push(canonical(product_of(&[terms]) + self.bias[output]));
        }
        let by_image = |term: &dyn Fn(usize, usize) -> (f32, f32)| {
            let terms = |image| (0..pixels).map(|pixel| term(image, pixel)).collect();
            product_of(&(0..batch).map(terms).collect::<Vec<_>>())
        };
        let of_weight = (0..outputs * window).map(|at| {
            let (output, k) = (at / window, at % window);
            by_image(&|image, pixel| (behind(image, output, pixel), value(image, pixel, k)))
        });
        let of_bias = (0..outputs)
            .map(|output| by_image(&|image, pixel| (behind(image, output, pixel), 1.0)));
        let mut of_images = vec![0.0; self.images.len()];
        // Windows ascending for every pixel: k ascending within a channel.
        for at in 0..batch * window * pixels {
            let (image, k, pixel) = (at / pixels / window, at / pixels % window, at % pixels);
            let terms = (0..outputs)
                .map(|output| (behind(image, output, pixel), self.weight[output * window + k]))
                .collect();
            of_images[self.place(image, pixel, k)] += product_of(&[terms]);
        }
        let of_images = of_images.into_iter().map(canonical).collect();
        [forward, of_weight.collect(), of_bias.collect(), of_images]
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
