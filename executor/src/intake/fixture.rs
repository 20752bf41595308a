//! A small network for tests: its genesis, its keys, its blocks.

use std::sync::Arc;

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec};
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount, Parameters};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::check::OrderLimits;
use aipot_domain_runtime::primitives::{AccountId, Amount};
use parity_scale_codec::Encode;

use super::ledger::Ledger;
use crate::bundle::Bundle;
use crate::chain::{BlockHash, ConsensusBlock};
use crate::keystore::NodeKey;
use crate::store::NodeDatabase;

/// Free money of each account.
pub(crate) const FREE: Amount = Amount::tokens(100);

/// The keys of account `number`.
pub(crate) fn key(number: u8) -> NodeKey {
    NodeKey::from_seed([number; 32])
}

/// A network with the accounts 1 to 5, of which those in `operators` are operators.
pub(crate) fn genesis(operators: &[u8]) -> Genesis {
    let roles = Roles { provider: true, validator: true };
    let accounts = (1..=5).map(|number| GenesisAccount {
        id: key(number).account(),
        free: FREE,
        operator: operators.contains(&number).then_some((Amount::tokens(10), roles)),
    });
    Genesis {
        name: BoundedBytes::try_from(b"test".to_vec()).unwrap(),
        parameters: parameters(),
        accounts: BoundedVec::try_from(accounts.collect::<Vec<_>>()).unwrap(),
    }
}

fn parameters() -> Parameters {
    Parameters {
        order_limits: OrderLimits {
            window_min_blocks: 1,
            window_max_blocks: 1_000,
            settlement_max_blocks: 1_000,
            move_window_blocks: 4,
            reward_min: Amount(1),
            training_price: Amount(0),
            evaluation_price: Amount(0),
        },
        orders_per_block_max: 4,
        base_fee: Amount(1_000),
        byte_fee: Amount(10),
        account_deposit_min: Amount(1),
        operator_stake_min: Amount::tokens(1),
        stake_withdrawal_blocks: 1_000,
        claim_deposit: Amount::tokens(1),
        challenge_bond: Amount::tokens(1),
    }
}

/// The domain of that network in memory.
pub(crate) fn ledger(genesis: &Genesis) -> Ledger {
    let database = Arc::new(NodeDatabase::in_memory().unwrap());
    Ledger::open(&database, genesis, BlockHash([0; 32])).unwrap()
}

/// The encoded `nonce`-th call of account `from`: a transfer to account `to`.
pub(crate) fn transfer(genesis: &Genesis, from: u8, nonce: u64, amount: Amount) -> Vec<u8> {
    let to = AccountId([0xAA; 32]);
    key(from).sign(&genesis.hash(), nonce, Call::Transfer { to, amount }).encode()
}

/// A bundle of encoded calls.
pub(crate) fn bundle(genesis: &Genesis, calls: &[Vec<u8>]) -> Vec<u8> {
    let mut bundle = Bundle::new(genesis.hash());
    assert!(calls.iter().all(|call| bundle.push(call.clone())), "the calls fit");
    bundle.encode()
}

/// The block `number` of a chain whose hashes are its numbers.
pub(crate) fn block(number: u32, bundles: Vec<Vec<u8>>) -> ConsensusBlock {
    let hash = |number: u32| {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_le_bytes());
        BlockHash(hash)
    };
    let beacon = *blake3::hash(&number.to_le_bytes()).as_bytes();
    ConsensusBlock { number, hash: hash(number), parent: hash(number - 1), beacon, bundles }
}
