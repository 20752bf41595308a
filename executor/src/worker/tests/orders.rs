//! Small orders of every architecture, with data made from a seed.

use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::Salt;
use aipot_trainer::dataset::prepare;
use aipot_trainer::dataset::synthetic::Part;
use aipot_trainer::specification::{TestFacts, parse_order_toml};

/// A perceptron.
pub(crate) const MLP: &str = r#"architecture = "mlp"
hidden = [16]"#;

/// A perceptron that takes enough memory to be measured.
pub(crate) const LARGE_MLP: &str = r#"architecture = "mlp"
hidden = [1024, 1024]"#;

/// A small network over images.
pub(crate) const CNN: &str = r#"architecture = "cnn"
image = [1, 12, 12]
convolutions = [{ outputs = 4, kernel = 5 }]
hidden = [16]"#;

/// A decoder over bytes.
pub(crate) const GPT: &str = r#"architecture = "gpt"
width = 16
layers = 1
heads = 2
context = 16"#;

const RECORDS: &str = "train_examples = 64
test_examples = 16
features = 144
classes = 10";

const TEXT: &str = r#"train = { format = "text" }
train_examples = 64
test_examples = 16
features = 16"#;

/// How many steps a fixed recipe of these orders has.
pub(crate) const STEPS: u32 = 12;

const FIXED: &str = r#"recipe = { steps = 12, optimizer = "adamw", learning_rate = 0.001, checkpoint_interval = 4 }"#;

const FREE: &str = r#"recipe = "free"
epochs = 2"#;

/// An order with a fixed recipe, and its training file.
pub(crate) fn fixed(model: &str) -> (OrderSpecification, Vec<u8>) {
    order(model, FIXED)
}

/// An order that leaves the training to its provider, and its training file.
pub(crate) fn free(model: &str) -> (OrderSpecification, Vec<u8>) {
    order(model, FREE)
}

fn order(model: &str, recipe: &str) -> (OrderSpecification, Vec<u8>) {
    let data = if model == GPT { TEXT } else { RECORDS };
    let text = format!(
        r#"version = 1
[model]
{model}
initial = {{ seed = 7 }}
[data]
synthetic = {{ seed = 7 }}
{data}
[train]
loss = "cross_entropy"
metric = "accuracy"
parameters_max = 2_000_000
batch = 8
{recipe}
[pay]
reward = "100"
metric_min = 0.05
"#
    );
    let draft = parse_order_toml(&text).unwrap();
    let [train, test] = [Part::Train, Part::Test].map(|part| draft.data.synthetic(part).unwrap());
    let (train, test) = prepare(&draft.data.shape(), train.as_deref(), test.as_deref()).unwrap();
    let (train, test) = (train.unwrap(), test.unwrap());
    let test = TestFacts::new(test.facts, &Salt([1; 32]));
    let specification = draft.complete(Some(&train.facts), Some(&test)).unwrap();
    (specification, train.bytes.into_owned())
}
