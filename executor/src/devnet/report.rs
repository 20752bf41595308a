//! What a development network tells at its end.

use aipot_domain_runtime::primitives::OrderId;
use aipot_domain_runtime::progress::OrderRecord;
use serde::Serialize;

use crate::client::{PayoutLine, Receipt, payout_lines};

/// The whole run, as `aipot devnet --json` prints it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DevnetReport {
    /// Every order.
    pub orders: Vec<OrderReport>,
    /// Root of the final state, the same in every process.
    pub state_root: String,
    /// Domain blocks.
    pub blocks: u32,
    /// Time from the first block to the last check, in milliseconds.
    pub duration_ms: u64,
    /// Processes that were killed and started again.
    pub kills: u32,
    /// Processes that ended in the same state root.
    pub agreeing_processes: usize,
    /// From which everything followed.
    pub seed: u64,
}

/// One order of the run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct OrderReport {
    /// Its id.
    pub id: String,
    /// Contest or recipe.
    pub mode: &'static str,
    /// Where it ended.
    pub phase: &'static str,
    /// Account of the winner.
    pub winner: Option<String>,
    /// Score on the chain.
    pub score: Option<u64>,
    /// Accuracy as the client measured it.
    pub test_accuracy: Option<f64>,
    /// Root of the winner's model.
    pub model_root: Option<String>,
    /// Every share of the escrow.
    pub payouts: Vec<PayoutLine>,
    /// The client's own check.
    pub receipt: Option<Receipt>,
}

impl OrderReport {
    /// The report of a settled order.
    pub fn new(id: &OrderId, record: &OrderRecord, receipt: Option<Receipt>) -> Self {
        let outcome = record.outcome.as_ref();
        let winner = outcome.and_then(|outcome| outcome.winner());
        Self {
            id: id.to_string(),
            mode: "contest",
            phase: match (outcome, winner) {
                (None, _) => "running",
                (Some(_), Some(_)) => "paid",
                (Some(_), None) => "refunded",
            },
            winner: winner.map(|winner| winner.provider.to_string()),
            score: winner.map(|winner| winner.score.0),
            test_accuracy: receipt.as_ref().map(|receipt| receipt.test_accuracy),
            model_root: winner.map(|winner| winner.model.root.to_string()),
            payouts: outcome.map(payout_lines).unwrap_or_default(),
            receipt,
        }
    }

    /// Whether somebody was paid for a model that the client found to be what it paid for.
    pub fn is_paid_and_checked(&self) -> bool {
        self.winner.is_some() && self.receipt.as_ref().is_some_and(|receipt| receipt.agrees)
    }
}

impl DevnetReport {
    /// Whether every order was paid, checked, and every process agrees.
    pub fn is_success(&self, process_count: usize) -> bool {
        self.agreeing_processes == process_count
            && !self.orders.is_empty()
            && self.orders.iter().all(OrderReport::is_paid_and_checked)
    }
}
