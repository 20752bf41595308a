//! Parameters, genesis and order of the tests: small windows, amounts that do not divide evenly.

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec};
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount, Parameters};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::check::OrderLimits;
use aipot_domain_runtime::order::{
    Architecture, CommitteeSpecification, DataFile, DataFormat, DataSpecification, Loss, Metric,
    ModelSpecification, OrderSpecification, PaySpecification, Profile, Recipe, TrainSpecification,
    Windows, test_commitment,
};
use aipot_domain_runtime::primitives::{Amount, DataRoot, Salt};

use super::people::{CLIENT, OUTSIDER, person, providers, validators};

/// Rules of the test network.
pub(crate) const PARAMETERS: Parameters = Parameters {
    order_limits: OrderLimits {
        window_min_blocks: 1,
        window_max_blocks: 1_000,
        settlement_max_blocks: 400,
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
    challenge_bond: Amount(5_000),
    judge_reward: Amount(300),
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
    challenge_extension: 4,
};

/// What hides the test file of every test order.
pub(crate) const TEST_SALT: Salt = Salt([9; 32]);

/// Free money of everybody at genesis.
pub(crate) const FREE: Amount = Amount(50_000_000);

/// The bytes of the hidden test file.
pub(crate) fn test_bytes() -> Vec<u8> {
    (0_u32..2_500).map(|place| place.to_le_bytes()[0] ^ 0x5a).collect()
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
    let hidden_widths = BoundedVec::try_from(vec![32]).expect("one layer fits");
    OrderSpecification {
        version: 1,
        model: ModelSpecification {
            architecture: Architecture::Mlp { hidden_widths },
            initial_seed: seed,
        },
        data: DataSpecification {
            train: file(&vec![7; 1_000 * 65]),
            format: DataFormat::Records { value_bytes: 1 },
            train_example_count: 1_000,
            test_example_count: 500,
            feature_count: 64,
            feature_divisor: 16,
            class_count: 10,
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
            provider_stake_min: Amount(50_001),
            validator_stake_min: Amount(40_009),
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
