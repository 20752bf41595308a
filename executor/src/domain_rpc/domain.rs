//! The methods about the domain: accounts, operators, orders, blocks, calls.

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::call::{CALL_BYTES_MAX, SignedCall};
use aipot_domain_runtime::operator::{Operator, OperatorAt, OperatorCount};
use aipot_domain_runtime::primitives::{AccountId, BlockNumber, OrderId};
use aipot_domain_runtime::progress::{OrderRecord, Progress};
use aipot_domain_runtime::state::{ReadState, Record, read_record};
use aipot_domain_runtime::window::Phase;
use jsonrpsee::RpcModule;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use parity_scale_codec::Encode;
use serde::Serialize;
use serde_json::Value;

use super::Context;
use super::fault::RequestError;
use super::parameter::{DIGEST, Parameters, digest_of, wrong};
use super::wire::{
    AccountReport, BlockReport, CallReport, EventPlace, EventReport, Head, Info, OperatorReport,
    OrderPlace, OrderReport, OrderRow, ProofReport, ROWS_MAX, Submitted, Viewed,
};
use crate::network::Multiaddr;
use crate::pool::admission::{AdmissionError, parameters};
use crate::store::state::verify_proof;
use crate::view;

/// Longest key of the state: a table's byte and a pair of digests, with room to spare.
const KEY_BYTES_MAX: usize = 128;

/// How often a proof is tried again because a block came in between; blocks take far longer than a proof.
const PROOF_ATTEMPTS_MAX: usize = 8;

pub(super) type Answer<T> = Result<T, ErrorObjectOwned>;

/// All methods, each with its parameters.
pub(super) fn register(module: &mut RpcModule<Context>) -> Result<(), RegisterMethodError> {
    add(module, ("domain_info", &[]), info)?;
    add(module, ("domain_submitCall", &["call"]), submit_call)?;
    add(module, ("domain_callOutcome", &["signer", "nonce"]), call_outcome)?;
    add(module, ("domain_account", &["account"]), account)?;
    add(module, ("domain_operator", &["account"]), operator)?;
    add(module, ("domain_operators", &["from", "count"]), operators)?;
    add(module, ("domain_order", &["order"]), order)?;
    add(module, ("domain_orders", &["after", "count"]), orders)?;
    add(module, ("domain_events", &["order", "after", "count"]), events)?;
    add(module, ("domain_block", &["number"]), block)?;
    add(module, ("domain_stateProof", &["key"]), state_proof)
}

/// Adds a method that may wait for the disk: its name, its parameters, and what it does.
pub(super) fn add<T: Serialize + Clone + Send + 'static>(
    module: &mut RpcModule<Context>,
    (name, fields): (&'static str, &'static [&'static str]),
    method: fn(&mut Parameters, &Context) -> Answer<T>,
) -> Result<(), RegisterMethodError> {
    module.register_blocking_method(name, move |params: Params<'_>, context, _| {
        method(&mut Parameters::read(&params, fields)?, &context)
    })?;
    Ok(())
}

fn info(_: &mut Parameters, context: &Context) -> Answer<Info> {
    let node = &context.node;
    let rules = parameters(node.state().as_ref()).map_err(RequestError::from)?;
    let network = node.network();
    let own = |address: Multiaddr| format!("{address}/p2p/{}", network.local_peer_id());
    Ok(Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        genesis: node.genesis().to_string(),
        head: (*node.heads().borrow()).into(),
        account: node.account().to_string(),
        peer_id: network.local_peer_id().to_string(),
        peers: network.peers().iter().map(ToString::to_string).collect(),
        addresses: network.listen_addresses().into_iter().map(own).collect(),
        waiting_call_count: node.mempool().lock().len(),
        parameters: viewed(&rules, view::parameters(&rules)),
    })
}

fn submit_call(from: &mut Parameters, context: &Context) -> Answer<Submitted> {
    let bytes = from.bytes("call", CALL_BYTES_MAX)?;
    let signed = SignedCall::from_bytes(&bytes);
    let signed = signed.map_err(|error| RequestError::Call(AdmissionError::from(error)))?;
    let at = context.node.heads().borrow().next();
    let hash = context.node.mempool().admit_local(bytes, at).map_err(RequestError::from)?;
    context.node.send_local_calls();
    let (signer, nonce) = (signed.signer.to_string(), signed.nonce);
    Ok(Submitted { hash: hash.to_string(), signer, nonce })
}

fn call_outcome(from: &mut Parameters, context: &Context) -> Answer<Option<CallReport>> {
    let signer = account_of(from, "signer")?;
    let nonce = from.number("nonce", 0..=u64::MAX)?;
    let fate = context.node.ledger().index().call(&signer, nonce).map_err(RequestError::from)?;
    Ok(fate.map(|fate| CallReport {
        block: fate.block,
        hash: fate.hash.to_string(),
        refusal: fate.refusal,
    }))
}

fn account(from: &mut Parameters, context: &Context) -> Answer<AccountReport> {
    let id = account_of(from, "account")?;
    let account: Account = record(context, &id)?.unwrap_or_default();
    Ok(AccountReport { nonce: account.nonce, free: account.free.to_string() })
}

fn operator(from: &mut Parameters, context: &Context) -> Answer<Option<OperatorReport>> {
    let id = account_of(from, "account")?;
    operator_report(context, id)
}

