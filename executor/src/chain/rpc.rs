//! The development chain for other processes of this machine, as JSON-RPC over WebSocket.
//!
//! | method | gives |
//! | --- | --- |
//! | `chain_submit(bundle)` | hash of the bundle, which is hexadecimal text |
//! | `chain_head()` | genesis, best and last final block |
//! | `chain_block(number)` | the block, or null |
//! | `chain_follow(from)` | subscription: each event, from block `from` on; ends with `chain_unfollow` |
//! | `development_fork(depth)` | abandons blocks; the new head |
//! | `development_hold()`, `development_release()` | whether blocks are held now |
//!
//! A wrong parameter is answered with its field, its value and what is allowed. Other parts of the
//! node can be served on the same port.

mod parameter;

use std::net::SocketAddr;
use std::sync::Arc;

use futures::StreamExt;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::{
    BatchRequestConfig, Methods, PendingSubscriptionSink, PingConfig, Server, ServerConfig,
    ServerHandle, SubscriptionSink,
};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{Extensions, RpcModule};

use super::development::DevelopmentChain;
use super::wire::{
    CODE_DUPLICATE, CODE_POOL_FULL, CODE_UNAVAILABLE, MESSAGE_BYTES_MAX, WireBlock, WireDuplicate,
    WireEvent, WireHead, WirePoolFull,
};
use super::{BUNDLE_BYTES_MAX, BundlePlace, Chain, ChainError, ChainEvent};

use parameter::{bundle_parameter, no_parameters, number_parameter, refused};

/// Longest request: the longest bundle as hexadecimal text, and room for what is around it.
const REQUEST_BYTES_MAX: u32 = 2 * (1 << 20) + 4096;

const _: () = assert!(REQUEST_BYTES_MAX as usize > 2 * BUNDLE_BYTES_MAX);

/// Connections at once: a devnet of a hundred nodes and a few tools.
const CONNECTIONS_MAX: u32 = 128;

/// Subscriptions of one connection: each part of a node may follow the chain on its own.
const SUBSCRIPTIONS_MAX: u32 = 16;

/// Messages that wait for a slow reader before the chain stops reading events for it.
const MESSAGES_WAITING_MAX: u32 = 8;

/// Requests in one batch.
const BATCH_REQUESTS_MAX: u32 = 32;

/// Why the chain cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The development chain has no access control, so it is served to this machine only.
    #[error("the development chain is served on loopback addresses only, not on {address}")]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Two parts of the node want the same method name.
    #[error("cannot serve a method: {0}")]
    Method(#[from] RegisterMethodError),
}

/// A chain being served, until it is stopped or dropped.
#[derive(Debug)]
pub struct ChainServer {
    address: SocketAddr,
    handle: ServerHandle,
}

impl ChainServer {
    /// Address listened on, with the real port when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where [`super::remote::RemoteChain::connect`] finds it.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Stops serving and waits until all connections are closed.
    pub async fn stop(self) {
        if self.handle.stop().is_ok() {
            self.handle.stopped().await;
        }
    }
}

/// Serves `chain`, and whatever is in `extra`, on `address`.
///
/// # Errors
/// [`ServeError`] when the address is not a loopback address or in use, or when `extra` has a
/// method of the same name.
pub async fn serve(
    chain: DevelopmentChain,
    address: SocketAddr,
    extra: impl Into<Methods>,
) -> Result<ChainServer, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback { address });
    }
    let mut methods = methods(chain)?;
    methods.merge(extra)?;
    let limits = ServerConfig::builder()
        .ws_only()
        .max_connections(CONNECTIONS_MAX)
        .max_subscriptions_per_connection(SUBSCRIPTIONS_MAX)
        .max_request_body_size(REQUEST_BYTES_MAX)
        .max_response_body_size(MESSAGE_BYTES_MAX)
        .set_message_buffer_capacity(MESSAGES_WAITING_MAX)
        .set_batch_request_config(BatchRequestConfig::Limit(BATCH_REQUESTS_MAX))
        .enable_ws_ping(PingConfig::new())
        .build();
    let listen = |source| ServeError::Listen { address, source };
    let server = Server::builder().set_config(limits).build(address).await.map_err(listen)?;
    let address = server.local_addr().map_err(listen)?;
    tracing::info!(%address, "serving the development chain");
    Ok(ChainServer { address, handle: server.start(methods) })
}

