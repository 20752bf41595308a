//! Stages of convolution, `ReLU` and max-pooling, then linear layers.

use aipot_domain_runtime::order::shape::ConvolutionStage as Sizes;
use aipot_kernels::activation::{relu, relu_gradient};
use aipot_kernels::convolution::{
    Geometry, Plane, bias_gradient_rows, forward, input_gradient, max_pool, max_pool_gradient,
    weight_gradient_rows,
};
use aipot_kernels::row_span::{RowSpan, RunningSums};

use super::EngineError;
use super::perceptron::Perceptron;
use super::room::Room;

/// One stage with the memory of some images.
#[derive(Debug)]
struct Stage {
    /// Of one image.
    geometry: Geometry,
    /// Behind the convolution and its `ReLU`, `[image, channel, row, column]`.
    convolved: Vec<f32>,
    /// Behind the pool.
    pooled: Vec<f32>,
    /// Which of the four the pool took.
    positions: Vec<u32>,
    of_convolved: Vec<f32>,
    of_pooled: Vec<f32>,
}

/// The whole network.
#[derive(Debug)]
pub(crate) struct Convolutional {
    stages: Vec<Stage>,
    head: Perceptron,
}

impl Stage {
    /// A stage for at most `images` images.
    fn new(images: usize, sizes: &Sizes, room: &mut Room) -> Result<Self, EngineError> {
        let size = |value: u32| {
            usize::try_from(value).map_err(|_| EngineError::Overflow { quantity: "an image" })
        };
        let geometry = Geometry {
            batch: 1,
            channels: size(sizes.input.channels)?,
            height: size(sizes.input.height)?,
            width: size(sizes.input.width)?,
            kernel: size(sizes.kernel)?,
            outputs: size(sizes.output.channels)?,
            stride: 1,
            padding: 0,
        };
        let plane = plane(geometry);
        let values = images.saturating_mul(plane.input_values());
        let pooled = images.saturating_mul(plane.output_values());
        Ok(Self {
            geometry,
            convolved: room.floats(values),
            pooled: room.floats(pooled),
            positions: room.words(pooled),
            of_convolved: room.floats(values),
            of_pooled: room.floats(pooled),
        })
    }

    /// Sizes of some images, before and behind the convolution.
    fn sizes(&self, images: usize) -> (Geometry, Plane) {
        let geometry = Geometry { batch: images, ..self.geometry };
        (geometry, plane(geometry))
    }

    fn pooled(&self, images: usize) -> &[f32] {
        &self.pooled[..self.sizes(images).1.output_values()]
    }

    fn forward(
        &mut self,
        [bias, weight]: &[Vec<f32>; 2],
        images: usize,
        input: &[f32],
    ) -> Result<(), EngineError> {
        let (geometry, plane) = self.sizes(images);
        let convolved = &mut self.convolved[..plane.input_values()];
        forward(geometry, input, weight, Some(bias), convolved).map_err(EngineError::kernel)?;
        relu(convolved);
        let values = plane.output_values();
        max_pool(plane, convolved, &mut self.pooled[..values], &mut self.positions[..values])
            .map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        (weight, input): (&[f32], &[f32]),
        span: RowSpan,
        [of_bias, of_weight]: &mut [RunningSums<'_>; 2],
        of_input: Option<&mut [f32]>,
    ) -> Result<(), EngineError> {
        let (geometry, plane) = self.sizes(span.count);
        let (values, pooled) = (plane.input_values(), plane.output_values());
        let gradient = &mut self.of_convolved[..values];
        max_pool_gradient(plane, &self.positions[..pooled], &self.of_pooled[..pooled], gradient)
            .map_err(EngineError::kernel)?;
        relu_gradient(&self.convolved[..values], gradient).map_err(EngineError::kernel)?;
        bias_gradient_rows(geometry, gradient, span, of_bias.totals)
            .map_err(EngineError::kernel)?;
        weight_gradient_rows(geometry, (input, gradient), span, of_weight.totals)
            .map_err(EngineError::kernel)?;
        match of_input {
            Some(of_input) => {
                input_gradient(geometry, weight, gradient, of_input).map_err(EngineError::kernel)
            }
            None => Ok(()),
        }
    }
}

fn plane(geometry: Geometry) -> Plane {
    Plane {
        count: geometry.batch.saturating_mul(geometry.outputs),
        height: geometry.output_height(),
        width: geometry.output_width(),
    }
}

impl Convolutional {
    /// A network for at most `images` images; `widths` are those of the linear layers behind the
    /// stages.
    pub(super) fn new(
        images: usize,
        stages: &[Sizes],
        widths: &[usize],
        room: &mut Room,
    ) -> Result<Self, EngineError> {
        let stages = stages.iter().map(|sizes| Stage::new(images, sizes, room));
        let stages = stages.collect::<Result<_, _>>()?;
        Ok(Self { stages, head: Perceptron::new(images, widths, room) })
    }

    /// Computes the logits.
    ///
    /// # Shapes
    /// `tensors`: for each layer bias and weight; `input`: `[image, channel, row, column]`.
    pub(super) fn forward(
        &mut self,
        tensors: &[Vec<f32>],
        images: usize,
        input: &[f32],
    ) -> Result<(), EngineError> {
        let (convolutions, linear) = tensors.split_at(2 * self.stages.len());
        let (layers, _) = convolutions.as_chunks::<2>();
        let mut seen = input;
        for (stage, layer) in self.stages.iter_mut().zip(layers) {
            stage.forward(layer, images, seen)?;
            seen = stage.pooled(images);
        }
        self.head.forward(linear, images, seen)
    }

    /// As [`Perceptron::logits`].
    pub(super) fn logits(&self, images: usize) -> &[f32] {
        self.head.logits(images)
    }

    /// As [`Perceptron::loss`].
    pub(super) fn loss(
        &mut self,
        span: RowSpan,
        labels: &[u32],
        losses: &mut [f32],
    ) -> Result<(), EngineError> {
        self.head.loss(span, labels, losses)
    }

    /// Goes on with the gradients of all tensors.
    pub(super) fn backward(
        &mut self,
        (tensors, input): (&[Vec<f32>], &[f32]),
        span: RowSpan,
        sums: &mut [RunningSums<'_>],
    ) -> Result<(), EngineError> {
        let (convolutions, linear) = tensors.split_at(2 * self.stages.len());
        let (of_convolutions, of_linear) = sums.split_at_mut(2 * self.stages.len());
        match self.stages.last_mut() {
            Some(stage) => {
                let values = stage.sizes(span.count).1.output_values();
                let (pooled, of_pooled) = (&stage.pooled[..values], &mut stage.of_pooled[..values]);
                self.head.backward((linear, pooled), span, of_linear, Some(of_pooled))?;
            }
            None => self.head.backward((linear, input), span, of_linear, None)?,
        }
        let (layers, _) = convolutions.as_chunks::<2>();
        let (of_layers, _) = of_convolutions.as_chunks_mut::<2>();
        for index in (0..self.stages.len()).rev() {
            let (before, from_here) = self.stages.split_at_mut(index);
            let (seen, of_seen) = match before.last_mut() {
                Some(stage) => {
                    let values = stage.sizes(span.count).1.output_values();
                    (&stage.pooled[..values], Some(&mut stage.of_pooled[..values]))
                }
                None => (input, None),
            };
            let [_, weight] = &layers[index];
            from_here[0].backward((weight, seen), span, &mut of_layers[index], of_seen)?;
        }
        Ok(())
    }
}
