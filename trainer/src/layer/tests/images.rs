//! Layers over images, and networks of them, forward and backward as `PyTorch` computes them.

use aipot_domain_runtime::order::{DataSpecification, ImageShape, OrderSpecification};
use aipot_kernels::row_span::{RowSpan, RunningSums};
use serde::Deserialize;

use super::super::{Behind, INPUTS, Kind, Network, Node, Seen, Site, TensorPlace, ValueShape};
use crate::architecture::layout;
use crate::engine::batch::Batch;
use crate::engine::network::Network as Engine;
use crate::engine::room::Room;
use crate::fixtures::{DIGITS_MODEL, DIGITS_ORDER, digits_fixture};
use crate::specification::parse_order_toml;

/// Written by `benches/peers/layers_vision.py`.
const PEER: &str = include_str!("../fixtures/vision.json");

/// Epsilon of `PyTorch`'s norms.
const EPSILON: f32 = 1e-5;

#[derive(Deserialize)]
struct Peer {
    layers: Vec<LayerCase>,
    models: Vec<ModelCase>,
}

#[derive(Deserialize)]
struct LayerCase {
    name: String,
    layer: Sizes,
    /// `[image, channel, row, column]`.
    shape: [u32; 4],
    input: Vec<f32>,
    output: Vec<f32>,
    gradient: Vec<f32>,
    of_input: Vec<f32>,
    bias: Option<Vec<f32>>,
    weight: Option<Vec<f32>>,
    of_bias: Option<Vec<f32>>,
    of_weight: Option<Vec<f32>>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
struct Sizes {
    outputs: u32,
    kernel: u32,
    stride: u32,
    padding: u32,
    groups: u32,
    side: u32,
}

#[derive(Deserialize)]
struct ModelCase {
    name: String,
    /// The table of the model.
    order: String,
    shape: [u32; 4],
    images: Vec<f32>,
    labels: Vec<u32>,
    loss: f32,
    /// Sorted by name.
    tensors: Vec<TensorCase>,
}

#[derive(Deserialize)]
struct TensorCase {
    name: String,
    values: Vec<f32>,
    gradient: Vec<f32>,
}

fn peer() -> Peer {
    serde_json::from_str(PEER).unwrap()
}

/// Compares numbers within a share of the largest of them.
fn assert_close(found: &[f32], expected: &[f32], share: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= share * largest, "{what} {place}: {found}, by the peer {expected}");
    }
}

impl LayerCase {
    fn kind(&self) -> Kind {
        let Sizes { outputs, kernel, stride, padding, groups, side } = self.layer;
        let has_bias = self.bias.is_some();
        match self.name.as_str() {
            "convolution" => Kind::Convolution { outputs, kernel, stride, padding, has_bias },
            "group_norm" => Kind::GroupNorm { groups, epsilon: EPSILON.to_bits() },
            "average_pool" => Kind::AveragePool,
            "max_pool" => Kind::MaxPool,
            "patches" => Kind::Patches { side },
            other => panic!("{other}"),
        }
    }

    /// What the layer makes of one image.
    fn made(&self, image: ImageShape) -> ValueShape {
        let Sizes { outputs, kernel, stride, padding, side, .. } = self.layer;
        let ImageShape { channels, height, width } = image;
        match self.kind() {
            Kind::Convolution { .. } => {
                let side = |length: u32| (length + 2 * padding - kernel) / stride + 1;
                let (height, width) = (side(height), side(width));
                ValueShape::Image(ImageShape { channels: outputs, height, width })
            }
            Kind::MaxPool => {
                ValueShape::Image(ImageShape { channels, height: height / 2, width: width / 2 })
            }
            Kind::AveragePool => ValueShape::Features { width: channels },
            Kind::Patches { .. } => ValueShape::Tokens {
                count: (height / side) * (width / side),
                width: channels * side * side,
            },
            _ => ValueShape::Image(image),
        }
    }

    /// Bias before weight.
    fn tensors(&self) -> Vec<&[f32]> {
        [&self.bias, &self.weight].into_iter().flatten().map(Vec::as_slice).collect()
    }

