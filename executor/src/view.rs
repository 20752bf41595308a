//! Records and events of the domain as JSON for people: digests as text, amounts as decimal text.

mod event;
mod game;

pub use event::event;

use aipot_domain_runtime::genesis::Parameters;
use aipot_domain_runtime::operator::{Operator, Roles};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::outcome::{Outcome, Standing};
use aipot_domain_runtime::payment::{Payout, PayoutRole};
use aipot_domain_runtime::primitives::AccountId;
use aipot_domain_runtime::progress::{Committee, OrderRecord, Progress, TestSource};
use aipot_domain_runtime::window::Phase;
use aipot_trainer::specification::to_toml;
use serde_json::{Value, json};

/// The rules of a network.
pub fn parameters(parameters: &Parameters) -> Value {
    let limits = &parameters.order_limits;
    json!({
        "order_limits": {
            "window_min_blocks": limits.window_min_blocks,
            "window_max_blocks": limits.window_max_blocks,
            "settlement_max_blocks": limits.settlement_max_blocks,
            "move_window_blocks": limits.move_window_blocks,
            "reward_min": limits.reward_min.to_string(),
            "training_price": limits.training_price.to_string(),
            "evaluation_price": limits.evaluation_price.to_string(),
        },
        "orders_per_block_max": parameters.orders_per_block_max,
        "base_fee": parameters.base_fee.to_string(),
        "byte_fee": parameters.byte_fee.to_string(),
        "account_deposit_min": parameters.account_deposit_min.to_string(),
        "operator_stake_min": parameters.operator_stake_min.to_string(),
        "stake_withdrawal_blocks": parameters.stake_withdrawal_blocks,
        "claim_deposit": parameters.claim_deposit.to_string(),
        "challenge_bond": parameters.challenge_bond.to_string(),
    })
}

/// An operator.
pub fn operator(operator: &Operator) -> Value {
    let withdrawals = operator.withdrawals.iter().map(|withdrawal| {
        json!({
            "amount": withdrawal.amount.to_string(),
            "available_at": withdrawal.available_at.0,
        })
    });
    json!({
        "stake": operator.stake.to_string(),
        "roles": roles(operator.roles),
        "registration_epoch": operator.registration_epoch,
        "changed_at": operator.changed_at.0,
        "withdrawals": withdrawals.collect::<Vec<_>>(),
    })
}

/// An order with its outcome.
pub fn order(order: &OrderRecord) -> Value {
    json!({
        "id": order.specification.id().to_string(),
        "client": order.client.to_string(),
        "specification": specification(&order.specification),
        "outcome": order.outcome.as_ref().map(outcome),
    })
}

/// An order specification, with the keys that people write it with.
pub fn specification(specification: &OrderSpecification) -> Value {
    let table: Result<toml::Table, _> = toml::from_str(&to_toml(specification));
    // What is written there can always be read again; the view is only for people anyway.
    table.ok().and_then(|table| serde_json::to_value(table).ok()).unwrap_or_default()
}

/// The progress of a running order.
pub fn progress(progress: &Progress) -> Value {
    let test = progress.test.as_ref().map(
        |test| json!({ "root": test.file.root.to_string(), "byte_count": test.file.byte_count }),
    );
    json!({
        "submitted_at": progress.submitted_at.0,
        "committee": progress.committee.as_ref().map(committee),
        "claim_count": progress.claim_count,
        "test": test,
        "test_request_count": progress.test_requests.len(),
        "test_source": progress.test_source.as_ref().map(test_source),
        "evaluation_beacon": progress.evaluation_beacon.map(|beacon| beacon.to_string()),
        "challenge_count": progress.challenge_count,
        "open_challenge_count": progress.open_challenge_count,
    })
}

/// How an order ended.
pub fn outcome(outcome: &Outcome) -> Value {
    json!({
        "standings": outcome.standings.iter().map(standing).collect::<Vec<_>>(),
        "test_source": outcome.test_source.as_ref().map(test_source),
        "payouts": outcome.payouts.iter().map(payout).collect::<Vec<_>>(),
    })
}

/// The name of a phase.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Train => "train",
        Phase::Reveal => "reveal",
        Phase::Availability => "availability",
        Phase::TestReveal => "test_reveal",
        Phase::TestAvailability => "test_availability",
        Phase::EvaluationCommit => "evaluation_commit",
        Phase::EvaluationReveal => "evaluation_reveal",
        Phase::Challenge => "challenge",
        Phase::ChallengeExtension => "challenge_extension",
        Phase::Final => "final",
    }
}

fn standing(standing: &Standing) -> Value {
    json!({
        "provider": standing.provider.to_string(),
        "model_root": standing.model.root.to_string(),
        "byte_count": standing.model.byte_count,
        "score": standing.score.0,
    })
}

fn payout(payout: &Payout) -> Value {
    json!({
        "role": payout_role(payout.role),
        "account": payout.account.to_string(),
        "amount": payout.amount.to_string(),
    })
}

fn payout_role(role: PayoutRole) -> &'static str {
    match role {
        PayoutRole::Winner => "winner",
        PayoutRole::RunnerUp => "runner_up",
        PayoutRole::Validator => "validator",
        PayoutRole::Client => "client",
        PayoutRole::AuditFund => "audit_fund",
        PayoutRole::Burned => "burned",
    }
}

fn test_source(source: &TestSource) -> Value {
    match source {
        TestSource::Revealed(file) => {
            json!({ "revealed": { "root": file.root.to_string(), "byte_count": file.byte_count } })
        }
        TestSource::BeaconSplit(beacon) => json!({ "beacon_split": beacon.to_string() }),
    }
}

fn committee(committee: &Committee) -> Value {
    json!({
        "providers": accounts(&committee.providers),
        "validators": accounts(&committee.validators),
    })
}

fn accounts(accounts: &[AccountId]) -> Vec<String> {
    accounts.iter().map(ToString::to_string).collect()
}

fn roles(roles: Roles) -> Vec<&'static str> {
    let named = [(roles.provider, "provider"), (roles.validator, "validator")];
    named.into_iter().filter(|(is_ready, _)| *is_ready).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests;
