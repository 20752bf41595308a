//! A small order with a trained model that the tests share.

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::order::{DataFormat, OrderSpecification};
use aipot_domain_runtime::primitives::Salt;
use aipot_trainer::dataset::{DataFacts, survey};
use aipot_trainer::model_file::{model_root, write_model};
use aipot_trainer::run::{Trainer, TrainingFile, TrainingOptions};
use aipot_trainer::specification::{TestFacts, parse_order_toml};

const ORDER: &str = r#"
version = 1
[model]
architecture = "mlp"
hidden = [8]
[data]
divisor = 8
[train]
parameters_max = 1000
[pay]
reward = "100"
"#;

/// A training file of two features and two classes: the second feature is larger in class 1.
pub(crate) const TRAIN: &[u8] = &[1, 2, 0, 6, 7, 1, 2, 0, 0, 0, 8, 1, 3, 3, 0, 5, 8, 1];
/// A test file of the same kind.
pub(crate) const TEST: &[u8] = &[1, 1, 0, 2, 8, 1, 4, 7, 1];

/// The order for these files.
pub(crate) fn specification() -> OrderSpecification {
    let test = TestFacts::new(facts(TEST), &Salt([9; 32]));
    parse_order_toml(ORDER).unwrap().complete(Some(&facts(TRAIN)), Some(&test)).unwrap()
}

/// The bytes of a model trained with a seed, and its reveal.
pub(crate) fn model(seed: u64) -> (Vec<u8>, RevealedModel) {
    let specification = specification();
    let train = TrainingFile::new(TRAIN, &specification).unwrap();
    let options = TrainingOptions::steps(&specification, seed, 5);
    let mut trainer = Trainer::new(&specification, train, options).unwrap();
    while !trainer.is_finished() {
        trainer.step().unwrap();
    }
    let bytes = write_model(&trainer.finish().unwrap());
    let revealed = revealed(&bytes);
    (bytes, revealed)
}

/// The honest reveal of some bytes.
pub(crate) fn revealed(bytes: &[u8]) -> RevealedModel {
    RevealedModel { root: model_root(bytes), byte_count: u64::try_from(bytes.len()).unwrap() }
}

fn facts(bytes: &[u8]) -> DataFacts {
    survey(bytes, DataFormat::Records { value_bytes: 1 }, 2).unwrap()
}
