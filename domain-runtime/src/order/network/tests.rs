//! Networks: what becomes of each architecture, and every refusal with its words.

use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use parity_scale_codec::DecodeAll;
use proptest::prelude::*;

use super::*;
use crate::order::check::check;
use crate::order::tests::{LIMITS, specification};
use crate::order::{
    BertShape, DataFile, DataFormat, LlamaShape, LoraTarget, ResnetShape, VitShape,
};

const IMAGE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };
const BERT: BertShape = BertShape {
    vocabulary: 50,
    positions: 64,
    width: 8,
    hidden_width: 12,
    layer_count: 2,
    head_count: 2,
};
const LLAMA: LlamaShape = LlamaShape {
    width: 8,
    hidden_width: 12,
    layer_count: 2,
    head_count: 2,
    rope_base: 0x461c_4000,
};
const VIT: VitShape = VitShape { image: IMAGE, patch: 2, width: 8, layer_count: 2, head_count: 2 };

/// An order for 64 features and 10 classes.
fn of(architecture: Architecture) -> OrderSpecification {
    let mut order = specification();
    order.model.architecture = architecture;
    order
}

fn running(architecture: Architecture) -> OrderSpecification {
    let mut order = of(architecture);
    order.data.format = DataFormat::Tokens { value_bytes: 2 };
    order
}

fn resnet(block_count: u32) -> ResnetShape {
    let widths = vec![8, 16].try_into().unwrap();
    ResnetShape { image: IMAGE, widths, block_count, groups: 4 }
}

fn lora(base: LoraBase, targets: Vec<LoraTarget>) -> LoraShape {
    LoraShape { base, rank: 2, alpha: 0x4080_0000, targets: targets.try_into().unwrap() }
}

fn layer(layer: Layer, inputs: &[u16]) -> GraphLayer {
    GraphLayer { layer, inputs: inputs.to_vec().try_into().unwrap() }
}

fn graph(input: GraphInput, layers: &[GraphLayer]) -> OrderSpecification {
    of(Architecture::Graph { input, layers: layers.to_vec().try_into().unwrap() })
}

const fn linear(outputs: u32) -> Layer {
    Layer::Linear { outputs, has_bias: true }
}

fn parameter_count(tensors: &[Tensor]) -> u64 {
    tensors.iter().map(|tensor| tensor.value_count().unwrap()).sum()
}

fn made(order: &OrderSpecification) -> Network {
    network(order).unwrap().unwrap()
}

/// The words with which layers over features are refused.
fn refused(input: GraphInput, layers: &[GraphLayer]) -> String {
    network(&graph(input, layers)).unwrap_err().to_string()
}

#[test]
fn every_architecture_has_the_parameters_of_its_paper() {
    // Convolution, two norms or projections, as the sizes say.
    let block = |inputs: u64, width: u64| 9 * inputs * width + 9 * width * width + 4 * width;
    let projection = 8 * 16 + 2 * 16;
    let expected = (9 * 8 + 16) + block(8, 8) + block(8, 16) + projection + (16 * 10 + 10);
    assert_eq!(parameter_count(&made(&of(Architecture::Resnet(resnet(1)))).tensors), expected);
    let attention = 8 * 24 + 24 + 8 * 8 + 8;
    let perceptron = |hidden: u64| 8 * hidden + hidden + hidden * 8 + 8;
    let expected =
        (4 * 8 + 8) + 16 * 8 + 2 * (attention + perceptron(32) + 4 * 8) + 2 * 8 + (8 * 10 + 10);
    assert_eq!(parameter_count(&made(&of(Architecture::Vit(VIT))).tensors), expected);
    let body = 50 * 8 + 64 * 8 + 2 * 8 + 2 * (attention + perceptron(12) + 4 * 8);
    let head = 8 * 10 + 10;
    assert_eq!(parameter_count(&made(&of(Architecture::Bert(BERT))).tensors), body + head);
    let block = 8 * 24 + 8 * 8 + 3 * 8 * 12 + 2 * 8;
    let llama = 10 * 8 + 2 * block + 8 + 8 * 10;
    assert_eq!(parameter_count(&made(&running(Architecture::Llama(LLAMA))).tensors), llama);
    let targets = vec![LoraTarget::AttentionInput];
    let adapters = 2 * (8 * 2 + 2 * 24);
    let network = made(&of(Architecture::Lora(lora(LoraBase::Bert(BERT), targets.clone()))));
    assert_eq!(parameter_count(&network.base), body);
    assert_eq!(parameter_count(&network.tensors), adapters + head);
    let network = made(&running(Architecture::Lora(lora(LoraBase::Llama(LLAMA), targets))));
    assert_eq!(parameter_count(&network.base), llama);
    assert_eq!(parameter_count(&network.tensors), adapters);
}

