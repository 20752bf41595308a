//! Tests of single operations: edges of the gradient, refusals.

use candle_core::{Device, Tensor, Var};

use super::{Activation, InputGradient, Linear, cross_entropy};

fn tensor(values: &[f32], shape: (usize, usize)) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
}

const RELU: Linear = Linear { activation: Activation::Relu, input_gradient: InputGradient::Needed };

#[test]
fn the_gradient_of_relu_at_zero_is_zero() {
    let input = Var::from_tensor(&tensor(&[1.0, -1.0], (1, 2))).unwrap();
    let weight = tensor(&[1.0, 1.0], (1, 2));
    let bias = Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu).unwrap();
    let output = RELU.forward(&input, &weight, &bias).unwrap();
    let gradients = output.sum_all().unwrap().backward().unwrap();
    assert_eq!(output.to_vec2::<f32>().unwrap(), [[0.0]]);
    assert_eq!(gradients.get(&input).unwrap().to_vec2::<f32>().unwrap(), [[0.0, 0.0]]);
}

#[test]
fn data_gets_no_gradient_when_none_is_wanted() {
    let input = Var::from_tensor(&tensor(&[1.0, 2.0], (1, 2))).unwrap();
    let weight = Var::from_tensor(&tensor(&[3.0, 4.0], (1, 2))).unwrap();
    let bias = Var::zeros(1, candle_core::DType::F32, &Device::Cpu).unwrap();
    let layer = Linear { input_gradient: InputGradient::Skipped, ..RELU };
    let output = layer.forward(&input, &weight, &bias).unwrap();
    let gradients = output.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&input).is_none());
    assert_eq!(gradients.get(&weight).unwrap().to_vec2::<f32>().unwrap(), [[1.0, 2.0]]);
    assert_eq!(gradients.get(&bias).unwrap().to_vec1::<f32>().unwrap(), [1.0]);
}

#[test]
fn a_strided_input_counts_like_its_copy() {
    let input = tensor(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (3, 2));
    let weight = tensor(&[1.0, -2.0, 3.0, 0.5, 2.0, -1.0], (2, 3));
    let bias = Tensor::new(&[0.25_f32, -0.25], &Device::Cpu).unwrap();
    let strided = input.t().unwrap();
    let copied = strided.contiguous().unwrap();
    let answers = [strided, copied]
        .map(|input| RELU.forward(&input, &weight, &bias).unwrap().to_vec2::<f32>().unwrap());
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn wrong_shapes_are_errors() {
    let input = tensor(&[1.0, 2.0, 3.0], (1, 3));
    let weight = tensor(&[1.0, 2.0], (1, 2));
    let bias = Tensor::new(&[0.0_f32], &Device::Cpu).unwrap();
    assert!(RELU.forward(&input, &weight, &bias).is_err());
}

#[test]
fn a_batch_with_no_labels_is_refused() {
    let logits = Tensor::zeros((0, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(cross_entropy(&logits, &[]).is_err());
}

#[test]
fn a_label_that_is_no_class_is_refused() {
    let logits = tensor(&[0.0, 0.0, 0.0], (1, 3));
    assert!(cross_entropy(&logits, &[3]).is_err());
    assert!(cross_entropy(&logits, &[0, 0]).is_err());
}

#[test]
fn equal_logits_lose_the_logarithm_of_the_classes() {
    let logits = tensor(&[0.0; 4], (1, 4));
    let loss = cross_entropy(&logits, &[2]).unwrap().to_scalar::<f32>().unwrap();
    assert!((loss - 4.0_f32.ln()).abs() < 1e-6, "{loss}");
}
