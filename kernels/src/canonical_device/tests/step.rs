//! Whole steps of training a perceptron, on a device and on the processor: the same bits.

use std::num::NonZeroU64;

use super::*;
use crate::activation::{relu, relu_gradient};
use crate::chacha8::ChaChaStream;
use crate::cross_entropy::{CrossEntropy, cross_entropy_portable};
use crate::matmul::matmul;
use crate::matrix::Matrix;
use crate::reduction::sum_columns;
use crate::update::{AdamWConstants, AdamWScalars, AdamWStep};

/// Examples of a batch, and values before, in and behind the hidden layer.
const SIZES: [u32; 4] = [70, 20, 40, 10];

const STEPS: u64 = 3;

const CONSTANTS: AdamWConstants =
    AdamWConstants { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

/// A batch of examples.
struct Batch {
    images: Vec<f32>,
    labels: Vec<u32>,
}

/// Weight `[outputs, inputs]` and bias of both layers, one after the other.
type Parameters<T> = [T; 4];

impl Batch {
    fn new(number: u64) -> Self {
        let [batch, inputs, _, classes] = SIZES;
        let mut stream = ChaChaStream::derive(&[5; 32], "batch", number);
        let bound = NonZeroU64::new(u64::from(classes)).unwrap();
        let images = (0..batch * inputs).map(|_| stream.normal_f32()).collect();
        let labels = (0..batch).map(|_| u32::try_from(stream.below(bound)).unwrap()).collect();
        Self { images, labels }
    }
}

fn initial() -> Parameters<Vec<f32>> {
    let [_, inputs, hidden, classes] = SIZES;
    let lengths = [hidden * inputs, hidden, classes * hidden, classes];
    let mut counter = 0;
    lengths.map(|length| {
        counter += 1;
        normals(counter, length).iter().map(|value| value * 0.2).collect()
    })
}

/// A matrix of dense rows.
fn dense(values: &[f32], columns: u32) -> Matrix<'_> {
    Matrix::new(values, values.len() / size(columns), size(columns)).unwrap()
}

/// A model and its moments on the processor.
struct OnProcessor {
    parameters: Parameters<Vec<f32>>,
    moments: Parameters<[Vec<f32>; 2]>,
}

impl OnProcessor {
    /// Takes a step and gives the loss before it.
    fn step(&mut self, batch: &Batch, step: &AdamWStep) -> f32 {
        let [_, inputs, hidden, classes] = SIZES;
        let [weight1, bias1, weight2, bias2] = &self.parameters;
        let images = dense(&batch.images, inputs);
        let mut active = matmul(images, dense(weight1, inputs).transposed(), Some(bias1)).unwrap();
        relu(&mut active);
        let weight2 = dense(weight2, hidden);
        let logits = matmul(dense(&active, hidden), weight2.transposed(), Some(bias2)).unwrap();
        let CrossEntropy { mean, gradient: errors, .. } =
            cross_entropy_portable(&logits, size(classes), &batch.labels).unwrap();

        let errors_there = dense(&errors, classes);
        let mut behind = matmul(errors_there, weight2, None).unwrap();
        relu_gradient(&active, &mut behind).unwrap();
        let gradients = [
            matmul(dense(&behind, hidden).transposed(), images, None).unwrap(),
            sum_columns(&behind, size(hidden)).unwrap(),
            matmul(errors_there.transposed(), dense(&active, hidden), None).unwrap(),
            sum_columns(&errors, size(classes)).unwrap(),
        ];
        let moments = self.moments.iter_mut().zip(&gradients);
        for (weights, ([first, second], gradient)) in self.parameters.iter_mut().zip(moments) {
            step.apply(weights, gradient, first, second).unwrap();
        }
        mean
    }
}

/// A model, its moments, and room for what is between, on a device.
struct OnDevice<'device, D: ComputeDevice> {
    operators: &'device Operators<'device, D>,
    parameters: Parameters<Tensor<D>>,
    moments: Parameters<[Tensor<D>; 2]>,
    gradients: Parameters<Tensor<D>>,
}

impl<'device, D: ComputeDevice> OnDevice<'device, D> {
    fn new(operators: &'device Operators<'device, D>, parameters: &Parameters<Vec<f32>>) -> Self {
        let room =
            |values: &Vec<f32>| operators.zeros(u32::try_from(values.len()).unwrap()).unwrap();
        Self {
            operators,
            parameters: parameters.each_ref().map(|values| operators.upload(values).unwrap()),
            moments: parameters.each_ref().map(|values| [room(values), room(values)]),
            gradients: parameters.each_ref().map(room),
        }
    }

