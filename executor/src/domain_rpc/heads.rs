//! The subscription to heads.

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::PendingSubscriptionSink;
use jsonrpsee::types::Params;
use jsonrpsee::{Extensions, RpcModule};

use super::Context;
use super::parameter::Parameters;
use super::wire::Head;
use crate::node::DomainHead;

impl From<DomainHead> for Head {
    fn from(head: DomainHead) -> Self {
        Self { block: head.block.0, root: head.root.to_string(), beacon: head.beacon.to_string() }
    }
}

pub(super) fn register(module: &mut RpcModule<Context>) -> Result<(), RegisterMethodError> {
    module.register_subscription(
        "domain_followHeads",
        "domain_head",
        "domain_unfollowHeads",
        follow,
    )?;
    Ok(())
}

/// Sends the head, and each later one that the reader is quick enough for: a slow one misses some.
async fn follow(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    context: Arc<Context>,
    _extensions: Extensions,
) {
    if let Err(error) = Parameters::read(&params, &[]) {
        return pending.reject(error).await;
    }
    let Ok(sink) = pending.accept().await else { return };
    let mut heads = context.node.heads();
    heads.mark_changed();
    loop {
        tokio::select! {
            () = sink.closed() => return,
            changed = heads.changed() => if changed.is_err() { return },
        }
        let head = Head::from(*heads.borrow_and_update());
        let Ok(message) = serde_json::value::to_raw_value(&head) else { return };
        if sink.send(message).await.is_err() {
            return;
        }
    }
}
