//! The static rules that an order must pass before its escrow is taken.

mod recipe;

use super::cost::{OrderCost, Overflow, cost, price};
use super::layout::{FLOAT_BYTES, TEXT_CLASSES, TOKEN_BYTES, VALUE_BYTES};
use super::network::network;
use super::shape::{ShapeError, check_shape};
use super::tensors::{base_tensors, tensors};
use super::{
    DataFormat, DataSpecification, MILLION, OrderSpecification, PHASES, PROVIDERS_MAX, Phase,
    SPECIFICATION_VERSION, VALIDATORS_MAX,
};
use crate::challenge::MOVES_MAX;
use crate::payment::WINNER_PERCENT;
use crate::primitives::Amount;
use crate::program::{ProgramError, base_header};

/// Widest layer; bounds the memory of one product.
pub const WIDTH_MAX: u64 = 65_536;
/// Most examples in a file.
pub const EXAMPLES_MAX: u32 = 100_000_000;
/// Largest data file: 64 GiB.
pub const DATA_BYTES_MAX: u64 = 1 << 36;
/// Most passes over the data.
pub const EPOCHS_MAX: u32 = 100_000;
/// Most steps of a fixed recipe: five rounds of a bisection into 16 parts locate one of them.
pub const STEPS_MAX: u32 = 1_000_000;
/// Largest batch.
pub const BATCH_MAX: u32 = 65_536;
/// Most parameters of any order.
pub const PARAMETERS_MAX: u64 = 1 << 40;
/// Largest divisor of features.
pub const DIVISOR_MAX: u32 = 1 << 24;
/// Least client bond, as a share of the reward (percent): withholding the test data must hurt.
pub const CLIENT_BOND_MIN_PERCENT: u8 = 10;

/// What the network demands of every order; part of the genesis parameters.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    parity_scale_codec::Encode,
    parity_scale_codec::Decode,
    parity_scale_codec::MaxEncodedLen,
)]
pub struct OrderLimits {
    /// Shortest length of every window, in blocks.
    pub window_min_blocks: u32,
    /// Longest length of every window, in blocks.
    pub window_max_blocks: u32,
    /// Longest time from the close of claims to settlement, in blocks: 14,400 on Autonomys, its
    /// stake-withdrawal and pruning horizon.
    pub settlement_max_blocks: u32,
    /// Blocks that a player of a game has for each move.
    pub move_window_blocks: u32,
    /// Smallest reward.
    pub reward_min: Amount,
    /// Price of 10^9 operations of training.
    pub training_price: Amount,
    /// Price of 10^9 operations of evaluation.
    pub evaluation_price: Amount,
}

/// Why an order is refused before anything is paid.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// A number is outside what is allowed.
    #[error("{field} is {value}, allowed {min} to {max}")]
    OutOfRange {
        /// Path of the field in the specification.
        field: &'static str,
        /// What the order says.
        value: u128,
        /// Least allowed value.
        min: u128,
        /// Largest allowed value.
        max: u128,
    },
    /// Records of a width that no reader knows.
    #[error("data.train.value_bytes is {found}, allowed 1, 2 and 4")]
    ValueBytes {
        /// What the order says.
        found: u8,
    },
    /// Tokens of a width that no reader knows.
    #[error("data.train.value_bytes is {found}, allowed 2 and 4")]
    TokenBytes {
        /// What the order says.
        found: u8,
    },
    /// A model of features and labels over running text, or the reverse.
    #[error("the model is a {model}, which reads {expected}, but data.train.format is {found}")]
    Format {
        /// The architecture.
        model: &'static str,
        /// What it reads.
        expected: &'static str,
        /// What the data is.
        found: &'static str,
    },
    /// Layers do not fit each other or the data.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Training or evaluation is beyond what a game can referee.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A derived size does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The claims-to-settlement time is beyond the stake-withdrawal horizon.
    #[error(
        "windows from the close of claims to settlement are {blocks} blocks, allowed at most {max}"
    )]
    SettlementTooLate {
        /// What the windows add up to.
        blocks: u64,
        /// The horizon.
        max: u32,
    },
    /// A game that is opened last would not end before the settlement.
    #[error(
        "windows.challenge_extension is {blocks} blocks, a game of {moves} moves in {window} blocks each needs {min}"
    )]
    ExtensionTooShort {
        /// What the order says.
        blocks: u32,
        /// Most moves of a game.
        moves: u32,
        /// Blocks for each of them.
        window: u32,
        /// Their product.
        min: u64,
    },
    /// Forging would pay: stake at risk and prize together are below the cost of training.
    #[error(
        "provider stake {stake} and the winner's share {prize} are together below the training cost {cost}"
    )]
    ForgeryPays {
        /// Least stake of a provider.
        stake: Amount,
        /// 70 % of the reward.
        prize: Amount,
        /// Price of the expected training.
        cost: Amount,
    },
}

