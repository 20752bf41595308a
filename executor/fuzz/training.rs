//! Files that a trainer reads: data of a client, models of other providers, its own checkpoints.

use std::sync::LazyLock;

use aipot_domain_runtime::order::{DataFormat, OrderSpecification};
use aipot_trainer::{
    architecture::initial_parameters,
    checkpoint::Checkpoint,
    dataset::{Dataset, split},
    model_file::{read_model, write_model},
    optimizer::OptimizerState,
    parameters::Parameters,
    run::TrainingOptions,
};

use crate::targets::order::small_order;

/// What features are divided by; any number from 1 on would do.
const DIVISOR: u32 = 16;
/// Bytes of the hash at the end of a checkpoint.
const FOOTER_BYTES: usize = 32;

static ORDER: LazyLock<OrderSpecification> = LazyLock::new(small_order);

/// Reads data about which nothing is known yet, and splits them.
pub(crate) fn accepts_data(bytes: &[u8]) -> bool {
    let Ok(dataset) = Dataset::survey(bytes, DataFormat::Csv, DIVISOR) else { return false };
    let (examples, features) = (dataset.example_count(), dataset.feature_count());
    assert_eq!(dataset.features().len(), examples * features, "a table with holes");
    assert!(dataset.labels().iter().all(|label| *label < dataset.class_count()));
    if let Ok(parts) = split(bytes, 1, 0) {
        let counts = [parts.train, parts.test].map(|part| {
            let part = Dataset::survey(&part, DataFormat::Csv, DIVISOR);
            part.expect("lines of a good file").example_count()
        });
        assert_eq!(counts, [examples - 1, 1], "the split lost or made a line");
    }
    true
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

pub(crate) fn data() -> Vec<Vec<u8>> {
    vec![b"1,2,3,4,0\n5,6,7,8,1\n0,16,-3,4,1\n".to_vec(), b"0,1\r\n16,0\r\n".to_vec()]
}

pub(crate) fn models() -> Vec<Vec<u8>> {
    vec![write_model(&parameters())]
}

pub(crate) fn checkpoints() -> Vec<Vec<u8>> {
    let parameters = parameters();
    let options = TrainingOptions::recipe(&ORDER, 1);
    let counts = parameters.tensors().iter().map(|tensor| tensor.values().len());
    let state = OptimizerState::new(options.optimizer, counts);
    let file = Checkpoint { order: ORDER.id(), options, step: 3, parameters, state }.to_bytes();
    vec![file[..file.len() - FOOTER_BYTES].to_vec()]
}

fn parameters() -> Parameters {
    initial_parameters(&ORDER, 1).expect("the order is small")
}
