//! The order specification: what a client buys, declared in bounded integers, and its identity.
//!
//! [`check`] holds the static rules of step 1 (submission), [`cost`] what the order will cost others,
//! [`layout`] where the examples lie in its files.

mod architecture;
pub mod check;
pub mod cost;
pub mod layout;
pub mod network;
mod recipe;
pub mod shape;
pub mod tensors;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::primitives::{Amount, Commitment, DataRoot, OrderId, Salt};
pub use architecture::{
    Architecture, BertShape, CONVOLUTIONS_MAX, ConvolutionSpecification, HIDDEN_LAYERS_MAX,
    ImageShape, LORA_TARGETS_MAX, LlamaShape, LoraBase, LoraShape, LoraTarget, PERCEPTRON_FACTOR,
    ResnetShape, STAGES_MAX, VitShape,
};
pub use recipe::{FixedRecipe, Recipe, RecipeOptimizer, RecipeSchedule};

pub use crate::window::{PHASES, Phase, Windows};

/// The only version of the specification so far.
pub const SPECIFICATION_VERSION: u16 = 1;
/// Most providers of one order; each one's model is evaluated by every validator.
pub const PROVIDERS_MAX: usize = 32;
/// Most validators of one order.
pub const VALIDATORS_MAX: usize = 32;
/// Parts of a whole in which shares are written (0.95 is 950,000).
pub const MILLION: u32 = 1_000_000;

/// What a client buys. Its SCALE bytes are its identity.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct OrderSpecification {
    /// [`SPECIFICATION_VERSION`].
    pub version: u16,
    /// What is trained.
    pub model: ModelSpecification,
    /// On what.
    pub data: DataSpecification,
    /// How.
    pub train: TrainSpecification,
    /// In which arithmetic results are checked.
    pub profile: Profile,
    /// For how much.
    pub pay: PaySpecification,
    /// By whom.
    pub committee: CommitteeSpecification,
    /// When.
    pub windows: Windows,
}

/// The model to be trained.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct ModelSpecification {
    /// Shape of the network.
    pub architecture: Architecture,
    /// Seed of the initial weights, from which every provider may start.
    pub initial_seed: u64,
    /// A model file with weights: those of the frozen base of a `lora`, of every other architecture the
    /// initial ones instead of those from the seed.
    pub base: Option<DataFile>,
}

/// A file named by its content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct DataFile {
    /// BLAKE3 of the bytes.
    pub root: DataRoot,
    /// Length in bytes.
    pub byte_count: u64,
}

/// How the bytes of the training and test files are read; see [`layout`] for where an example lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum DataFormat {
    /// Examples one after the other: each its features, then its label, little-endian unsigned integers
    /// of one width.
    #[codec(index = 0)]
    Records {
        /// Bytes of a feature and of a label: 1, 2 or 4.
        value_bytes: u8,
    },
    /// Running text, every byte a token. `feature_count` is the context: an example is so many tokens and
    /// the one behind them, and the next example begins with its last token.
    #[codec(index = 1)]
    Text,
    /// As [`DataFormat::Text`], every token a little-endian number below `class_count`.
    #[codec(index = 2)]
    Tokens {
        /// Bytes of a token: 2 or 4.
        value_bytes: u8,
    },
    /// Examples one after the other: each its features, little-endian f32, then its label, a
    /// little-endian u32.
    #[codec(index = 3)]
    Floats,
}

impl DataFormat {
    /// Whether the file is one running sequence of tokens.
    #[must_use]
    pub const fn is_running(self) -> bool {
        match self {
            Self::Text | Self::Tokens { .. } => true,
            Self::Records { .. } | Self::Floats => false,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Records { .. } => "records",
            Self::Text => "text",
            Self::Tokens { .. } => "tokens",
            Self::Floats => "floats",
        }
    }
}

/// Training data, and the commitment to the hidden test data of the same shape.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct DataSpecification {
    /// The training file.
    pub train: DataFile,
    /// Format of both files.
    pub format: DataFormat,
    /// Examples in the training file.
    pub train_example_count: u32,
    /// Examples in the test file.
    pub test_example_count: u32,
    /// Features of one example; in text, its tokens.
    pub feature_count: u32,
    /// Features are divided by this, so that they lie near `0..=1`; 1 for text.
    pub feature_divisor: u32,
    /// Classes; labels are `0..class_count`. 256 for text.
    pub class_count: u32,
    /// [`test_commitment`] of the hidden test file.
    pub test_commitment: Commitment,
}

/// What training minimises.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Loss {
    /// Mean negative log-likelihood of the label's class.
    #[codec(index = 0)]
    CrossEntropy,
}

/// What the score counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Metric {
    /// Correct answers; the lower loss first among equals.
    #[codec(index = 0)]
    Accuracy,
    /// Mean loss in Q16.16.
    #[codec(index = 1)]
    Loss,
}

/// Bounds of the training.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct TrainSpecification {
    /// What training minimises.
    pub loss: Loss,
    /// What the score counts.
    pub metric: Metric,
    /// How free the provider is.
    pub recipe: Recipe,
    /// Most parameters of a model.
    pub parameters_max: u64,
    /// Passes over the training data that the client expects to pay for.
    pub epochs: u32,
    /// Examples in a step.
    pub batch_size: u32,
}

/// The arithmetic in which results are checked; see the numeric profiles of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub enum Profile {
    /// Bit-exact f32.
    #[codec(index = 0)]
    P0,
}

/// Money of the order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct PaySpecification {
    /// The escrow, divided at the end.
    pub reward: Amount,
    /// What the client loses when the test data stays hidden.
    pub client_bond: Amount,
    /// Stake that a provider of this order must have.
    pub provider_stake_min: Amount,
    /// Stake that a validator of this order must have.
    pub validator_stake_min: Amount,
    /// Least share of correct answers that is paid, in millionths.
    pub metric_min_millionths: u32,
}

/// How many operators are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct CommitteeSpecification {
    /// Providers, `1..=`[`PROVIDERS_MAX`].
    pub provider_count: u32,
    /// Validators, `1..=`[`VALIDATORS_MAX`].
    pub validator_count: u32,
}

impl OrderSpecification {
    /// BLAKE3 of the SCALE bytes.
    #[must_use]
    pub fn id(&self) -> OrderId {
        OrderId(*blake3::hash(&self.encode()).as_bytes())
    }
}

/// The commitment to a hidden test file: `derive_key("aipot test v1", SCALE(root, byte count, salt))`.
#[must_use]
pub fn test_commitment(file: &DataFile, salt: &Salt) -> Commitment {
    Commitment(blake3::derive_key("aipot test v1", &(file, salt).encode()))
}

#[cfg(test)]
pub(crate) mod tests;