/// Checks every static rule and returns what the order costs.
///
/// # Errors
/// The first rule that is broken, with field, value and what is allowed.
///
/// # Source
/// AI-PoT specification, steps 1 and "Money"; bounds are the constants of this file.
pub fn check(
    specification: &OrderSpecification,
    limits: &OrderLimits,
) -> Result<OrderCost, OrderError> {
    check_data(specification)?;
    check_training(specification)?;
    check_committee(specification)?;
    check_windows(specification, limits)?;
    let cost = cost(specification)?;
    let parameters_max = specification.train.parameters_max;
    within("model parameters", cost.parameter_count, 1_u32, parameters_max)?;
    recipe::check_programs(specification)?;
    check_pay(specification, limits, &cost)?;
    Ok(cost)
}

fn within(
    field: &'static str,
    value: impl Into<u128>,
    min: impl Into<u128>,
    max: impl Into<u128>,
) -> Result<(), OrderError> {
    let (value, min, max) = (value.into(), min.into(), max.into());
    if value < min || value > max {
        return Err(OrderError::OutOfRange { field, value, min, max });
    }
    Ok(())
}

fn check_data(specification: &OrderSpecification) -> Result<(), OrderError> {
    let version = SPECIFICATION_VERSION;
    within("version", specification.version, version, version)?;
    let data = &specification.data;
    within("data.train.bytes", data.train.byte_count, 1_u64, DATA_BYTES_MAX)?;
    within("data.train_examples", data.train_example_count, 1_u32, EXAMPLES_MAX)?;
    within("data.test_examples", data.test_example_count, 1_u32, EXAMPLES_MAX)?;
    within("data.divisor", data.feature_divisor, 1_u32, DIVISOR_MAX)?;
    within("data.classes", data.class_count, 2_u64, WIDTH_MAX)?;
    check_shape(specification)?;
    for side in tensors(specification)?.iter().flat_map(|tensor| &tensor.shape) {
        within("model layer width", *side, 1_u64, WIDTH_MAX)?;
    }
    check_layout(data)?;
    check_format(specification)?;
    check_base(specification)
}

/// A base file is as long as its tensors are, and is there where weights stay as they are.
fn check_base(specification: &OrderSpecification) -> Result<(), OrderError> {
    let Some(base) = specification.model.base else {
        let network = network(specification).map_err(ShapeError::from)?;
        let is_missing = network.is_some_and(|network| !network.base.is_empty());
        return if is_missing { Err(OrderError::Program(ProgramError::NoBase)) } else { Ok(()) };
    };
    let tensors = base_tensors(specification)?;
    let values = tensors.iter().map(|tensor| tensor.value_count().unwrap_or(u64::MAX));
    let values = values.fold(0_u64, u64::saturating_add);
    let header = u64::try_from(base_header(specification)?.len()).unwrap_or(u64::MAX);
    let expected = values.saturating_mul(FLOAT_BYTES.into()).saturating_add(header);
    within("model.base.bytes", base.byte_count, expected, expected)
}

fn check_format(specification: &OrderSpecification) -> Result<(), OrderError> {
    let architecture = &specification.model.architecture;
    let format = specification.data.format;
    let reads_running = architecture.reads_running().unwrap_or(format.is_running());
    if reads_running != format.is_running() {
        let model = architecture.name();
        let expected = if reads_running { "text or tokens" } else { "records or floats" };
        return Err(OrderError::Format { model, expected, found: format.name() });
    }
    Ok(())
}

/// The file must be as long as its examples are, so that each of them can be opened.
fn check_layout(data: &DataSpecification) -> Result<(), OrderError> {
    match data.format {
        DataFormat::Records { value_bytes } if !VALUE_BYTES.contains(&value_bytes) => {
            return Err(OrderError::ValueBytes { found: value_bytes });
        }
        DataFormat::Records { .. } | DataFormat::Floats => {}
        DataFormat::Text => {
            within("data.classes", data.class_count, TEXT_CLASSES, TEXT_CLASSES)?;
            within("data.divisor", data.feature_divisor, 1_u32, 1_u32)?;
        }
        DataFormat::Tokens { value_bytes } if !TOKEN_BYTES.contains(&value_bytes) => {
            return Err(OrderError::TokenBytes { found: value_bytes });
        }
        DataFormat::Tokens { .. } => within("data.divisor", data.feature_divisor, 1_u32, 1_u32)?,
    }
    let allowed = data.file_bytes(data.train_example_count);
    within("data.train.bytes", data.train.byte_count, *allowed.start(), *allowed.end())
}