#[test]
fn layers_find_their_tensors_by_name() {
    let network = made(&of(Architecture::Lora(lora(LoraBase::Bert(BERT), Vec::new()))));
    for tensors in [&network.tensors, &network.base] {
        assert!(tensors.is_sorted_by(|left, right| left.name < right.name));
    }
    for (number, node) in network.nodes.iter().enumerate() {
        for place in &node.tensors {
            let tensor = match *place {
                TensorPlace::Trained(place) => &network.tensors[place],
                TensorPlace::Base(place) => &network.base[place],
            };
            assert_eq!(usize::from(tensor.layer), number, "{}", tensor.name);
        }
    }
    // Nothing before the head needs a gradient.
    let needed = network.needed_gradients();
    assert_eq!(needed.iter().filter(|is_needed| **is_needed).count(), 1);
}

#[test]
fn more_blocks_than_any_network_has_are_refused_at_once() {
    let max = BLOCKS_MAX;
    let bert = BertShape { layer_count: u32::MAX, ..BERT };
    let llama = LlamaShape { layer_count: u32::MAX, ..LLAMA };
    let orders = [
        of(Architecture::Resnet(resnet(u32::MAX))),
        of(Architecture::Vit(VitShape { layer_count: u32::MAX, ..VIT })),
        of(Architecture::Bert(bert)),
        of(Architecture::Lora(lora(LoraBase::Bert(bert), Vec::new()))),
        running(Architecture::Llama(llama)),
        running(Architecture::Lora(lora(LoraBase::Llama(llama), Vec::new()))),
    ];
    for order in orders {
        assert_eq!(network(&order), Err(NetworkError::BlockCount { found: u32::MAX, max }));
    }
    let many = of(Architecture::Resnet(resnet(max)));
    assert!(matches!(network(&many), Err(NetworkError::LayerCount { max: LAYERS_MAX, .. })));
}

const fn convolution(kernel: u32, stride: u32, padding: u32) -> Layer {
    Layer::Convolution { outputs: 4, kernel, stride, padding, has_bias: true }
}

/// A layer for each, which reads the one before it.
fn chain(layers: &[Layer]) -> Vec<GraphLayer> {
    layers.iter().map(|one| layer(*one, &[])).collect()
}

#[test]
fn layers_that_read_the_wrong_values_are_refused_in_words() {
    let cases: [(&[GraphLayer], &str); 6] = [
        (&[], "the network has 0 layers, allowed 1 to 512"),
        (&[layer(linear(10), &[1])], "layer 0 reads value 1, allowed 0 to 0"),
        (
            &[layer(linear(4), &[]), layer(Layer::Add, &[1])],
            "layer 1 (add) reads 1 values, allowed 2 to 2",
        ),
        (
            &[layer(linear(4), &[]), layer(linear(5), &[]), layer(Layer::Add, &[1, 2])],
            "layer 2 (add) joins values of 4 and 5 numbers",
        ),
        (&[layer(linear(4), &[]), layer(linear(10), &[0])], "layer 0 is read by no other"),
        (
            &[layer(linear(9), &[])],
            "the network gives features with 9 numbers, the data needs features with 10",
        ),
    ];
    for (layers, words) in cases {
        assert_eq!(refused(GraphInput::Features, layers), words);
    }
    let nowhere = lora(LoraBase::Bert(BERT), vec![LoraTarget::PerceptronGate]);
    assert_eq!(network(&of(Architecture::Lora(nowhere))), Err(NetworkError::NoTarget));
}

