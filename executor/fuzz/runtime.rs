//! Calls of strangers and the state transition that applies them.
//!
//! An input of [`accepts_calls`] is a list of [`Step`]s on a network with a few rich operators. So that
//! mutations get past commitments and signatures, every call is signed by whom it names, and zeros
//! stand for what no mutation could guess: the last order, the right commitment, the right entries.

mod proofs;
mod seeds;

use std::{collections::BTreeMap, fs, ops::Range, sync::LazyLock};

use aipot_domain_runtime::{
    account::Account,
    bounded::BoundedVec,
    call::{Call, SignedCall},
    challenge::Subject,
    claim::{Claim, ClaimOpening, claim_commitment},
    evaluation::{
        EvaluationEntries, EvaluationEntry, EvaluationOpening, Tally, evaluation_commitment,
    },
    genesis::{Genesis, GenesisAccount, Parameters},
    operator::{Operator, Roles},
    order::{DataFile, check::OrderLimits, cost::cost, test_commitment},
    outcome::answer_count,
    primitives::{
        AccountId, Amount, At, Beacon, BlockNumber, Commitment, DataRoot, EvaluationDigest,
        GenesisHash, ModelRoot, OrderId, Salt, TraceRoot,
    },
    program::model_header,
    progress::{OrderRecord, Progress},
    state::State,
    transition::{Applied, apply, tick},
};
use aipot_executor::genesis_file;
use parity_scale_codec::{Decode, Encode};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

use crate::targets::order::{STAKE_MIN, small_order};

pub(crate) use proofs::{accepts_proof, proofs};
pub(crate) use seeds::{call_sequences, signed_calls};

/// The client, two providers, five validators.
const ACCOUNTS: u8 = 8;
/// Accounts of those who are ready to train.
const PROVIDERS: Range<u8> = 1..3;
/// Accounts of those who are ready to score; an order of the seeds draws three of them.
const VALIDATORS: Range<u8> = 3..ACCOUNTS;
/// Steps of one input; the longest life of an order in the seeds has fewer.
const STEPS_MAX: usize = 64;
/// What the hidden test data hold.
const TEST_DATA: [u8; 1_500] = [9; 1_500];
/// What every validator says of every model.
const TALLY: Tally =
    Tally { correct_count: 90, loss_sum_q16: 0, digest: EvaluationDigest([0; 32]) };
/// What hides every commitment.
const SALT: Salt = Salt([0; 32]);

/// One step of an input: blocks pass, then an account may make a call.
#[derive(Debug, Encode, Decode)]
struct Step {
    blocks: u8,
    signer: u8,
    call: Option<Box<Call>>,
}

/// Decodes a signed call, encodes it again, and checks its signature.
pub(crate) fn accepts_signed_call(bytes: &[u8]) -> bool {
    let Ok(call) = SignedCall::from_bytes(bytes) else { return false };
    assert_eq!(call.encode(), bytes, "two encodings of one call");
    call.verify(&NETWORK.genesis).is_ok()
}

/// Applies a list of steps; at least one call must have had its effect.
pub(crate) fn accepts_calls(mut bytes: &[u8]) -> bool {
    let mut machine = Machine::new();
    let mut is_accepted = false;
    for _ in 0..STEPS_MAX {
        let Ok(step) = Step::decode(&mut bytes) else { break };
        is_accepted |= machine.run(step);
    }
    is_accepted
}

/// What all inputs start from.
struct Network {
    genesis: GenesisHash,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    keys: Vec<Keypair>,
}

/// What every revealed model holds: as many bytes as a model has, but not its header. It has three chunks, so
/// that a proof has a path.
static MODEL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let order = small_order();
    let header = model_header(&order).expect("the order is small");
    let weights = cost(&order).expect("the order is small").model_bytes;
    vec![7; header.len() + usize::try_from(weights).expect("the order is small")]
});

static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let keys: Vec<Keypair> = (0..ACCOUNTS).map(keypair).collect();
    let genesis = genesis(&keys);
    let empty = BTreeMap::new();
    let mut state = State::new(&empty);
    genesis.install(&mut state).expect("the genesis is sound");
    let (changes, _) = state.finish();
    let store = changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    Network { genesis: genesis.hash(), store, keys }
});

fn keypair(index: u8) -> Keypair {
    let secret = MiniSecretKey::from_bytes(&[index; 32]).expect("32 bytes");
    secret.expand_to_keypair(ExpansionMode::Ed25519)
}

