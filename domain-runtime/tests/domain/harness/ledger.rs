//! Decodes a whole state and counts its money.

use std::collections::BTreeMap;

use aipot_domain_runtime::account::{Account, Totals};
use aipot_domain_runtime::agenda::Agenda;
use aipot_domain_runtime::challenge::{Challenge, OpenGames};
use aipot_domain_runtime::claim::Claim;
use aipot_domain_runtime::evaluation::Evaluation;
use aipot_domain_runtime::genesis::{Network, Parameters};
use aipot_domain_runtime::operator::{Operator, OperatorAt, OperatorCount};
use aipot_domain_runtime::primitives::{Amount, OrderId};
use aipot_domain_runtime::progress::{OrderRecord, Progress, TestSource};
use aipot_domain_runtime::state::Record;
use aipot_domain_runtime::submission::OrdersInBlock;
use parity_scale_codec::{Decode, DecodeAll, Encode};

/// A state as the executor stores it.
pub(crate) type Store = BTreeMap<Vec<u8>, Vec<u8>>;

/// All money of a state, by where it lies.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ledger {
    /// Made at genesis.
    pub(crate) issued: u128,
    /// Free money of accounts.
    pub(crate) free: u128,
    /// Stakes of operators.
    pub(crate) stakes: u128,
    /// Stakes on their way back.
    pub(crate) withdrawals: u128,
    /// Rewards of running orders.
    pub(crate) escrows: u128,
    /// Bonds of the clients of running orders.
    pub(crate) client_bonds: u128,
    /// Deposits of claims.
    pub(crate) claim_deposits: u128,
    /// Bonds of open challenges.
    pub(crate) challenge_bonds: u128,
    /// Set aside for audits.
    pub(crate) audit_fund: u128,
    /// Destroyed.
    pub(crate) burned: u128,
}

impl Ledger {
    /// Counts every record of `store`; a key or value that is not a record is a failure.
    pub(crate) fn of(store: &Store) -> Self {
        let mut ledger = Self::default();
        for (key, value) in store {
            ledger.count(store, key, value);
        }
        ledger
    }

    /// Everything that `issued` must equal.
    pub(crate) fn sum(&self) -> u128 {
        self.free
            + self.stakes
            + self.withdrawals
            + self.escrows
            + self.client_bonds
            + self.claim_deposits
            + self.challenge_bonds
            + self.audit_fund
            + self.burned
    }

    fn count(&mut self, store: &Store, key: &[u8], value: &[u8]) {
        match key[0] {
            Totals::TABLE => self.count_totals(&record::<Totals>(key, value)),
            Account::TABLE => self.free += record::<Account>(key, value).free.0,
            Operator::TABLE => self.count_operator(&record::<Operator>(key, value)),
            OrderRecord::TABLE => self.count_order(store, key, &record(key, value)),
            Claim::TABLE => self.claim_deposits += record::<Claim>(key, value).deposit.0,
            Challenge::TABLE => {
                self.challenge_bonds += record::<Challenge>(key, value).bond.0;
            }
            OpenGames::TABLE => check::<OpenGames>(key, value),
            Parameters::TABLE => check::<Parameters>(key, value),
            OperatorAt::TABLE => check::<OperatorAt>(key, value),
            OperatorCount::TABLE => check::<OperatorCount>(key, value),
            Evaluation::TABLE => check::<Evaluation>(key, value),
            Agenda::TABLE => check::<Agenda>(key, value),
            Progress::TABLE => check::<Progress>(key, value),
            OrdersInBlock::TABLE => check::<OrdersInBlock>(key, value),
            Network::TABLE => check::<Network>(key, value),
            table => panic!("table {table} is unknown"),
        }
    }

    fn count_totals(&mut self, totals: &Totals) {
        self.issued = totals.issued.0;
        self.burned = totals.burned.0;
        self.audit_fund = totals.audit_fund.0;
    }

    fn count_operator(&mut self, operator: &Operator) {
        self.stakes += operator.stake.0;
        self.withdrawals += operator.withdrawals.iter().map(|one| one.amount.0).sum::<u128>();
    }

    fn count_order(&mut self, store: &Store, key: &[u8], order: &OrderRecord) {
        if order.outcome.is_some() {
            return;
        }
        let id = OrderId::decode_all(&mut &key[1..]).expect("the key of an order is its id");
        let progress: Progress = read(store, &id).expect("a running order has a progress");
        let Amount(reward) = order.specification.pay.reward;
        let Amount(bond) = order.specification.pay.client_bond;
        self.escrows += reward;
        let is_lost = matches!(progress.test_source, Some(TestSource::BeaconSplit(_)));
        self.client_bonds += if is_lost { 0 } else { bond };
    }
}

/// Reads one record.
pub(crate) fn read<R: Record>(store: &Store, key: &R::Key) -> Option<R> {
    aipot_domain_runtime::state::read_record(store, key).expect("a map always answers")
}

/// Keys of records that belong to work under way; a settled state has none.
pub(crate) fn working_records(store: &Store) -> Vec<Vec<u8>> {
    const WORKING: [u8; 7] = [
        Claim::TABLE,
        Evaluation::TABLE,
        Challenge::TABLE,
        OpenGames::TABLE,
        Agenda::TABLE,
        Progress::TABLE,
        OrdersInBlock::TABLE,
    ];
    store.keys().filter(|key| WORKING.contains(&key[0])).cloned().collect()
}

fn record<R: Record>(key: &[u8], value: &[u8]) -> R
where
    R::Key: Decode + Encode,
{
    let decoded = R::Key::decode_all(&mut &key[1..]).expect("the key decodes");
    assert_eq!(decoded.encode(), key[1..], "one key has one encoding");
    let record = R::decode_all(&mut &*value).expect("the value decodes");
    assert_eq!(record.encode(), value, "one value has one encoding");
    record
}

fn check<R: Record>(key: &[u8], value: &[u8])
where
    R::Key: Decode + Encode,
{
    drop(record::<R>(key, value));
}
