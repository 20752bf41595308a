//! A network with funded accounts, and real signed calls on it, for all benchmarks.

use std::collections::BTreeMap;

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec};
use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount, Parameters};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::check::OrderLimits;
use aipot_domain_runtime::order::{
    Architecture, CommitteeSpecification, DataFile, DataFormat, DataSpecification, Loss, Metric,
    ModelSpecification, OrderSpecification, PaySpecification, Profile, Recipe, TrainSpecification,
    Windows,
};
use aipot_domain_runtime::primitives::{
    AccountId, Amount, At, Beacon, BlockNumber, Commitment, DataRoot,
};
use aipot_domain_runtime::state::{Changes, State};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

/// A store in memory, as simple as one can be: its time is not what is measured.
pub type PlainStore = BTreeMap<Vec<u8>, Vec<u8>>;

/// A network with accounts that can sign.
#[derive(Debug)]
pub struct World {
    /// Everybody who signs.
    pub keys: Vec<Keypair>,
    /// The rules and first accounts.
    pub genesis: Genesis,
    /// The state after genesis.
    pub store: PlainStore,
}

impl World {
    /// A network of `count` funded accounts, each of them an operator with both roles.
    ///
    /// # Panics
    /// When the genesis does not install, which the fixed parameters rule out.
    pub fn new(count: u32) -> Self {
        let keys: Vec<Keypair> = (0..count).map(keypair).collect();
        let accounts: Vec<GenesisAccount> = keys.iter().map(account).collect();
        let genesis = Genesis {
            name: BoundedBytes::try_from(b"bench".to_vec()).expect("short name"),
            parameters: parameters(),
            accounts: BoundedVec::try_from(accounts).expect("fewer accounts than allowed"),
        };
        let mut world = Self { keys, genesis, store: PlainStore::new() };
        let empty = PlainStore::new();
        let mut state = State::new(&empty);
        world.genesis.install(&mut state).expect("fixed parameters are consistent");
        let (changes, _) = state.finish();
        world.write(changes);
        world
    }

    /// Signs a call of account `who`.
    pub fn sign(&self, who: usize, nonce: u64, call: Call) -> SignedCall {
        SignedCall::sign(&self.keys[who], &self.genesis.hash(), nonce, call)
    }

    /// `count` transfers, from each account in turn to the next one.
    pub fn transfers(&self, count: usize) -> Vec<SignedCall> {
        let transfer = |index: usize| {
            let who = index % self.keys.len();
            let to = AccountId(self.keys[(who + 1) % self.keys.len()].public.to_bytes());
            let nonce = u64::try_from(index / self.keys.len()).expect("small number");
            self.sign(who, nonce, Call::Transfer { to, amount: Amount::tokens(1) })
        };
        (0..count).map(transfer).collect()
    }

    /// Writes the changes of a block.
    pub fn write(&mut self, changes: Changes) {
        for (key, value) in changes {
            match value {
                Some(value) => self.store.insert(key, value),
                None => self.store.remove(&key),
            };
        }
    }
}

/// Height and randomness of a block.
pub fn at(block: u32) -> At {
    let beacon = Beacon(*blake3::hash(&block.to_le_bytes()).as_bytes());
    At { block: BlockNumber(block), beacon }
}

/// A small valid order; the same `seed` makes the same order.
pub fn order(seed: u64) -> OrderSpecification {
    OrderSpecification {
        version: 1,
        model: ModelSpecification {
            architecture: Architecture::Mlp {
                hidden_widths: BoundedVec::try_from(vec![128, 64]).expect("two layers"),
            },
            initial_seed: seed,
            base: None,
        },
        data: DataSpecification {
            train: DataFile { root: DataRoot([1; 32]), byte_count: 1437 * 65 },
            format: DataFormat::Records { value_bytes: 1 },
            train_example_count: 1437,
            test_example_count: 360,
            feature_count: 64,
            feature_divisor: 16,
            class_count: 10,
            test_commitment: Commitment([2; 32]),
        },
        train: TrainSpecification {
            loss: Loss::CrossEntropy,
            metric: Metric::Accuracy,
            recipe: Recipe::Free,
            parameters_max: 100_000,
            epochs: 40,
            batch_size: 32,
        },
        profile: Profile::P0,
        pay: PaySpecification {
            reward: Amount::tokens(100),
            client_bond: Amount::tokens(10),
            provider_stake_min: Amount::tokens(1000),
            validator_stake_min: Amount::tokens(1000),
            metric_min_millionths: 900_000,
        },
        committee: CommitteeSpecification { provider_count: 2, validator_count: 3 },
        windows: Windows {
            open: 100,
            train: 600,
            reveal: 200,
            availability: 100,
            test_reveal: 50,
            evaluation_commit: 300,
            evaluation_reveal: 100,
            challenge: 1200,
            challenge_extension: 800,
        },
    }
}

fn keypair(number: u32) -> Keypair {
    let seed = blake3::hash(&number.to_le_bytes());
    let secret = MiniSecretKey::from_bytes(seed.as_bytes()).expect("32 bytes");
    secret.expand_to_keypair(ExpansionMode::Ed25519)
}

fn account(key: &Keypair) -> GenesisAccount {
    GenesisAccount {
        id: AccountId(key.public.to_bytes()),
        free: Amount::tokens(1_000_000),
        operator: Some((Amount::tokens(10_000), Roles { provider: true, validator: true })),
    }
}

fn parameters() -> Parameters {
    Parameters {
        order_limits: OrderLimits {
            window_min_blocks: 2,
            window_max_blocks: 14_400,
            settlement_max_blocks: 14_400,
            move_window_blocks: 34,
            reward_min: Amount::tokens(1),
            training_price: Amount(1_000_000_000_000_000),
            evaluation_price: Amount(10_000_000_000_000),
        },
        orders_per_block_max: 1_000,
        base_fee: Amount(1_000_000_000_000_000),
        byte_fee: Amount(10_000_000_000_000),
        account_deposit_min: Amount(10_000_000_000_000_000),
        operator_stake_min: Amount::tokens(100),
        stake_withdrawal_blocks: 14_400,
        claim_deposit: Amount::tokens(1),
        challenge_bond: Amount::tokens(10),
    }
}
