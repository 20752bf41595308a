//! Who takes part in a development network, with what money, and what the client orders.
//!
//! Everything follows from one seed, so that two runs with the same seed differ in nothing but time.

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec};
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount, Parameters};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::check::OrderLimits;
use aipot_domain_runtime::primitives::{AccountId, Amount};
use aipot_trainer::dataset::{SplitError, digits, split};
use aipot_trainer::specification::{OrderDraft, SpecificationError, parse_order_toml};

use crate::keystore::NodeKey;

/// Name of the network, part of its genesis hash.
const NETWORK_NAME: &[u8] = b"aipot development network";
/// Examples that the client keeps for the test: a fifth of the 1,797.
const TEST_EXAMPLE_COUNT: usize = 360;
/// Money of the client: a few hundred orders.
const CLIENT_TOKENS: u64 = 100_000;
/// Free money of an operator: fees, deposits and bonds of many orders.
const OPERATOR_TOKENS: u64 = 1_000;
/// Stake of an operator.
const STAKE_TOKENS: u64 = 10_000;
/// Domain of the keys of participants.
const KEY_DOMAIN: &str = "aipot development network key v1";
/// What the client orders; the windows suit blocks of half a second.
const ORDER: &str = include_str!("order.toml");

/// What a participant does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// Orders and pays.
    Client,
    /// Trains.
    Provider,
    /// Scores.
    Validator,
    /// Has money and does nothing: for the person at the keyboard, when the network stays.
    Customer,
}

impl Part {
    /// The name on the command line of a node.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
            Self::Validator => "validator",
            Self::Customer => "customer",
        }
    }
}

/// One of those who take part.
#[derive(Clone, Debug)]
pub struct Participant {
    /// What it does.
    pub part: Part,
    /// Its number among those who do the same, from 1.
    pub number: u32,
    /// Its secret.
    pub key: NodeKey,
}

impl Participant {
    fn new(part: Part, number: u32, seed: u64) -> Self {
        let purpose = format!("{seed}/{}/{number}", part.name());
        let key = NodeKey::from_seed(blake3::derive_key(KEY_DOMAIN, purpose.as_bytes()));
        Self { part, number, key }
    }

    /// Name of its folder and of its lines on the screen.
    pub fn name(&self) -> String {
        match self.part {
            Part::Client | Part::Customer => self.part.name().to_owned(),
            Part::Provider | Part::Validator => format!("{}-{}", self.part.name(), self.number),
        }
    }

    /// Its account.
    pub fn account(&self) -> AccountId {
        self.key.account()
    }

    fn genesis_account(&self) -> GenesisAccount {
        let stake = Amount::tokens(STAKE_TOKENS);
        let roles = |provider| Roles { provider, validator: !provider };
        let (tokens, operator) = match self.part {
            Part::Client | Part::Customer => (CLIENT_TOKENS, None),
            Part::Provider => (OPERATOR_TOKENS, Some((stake, roles(true)))),
            Part::Validator => (OPERATOR_TOKENS, Some((stake, roles(false)))),
        };
        GenesisAccount { id: self.account(), free: Amount::tokens(tokens), operator }
    }
}

/// A development network before its first block.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// From which everything follows.
    pub seed: u64,
    /// Client first, then providers, then validators, then the customer.
    pub participants: Vec<Participant>,
    /// The first state.
    pub genesis: Genesis,
}

/// What the client orders, with its two files.
#[derive(Clone, Debug)]
pub struct PlannedOrder {
    /// The order, without what its files say.
    pub draft: OrderDraft,
    /// The training file.
    pub train: Vec<u8>,
    /// The hidden test file.
    pub test: Vec<u8>,
}

/// Why the scenario cannot be set up; none of it depends on the seed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The built-in order does not parse.
    #[error("the built-in order is wrong")]
    Order {
        /// Why.
        #[from]
        source: SpecificationError,
    },
    /// The built-in data cannot be split.
    #[error("the built-in data cannot be split")]
    Split {
        /// Why.
        #[from]
        source: SplitError,
    },
    /// A bounded list of the genesis is full.
    #[error("the genesis is too large")]
    Genesis {
        /// Why.
        #[from]
        source: aipot_domain_runtime::bounded::TooLong,
    },
}

impl Scenario {
    /// The network of `provider_count` providers and `validator_count` validators that follows from `seed`.
    ///
    /// # Errors
    /// [`ScenarioError::Genesis`] when there are more participants than a genesis can hold.
    pub fn new(
        seed: u64,
        provider_count: u32,
        validator_count: u32,
    ) -> Result<Self, ScenarioError> {
        let providers = (1..=provider_count).map(|number| (Part::Provider, number));
        let validators = (1..=validator_count).map(|number| (Part::Validator, number));
        let participants: Vec<Participant> = std::iter::once((Part::Client, 1))
            .chain(providers)
            .chain(validators)
            .chain(std::iter::once((Part::Customer, 1)))
            .map(|(part, number)| Participant::new(part, number, seed))
            .collect();
        let accounts: Vec<_> = participants.iter().map(Participant::genesis_account).collect();
        let genesis = Genesis {
            name: BoundedBytes::try_from(NETWORK_NAME.to_vec())?,
            parameters: parameters(),
            accounts: BoundedVec::try_from(accounts)?,
        };
        Ok(Self { seed, participants, genesis })
    }

    /// The participant behind an account.
    pub fn participant(&self, account: &AccountId) -> Option<&Participant> {
        self.participants.iter().find(|one| one.account() == *account)
    }

    /// The order number `index` of the client.
    ///
    /// # Errors
    /// [`ScenarioError`] never happens with the built-in order and data.
    pub fn order(&self, index: u32) -> Result<PlannedOrder, ScenarioError> {
        let mut draft = parse_order_toml(ORDER)?;
        let order_seed = self.seed.wrapping_mul(1_000).wrapping_add(u64::from(index));
        draft.model.initial_seed = order_seed;
        let files = split(digits::digits(), TEST_EXAMPLE_COUNT, order_seed)?;
        Ok(PlannedOrder { draft, train: files.train, test: files.test })
    }
}

/// Rules of a development network: short windows, small prices.
pub fn parameters() -> Parameters {
    Parameters {
        order_limits: OrderLimits {
            window_min_blocks: 2,
            window_max_blocks: 14_400,
            settlement_max_blocks: 14_400,
            // Time to see a move, to replay, and to be included.
            move_window_blocks: 4,
            reward_min: Amount::tokens(1),
            training_price: Amount(1_000_000_000_000_000),
            evaluation_price: Amount(10_000_000_000_000),
        },
        orders_per_block_max: 64,
        base_fee: Amount(1_000_000_000_000_000),
        byte_fee: Amount(10_000_000_000_000),
        account_deposit_min: Amount(10_000_000_000_000_000),
        operator_stake_min: Amount::tokens(100),
        stake_withdrawal_blocks: 14_400,
        claim_deposit: Amount::tokens(1),
        challenge_bond: Amount::tokens(10),
    }
}

#[cfg(test)]
mod tests;
