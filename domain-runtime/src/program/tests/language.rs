//! Layers over tokens as programs: sound within all bounds, every tensor with a gradient that is a slope.

use std::vec;
use std::vec::Vec;

use super::counts;
use super::evaluations;
use super::gradients::{bytes, check, check_over};
use super::machine::Machine;
use super::orders::{MOMENTUM, order, recipe};
use crate::bounded::BoundedVec;
use crate::order::network::{AttentionMask, GraphInput, GraphLayer, Layer, network};
use crate::order::tensors::{Tensor, base_tensors, tensors};
use crate::order::{
    Architecture, BertShape, DataFile, DataFormat, LlamaShape, LoraBase, LoraShape, LoraTarget,
    OrderSpecification, Recipe,
};
use crate::primitives::DataRoot;
use crate::program::{base_header, evaluation, evaluation_batch_rows, training};
use crate::progress::TestSource;

/// 1e-5, one half, 10,000 and 3 as f32.
const EPSILON: u32 = 0x3727_c5ac;
const HALF: u32 = 0x3f00_0000;
const BASE: u32 = 0x461c_4000;
const THREE: u32 = 0x4040_0000;

/// Tokens of an example, ids, classes, examples of a batch.
const TOKENS: u32 = 5;
const VOCABULARY: u32 = 7;
const CLASSES: u32 = 3;
const BATCH: u32 = 3;

const BERT: BertShape = BertShape {
    vocabulary: VOCABULARY,
    positions: 6,
    width: 4,
    hidden_width: 6,
    layer_count: 1,
    head_count: 2,
};

const LLAMA: LlamaShape =
    LlamaShape { width: 4, hidden_width: 6, layer_count: 1, head_count: 1, rope_base: BASE };

/// Layers that read the value before them, or those that are named.
fn layers(layers: &[(Layer, &[u16])]) -> BoundedVec<GraphLayer, 512> {
    let layers = layers.iter().map(|(layer, inputs)| GraphLayer {
        layer: *layer,
        inputs: BoundedVec::try_from(inputs.to_vec()).unwrap(),
    });
    BoundedVec::try_from(layers.collect::<Vec<_>>()).unwrap()
}

/// Records of a few tokens, some of them padding, and a label.
fn of_records(architecture: Architecture) -> (OrderSpecification, Vec<u8>) {
    let mut order = order(architecture, (TOKENS, CLASSES), BATCH);
    order.data.feature_divisor = 1;
    let values = TOKENS as usize + 1;
    let count = order.data.train_example_count as usize * values;
    let mut data = bytes(count, u8::try_from(VOCABULARY).unwrap());
    for record in data.chunks_mut(values) {
        record[values - 1] %= u8::try_from(CLASSES).unwrap();
    }
    // The first example is nothing but padding.
    data[..values - 1].fill(0);
    (order, data)
}

/// Running tokens, each of which predicts the next.
fn of_text(architecture: Architecture) -> (OrderSpecification, Vec<u8>) {
    let mut order = order(architecture, (TOKENS, VOCABULARY), BATCH);
    order.data.format = DataFormat::Tokens { value_bytes: 2 };
    order.data.feature_divisor = 1;
    let count = order.data.train_example_count as usize * TOKENS as usize + 1;
    let tokens = bytes(count, u8::try_from(VOCABULARY).unwrap());
    (order, tokens.into_iter().flat_map(|token| [token, 0]).collect())
}

/// Every layer of this room once, with each mask, behind a table of tokens.
fn every_layer() -> (OrderSpecification, Vec<u8>) {
    let attention = |mask| Layer::Attention { heads: 2, mask };
    let linear = |outputs| Layer::Linear { outputs, has_bias: false };
    let graph = layers(&[
        (Layer::Embedding { vocabulary: VOCABULARY, width: 4 }, &[]),
        (Layer::RmsNorm { epsilon: EPSILON }, &[]),
        (linear(12), &[]),
        (Layer::Rope { heads: 2, base: BASE }, &[]),
        (attention(AttentionMask::Padding), &[4, 0]),
        (Layer::Dropout { rate: HALF }, &[]),
        (linear(12), &[]),
        (attention(AttentionMask::None), &[]),
        (Layer::Silu, &[]),
        (Layer::Multiply, &[9, 2]),
        (Layer::Scale { factor: THREE }, &[]),
        (Layer::FirstToken, &[]),
        (Layer::MeanTokens, &[11, 0]),
        (Layer::MeanTokens, &[11]),
        (Layer::Multiply, &[12, 14]),
        (Layer::Add, &[15, 13]),
        (linear(CLASSES), &[]),
    ]);
    of_records(Architecture::Graph { input: GraphInput::Tokens, layers: graph })
}

fn bert() -> (OrderSpecification, Vec<u8>) {
    of_records(Architecture::Bert(BERT))
}

fn llama() -> (OrderSpecification, Vec<u8>) {
    of_text(Architecture::Llama(LLAMA))
}

/// Adapters on a base that looks drawn, which stands behind the header of its file.
fn lora(base: LoraBase) -> (OrderSpecification, Vec<u8>, Vec<u8>) {
    let targets = vec![LoraTarget::AttentionInput, LoraTarget::PerceptronOutput];
    let targets = BoundedVec::try_from(targets).unwrap();
    let shape = LoraShape { base, rank: 2, alpha: THREE, targets };
    let architecture = Architecture::Lora(shape.clone());
    let (mut order, data) = match shape.base {
        LoraBase::Bert(_) => of_records(architecture),
        LoraBase::Llama(_) => of_text(architecture),
    };
    let tensors = network(&order).unwrap().unwrap().base;
    let mut file = base_header(&order).unwrap();
    for (place, tensor) in tensors.iter().enumerate() {
        let count: u32 = tensor.shape.iter().product();
        for element in 0..count {
            let byte = blake3::hash(&[place as u8, element as u8]).as_bytes()[0];
            // A sign, and a size from a quarter to a half.
            let word = u32::from(byte & 1) << 31 | 0x3e80_0000 | u32::from(byte) << 15;
            file.extend(word.to_le_bytes());
        }
    }
    let byte_count = u64::try_from(file.len()).unwrap();
    order.model.base = Some(DataFile { root: DataRoot([9; 32]), byte_count });
    (order, data, file)
}

