//! Parameters, genesis and order of the tests: small windows, amounts that do not divide evenly.

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec};
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount, Parameters};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::check::OrderLimits;
use aipot_domain_runtime::order::{
    Architecture, CommitteeSpecification, DataFile, DataFormat, DataSpecification, FixedRecipe,
    Loss, Metric, ModelSpecification, OrderSpecification, PaySpecification, Profile, Recipe,
    RecipeOptimizer, RecipeSchedule, TrainSpecification, Windows, test_commitment,
};
use aipot_domain_runtime::primitives::{Amount, DataRoot, Salt};

use super::people::{CLIENT, OUTSIDER, person, providers, validators};

/// Rules of the test network.
pub(crate) const PARAMETERS: Parameters = Parameters {
    order_limits: OrderLimits {
        window_min_blocks: 1,
        window_max_blocks: 1_000,
        settlement_max_blocks: 400,
        move_window_blocks: 2,
        reward_min: Amount(1_000),
        training_price: Amount(1),
        evaluation_price: Amount(1),
    },
    orders_per_block_max: 16,
    base_fee: Amount(100),
    byte_fee: Amount(1),
    account_deposit_min: Amount(1_000),
    operator_stake_min: Amount(10_000),
    stake_withdrawal_blocks: 400,
    claim_deposit: Amount(2_000),
    challenge_bond: Amount(60_003),
};

/// Windows of a few blocks.
pub(crate) const WINDOWS: Windows = Windows {
    open: 2,
    train: 3,
    reveal: 3,
    availability: 4,
    test_reveal: 2,
    evaluation_commit: 3,
    evaluation_reveal: 3,
    challenge: 4,
    challenge_extension: 46,
};

/// What hides the test file of every test order.
pub(crate) const TEST_SALT: Salt = Salt([9; 32]);

/// One half, the bits of an f32.
const HALF: u32 = 0x3f00_0000;

/// Free money of everybody at genesis.
pub(crate) const FREE: Amount = Amount(50_000_000);

/// Examples in the training file.
pub(crate) const TRAIN_EXAMPLES: u32 = 100;
/// Examples in the test file.
pub(crate) const TEST_EXAMPLES: u32 = 50;
/// Features of an example; the first one of a test example is its number.
pub(crate) const FEATURES: u32 = 11;
/// What features are divided by.
pub(crate) const DIVISOR: u8 = 16;
/// Units of the hidden layer, so that a model has three chunks.
pub(crate) const HIDDEN: u32 = 40;

/// The bytes of the hidden test file.
pub(crate) fn test_bytes() -> Vec<u8> {
    records(TEST_EXAMPLES, 1)
}

/// The bytes of the training file: easy examples, so that every good model is right on a split of them.
pub(crate) fn train_bytes() -> Vec<u8> {
    records(TRAIN_EXAMPLES, 4)
}

/// Examples of four bytes for each value: `repeated` of them have the same first feature, all the label 1.
fn records(example_count: u32, repeated: u32) -> Vec<u8> {
    let values = (0..example_count).flat_map(|example| {
        let others = (1..FEATURES).map(move |feature| example * feature % 7);
        core::iter::once(example / repeated).chain(others).chain([1])
    });
    values.flat_map(u32::to_le_bytes).collect()
}

/// The hidden test file.
pub(crate) fn test_file() -> DataFile {
    file(&test_bytes())
}

/// The name of a file.
pub(crate) fn file(bytes: &[u8]) -> DataFile {
    let byte_count = u64::try_from(bytes.len()).expect("a test file is small");
    DataFile { root: DataRoot(*blake3::hash(bytes).as_bytes()), byte_count }
}

/// A valid order; `seed` tells orders apart.
pub(crate) fn specification(seed: u64) -> OrderSpecification {
    let hidden_widths = BoundedVec::try_from(vec![HIDDEN]).expect("one layer fits");
    OrderSpecification {
        version: 1,
        model: ModelSpecification {
            architecture: Architecture::Mlp { hidden_widths },
            initial_seed: seed,
            base: None,
        },
        data: DataSpecification {
            train: file(&train_bytes()),
            format: DataFormat::Records { value_bytes: 4 },
            train_example_count: TRAIN_EXAMPLES,
            test_example_count: TEST_EXAMPLES,
            feature_count: FEATURES,
            feature_divisor: DIVISOR.into(),
            class_count: 2,
            test_commitment: test_commitment(&test_file(), &TEST_SALT),
        },
        train: TrainSpecification {
            loss: Loss::CrossEntropy,
            metric: Metric::Accuracy,
            recipe: Recipe::Free,
            parameters_max: 100_000,
            epochs: 10,
            batch_size: 32,
        },
        profile: Profile::P0,
        pay: PaySpecification {
            reward: Amount(1_000_003),
            client_bond: Amount(100_007),
            provider_stake_min: Amount(70_001),
            validator_stake_min: Amount(60_009),
            metric_min_millionths: 900_000,
        },
        committee: CommitteeSpecification { provider_count: 3, validator_count: 3 },
        windows: WINDOWS,
    }
}

/// The first state of the test network.
pub(crate) fn genesis(parameters: Parameters) -> Genesis {
    let plain = [CLIENT, OUTSIDER].into_iter().map(|number| (number, None));
    let provider = Roles { provider: true, validator: false };
    let validator = Roles { provider: false, validator: true };
    let provider_stakes =
        providers().map(|number| (number, Some((stake(200_000, number), provider))));
    let validator_stakes =
        validators().map(|number| (number, Some((stake(100_000, number), validator))));
    let accounts = plain
        .chain(provider_stakes)
        .chain(validator_stakes)
        .map(|(number, operator)| GenesisAccount { id: person(number), free: FREE, operator })
        .collect::<Vec<_>>();
    Genesis {
        name: BoundedBytes::try_from(b"test".to_vec()).expect("the name is short"),
        parameters,
        accounts: BoundedVec::try_from(accounts).expect("the accounts are few"),
    }
}

fn stake(base: u128, number: u32) -> Amount {
    Amount(base + 1_009 * u128::from(number))
}

/// A valid Recipe order over the same data: a few steps of a small network.
pub(crate) fn recipe_specification(seed: u64) -> OrderSpecification {
    let mut specification = specification(seed);
    let hidden_widths = BoundedVec::try_from(vec![3]).expect("one layer fits");
    specification.model.architecture = Architecture::Mlp { hidden_widths };
    specification.train.batch_size = 4;
    specification.train.recipe = Recipe::Fixed(FixedRecipe {
        step_count: 5,
        optimizer: RecipeOptimizer::Momentum { momentum: HALF, weight_decay: 0 },
        learning_rate: HALF,
        schedule: RecipeSchedule::Constant,
        checkpoint_interval: 2,
    });
    // Whatever comes out satisfies the client, who buys the procedure.
    specification.pay.metric_min_millionths = 0;
    specification
}