fn genesis(keys: &[Keypair]) -> Genesis {
    let accounts: Vec<_> = (0..ACCOUNTS).zip(keys).map(genesis_account).collect();
    let accounts = BoundedVec::try_from(accounts).expect("few accounts");
    Genesis { name: BoundedVec::new(), parameters: parameters(), accounts }
}

/// Reads a genesis from a file, writes it again, and installs it.
pub(crate) fn accepts_genesis(bytes: &[u8]) -> bool {
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    fs::write(file.path(), bytes).expect("the file can be written");
    let Ok(genesis) = genesis_file::read(file.path()) else { return false };
    genesis_file::write(file.path(), &genesis).expect("the file can be written");
    let again = genesis_file::read(file.path()).expect("what was written can be read");
    assert_eq!(again, genesis, "written otherwise");
    let empty = BTreeMap::new();
    if let Err(error) = genesis.install(&mut State::new(&empty)) {
        assert!(!error.to_string().is_empty(), "a refusal without a reason");
    }
    true
}

/// The genesis of all other inputs.
pub(crate) fn genesis_files() -> Vec<Vec<u8>> {
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    genesis_file::write(file.path(), &genesis(&NETWORK.keys)).expect("the file can be written");
    vec![fs::read(file.path()).expect("it was just written")]
}

fn genesis_account((index, key): (u8, &Keypair)) -> GenesisAccount {
    let [provider, validator] = [PROVIDERS, VALIDATORS].map(|range| range.contains(&index));
    let operator = (provider || validator).then_some(Roles { provider, validator });
    GenesisAccount {
        id: AccountId(key.public.to_bytes()),
        free: Amount(1 << 60),
        operator: operator.map(|roles| (Amount(1 << 40), roles)),
    }
}

fn parameters() -> Parameters {
    let one = Amount(1);
    Parameters {
        order_limits: OrderLimits {
            window_min_blocks: 1,
            window_max_blocks: 1_000,
            settlement_max_blocks: 100,
            move_window_blocks: 1,
            reward_min: one,
            training_price: one,
            evaluation_price: one,
        },
        orders_per_block_max: 2,
        base_fee: one,
        byte_fee: one,
        account_deposit_min: one,
        operator_stake_min: Amount(100),
        stake_withdrawal_blocks: 100,
        claim_deposit: Amount(100),
        challenge_bond: STAKE_MIN,
    }
}

/// The state of one input on its way.
struct Machine {
    state: State<'static>,
    block: u32,
    order: OrderId,
}

impl Machine {
    fn new() -> Self {
        let state = State::new(&NETWORK.store);
        let mut machine = Self { state, block: 0, order: OrderId([0; 32]) };
        machine.open_block();
        machine
    }

    /// Takes a step and says whether there was a call that had its effect.
    fn run(&mut self, step: Step) -> bool {
        (0..step.blocks).for_each(|_| self.open_block());
        step.call.is_some_and(|call| self.make(step.signer, *call))
    }

    fn at(&self) -> At {
        At { block: BlockNumber(self.block), beacon: Beacon([self.block.to_le_bytes()[0]; 32]) }
    }

    fn open_block(&mut self) {
        self.block += 1;
        let at = self.at();
        tick(&mut self.state, at).expect("no call may make a later block impossible");
    }

    /// Signs and applies a call, and says whether it had its effect.
    fn make(&mut self, signer: u8, mut call: Call) -> bool {
        let keys = &NETWORK.keys[usize::from(signer % ACCOUNTS)];
        let signer = AccountId(keys.public.to_bytes());
        self.fill_in(signer, &mut call);
        let ordered = match &call {
            Call::SubmitOrder { specification } => Some(specification.id()),
            _ => None,
        };
        let known = self.state.get::<Account>(&signer).expect("the store is in memory");
        let nonce = known.map_or(0, |account| account.nonce);
        let signed = SignedCall::sign(keys, &NETWORK.genesis, nonce, call);
        let at = self.at();
        let applied = apply(&mut self.state, signed, at).expect("no call may stop the machine");
        let is_accepted = applied == Applied::Accepted;
        if let Some(order) = ordered.filter(|_| is_accepted) {
            self.order = order;
        }
        is_accepted
    }