    fn check(&self) {
        let [images, channels, height, width] = self.shape;
        let image = ImageShape { channels, height, width };
        let tensors = self.tensors();
        let places: Vec<_> = (0..tensors.len()).map(TensorPlace::Trained).collect();
        let node = Node {
            layer: self.kind(),
            inputs: vec![0],
            shape: self.made(image),
            tensors: places.clone(),
        };
        let (nodes, base) = (vec![node], Vec::new());
        let input = ValueShape::Image(image);
        let network = Network { input, nodes, tensors: Vec::new(), base };
        let images = usize::try_from(images).unwrap();
        let site = Site::new(&network, 0, images).unwrap();
        let mut layer = site.layer(&mut Room::taken()).unwrap();
        let mut values: [&[f32]; INPUTS] = [&[]; INPUTS];
        values[0] = &self.input;
        let seen = Seen { values, tokens: &[], span: RowSpan::whole(images), draw: None };
        let mut output = vec![f32::NAN; self.output.len()];
        layer.forward(&tensors, seen, &mut output).unwrap();
        assert_close(&output, &self.output, 1e-5, &format!("{}: output", self.name));
        let mut of_input = vec![f32::NAN; self.input.len()];
        let mut of_tensors: Vec<Vec<f32>> =
            tensors.iter().map(|tensor| vec![f32::NAN; tensor.len()]).collect();
        let mut sums: Vec<_> =
            of_tensors.iter_mut().map(|tensor| RunningSums::new(tensor)).collect();
        let mut of_values = [const { None }; INPUTS];
        of_values[0] = Some(of_input.as_mut_slice());
        let (gradient, sums) = (self.gradient.as_slice(), sums.as_mut_slice());
        let behind = Behind { gradient, of_values, sums, places: &places };
        layer.backward(&tensors, (seen, &output), behind).unwrap();
        assert_close(&of_input, &self.of_input, 1e-5, &format!("{}: of input", self.name));
        let expected = [&self.of_bias, &self.of_weight].into_iter().flatten();
        for (found, expected) in of_tensors.iter().zip(expected) {
            assert_close(found, expected, 1e-5, &format!("{}: of a tensor", self.name));
        }
    }
}

#[test]
fn layers_over_images_compute_what_pytorch_computes() {
    let cases = peer().layers;
    assert_eq!(cases.len(), 7);
    cases.iter().for_each(LayerCase::check);
}

impl ModelCase {
    /// An order for the model over records of its images.
    fn order(&self) -> OrderSpecification {
        let mut order = digits_fixture(0).specification;
        let text = DIGITS_ORDER.replace(DIGITS_MODEL, &self.order);
        let draft = parse_order_toml(&text).unwrap();
        let [images, channels, height, width] = self.shape;
        order.model.architecture = draft.model.architecture;
        order.train.batch_size = images;
        order.data = DataSpecification {
            feature_count: channels * height * width,
            class_count: 3,
            ..order.data
        };
        order
    }

    fn check(&self) {
        let order = self.order();
        let names: Vec<_> = self.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        let layout = layout(&order).unwrap();
        let expected: Vec<_> = layout.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, expected, "{}", self.name);
        let weights: Vec<_> = self.tensors.iter().map(|tensor| tensor.values.clone()).collect();
        let mut gradients: Vec<_> =
            weights.iter().map(|tensor| vec![f32::NAN; tensor.len()]).collect();
        let (features, labels) = (self.images.as_slice(), self.labels.as_slice());
        let batch = Batch { features, tokens: &[], labels, number: 0 };
        let mut engine = Engine::new(&order, labels.len()).unwrap();
        let loss = engine.train(&weights, batch, &mut gradients).unwrap();
        assert!((loss - self.loss).abs() < 1e-5 * self.loss, "{}: {loss}", self.name);
        for (found, tensor) in gradients.iter().zip(&self.tensors) {
            assert!(found.iter().any(|value| *value != 0.0), "{} gets none", tensor.name);
            assert_close(found, &tensor.gradient, 1e-5, &format!("{}: {}", self.name, tensor.name));
        }
    }
}

#[test]
fn a_residual_network_has_the_loss_and_the_gradients_of_pytorch() {
    let cases = peer().models;
    cases.iter().find(|case| case.name == "resnet").unwrap().check();
}

#[test]
fn a_transformer_over_squares_has_the_loss_and_the_gradients_of_pytorch() {
    let cases = peer().models;
    cases.iter().find(|case| case.name == "vit").unwrap().check();
}

#[test]
fn a_unique_maximum_takes_the_whole_gradient_where_candle_gives_it_a_quarter() {
    use candle_core::{Device, Var};

    // The gradient of a sum of maxima is one at each maximum. Candle averages its mask over the window
    // as if all four values were the maximum, so a network trained with it steps a quarter as far.
    let input = [1.0_f32, 4.0, 2.0, 3.0];
    let candle = Var::from_slice(&input, (1, 1, 2, 2), &Device::Cpu).unwrap();
    let sum = candle.max_pool2d(2).unwrap().sum_all().unwrap();
    let found = sum.backward().unwrap().get(&candle).unwrap().flatten_all().unwrap();
    assert_eq!(found.to_vec1::<f32>().unwrap(), [0.0, 0.25, 0.0, 0.0]);

    let case = LayerCase {
        name: "max_pool".to_owned(),
        layer: Sizes::default(),
        shape: [1, 1, 2, 2],
        input: input.to_vec(),
        output: vec![4.0],
        gradient: vec![1.0],
        of_input: vec![0.0, 1.0, 0.0, 0.0],
        bias: None,
        weight: None,
        of_bias: None,
        of_weight: None,
    };
    case.check();
}