    /// A product of dense matrices, `turned` or not.
    fn product(
        &self,
        (rows, depth, columns): (u32, u32, u32),
        [left, right]: [(&Tensor<D>, bool); 2],
        bias: Bias<'_, D>,
        output: &Tensor<D>,
    ) {
        let place = |columns: u32, rows: u32, is_turned: bool| {
            if is_turned { Layout::dense(rows).transposed() } else { Layout::dense(columns) }
        };
        let shape = ProductShape::single(rows, depth, columns);
        let left = Operand::new(left.0, place(depth, rows, left.1));
        let right = Operand::new(right.0, place(columns, depth, right.1));
        let output = Operand::new(output, Layout::dense(columns));
        self.operators.product(shape, [left, right], bias, output).unwrap();
    }

    /// Takes a step and gives the loss before it.
    fn step(&self, batch: &Batch, step: &AdamWStep) -> f32 {
        let [rows, inputs, hidden, classes] = SIZES;
        let operators = self.operators;
        let room = |count: u32| operators.zeros(count).unwrap();
        let [weight1, bias1, weight2, bias2] = &self.parameters;
        let images = operators.upload(&batch.images).unwrap();
        let labels = operators.upload_labels(&batch.labels, classes).unwrap();
        let (active, logits) = (room(rows * hidden), room(rows * classes));
        let bias = Bias::OfColumns(bias1);
        self.product((rows, inputs, hidden), [(&images, false), (weight1, true)], bias, &active);
        operators.unary(Unary::Relu, &active, &active).unwrap();
        let bias = Bias::OfColumns(bias2);
        self.product((rows, hidden, classes), [(&active, false), (weight2, true)], bias, &logits);
        let (losses, loss, errors) = (room(rows), room(1), room(rows * classes));
        operators.cross_entropy(&logits, &labels, &losses, &errors).unwrap();
        let row = RowShape { rows: 1, length: rows };
        operators.reduce_rows(Reduction::Mean, row, &losses, &loss).unwrap();

        let behind = room(rows * hidden);
        let (sides, none) = ([(&errors, false), (weight2, false)], Bias::None);
        self.product((rows, classes, hidden), sides, none, &behind);
        operators.binary(Binary::ReluGradient, [&behind, &active], &behind).unwrap();
        let [of_weight1, of_bias1, of_weight2, of_bias2] = &self.gradients;
        let sides = [(&behind, true), (&images, false)];
        self.product((hidden, rows, inputs), sides, Bias::None, of_weight1);
        let sides = [(&errors, true), (&active, false)];
        self.product((classes, rows, hidden), sides, Bias::None, of_weight2);
        let columns = |columns| Columns { groups: 1, rows, columns, is_transposed: false };
        operators.sum_columns(columns(hidden), &behind, of_bias1).unwrap();
        operators.sum_columns(columns(classes), &errors, of_bias2).unwrap();
        for ((weights, gradient), [first, second]) in
            self.parameters.iter().zip(&self.gradients).zip(&self.moments)
        {
            operators.adamw(step, gradient, weights, [first, second]).unwrap();
        }
        operators.download(&loss).unwrap()[0]
    }
}

#[test]
fn cuda_steps_of_a_perceptron_have_the_bits_of_the_processor() {
    let parameters = initial();
    let moments =
        parameters.each_ref().map(|values| [vec![0.0; values.len()], vec![0.0; values.len()]]);
    with_operators(|operators| {
        let there = OnDevice::new(&operators, &parameters);
        let mut here = OnProcessor { parameters: parameters.clone(), moments };
        let mut scalars = AdamWScalars::START;
        for number in 0..STEPS {
            let batch = Batch::new(number);
            scalars.advance(CONSTANTS.beta1, CONSTANTS.beta2);
            let step = scalars.step(CONSTANTS, 1e-2);
            let losses = [there.step(&batch, &step), here.step(&batch, &step)];
            assert!(losses[1].is_finite());
            assert_eq!(losses[0].to_bits(), losses[1].to_bits(), "loss of step {number}");
            for (there, here) in there.parameters.iter().zip(&here.parameters) {
                let there = operators.download(there).unwrap();
                assert_same(&there, here, &format!("parameters after step {number}"));
            }
        }
        assert_ne!(bits(&here.parameters[0]), bits(&parameters[0]), "the weights have moved");
    });
}
