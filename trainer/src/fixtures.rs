//! Orders and data that many tests share.

use aipot_domain_runtime::order::{DataFormat, OrderSpecification};
use aipot_domain_runtime::primitives::Salt;

use crate::dataset::digits::{DIGITS_DIVISOR, digits};
use crate::dataset::{DataFacts, Dataset, Split, split};
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

/// Examples of the digits that are hidden.
const TEST_EXAMPLES: usize = 360;

/// The digits split by a seed, and the order for them.
pub(crate) struct Fixture {
    pub(crate) specification: OrderSpecification,
    pub(crate) files: Split,
    pub(crate) train: Dataset,
    pub(crate) test: Dataset,
}

/// The order for the digits.
pub(crate) fn digits_fixture(seed: u64) -> Fixture {
    let files = split(digits(), TEST_EXAMPLES, seed).unwrap();
    fixture(DIGITS_ORDER, files, DIGITS_DIVISOR)
}

/// An order of few bits for tests of rules: 3 features, one hidden layer of 4, 2 classes.
pub(crate) fn small_fixture() -> Fixture {
    let order = DIGITS_ORDER.replace("[128, 64]", "[4]").replace("divisor = 16", "divisor = 8");
    let files = Split {
        train: b"1,2,3,0\n4,5,6,1\n7,8,0,1\n0,1,0,0\n8,8,8,1\n".to_vec(),
        test: b"2,2,2,0\n6,7,8,1\n".to_vec(),
    };
    fixture(&order, files, 8)
}

/// The facts about a file.
pub(crate) fn facts(bytes: &[u8], divisor: u32) -> DataFacts {
    Dataset::survey(bytes, DataFormat::Csv, divisor).unwrap().facts()
}

fn fixture(order: &str, files: Split, divisor: u32) -> Fixture {
    let test = TestFacts::new(facts(&files.test, divisor), &Salt([9; 32]));
    let draft = parse_order_toml(order).unwrap();
    let specification = draft.complete(Some(&facts(&files.train, divisor)), Some(&test)).unwrap();
    let train = Dataset::read_train(&files.train, &specification.data).unwrap();
    let test = Dataset::read_test(&files.test, &specification.data).unwrap();
    Fixture { specification, files, train, test }
}
