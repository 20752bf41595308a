//! Stages of convolution, `ReLU` and max-pooling, then linear layers.

use aipot_domain_runtime::order::shape::ConvolutionStage as Sizes;
use aipot_kernels::activation::{relu, relu_gradient};
use aipot_kernels::convolution::{
    Geometry, Plane, bias_gradient, forward, input_gradient, max_pool, max_pool_gradient,
    weight_gradient,
};

use super::EngineError;
use super::perceptron::Perceptron;

/// One stage with the memory of a batch.
#[derive(Debug)]
struct Stage {
    geometry: Geometry,
    plane: Plane,
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
    fn new(rows: usize, sizes: &Sizes) -> Result<Self, EngineError> {
        let size = |value: u32| {
            usize::try_from(value).map_err(|_| EngineError::Overflow { quantity: "an image" })
        };
        let geometry = Geometry {
            batch: rows,
            channels: size(sizes.input.channels)?,
            height: size(sizes.input.height)?,
            width: size(sizes.input.width)?,
            kernel: size(sizes.kernel)?,
            outputs: size(sizes.output.channels)?,
        };
        let plane = Plane {
            count: rows.saturating_mul(geometry.outputs),
            height: geometry.output_height(),
            width: geometry.output_width(),
        };
        let (values, pooled) = (plane.input_values(), plane.output_values());
        Ok(Self {
            geometry,
            plane,
            convolved: vec![0.0; values],
            pooled: vec![0.0; pooled],
            positions: vec![0; pooled],
            of_convolved: vec![0.0; values],
            of_pooled: vec![0.0; pooled],
        })
    }

    fn forward(
        &mut self,
        [bias, weight]: &[Vec<f32>; 2],
        input: &[f32],
    ) -> Result<(), EngineError> {
        forward(self.geometry, input, weight, bias, &mut self.convolved)
            .map_err(EngineError::kernel)?;
        relu(&mut self.convolved);
        max_pool(self.plane, &self.convolved, &mut self.pooled, &mut self.positions)
            .map_err(EngineError::kernel)
    }

    fn backward(
        &mut self,
        (weight, input): (&[f32], &[f32]),
        [of_bias, of_weight]: &mut [Vec<f32>; 2],
        of_input: Option<&mut [f32]>,
    ) -> Result<(), EngineError> {
        max_pool_gradient(self.plane, &self.positions, &self.of_pooled, &mut self.of_convolved)
            .map_err(EngineError::kernel)?;
        relu_gradient(&self.convolved, &mut self.of_convolved).map_err(EngineError::kernel)?;
        let gradient = self.of_convolved.as_slice();
        bias_gradient(self.geometry, gradient, of_bias).map_err(EngineError::kernel)?;
        weight_gradient(self.geometry, input, gradient, of_weight).map_err(EngineError::kernel)?;
        match of_input {
            Some(of_input) => input_gradient(self.geometry, weight, gradient, of_input)
                .map_err(EngineError::kernel),
            None => Ok(()),
        }
    }
}

impl Convolutional {
    /// A network for batches of `rows` images; `widths` are those of the linear layers behind the stages.
    pub(super) fn new(
        rows: usize,
        stages: &[Sizes],
        widths: &[usize],
    ) -> Result<Self, EngineError> {
        let stages = stages.iter().map(|sizes| Stage::new(rows, sizes));
        Ok(Self { stages: stages.collect::<Result<_, _>>()?, head: Perceptron::new(rows, widths) })
    }

    /// The mean loss of the labels in nats.
    ///
    /// # Shapes
    /// `tensors`: for each layer bias and weight; `input`: `[image, channel, row, column]`; `labels`:
    /// `[image]`.
    pub(super) fn forward(
        &mut self,
        tensors: &[Vec<f32>],
        input: &[f32],
        labels: &[u32],
    ) -> Result<f32, EngineError> {
        let (layers, _) = tensors.as_chunks::<2>();
        let mut seen = input;
        for (stage, layer) in self.stages.iter_mut().zip(layers) {
            stage.forward(layer, seen)?;
            seen = &stage.pooled;
        }
        let features = self.stages.last().map_or(input, |stage| stage.pooled.as_slice());
        self.head.forward(&tensors[2 * self.stages.len()..], features)?;
        self.head.loss(labels)
    }

    /// Writes the gradients of all tensors.
    pub(super) fn backward(
        &mut self,
        tensors: &[Vec<f32>],
        input: &[f32],
        of_tensors: &mut [Vec<f32>],
    ) -> Result<(), EngineError> {
        let (convolutions, linear) = tensors.split_at(2 * self.stages.len());
        let (of_convolutions, of_linear) = of_tensors.split_at_mut(2 * self.stages.len());
        match self.stages.last_mut() {
            Some(Stage { pooled, of_pooled, .. }) => {
                self.head.backward((linear, pooled), of_linear, Some(of_pooled))?;
            }
            None => self.head.backward((linear, input), of_linear, None)?,
        }
        let (layers, _) = convolutions.as_chunks::<2>();
        let (of_layers, _) = of_convolutions.as_chunks_mut::<2>();
        for index in (0..self.stages.len()).rev() {
            let (before, from_here) = self.stages.split_at_mut(index);
            let (seen, of_seen) = match before.last_mut() {
                Some(stage) => (stage.pooled.as_slice(), Some(stage.of_pooled.as_mut_slice())),
                None => (input, None),
            };
            let [_, weight] = &layers[index];
            from_here[0].backward((weight, seen), &mut of_layers[index], of_seen)?;
        }
        Ok(())
    }
}