fn check_training(specification: &OrderSpecification) -> Result<(), OrderError> {
    let train = &specification.train;
    within("train.parameters_max", train.parameters_max, 1_u64, PARAMETERS_MAX)?;
    within("train.epochs", train.epochs, 1_u32, EPOCHS_MAX)?;
    within("train.batch", train.batch_size, 1_u32, BATCH_MAX)?;
    recipe::check_recipe(&train.recipe)
}

fn check_committee(specification: &OrderSpecification) -> Result<(), OrderError> {
    let committee = &specification.committee;
    let providers_max = u128::try_from(PROVIDERS_MAX).unwrap_or(u128::MAX);
    let validators_max = u128::try_from(VALIDATORS_MAX).unwrap_or(u128::MAX);
    within("committee.providers", committee.provider_count, 1_u32, providers_max)?;
    within("committee.validators", committee.validator_count, 1_u32, validators_max)
}

fn check_windows(
    specification: &OrderSpecification,
    limits: &OrderLimits,
) -> Result<(), OrderError> {
    let windows = &specification.windows;
    for phase in PHASES {
        let (least, most) = (limits.window_min_blocks, limits.window_max_blocks);
        within(window_field(phase), windows.length(phase), least, most)?;
    }
    let blocks = windows.settlement_blocks();
    if blocks > u64::from(limits.settlement_max_blocks) {
        return Err(OrderError::SettlementTooLate { blocks, max: limits.settlement_max_blocks });
    }
    check_extension(windows.challenge_extension, limits.move_window_blocks)
}

/// A game that is opened in the last block of the challenge window must end within the extension, even
/// when both sides take all their time.
fn check_extension(blocks: u32, window: u32) -> Result<(), OrderError> {
    let moves = MOVES_MAX;
    let min = u64::from(moves).saturating_mul(u64::from(window));
    if u64::from(blocks) < min {
        return Err(OrderError::ExtensionTooShort { blocks, moves, window, min });
    }
    Ok(())
}

const fn window_field(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "windows.open",
        Phase::Train => "windows.train",
        Phase::Reveal => "windows.reveal",
        Phase::Availability | Phase::TestAvailability => "windows.availability",
        Phase::TestReveal => "windows.test_reveal",
        Phase::EvaluationCommit => "windows.evaluation_commit",
        Phase::EvaluationReveal => "windows.evaluation_reveal",
        Phase::Challenge => "windows.challenge",
        Phase::ChallengeExtension => "windows.challenge_extension",
        Phase::Final => "windows",
    }
}

fn check_pay(
    specification: &OrderSpecification,
    limits: &OrderLimits,
    cost: &OrderCost,
) -> Result<(), OrderError> {
    let pay = &specification.pay;
    // Amounts stay below 2^120, so that sums of a few of them cannot overflow.
    let amount_max = u128::MAX >> 8;
    let reward_min = limits.reward_min.max(evaluation_work(specification, limits, cost));
    within("pay.reward", pay.reward.0, reward_min.0, amount_max)?;
    let bond_min = pay.reward.percent(CLIENT_BOND_MIN_PERCENT);
    within("pay.client_bond", pay.client_bond.0, bond_min.0, pay.reward.0)?;
    within("pay.provider_stake_min", pay.provider_stake_min.0, 1_u32, amount_max)?;
    within("pay.validator_stake_min", pay.validator_stake_min.0, 1_u32, amount_max)?;
    within("pay.metric_min", pay.metric_min_millionths, 0_u32, MILLION)?;
    let training_cost = price(cost.training_operations, limits.training_price);
    let (stake, prize) = (pay.provider_stake_min, pay.reward.percent(WINNER_PERCENT));
    if stake.0.saturating_add(prize.0) <= training_cost.0 {
        return Err(OrderError::ForgeryPays { stake, prize, cost: training_cost });
    }
    Ok(())
}

/// What the validators' work is worth: every model evaluated by every validator.
fn evaluation_work(
    specification: &OrderSpecification,
    limits: &OrderLimits,
    cost: &OrderCost,
) -> Amount {
    let committee = &specification.committee;
    let evaluation_count =
        u128::from(committee.provider_count).saturating_mul(u128::from(committee.validator_count));
    let one = price(cost.evaluation_operations, limits.evaluation_price);
    Amount(one.0.saturating_mul(evaluation_count))
}
