//! Tests of networks in ONNX: what they answer, that they learn, and what is refused.

use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::primitives::DataRoot;
use proptest::prelude::*;
use prost::Message as _;

use super::message::Attribute;
use super::*;
use crate::base_file::{Base, read_own_base};
use crate::dataset::data_file;
use crate::engine::batch::Batch;
use crate::engine::network::Network;
use crate::import::Written;
use crate::run::{Trainer, TrainingFile, TrainingOptions};

/// How far a logit may be from that of onnxruntime, which sums in another order.
const TOLERANCE: f32 = 1e-4;
/// Examples of a fixture, and the numbers of each.
const EXAMPLES: usize = 4;
const PIXELS: usize = 144;
/// The same as a size of a batch.
const BATCH: u32 = 4;

const PERCEPTRON: (&[u8], &[u8]) =
    (include_bytes!("../fixtures/perceptron.onnx"), include_bytes!("../fixtures/perceptron.f32"));
const CONVOLUTIONAL: (&[u8], &[u8]) = (
    include_bytes!("../fixtures/convolutional.onnx"),
    include_bytes!("../fixtures/convolutional.f32"),
);
const OPERATORS_USED: (&[u8], &[u8]) =
    (include_bytes!("../fixtures/operators.onnx"), include_bytes!("../fixtures/operators.f32"));

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

/// The logits of the imported network, and what onnxruntime makes of the same inputs.
fn logits((model, expected): (&[u8], &[u8])) -> (Vec<f32>, Vec<f32>) {
    let Written { mut specification, base, .. } = read_onnx(model).unwrap().write().unwrap();
    let Some(Base::Start(weights)) = read_own_base(&base, &specification).unwrap() else {
        panic!("a network that is not trained");
    };
    specification.train.batch_size = BATCH;
    let mut network = Network::new(&specification, EXAMPLES).unwrap();
    let numbers = floats(expected);
    let (features, expected) = numbers.split_at(EXAMPLES * PIXELS);
    let labels = [0; EXAMPLES];
    let batch = Batch { features, tokens: &[], labels: &labels, number: 0 };
    (network.logits(&weights, batch).unwrap(), expected.to_vec())
}

fn check((found, expected): (Vec<f32>, Vec<f32>)) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= TOLERANCE, "{found} instead of {expected}");
    }
}

#[test]
fn a_perceptron_of_pytorch_answers_as_onnxruntime_does() {
    check(logits(PERCEPTRON));
}

#[test]
fn operators_that_pytorch_does_not_write_answer_as_onnxruntime_does() {
    check(logits(OPERATORS_USED));
}

#[test]
fn a_softmax_at_the_end_becomes_the_logits_that_it_is_made_of() {
    let (logits, shares) = logits(CONVOLUTIONAL);
    let rows = logits.chunks(5).flat_map(|row| {
        let total: f32 = row.iter().map(|logit| logit.exp()).sum();
        row.iter().map(move |logit| logit.exp() / total)
    });
    check((rows.collect(), shares));
}

#[test]
fn an_imported_network_learns() {
    for (model, inputs) in [PERCEPTRON, CONVOLUTIONAL, OPERATORS_USED] {
        let Written { mut specification, base, .. } = read_onnx(model).unwrap().write().unwrap();
        let mut train = Vec::new();
        for (label, example) in (0_u32..).zip(inputs[..EXAMPLES * PIXELS * 4].chunks(PIXELS * 4)) {
            train.extend_from_slice(example);
            train.extend(label.to_le_bytes());
        }
        let data = &mut specification.data;
        (data.train, data.train_example_count) = (data_file(&train), BATCH);
        (specification.train.batch_size, specification.train.epochs) = (BATCH, 60);
        let file = TrainingFile::new(&train, &specification).unwrap().with_base(&base);
        let options = TrainingOptions::recipe(&specification, 1);
        let mut trainer = Trainer::new(&specification, file, options).unwrap();
        let first = trainer.step().unwrap().loss_nats;
        let mut last = first;
        while !trainer.is_finished() {
            last = trainer.step().unwrap().loss_nats;
        }
        assert!(last < 0.8 * first, "the loss went from {first} to {last}");
    }
}

#[test]
fn the_order_that_is_written_is_read_again() {
    let written = read_onnx(CONVOLUTIONAL.0).unwrap().write().unwrap();
    let draft = crate::specification::parse_order_toml(&written.order).unwrap();
    assert_eq!(draft.base_path.as_deref(), Some("base.safetensors"));
    assert_eq!(draft.model, written.specification.model);
    let DataFile { root, byte_count } = draft.model.base.unwrap();
    assert_eq!(byte_count, written.base.len() as u64);
    assert_eq!(root, DataRoot(aipot_kernels::blake3_tree::root(&written.base)));
}

