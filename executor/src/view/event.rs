//! Events as JSON: the name of what happened under `event`, and its particulars.

use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::evaluation::EvaluationEntry;
use aipot_domain_runtime::event::{Event, VoidReason};
use serde_json::{Value, json};

use super::game::of_game;
use super::{committee, payout, roles, standing, test_source};

/// An event.
pub fn event(event: &Event) -> Value {
    let mut view = particulars(event);
    let order = event.order().map(|order| order.to_string());
    if let (Some(view), Some(order)) = (view.as_object_mut(), order) {
        view.insert("order".to_owned(), order.into());
    }
    view
}

/// Everything but the order.
fn particulars(event: &Event) -> Value {
    match event {
        Event::Transferred { .. }
        | Event::OperatorRegistered { .. }
        | Event::StakeAdded { .. }
        | Event::UnstakeStarted { .. }
        | Event::StakeWithdrawn { .. }
        | Event::CallRefused { .. } => of_account(event),
        Event::EvaluationStarted { .. }
        | Event::EvaluationCommitted { .. }
        | Event::EvaluationRevealed { .. }
        | Event::EvaluationWithheld { .. } => of_evaluation(event),
        Event::ChallengeOpened { .. }
        | Event::MoveMade { .. }
        | Event::OperatorLocated { .. }
        | Event::ProofAccepted { .. }
        | Event::ChallengeDecided { .. } => of_game(event),
        Event::BondLost { .. }
        | Event::Slashed { .. }
        | Event::Paid { .. }
        | Event::OrderSettled { .. }
        | Event::DepositReleased { .. }
        | Event::ClientBondLost { .. } => of_money(event),
        _ => of_order(event),
    }
}

fn of_account(event: &Event) -> Value {
    match event {
        Event::Transferred { from, to, amount } => json!({
            "event": "transferred", "from": from.to_string(), "to": to.to_string(),
            "amount": amount.to_string(),
        }),
        Event::OperatorRegistered { operator, stake, roles: as_what } => json!({
            "event": "operator_registered", "operator": operator.to_string(),
            "stake": stake.to_string(), "roles": roles(*as_what),
        }),
        Event::StakeAdded { operator, amount } => json!({
            "event": "stake_added", "operator": operator.to_string(), "amount": amount.to_string(),
        }),
        Event::UnstakeStarted { operator, amount, available_at } => json!({
            "event": "unstake_started", "operator": operator.to_string(),
            "amount": amount.to_string(), "available_at": available_at.0,
        }),
        Event::StakeWithdrawn { operator, amount } => json!({
            "event": "stake_withdrawn", "operator": operator.to_string(),
            "amount": amount.to_string(),
        }),
        Event::CallRefused { signer, nonce, reason } => json!({
            "event": "call_refused", "signer": signer.to_string(), "nonce": nonce,
            "reason": String::from_utf8_lossy(reason),
        }),
        _ => Value::Null,
    }
}

fn of_order(event: &Event) -> Value {
    match event {
        Event::OrderSubmitted { client, reward, .. } => json!({
            "event": "order_submitted", "client": client.to_string(), "reward": reward.to_string(),
        }),
        Event::CommitteeDrawn { committee: drawn, .. } => json!({
            "event": "committee_drawn", "committee": committee(drawn),
        }),
        Event::CommitteeTooSmall { provider_count, validator_count, .. } => json!({
            "event": "committee_too_small", "provider_count": provider_count,
            "validator_count": validator_count,
        }),
        Event::ClaimAccepted { provider, sequence, .. } => json!({
            "event": "claim_accepted", "provider": provider.to_string(), "sequence": sequence,
        }),
        Event::ModelRevealed { provider, model, .. } => json!({
            "event": "model_revealed", "provider": provider.to_string(),
            "model_root": model.root.to_string(), "byte_count": model.byte_count,
        }),
        Event::ClaimVoided { provider, reason, .. } => json!({
            "event": "claim_voided", "provider": provider.to_string(),
            "reason": match reason {
                VoidReason::NotRevealed => "not_revealed",
                VoidReason::Withheld => "withheld",
                VoidReason::Refuted => "refuted",
            },
        }),
        Event::ChunkRequested { target: of, request, .. } => json!({
            "event": "chunk_requested", "target": target(of),
            "requester": request.requester.to_string(), "chunk_index": request.chunk_index,
        }),
        Event::ChunkServed { target: of, chunk_index, .. } => json!({
            "event": "chunk_served", "target": target(of), "chunk_index": chunk_index,
        }),
        Event::TestRevealed { file, .. } => json!({
            "event": "test_revealed", "root": file.root.to_string(), "byte_count": file.byte_count,
        }),
        _ => Value::Null,
    }
}

fn of_evaluation(event: &Event) -> Value {
    match event {
        Event::EvaluationStarted { source, beacon, .. } => json!({
            "event": "evaluation_started", "source": test_source(source),
            "beacon": beacon.to_string(),
        }),
        Event::EvaluationCommitted { validator, .. } => json!({
            "event": "evaluation_committed", "validator": validator.to_string(),
        }),
        Event::EvaluationRevealed { validator, entries, .. } => json!({
            "event": "evaluation_revealed", "validator": validator.to_string(),
            "entries": entries.iter().map(entry).collect::<Vec<_>>(),
        }),
        Event::EvaluationWithheld { validator, .. } => json!({
            "event": "evaluation_withheld", "validator": validator.to_string(),
        }),
        _ => Value::Null,
    }
}

fn of_money(event: &Event) -> Value {
    match event {
        Event::ClientBondLost { client, amount, .. } => json!({
            "event": "client_bond_lost", "client": client.to_string(),
            "amount": amount.to_string(),
        }),
        Event::BondLost { challenge, to_responder, burned, .. } => json!({
            "event": "bond_lost", "challenge": challenge,
            "to_responder": to_responder.to_string(), "burned": burned.to_string(),
        }),
        Event::Slashed { operator, amount, to_challenger, to_client, burned, .. } => json!({
            "event": "slashed", "operator": operator.to_string(), "amount": amount.to_string(),
            "to_challenger": to_challenger.to_string(), "to_client": to_client.to_string(),
            "burned": burned.to_string(),
        }),
        Event::Paid { payout: paid, .. } => json!({ "event": "paid", "payout": payout(paid) }),
        Event::OrderSettled { winner, .. } => json!({
            "event": "order_settled", "winner": winner.as_ref().map(standing),
        }),
        Event::DepositReleased { provider, amount, returned, .. } => json!({
            "event": "deposit_released", "provider": provider.to_string(),
            "amount": amount.to_string(), "returned": returned,
        }),
        _ => Value::Null,
    }
}

fn entry(entry: &EvaluationEntry) -> Value {
    json!({
        "provider": entry.provider.to_string(),
        "score": entry.score.0,
        "correct": entry.tally.map(|tally| tally.correct_count),
        "loss_sum_q16": entry.tally.map(|tally| tally.loss_sum_q16),
        "digest": entry.tally.map(|tally| tally.digest.to_string()),
    })
}

fn target(target: &ChunkTarget) -> Value {
    match target {
        ChunkTarget::Model(provider) => json!({ "model": provider.to_string() }),
        ChunkTarget::Test => json!("test"),
    }
}