#[test]
fn layers_over_tokens_become_programs_that_are_sound() {
    for (order, _) in [every_layer(), bert(), llama()] {
        counts(&training(&order).unwrap());
        evaluations(&order).unwrap().iter().for_each(|computation| {
            counts(computation);
        });
    }
    for base in [LoraBase::Bert(BERT), LoraBase::Llama(LLAMA)] {
        let (order, _, _) = lora(base);
        counts(&training(&order).unwrap());
        evaluations(&order).unwrap().iter().for_each(|computation| {
            counts(computation);
        });
    }
}

#[test]
fn gradients_of_every_layer_over_tokens_are_slopes() {
    let (order, data) = every_layer();
    check(order, &data, 1.0 / 512.0);
}

#[test]
fn gradients_of_an_encoder_are_slopes() {
    let (order, data) = bert();
    check(order, &data, 1.0 / 512.0);
}

#[test]
fn gradients_of_a_llama_are_slopes() {
    let (order, data) = llama();
    check(order, &data, 1.0 / 512.0);
}

#[test]
fn gradients_of_adapters_are_slopes() {
    for base in [LoraBase::Bert(BERT), LoraBase::Llama(LLAMA)] {
        let (order, data, file) = lora(base);
        check_over(order, (&data, &file), 1.0 / 512.0);
    }
}

/// The tensors of the model, and the bits of the gradient of each in the first step from the seed.
fn first_gradients(
    mut order: OrderSpecification,
    data: &[u8],
    model: &[u8],
) -> Vec<(std::string::String, Vec<u32>)> {
    order.train.recipe = recipe(MOMENTUM);
    let computation = training(&order).unwrap();
    let mut initial = Machine::new(&computation.initial, &[], data);
    initial.model = model;
    initial.run(0, |_| false);
    let mut machine = Machine::new(&computation.step, &initial.persistent(), data);
    machine.model = model;
    machine.run(0, |_| false);
    let names: Vec<_> = tensors(&order).unwrap().into_iter().map(|tensor| tensor.name).collect();
    let velocities = machine.persistent().split_off(names.len());
    names.into_iter().zip(velocities).collect()
}

#[test]
fn every_tensor_gets_a_gradient() {
    let is_moved = |words: &Vec<u32>| words.iter().any(|word| word << 1 != 0);
    for (order, data) in [every_layer(), bert(), llama()] {
        let found = first_gradients(order, &data, &[]);
        assert!(found.len() > 3);
        for (name, gradient) in found {
            assert!(is_moved(&gradient), "{name} gets no gradient");
        }
    }
}

#[test]
fn adapters_begin_as_their_base_and_only_the_second_matrix_has_a_gradient() {
    let (order, data, file) = lora(LoraBase::Llama(LLAMA));
    let found = first_gradients(order, &data, &file);
    assert_eq!(found.len(), 4);
    for (name, gradient) in found {
        // Behind a matrix of zeros nothing comes through yet.
        let is_second = name.ends_with("adapter.b.weight");
        assert_eq!(gradient.iter().any(|word| word << 1 != 0), is_second, "{name}");
    }
}

#[test]
fn an_evaluation_leaves_nothing_out() {
    let names = |program: &crate::program::Program| -> Vec<_> {
        program.operators.iter().map(|operator| operator.name).collect()
    };
    let (order, _) = every_layer();
    assert!(names(&training(&order).unwrap().step).contains(&"what dropout keeps"));
    for evaluation in evaluations(&order).unwrap() {
        assert!(!names(&evaluation.step).contains(&"what dropout keeps"));
    }
}

#[test]
fn an_encoder_of_the_size_of_minilm_is_scored_in_batches_that_fit() {
    // Sides of all-MiniLM-L6-v2, the head of which is trained over 64 tokens.
    let base = BertShape {
        vocabulary: 30_522,
        positions: 512,
        width: 384,
        hidden_width: 1_536,
        layer_count: 6,
        head_count: 12,
    };
    let targets = BoundedVec::new();
    let shape = LoraShape { base: LoraBase::Bert(base), rank: 4, alpha: 0x4080_0000, targets };
    let mut order = order(Architecture::Lora(shape), (64, 2), 8);
    order.data.format = DataFormat::Records { value_bytes: 2 };
    order.train.recipe = Recipe::Free;
    let values: u64 = base_tensors(&order).unwrap().iter().filter_map(Tensor::value_count).sum();
    let byte_count = base_header(&order).unwrap().len() as u64 + 4 * values;
    order.model.base = Some(DataFile { byte_count, ..order.data.train });
    assert_eq!(evaluation_batch_rows(&order), Ok(32));
    let file = DataFile { byte_count: u64::MAX, ..order.data.train };
    let source = TestSource::Revealed(file);
    let computation = evaluation(&order, &file, &source, [0; 32]).unwrap();
    assert_eq!(computation.check(), Ok(()));
    assert!(computation.step.operators.len() < 300);
    order.data.feature_count = 16;
    assert_eq!(evaluation_batch_rows(&order), Ok(64));
}
