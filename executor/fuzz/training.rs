//! Files that a trainer reads: data of a client, models of other providers, its own checkpoints.

use std::sync::LazyLock;

use aipot_domain_runtime::order::{DataFormat, DataSpecification, OrderSpecification};
use aipot_trainer::{
    architecture::initial_parameters,
    checkpoint::Checkpoint,
    dataset::{DataFacts, Dataset, pack_csv, split, survey},
    model_file::{read_model, write_model},
    optimizer::{OptimizerState, TensorShape},
    parameters::Parameters,
    run::TrainingOptions,
};

use crate::targets::order::small_order;

/// Bytes of the hash at the end of a checkpoint.
const FOOTER_BYTES: usize = 32;

static ORDER: LazyLock<OrderSpecification> = LazyLock::new(small_order);

/// Packs lines of numbers about which nothing is known yet, reads them back, and splits them.
pub(crate) fn accepts_lines(bytes: &[u8]) -> bool {
    let Ok(file) = pack_csv(bytes) else { return false };
    check_examples(&file.bytes, &file.facts);
    if let Ok(parts) = split(bytes, 1, 0) {
        let counts = [parts.train, parts.test].map(|part| {
            let part = pack_csv(&part).expect("lines of a good file");
            part.facts.example_count
        });
        let expected = [file.facts.example_count - 1, 1];
        assert_eq!(counts, expected, "the split lost or made a line");
    }
    true
}

/// Reads records or text; the first byte chooses the width, the second the number of features.
pub(crate) fn accepts_data(bytes: &[u8]) -> bool {
    let [width, feature_count, file @ ..] = bytes else { return false };
    let format = match width {
        0 => DataFormat::Text,
        value_bytes => DataFormat::Records { value_bytes: *value_bytes },
    };
    let Ok(facts) = survey(file, format, u32::from(*feature_count)) else { return false };
    check_examples(file, &facts);
    true
}

/// What was surveyed can be read, and every example is whole.
fn check_examples(bytes: &[u8], facts: &DataFacts) {
    let data = DataSpecification {
        train: facts.file,
        format: facts.format,
        train_example_count: facts.example_count,
        feature_count: facts.feature_count,
        class_count: facts.class_count,
        ..ORDER.data.clone()
    };
    let dataset = Dataset::read_train(bytes, &data).expect("the survey read it");
    let (examples, features) = (dataset.example_count(), dataset.feature_count());
    if facts.format == DataFormat::Text {
        assert!((0..examples).all(|example| dataset.tokens(example).len() == features + 1));
    } else {
        assert_eq!(dataset.features().len(), examples * features, "a table with holes");
        assert!(dataset.labels().iter().all(|label| *label < dataset.class_count()));
    }
}

/// Reads a model of the order and writes it again: only the canonical file is a model.
pub(crate) fn accepts_model(bytes: &[u8]) -> bool {
    let Ok(parameters) = read_model(bytes, &ORDER) else { return false };
    assert_eq!(write_model(&parameters), bytes, "two files of one model");
    true
}

/// Reads a checkpoint whose hash is right, as after an edit by somebody who can hash.
pub(crate) fn accepts_checkpoint(body: &[u8]) -> bool {
    let file = [body, blake3::hash(body).as_bytes()].concat();
    let Ok(checkpoint) = Checkpoint::from_bytes(&file, &ORDER) else { return false };
    assert_eq!(checkpoint.to_bytes(), file, "two files of one checkpoint");
    true
}

pub(crate) fn lines() -> Vec<Vec<u8>> {
    vec![b"1,2,3,4,0\n5,6,7,8,1\n0,16,300,4,1\n".to_vec(), b"0,1\r\n16,0\r\n".to_vec()]
}

pub(crate) fn data() -> Vec<Vec<u8>> {
    vec![vec![1, 2, 7, 255, 0, 9, 8, 1], vec![2, 1, 7, 1, 0, 0], b"\0\x04to be or not".to_vec()]
}

pub(crate) fn models() -> Vec<Vec<u8>> {
    vec![write_model(&parameters())]
}

pub(crate) fn checkpoints() -> Vec<Vec<u8>> {
    let parameters = parameters();
    let options = TrainingOptions::recipe(&ORDER, 1);
    let shapes = TensorShape::of_order(&ORDER).expect("the order is small");
    let state = OptimizerState::new(options.optimizer, &shapes);
    let (order, averages) = (ORDER.id(), Some(parameters.clone()));
    let file = Checkpoint { order, options, step: 3, parameters, averages, state }.to_bytes();
    vec![file[..file.len() - FOOTER_BYTES].to_vec()]
}

fn parameters() -> Parameters {
    initial_parameters(&ORDER, 1).expect("the order is small")
}