/// All methods of a chain, for serving them in another way.
///
/// # Errors
/// None in practice: the names differ.
fn methods(chain: DevelopmentChain) -> Result<RpcModule<DevelopmentChain>, RegisterMethodError> {
    let mut module = RpcModule::new(chain);
    module.register_async_method("chain_submit", |parameters, chain, _| async move {
        let bundle = bundle_parameter(&parameters)?;
        chain.submit(bundle).await.map_err(refused_by_chain)
    })?;
    module.register_async_method("chain_head", |parameters, chain, _| async move {
        no_parameters(&parameters)?;
        chain.head().await.map(WireHead::from).map_err(refused_by_chain)
    })?;
    module.register_blocking_method("chain_block", |parameters, chain, _| {
        let number = number_parameter(&parameters, "number", 0)?;
        let block = chain.block(number).map_err(refused_by_chain)?;
        Ok::<_, ErrorObjectOwned>(block.map(WireBlock::from))
    })?;
    module.register_subscription("chain_follow", "chain_event", "chain_unfollow", follow)?;
    module.register_blocking_method("development_fork", |parameters, chain, _| {
        let depth = number_parameter(&parameters, "depth", 1)?;
        chain.fork(depth).map(WireHead::from).map_err(refused_by_chain)
    })?;
    module.register_method("development_hold", |parameters, chain, _| {
        no_parameters(&parameters)?;
        chain.hold_blocks();
        Ok::<_, ErrorObjectOwned>(chain.is_held())
    })?;
    module.register_method("development_release", |parameters, chain, _| {
        no_parameters(&parameters)?;
        chain.release();
        Ok::<_, ErrorObjectOwned>(chain.is_held())
    })?;
    Ok(module)
}

async fn follow(
    parameters: Params<'static>,
    pending: PendingSubscriptionSink,
    chain: Arc<DevelopmentChain>,
    _extensions: Extensions,
) {
    let events = match number_parameter(&parameters, "from", 1) {
        Ok(from) => chain.follow(from).await.map_err(refused_by_chain),
        Err(error) => Err(error),
    };
    let mut events = match events {
        Ok(events) => events,
        Err(error) => return pending.reject(error).await,
    };
    let Ok(sink) = pending.accept().await else { return };
    loop {
        let event = tokio::select! {
            () = sink.closed() => return,
            event = events.next() => event,
        };
        match event {
            Some(Ok(event)) => {
                if send(&sink, event).await.is_none() {
                    return;
                }
            }
            // The disk failed; the next block may come through.
            Some(Err(error)) => tracing::warn!(%error, "a follower waits for the chain"),
            None => return,
        }
    }
}

/// Sends an event, `None` when the reader is gone.
async fn send(sink: &SubscriptionSink, event: ChainEvent) -> Option<()> {
    let message = serde_json::value::to_raw_value(&WireEvent::from(event)).ok()?;
    sink.send(message).await.ok()
}

/// How a refusal of the chain is told.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refused_by_chain(error: ChainError) -> ErrorObjectOwned {
    let message = error.to_string();
    match error {
        ChainError::BundleSize { bytes, bytes_min, bytes_max } => {
            let allowed = format!("{bytes_min} to {bytes_max} bytes");
            refused("bundle", &format!("{bytes} bytes"), &allowed)
        }
        ChainError::FollowFrom { from, from_min, from_max } => {
            refused("from", &from.to_string(), &format!("{from_min} to {from_max}"))
        }
        ChainError::ForkDepth { depth, depth_min, depth_max } => {
            refused("depth", &depth.to_string(), &format!("{depth_min} to {depth_max}"))
        }
        ChainError::Duplicate { hash, place } => {
            let block = match place {
                BundlePlace::Pool => None,
                BundlePlace::Block(number) => Some(number),
            };
            ErrorObjectOwned::owned(CODE_DUPLICATE, message, Some(WireDuplicate { hash, block }))
        }
        ChainError::PoolFull { bundle_count, bytes, bundles_max, bytes_max } => {
            let full = WirePoolFull { bundle_count, bytes, bundles_max, bytes_max };
            ErrorObjectOwned::owned(CODE_POOL_FULL, message, Some(full))
        }
        _ => ErrorObjectOwned::owned(CODE_UNAVAILABLE, message, None::<()>),
    }
}

#[cfg(test)]
mod tests;
