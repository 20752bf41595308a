//! What a node answers to its owner's tools, as JSON-RPC over WebSocket and HTTP.
//!
//! | method | gives |
//! | --- | --- |
//! | `domain_info()` | network, heights, peers, addresses, parameters |
//! | `domain_submitCall(call)` | hash, signer and nonce of a signed call that was taken |
//! | `domain_callOutcome(signer, nonce)` | what became of a call, or null |
//! | `domain_account(account)` | nonce and free money |
//! | `domain_operator(account)` | the operator, or null |
//! | `domain_operators(from, count)` | operators in the order of their registration |
//! | `domain_order(order)` | order, progress and phase, or null |
//! | `domain_orders(after, count)` | orders in the sequence of their inclusion; `after` is the last one's `place`, or null |
//! | `domain_events(order, after, count)` | what happened to an order; `after` likewise |
//! | `domain_block(number)` | a block and its events, or null |
//! | `domain_stateProof(key)` | value, root and proof of a key of the state |
//! | `domain_followHeads()` | subscription: each head; ends with `domain_unfollowHeads` |
//! | `artefact_has(hash)` | length, or null |
//! | `artefact_putBegin(bytes)` | number of an upload |
//! | `artefact_putAppend(upload, offset, data)` | bytes received so far |
//! | `artefact_putFinish(upload, hash)` | stores the upload if it has this hash |
//! | `artefact_fetch(hash, bytes_max)` | fetches from peers; its length |
//! | `artefact_read(hash, offset, length)` | a piece |
//!
//! Bytes are hexadecimal text, amounts decimal text in smallest units. Records and events come as SCALE
//! bytes, which are exact, beside a view for people. A wrong parameter is answered with its field, its
//! value and what is allowed.

mod artefact;
pub mod client;
mod domain;
mod fault;
mod heads;
mod parameter;
mod upload;
pub mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use jsonrpsee::RpcModule;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::{BatchRequestConfig, PingConfig, Server, ServerConfig};

use crate::node::NodeHandle;
use crate::store::artefacts::ArtefactError;

use upload::Uploads;
use wire::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};

/// Messages that wait for a slow reader before it gets no more.
const MESSAGES_WAITING_MAX: u32 = 64;

/// Requests in one batch.
const BATCH_REQUESTS_MAX: u32 = 64;

/// Where a node answers, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcSettings {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Connections at once.
    pub connections_max: u32,
    /// Subscriptions of one connection.
    pub subscriptions_max: u32,
    /// Files on their way here at once.
    pub uploads_max: usize,
}

impl Default for RpcSettings {
    /// This machine only, with room for a few tools: whoever reaches the address may read all and fill the
    /// disk.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            connections_max: 64,
            subscriptions_max: 16,
            uploads_max: 8,
        }
    }
}

/// Why remote procedures cannot be offered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The address cannot be listened on.
    #[error("cannot answer on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Two methods have the same name.
    #[error("cannot offer a method: {0}")]
    Method(#[from] RegisterMethodError),
    /// The folder of uploads cannot be used.
    #[error(transparent)]
    Uploads(#[from] ArtefactError),
}

/// What every method works with.
#[derive(Debug)]
struct Context {
    node: NodeHandle,
    uploads: Uploads,
}

/// Answers remote procedure calls on behalf of `node`, until it stops; the future ends then.
///
/// # Errors
/// [`RpcError`], above all when the address is in use.
pub(crate) async fn serve(
    node: NodeHandle,
    settings: RpcSettings,
    upload_folder: PathBuf,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send + 'static), RpcError> {
    let uploads = Uploads::open(upload_folder, settings.uploads_max)?;
    let context = Arc::new(Context { node: node.clone(), uploads });
    let mut methods = RpcModule::from_arc(context);
    domain::register(&mut methods)?;
    heads::register(&mut methods)?;
    artefact::register(&mut methods)?;
    let limits = ServerConfig::builder()
        .max_connections(settings.connections_max)
        .max_subscriptions_per_connection(settings.subscriptions_max)
        .max_request_body_size(REQUEST_BYTES_MAX)
        .max_response_body_size(RESPONSE_BYTES_MAX)
        .set_message_buffer_capacity(MESSAGES_WAITING_MAX)
        .set_batch_request_config(BatchRequestConfig::Limit(BATCH_REQUESTS_MAX))
        .enable_ws_ping(PingConfig::new())
        .build();
    let address = settings.listen;
    let listen = |source| RpcError::Listen { address, source };
    let server = Server::builder().set_config(limits).build(address).await.map_err(listen)?;
    let address = server.local_addr().map_err(listen)?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "anybody who reaches this address may use the node");
    }
    let handle = server.start(methods);
    tracing::info!(%address, "answering remote procedure calls");
    let serving = async move {
        node.stopped().await;
        if handle.stop().is_ok() {
            handle.stopped().await;
        }
    };
    Ok((address, serving))
}