#[test]
fn numbers_that_no_layer_takes_are_refused_in_words() {
    let (features, image) = (GraphInput::Features, GraphInput::Image(IMAGE));
    let cases: [(GraphInput, &[Layer], &str); 8] = [
        (
            features,
            &[convolution(3, 1, 1)],
            "layer 0 (convolution) reads features, it takes an image",
        ),
        (
            image,
            &[convolution(9, 1, 0)],
            "layer 0 (convolution): kernel is 9, allowed 1 to the padded sides of the image",
        ),
        (image, &[convolution(3, 0, 0)], "layer 0 (convolution): stride is 0, allowed 1 or more"),
        (
            image,
            &[convolution(3, 1, 3)],
            "layer 0 (convolution): padding is 3, allowed less than the kernel",
        ),
        (
            image,
            &[convolution(4, 1, 0), Layer::MaxPool],
            "layer 1 (max_pool): rows is 5, allowed even numbers",
        ),
        (
            image,
            &[Layer::Patches { side: 3 }],
            "layer 0 (patches): side is 3, allowed divisors of the sides of the image",
        ),
        (
            features,
            &[Layer::Dropout { rate: 0x3f80_0000 }],
            "layer 0 (dropout): rate (bits) is 1065353216, allowed 0 to below 1",
        ),
        (GraphInput::Tokens, &[Layer::Relu], "layer 0 (relu) reads tokens, it takes numbers"),
    ];
    for (input, layers, words) in cases {
        assert_eq!(refused(input, &chain(layers)), words);
    }
    let wide = ImageShape { width: 9, ..IMAGE };
    let found = refused(GraphInput::Image(wide), &chain(&[Layer::Flatten]));
    assert_eq!(found, "the data has 64 features, the network takes 72");
}

#[test]
fn a_base_is_there_and_as_long_as_its_tensors() {
    let mut order = of(Architecture::Lora(lora(LoraBase::Bert(BERT), Vec::new())));
    order.data.format = DataFormat::Records { value_bytes: 1 };
    let missing = check(&order, &LIMITS).unwrap_err().to_string();
    assert_eq!(missing, "model.base is missing, for the weights that stay as they are");
    let header = crate::program::base_header(&order).unwrap().len() as u64;
    let byte_count = header + 4 * parameter_count(&made(&order).base);
    let root = order.data.train.root;
    order.model.base = Some(DataFile { root, byte_count });
    check(&order, &LIMITS).unwrap();
    order.model.base = Some(DataFile { root, byte_count: byte_count + 1 });
    let found = check(&order, &LIMITS).unwrap_err().to_string();
    let wanted = byte_count + 1;
    assert_eq!(
        found,
        std::format!("model.base.bytes is {wanted}, allowed {byte_count} to {byte_count}")
    );
}

/// Architectures as a peer may send them: any bytes behind the number of one.
fn hostile() -> impl Strategy<Value = Architecture> {
    let bytes = prop::collection::vec(prop_oneof![Just(0), Just(1), Just(8), any::<u8>()], 0..64);
    (3_u8..=8, bytes).prop_filter_map("no architecture", |(index, mut bytes)| {
        bytes.insert(0, index);
        (1..=bytes.len()).find_map(|end| Architecture::decode_all(&mut &bytes[..end]).ok())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a peer sends is refused or checked, soon and without a panic.
    #[test]
    fn no_architecture_panics_or_takes_for_ever(architecture in hostile(), is_running: bool) {
        let order = if is_running { running(architecture) } else { of(architecture) };
        if let Ok(Some(network)) = network(&order) {
            prop_assert!(network.nodes.len() <= LAYERS_MAX);
            prop_assert_eq!(network.needed_gradients().len(), network.nodes.len() + 1);
        }
        let _verdict = check(&order, &LIMITS);
    }
}
