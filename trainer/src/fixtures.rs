//! Orders and data that many tests share.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::Salt;
use aipot_kernels::activation::relu;
use aipot_kernels::matmul::matmul_portable;
use aipot_kernels::matrix::Matrix;
use aipot_kernels::softmax::{argmax, negative_log_likelihood};

use crate::dataset::digits::digits;
use crate::dataset::{DataFacts, Dataset, Split, pack_csv, split, survey};
use crate::parameters::Parameters;
use crate::specification::{TestFacts, parse_order_toml};

/// A classifier for the digits, as a client would write it down.
pub(crate) const DIGITS_ORDER: &str = r#"
version = 1

[model]
architecture = "mlp"
hidden = [128, 64]
initial = { seed = 7 }

[data]
divisor = 16

[train]
loss = "cross_entropy"
metric = "accuracy"
parameters_max = 100_000
recipe = "free"

[pay]
reward = "100"
metric_min = 0.9
"#;

/// The model of [`DIGITS_ORDER`].
pub(crate) const DIGITS_MODEL: &str = "architecture = \"mlp\"\nhidden = [128, 64]";

/// Examples of the digits that are hidden.
const TEST_EXAMPLES: usize = 360;

/// The digits split by a seed, packed, and the order for them.
pub(crate) struct Fixture {
    pub(crate) specification: OrderSpecification,
    pub(crate) files: Split,
    pub(crate) train: Dataset,
    pub(crate) test: Dataset,
}

/// The order for the digits.
pub(crate) fn digits_fixture(seed: u64) -> Fixture {
    let files = split(digits(), TEST_EXAMPLES, seed).unwrap();
    fixture(DIGITS_ORDER, &files)
}

/// The digits and an order for another model, the lines of its table.
pub(crate) fn digits_fixture_of(model: &str) -> Fixture {
    let order = DIGITS_ORDER.replace(DIGITS_MODEL, model);
    fixture(&order, &split(digits(), TEST_EXAMPLES, 0).unwrap())
}

/// An order of few bits for tests of rules: 3 features, one hidden layer of 4, 2 classes.
pub(crate) fn small_fixture() -> Fixture {
    let order = DIGITS_ORDER.replace("[128, 64]", "[4]").replace("divisor = 16", "divisor = 8");
    let files = Split {
        train: b"1,2,3,0\n4,5,6,1\n7,8,0,1\n0,1,0,0\n8,8,8,1\n".to_vec(),
        test: b"2,2,2,0\n6,7,8,1\n".to_vec(),
    };
    fixture(&order, &files)
}

/// The facts about a file and the specification of its order.
pub(crate) fn facts(bytes: &[u8], specification: &OrderSpecification) -> DataFacts {
    survey(bytes, specification.data.format, specification.data.feature_count).unwrap()
}

fn fixture(order: &str, lines: &Split) -> Fixture {
    let (train, test) = (pack_csv(&lines.train).unwrap(), pack_csv(&lines.test).unwrap());
    let hidden = TestFacts::new(test.facts, &Salt([9; 32]));
    let draft = parse_order_toml(order).unwrap();
    let specification = draft.complete(Some(&train.facts), Some(&hidden)).unwrap();
    let files = Split { train: train.bytes.into_owned(), test: test.bytes.into_owned() };
    let train = Dataset::read_train(&files.train, &specification.data).unwrap();
    let test = Dataset::read_test(&files.test, &specification.data).unwrap();
    Fixture { specification, files, train, test }
}

/// Right answers and the sum of losses in Q16.16 of a model of linear layers, by plain products: an
/// evaluation that shares nothing with programs.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "losses are not negative and rounded before"
)]
pub(crate) fn plain_evaluation(parameters: &Parameters, data: &Dataset) -> (u64, u64) {
    let layers = parameters.tensors().chunks(2);
    let mut values = data.features().to_vec();
    let (mut inputs, last) = (data.feature_count(), layers.len() - 1);
    for (index, layer) in layers.enumerate() {
        let (bias, weight) = (layer[0].values(), layer[1].values());
        let rows = Matrix::new(&values, data.example_count(), inputs).unwrap();
        let weight = Matrix::new(weight, bias.len(), inputs).unwrap();
        values = matmul_portable(rows, weight.transposed(), Some(bias)).unwrap();
        inputs = bias.len();
        if index < last {
            relu(&mut values);
        }
    }
    let answers = argmax(&values, inputs).unwrap();
    let right =
        answers.iter().zip(data.labels()).filter(|(answer, label)| **answer == **label as usize);
    let losses = negative_log_likelihood(&values, inputs, data.labels()).unwrap();
    let losses = losses.iter().map(|loss| (loss * 65_536.0).round_ties_even() as u64);
    (right.count() as u64, losses.sum())
}
