//! Layers of language models against `PyTorch` on stored numbers.

use aipot_domain_runtime::order::network::AttentionMask;
use aipot_kernels::cross_entropy::cross_entropy;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::super::*;

/// What `PyTorch` computes; `benches/peers/layers_language.py` writes it.
const FIXTURE: &str = include_str!("../fixtures/language.json");

/// Largest difference to `PyTorch`, as a share of the largest number of a tensor.
const TOLERANCE: f32 = 1e-5;

/// Examples, tokens, heads, width, and ids of the fixture.
const BATCH: usize = 2;
const TOKENS: u32 = 5;
const HEADS: u32 = 2;
const WIDTH: u32 = 8;
const VOCABULARY: u32 = 10;

/// 1e-5, 10,000 and 1.5 as f32.
const EPSILON: u32 = 0x3727_c5ac;
const BASE: u32 = 0x461c_4000;
const FACTOR: u32 = 0x3fc0_0000;

#[derive(Deserialize)]
struct Fixture {
    ids: Vec<u32>,
    cases: BTreeMap<String, Case>,
}

/// A layer on given numbers, forward and backward.
#[derive(Deserialize)]
struct Case {
    values: Vec<Vec<f32>>,
    tensors: Vec<Vec<f32>>,
    output: Vec<f32>,
    gradient: Vec<f32>,
    of_values: Vec<Vec<f32>>,
    of_tensors: Vec<Vec<f32>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(FIXTURE).unwrap()
}

const fn rows(width: u32) -> ValueShape {
    ValueShape::Tokens { count: TOKENS, width }
}

/// A network of one layer.
pub(super) fn network(
    kind: Kind,
    shapes: [ValueShape; 2],
    tensors: usize,
    inputs: usize,
) -> Network {
    let [input, shape] = shapes;
    let tensors = (0..tensors).map(TensorPlace::Trained).collect();
    let node = Node { layer: kind, inputs: vec![0; inputs], shape, tensors };
    Network { input, nodes: vec![node], tensors: Vec::new(), base: Vec::new() }
}

/// Compares numbers that two programs have rounded in different places.
fn assert_close(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= TOLERANCE * largest, "{name} {place}: {found}, not {expected}");
    }
}

/// Runs a layer both ways and compares everything with the case of this name.
fn check(name: &str, network: &Network) {
    let Fixture { ids, cases } = fixture();
    let case = &cases[name];
    let mut layer = Site::new(network, 0, BATCH).unwrap().layer(&mut Room::taken()).unwrap();
    let tensors: Vec<&[f32]> = case.tensors.iter().map(Vec::as_slice).collect();
    let mut values: [&[f32]; INPUTS] = [&[]; INPUTS];
    values.iter_mut().zip(&case.values).for_each(|(place, value)| *place = value);
    let span = RowSpan::whole(BATCH);
    let seen = Seen { values, tokens: &ids, span, draw: None };
    let mut output = vec![f32::NAN; case.output.len()];
    layer.forward(&tensors, seen, &mut output).unwrap();
    assert_close(&format!("{name}: output"), &output, &case.output);

    let room = |tensors: &[Vec<f32>]| -> Vec<Vec<f32>> {
        tensors.iter().map(|tensor| vec![f32::NAN; tensor.len()]).collect()
    };
    let (mut of_values, mut of_tensors) = (room(&case.of_values), room(&case.of_tensors));
    let mut sums: Vec<RunningSums<'_>> =
        of_tensors.iter_mut().map(|tensor| RunningSums::new(tensor)).collect();
    let mut wanted = [const { None }; INPUTS];
    wanted.iter_mut().zip(&mut of_values).for_each(|(place, of)| *place = Some(of.as_mut_slice()));
    let places = network.nodes[0].tensors.as_slice();
    let behind = Behind { gradient: &case.gradient, of_values: wanted, sums: &mut sums, places };
    layer.backward(&tensors, (seen, &output), behind).unwrap();
    for (found, expected) in of_values.iter().zip(&case.of_values) {
        assert_close(&format!("{name}: gradient of a value"), found, expected);
    }
    for (found, expected) in of_tensors.iter().zip(&case.of_tensors) {
        assert_close(&format!("{name}: gradient of a tensor"), found, expected);
    }
}

/// A layer that leaves the form of its rows as it is.
fn check_rows(name: &str, kind: Kind, tensors: usize, inputs: usize) {
    check(name, &network(kind, [rows(WIDTH), rows(WIDTH)], tensors, inputs));
}

#[test]
fn functions_and_products_are_those_of_pytorch() {
    for (name, kind) in [("relu", Kind::Relu), ("gelu", Kind::Gelu), ("silu", Kind::Silu)] {
        check_rows(name, kind, 0, 1);
    }
    check_rows("scale", Kind::Scale { factor: FACTOR }, 0, 1);
    check_rows("add", Kind::Add, 0, 2);
    check_rows("multiply", Kind::Multiply, 0, 2);
    let linear = Kind::Linear { outputs: 6, has_bias: true };
    check("linear", &network(linear, [rows(WIDTH), rows(6)], 2, 1));
}

#[test]
fn norms_are_those_of_pytorch() {
    check_rows("layer_norm", Kind::LayerNorm { epsilon: EPSILON }, 2, 1);
    check_rows("rms_norm", Kind::RmsNorm { epsilon: EPSILON }, 1, 1);
}

#[test]
fn attention_and_rotation_are_those_of_pytorch() {
    let masks = [
        ("attention", AttentionMask::None, 1),
        ("causal_attention", AttentionMask::Causal, 1),
        ("padding_attention", AttentionMask::Padding, 2),
    ];
    for (name, mask, inputs) in masks {
        let kind = Kind::Attention { heads: HEADS, mask };
        check(name, &network(kind, [rows(3 * WIDTH), rows(WIDTH)], 0, inputs));
    }
    let rope = Kind::Rope { heads: HEADS, base: BASE };
    check("rope", &network(rope, [rows(3 * WIDTH), rows(3 * WIDTH)], 0, 1));
}

#[test]
fn tables_and_means_of_tokens_are_those_of_pytorch() {
    let indices = ValueShape::Indices { count: TOKENS };
    let table = Kind::Embedding { vocabulary: VOCABULARY, width: WIDTH };
    check("embedding", &network(table, [indices, rows(WIDTH)], 1, 1));
    check_rows("position_embedding", Kind::PositionEmbedding { positions: 6 }, 1, 1);
    let text = [rows(WIDTH), ValueShape::Features { width: WIDTH }];
    check("mean_tokens", &network(Kind::MeanTokens, text, 0, 1));
    check("mean_present_tokens", &network(Kind::MeanTokens, text, 0, 2));
    check("first_token", &network(Kind::FirstToken, text, 0, 1));
}

#[test]
fn cross_entropy_is_that_of_pytorch() {
    let Fixture { cases, .. } = fixture();
    let case = &cases["cross_entropy"];
    let (mut losses, mut gradient) = (vec![0.0; BATCH], vec![0.0; case.values[0].len()]);
    cross_entropy(&case.values[0], 6, &[3, 0], &mut losses, &mut gradient).unwrap();
    assert_close("losses", &losses, &case.output);
    assert_close("gradient", &gradient, &case.of_values[0]);
}

#[test]
fn every_case_of_the_fixture_is_compared() {
    let names: Vec<String> = fixture().cases.into_keys().collect();
    assert_eq!(names.len(), 19, "{names:?}");
}
