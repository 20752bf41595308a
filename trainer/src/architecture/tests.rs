//! Tests of the layout, the initial weights and the gradients of a whole model.

mod programs;

use aipot_domain_runtime::order::Architecture;
use proptest::prelude::*;

use super::{initial_parameters, layout};
use crate::engine::batch::Batch;
use crate::engine::network::Network;
use crate::fixtures::{digits_fixture, small_fixture};
use crate::parameters::Parameters;

#[test]
fn the_layout_is_sorted_by_name_and_follows_the_widths() {
    let tensors = layout(&digits_fixture(0).specification).unwrap();
    let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let shapes: Vec<_> = tensors.iter().map(|tensor| tensor.shape.clone()).collect();
    assert!(names.is_sorted());
    assert_eq!(names[..3], ["layers.00.bias", "layers.00.weight", "layers.01.bias"]);
    assert_eq!(shapes, [vec![128], vec![128, 64], vec![64], vec![64, 128], vec![10], vec![10, 64]]);
}

#[test]
fn names_stay_sorted_with_the_most_layers() {
    let mut specification = small_fixture().specification;
    specification.model.architecture =
        Architecture::Mlp { hidden_widths: vec![2; 16].try_into().unwrap() };
    let tensors = layout(&specification).unwrap();
    assert_eq!(tensors.len(), 34);
    assert!(tensors.is_sorted_by(|left, right| left.name < right.name));
}

#[test]
fn sizes_that_overflow_are_refused() {
    let mut specification = small_fixture().specification;
    specification.data.feature_count = u32::MAX;
    specification.model.architecture =
        Architecture::Mlp { hidden_widths: vec![u32::MAX; 16].try_into().unwrap() };
    assert!(layout(&specification).is_err());
}

#[test]
fn initial_weights_have_the_variance_of_their_layer() {
    let parameters = initial_parameters(&digits_fixture(0).specification, 3).unwrap();
    for tensor in parameters.tensors() {
        let [_, inputs] = tensor.layout().shape[..] else {
            assert!(tensor.values().iter().all(|value| *value == 0.0), "a bias starts at zero");
            continue;
        };
        let squares: f64 = tensor.values().iter().map(|value| f64::from(*value).powi(2)).sum();
        let count = f64::from(u32::try_from(tensor.values().len()).unwrap());
        let expected = 2.0 / f64::from(u32::try_from(inputs).unwrap());
        let ratio = squares / count / expected;
        assert!((0.8..1.2).contains(&ratio), "{}: {ratio}", tensor.layout().name);
    }
}

#[test]
fn norms_start_with_ones_and_decoders_with_small_weights() {
    let mut specification = small_fixture().specification;
    specification.model.architecture =
        Architecture::Gpt { width: 64, layer_count: 2, head_count: 4, context: 32 };
    specification.data.class_count = 256;
    let parameters = initial_parameters(&specification, 3).unwrap();
    for tensor in parameters.tensors() {
        let (name, values) = (&tensor.layout().name, tensor.values());
        if name.ends_with("bias") {
            assert!(values.iter().all(|value| *value == 0.0), "{name}");
        } else if name.contains("norm") {
            assert!(values.iter().all(|value| value.to_bits() == 1.0_f32.to_bits()), "{name}");
        } else {
            let squares: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
            let deviation = (squares / f64::from(u32::try_from(values.len()).unwrap())).sqrt();
            assert!((0.018..0.022).contains(&deviation), "{name}: {deviation}");
        }
    }
}

#[test]
fn seeds_give_different_weights_and_a_seed_gives_the_same() {
    let specification = small_fixture().specification;
    let weights = |seed| initial_parameters(&specification, seed).unwrap();
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}

/// The loss of a multilayer perceptron in f64, written down once more and plainly.
fn reference_loss(parameters: &Parameters, features: &[f32], width: usize, labels: &[u32]) -> f64 {
    let mut sum = 0.0;
    for (example, label) in features.chunks(width).zip(labels) {
        let mut values: Vec<f64> = example.iter().map(|value| f64::from(*value)).collect();
        let (layers, _) = parameters.tensors().as_chunks::<2>();
        for (index, [bias, weight]) in layers.iter().enumerate() {
            let rows = weight.values().chunks(values.len());
            let outputs = rows.zip(bias.values()).map(|(row, bias)| {
                let products = row.iter().zip(&values);
                products.map(|(w, x)| f64::from(*w) * x).sum::<f64>() + f64::from(*bias)
            });
            let is_last = index + 1 == layers.len();
            values = outputs.map(|y| if is_last { y } else { y.max(0.0) }).collect();
        }
        let total: f64 = values.iter().map(|logit| logit.exp()).sum();
        sum += total.ln() - values[usize::try_from(*label).unwrap()];
    }
    sum / f64::from(u32::try_from(labels.len()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Every parameter has a gradient, and it is the slope of the loss.
    #[test]
    fn gradients_are_slopes(seed: u64) {
        const STEP: f32 = 1.0 / 1024.0;
        let fixture = small_fixture();
        let (specification, data) = (&fixture.specification, &fixture.train);
        let mut parameters = initial_parameters(specification, seed).unwrap();
        let width = data.feature_count();
        let rows = data.example_count();
        let mut order = specification.clone();
        order.train.batch_size = u32::try_from(rows).unwrap();
        let weights = parameters.clone().into_values();
        let mut gradients: Vec<Vec<f32>> =
            weights.iter().map(|tensor| vec![f32::NAN; tensor.len()]).collect();
        let batch = Batch { features: data.features(), tokens: &[], labels: data.labels(), number: 0 };
        let mut network = Network::new(&order, usize::MAX).unwrap();
        let found = network.train(&weights, batch, &mut gradients).unwrap();

        let expected = reference_loss(&parameters, data.features(), width, data.labels());
        prop_assert!((f64::from(found) - expected).abs() < 1e-5, "loss {found} {expected}");
        for (index, gradient) in gradients.iter().enumerate() {
            for (place, slope) in gradient.iter().enumerate() {
                let weight = parameters.tensors()[index].values()[place];
                let mut loss_at = |value: f32| {
                    parameters.tensors_mut()[index].values_mut()[place] = value;
                    reference_loss(&parameters, data.features(), width, data.labels())
                };
                let (above, below) = (loss_at(weight + STEP), loss_at(weight - STEP));
                let middle = loss_at(weight);
                // At a bend of the ReLU the two one-sided slopes differ; there none is checked. A bend
                // below this limit moves their mean by 1.5e-4 at most.
                let (right, left) = (above - middle, middle - below);
                if (right - left).abs() > 3e-7 {
                    continue;
                }
                let expected = (above - below) / f64::from(2.0 * STEP);
                let error = (f64::from(*slope) - expected).abs();
                prop_assert!(error < 2e-4, "tensor {index} value {place}: {slope} {expected}");
            }
        }
    }
}