fn operators(from: &mut Parameters, context: &Context) -> Answer<Vec<OperatorReport>> {
    let first = from.small_number("from", 0..=u32::MAX)?;
    let count = from.small_number("count", 1..=ROWS_MAX)?;
    let total = record::<OperatorCount>(context, &())?.unwrap_or_default().0;
    let mut reports = Vec::new();
    for place in first..first.saturating_add(count).min(total) {
        let Some(OperatorAt(id)) = record(context, &place)? else { continue };
        reports.extend(operator_report(context, id)?);
    }
    Ok(reports)
}

fn order(from: &mut Parameters, context: &Context) -> Answer<Option<OrderReport>> {
    let id = OrderId(from.digest::<[u8; 32]>("order")?);
    let Some(order) = record::<OrderRecord>(context, &id)? else { return Ok(None) };
    let progress = record::<Progress>(context, &id)?;
    let phase = phase_name(&order, progress.as_ref(), context);
    Ok(Some(OrderReport {
        order: id.to_string(),
        phase,
        record: viewed(&order, view::order(&order)),
        progress: progress.map(|progress| viewed(&progress, view::progress(&progress))),
    }))
}

fn orders(from: &mut Parameters, context: &Context) -> Answer<Vec<OrderRow>> {
    let after: Option<OrderPlace> = from.place("after", "null, or the place of an order")?;
    let after = after.map(|place| match digest_of(&place.order) {
        Some(order) => Ok((BlockNumber(place.block), OrderId(order))),
        None => Err(wrong("after.order", &place.order, DIGEST)),
    });
    let count = from.small_number("count", 1..=ROWS_MAX)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let found = context.node.ledger().index().orders(after.transpose()?, count);
    let mut rows = Vec::new();
    for (block, id) in found.map_err(RequestError::from)? {
        let Some(order) = record::<OrderRecord>(context, &id)? else { continue };
        let progress = record::<Progress>(context, &id)?;
        let phase = phase_name(&order, progress.as_ref(), context);
        rows.push(OrderRow { place: OrderPlace { block: block.0, order: id.to_string() }, phase });
    }
    Ok(rows)
}

fn events(from: &mut Parameters, context: &Context) -> Answer<Vec<EventReport>> {
    let id = OrderId(from.digest::<[u8; 32]>("order")?);
    let after: Option<EventPlace> = from.place("after", "null, or the place of an event")?;
    let after = after.map(|place| (place.block, place.index));
    let count = from.small_number("count", 1..=ROWS_MAX)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let found = context.node.ledger().index().events(&id, after, count);
    let report = |((block, index), event)| EventReport {
        place: EventPlace { block: BlockNumber::clone(&block).0, index },
        event: viewed(&event, view::event(&event)),
    };
    Ok(found.map_err(RequestError::from)?.into_iter().map(report).collect())
}

fn block(from: &mut Parameters, context: &Context) -> Answer<Option<BlockReport>> {
    let number = from.small_number("number", 0..=u32::MAX)?;
    let found = context.node.ledger().block(number).map_err(RequestError::from)?;
    let Some((block, record)) = found else { return Ok(None) };
    let report = |(index, event)| EventReport {
        place: EventPlace { block: number, index },
        event: viewed(event, view::event(event)),
    };
    Ok(Some(BlockReport {
        head: Head {
            block: number,
            root: block.root.to_string(),
            beacon: record.beacon.to_string(),
        },
        consensus_hash: hex::encode(block.consensus_hash),
        call_count: record.calls.len(),
        events: (0..ROWS_MAX).zip(&record.events).map(report).collect(),
    }))
}

fn state_proof(from: &mut Parameters, context: &Context) -> Answer<ProofReport> {
    let key = from.bytes("key", KEY_BYTES_MAX)?;
    let state = context.node.ledger().state();
    for _ in 0..PROOF_ATTEMPTS_MAX {
        let head = context.node.ledger().head().map_err(RequestError::from)?;
        let value = state.get(&key).map_err(RequestError::from)?;
        let proof = state.prove(&key).map_err(RequestError::from)?;
        // A block between the three reads makes them disagree.
        if verify_proof(head.root, &key, value.as_deref(), &proof) {
            return Ok(ProofReport {
                block: head.block.0,
                root: head.root.to_string(),
                value: value.map(hex::encode),
                proof: hex::encode(proof.encode()),
            });
        }
    }
    Err(RequestError::Moving.into())
}

fn account_of(from: &mut Parameters, field: &str) -> Answer<AccountId> {
    Ok(AccountId(from.digest::<[u8; 32]>(field)?))
}

fn operator_report(context: &Context, id: AccountId) -> Answer<Option<OperatorReport>> {
    let found = record::<Operator>(context, &id)?;
    Ok(found.map(|operator| OperatorReport {
        account: id.to_string(),
        operator: viewed(&operator, view::operator(&operator)),
    }))
}

fn record<R: Record>(context: &Context, key: &R::Key) -> Answer<Option<R>> {
    let state = context.node.state();
    let state: &dyn ReadState = state.as_ref();
    Ok(read_record::<R>(state, key).map_err(RequestError::from)?)
}

/// The phase of an order in the next block, in which a call sent now can be included at the earliest.
fn phase_name(order: &OrderRecord, progress: Option<&Progress>, context: &Context) -> String {
    let next = context.node.heads().borrow().next().block;
    let running =
        |progress: &Progress| order.specification.windows.phase(progress.submitted_at, next);
    view::phase(progress.map_or(Phase::Final, running)).to_owned()
}

fn viewed(record: &impl Encode, view: Value) -> Viewed {
    Viewed { scale: hex::encode(record.encode()), view }
}
