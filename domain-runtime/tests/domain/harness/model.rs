//! Model files of the test order: networks whose number of right answers is known beforehand.

use aipot_domain_runtime::float::Float;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::tensors::tensors;
use aipot_domain_runtime::primitives::ModelRoot;
use aipot_domain_runtime::program::model_header;
use aipot_domain_runtime::trace::{TraceOpening, list_root};

use super::player::Player;
use super::setting::{DIVISOR, specification};

/// A model file, and what its trace commits to if the order is a recipe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Model {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// The end of its training.
    pub(crate) trace: Option<TraceOpening>,
}

impl Model {
    /// A model of three chunks with `correct` right answers of 50; `salt` tells equally good ones apart.
    ///
    /// The first hidden unit repeats the first feature, the number of the example; the second class wins
    /// while it is below `correct`. The other hidden units change nothing.
    pub(crate) fn new(correct: u32, salt: u32) -> Self {
        let specification = specification(0);
        // Half an example below the first that is answered wrongly.
        let doubled = Float::from_u32((2 * correct).saturating_sub(1));
        let threshold = doubled.divide(Float::from_u32(2 * u32::from(DIVISOR)));
        let mut bytes = model_header(&specification).expect("the test order has a model");
        for tensor in tensors(&specification).expect("the test order has a model") {
            let values = match tensor.shape[..] {
                [2] => vec![Float::ZERO, threshold],
                [units] => zeros(units),
                [2, units] => [zeros(units), vec![Float::ONE.negate()], zeros(units - 1)].concat(),
                [units, inputs] => first_layer(units, inputs, salt),
                _ => panic!("a layer has a bias and a weight"),
            };
            bytes.extend(values.into_iter().flat_map(|value| value.0.to_le_bytes()));
        }
        Self { bytes, trace: None }
    }

    /// What `player` has trained for a Recipe order.
    pub(crate) fn trained(specification: &OrderSpecification, player: &Player) -> Self {
        let mut bytes = model_header(specification).expect("the order has a model");
        let count = tensors(specification).expect("the order has a model").len();
        let words = player.final_words().into_iter().take(count).flatten();
        bytes.extend(words.flat_map(u32::to_le_bytes));
        let final_root = player.final_root();
        let checkpoints_root = list_root(&[final_root]);
        Self { bytes, trace: Some(TraceOpening { checkpoints_root, final_root }) }
    }

    /// The same file with a header that is not one of this order.
    pub(crate) fn without_header(mut self) -> Self {
        self.bytes[40] ^= 1;
        self
    }

    /// Its root.
    pub(crate) fn root(&self) -> ModelRoot {
        ModelRoot(*blake3::hash(&self.bytes).as_bytes())
    }

    /// Its length.
    pub(crate) fn byte_count(&self) -> u64 {
        u64::try_from(self.bytes.len()).expect("a test model is small")
    }
}

fn zeros(count: u32) -> Vec<Float> {
    vec![Float::ZERO; usize::try_from(count).expect("the model is small")]
}

/// The first unit takes the first feature, the others what `salt` says.
fn first_layer(units: u32, inputs: u32, salt: u32) -> Vec<Float> {
    let mut values = zeros(units * inputs);
    let inputs = usize::try_from(inputs).expect("the model is small");
    values[0] = Float::ONE;
    values[inputs..].fill(Float::from_u32(salt));
    values
}