    /// Puts in what zeros stand for.
    fn fill_in(&self, signer: AccountId, call: &mut Call) {
        match call {
            Call::Transfer { to, .. } => name(to),
            Call::SubmitOrder { specification } => {
                let right = test_commitment(&test_file(), &SALT);
                put_if_zero(&mut specification.data.test_commitment, right);
            }
            Call::Claim { order, commitment, sequence } => {
                self.name_order(order);
                put_if_zero(commitment, self.claim(*order, signer, *sequence));
            }
            Call::CommitEvaluation { order, commitment } => {
                self.name_order(order);
                put_if_zero(commitment, self.evaluation(*order, signer));
            }
            Call::RevealEvaluation { order, entries, .. } => {
                self.name_order(order);
                if entries.is_empty() {
                    *entries = self.entries(*order);
                }
            }
            Call::Challenge { order, subject } | Call::Prove { order, subject, .. } => {
                self.name_order(order);
                name_subject(subject);
            }
            Call::Reveal { order, .. }
            | Call::RevealTest { order, .. }
            | Call::Move { order, .. }
            | Call::RequestChunk { order, .. }
            | Call::ServeChunk { order, .. } => self.name_order(order),
            _ => {}
        }
    }

    fn name_order(&self, order: &mut OrderId) {
        if order.0 == [0; 32] {
            *order = self.order;
        }
    }

    fn claim(&self, order: OrderId, operator: AccountId, sequence: u32) -> Commitment {
        let known = self.state.get::<Operator>(&operator).expect("the store is in memory");
        let registration_epoch = known.map_or(0, |operator| operator.registration_epoch);
        claim_commitment(&ClaimOpening {
            genesis: NETWORK.genesis,
            order,
            operator,
            registration_epoch,
            sequence,
            model_root: model_root(),
            trace_root: TraceRoot([0; 32]),
            salt: SALT,
        })
    }

    fn evaluation(&self, order: OrderId, validator: AccountId) -> Commitment {
        let entries = &self.entries(order);
        let genesis = NETWORK.genesis;
        evaluation_commitment(&EvaluationOpening { genesis, order, validator, entries, salt: SALT })
    }

    /// The same tally for every model that was revealed, in ascending order of their providers.
    fn entries(&self, order: OrderId) -> EvaluationEntries {
        let mut providers: Vec<_> = (0..ACCOUNTS).map(account).collect();
        providers.sort();
        providers.retain(|provider| {
            let claim = self.state.get::<Claim>(&(order, *provider)).expect("in memory");
            claim.is_some_and(|claim| claim.model.is_some() && !claim.is_void)
        });
        let record = self.state.get::<OrderRecord>(&order).expect("the store is in memory");
        let progress = self.state.get::<Progress>(&order).expect("the store is in memory");
        let (Some(record), Some(progress)) = (record, progress) else {
            return EvaluationEntries::new();
        };
        let specification = record.specification;
        let answers =
            progress.test_source.map_or(0, |source| answer_count(&specification, &source));
        let metric = (specification.train.metric, answers);
        let entry = |provider| EvaluationEntry::evaluated(provider, TALLY, metric);
        let entries: Vec<_> = providers.into_iter().map(entry).collect();
        EvaluationEntries::try_from(entries).unwrap_or_default()
    }
}

fn put_if_zero(commitment: &mut Commitment, right: Commitment) {
    if commitment.0 == [0; 32] {
        *commitment = right;
    }
}

fn account(index: u8) -> AccountId {
    AccountId(NETWORK.keys[usize::from(index % ACCOUNTS)].public.to_bytes())
}

/// The stand-in for an account: its number and zeros.
fn stand_in(index: u8) -> AccountId {
    let mut bytes = [0; 32];
    bytes[0] = index;
    AccountId(bytes)
}

/// Puts the account in the place of its stand-in.
fn name(id: &mut AccountId) {
    if id.0[1..] == [0; 31] {
        *id = account(id.0[0]);
    }
}

fn name_subject(subject: &mut Subject) {
    match subject {
        Subject::Training { provider } => name(provider),
        Subject::Evaluation { validator, provider } => {
            name(validator);
            name(provider);
        }
    }
}

fn model_root() -> ModelRoot {
    ModelRoot(*blake3::hash(&MODEL).as_bytes())
}

fn test_file() -> DataFile {
    let root = DataRoot(*blake3::hash(&TEST_DATA).as_bytes());
    DataFile { root, byte_count: TEST_DATA.len() as u64 }
}

#[cfg(test)]
mod tests;