/// The model with one of its nodes changed.
fn changed(change: impl Fn(&mut Node)) -> ImportError {
    let mut model: Model = decode("the file", OPERATORS_USED.0).unwrap();
    let mut parts: GraphParts = decode("the graph", model.graph.as_ref().unwrap()).unwrap();
    for bytes in &mut parts.nodes {
        let mut node: Node = decode("a node", bytes).unwrap();
        change(&mut node);
        *bytes = node.encode_to_vec();
    }
    model.graph = Some(parts.encode_to_vec());
    read_onnx(&model.encode_to_vec()).unwrap_err()
}

#[test]
fn what_no_order_can_say_is_refused_by_node_and_operator() {
    let named = |name: &'static str, change: fn(&mut Node)| {
        changed(move |node| {
            if node.name == name {
                change(node);
            }
        })
        .to_string()
    };
    let found = named("relu", |node| node.operator = "Erf".into());
    assert!(found.starts_with("node relu is of the operator Erf, allowed are Add, "), "{found}");
    let found = named("relu", |node| node.domain = "com.microsoft".into());
    assert!(found.starts_with("node relu is of the operator com.microsoft.Relu"), "{found}");
    let found = named("conv", |node| {
        let group = Attribute { name: "group".into(), integer: 2, ..Attribute::default() };
        node.attributes.push(group);
    });
    assert_eq!(found, "group of node conv (Conv) is 2, allowed: 1");
    let found = named("pool", |node| node.attributes.clear());
    let expected =
        "kernel and strides of node pool (MaxPool) is [0, 1], allowed: 2 x 2 with strides of 2";
    assert_eq!(found, expected);
    let found = named("flat", |node| node.inputs[1] = "matrix".into());
    assert_eq!(found, "the type of tensor matrix is real, allowed: i64");
    let found = named("product", |node| node.inputs[1] = "nowhere".into());
    let expected =
        "an input of node product (MatMul) is \"nowhere\", allowed: a tensor of the file";
    assert_eq!(found, expected);
    let found = named("batch", |node| node.inputs[1] = "head".into());
    assert_eq!(found, "the shape of tensor head is [6, 5], allowed: any");
    let found = named("halve", |node| node.inputs[1] = "bias".into());
    assert_eq!(found, "a factor of node halve (Mul) is a tensor, allowed: a value or one number");
}

/// The model with one of its tensors changed.
fn with_tensor(change: impl Fn(&mut Tensor)) -> String {
    let mut model: Model = decode("the file", OPERATORS_USED.0).unwrap();
    let mut parts: GraphParts = decode("the graph", model.graph.as_ref().unwrap()).unwrap();
    let mut tensor: Tensor = decode("a tensor", &parts.initializers[0]).unwrap();
    change(&mut tensor);
    parts.initializers[0] = tensor.encode_to_vec();
    model.graph = Some(parts.encode_to_vec());
    read_onnx(&model.encode_to_vec()).and_then(Imported::write).unwrap_err().to_string()
}

#[test]
fn tensors_that_are_not_what_they_say_are_refused() {
    let found = with_tensor(|tensor| tensor.sides = vec![1 << 40, 1 << 40]);
    assert!(
        found.contains("is [1099511627776, 1099511627776], allowed: at most 8 sides"),
        "{found}"
    );
    let found = with_tensor(|tensor| tensor.sides[0] += 1);
    assert!(found.starts_with("the number of values of tensor kernel is 36"), "{found}");
    let found = with_tensor(|tensor| tensor.location = 1);
    assert!(found.contains("is another file"), "{found}");
    let found = with_tensor(|tensor| tensor.data_type = 11);
    assert!(found.contains("is number 11"), "{found}");
    let found = with_tensor(|tensor| tensor.raw = Some(vec![0xff; 36 * 4]));
    assert!(found.contains("is NaN, allowed are finite values"), "{found}");
}

#[test]
fn halves_and_brains_are_widened() {
    for (bits, value) in
        [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_5e-8), (0x7bff, 65_504.0)]
    {
        assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:x}");
    }
    assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    assert_eq!(brain(0x3f80).to_bits(), 1_f32.to_bits());
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(read_onnx(&bytes));
    }

    #[test]
    fn no_damage_makes_it_panic(place in 0_usize..2_000, bits in 1_u8.., cut in 0_usize..2_000) {
        let mut bytes = OPERATORS_USED.0.to_vec();
        bytes[place] ^= bits;
        drop(read_onnx(&bytes).and_then(Imported::write));
        bytes.truncate(cut);
        drop(read_onnx(&bytes).and_then(Imported::write));
    }
}
