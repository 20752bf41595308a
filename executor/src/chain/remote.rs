//! The chain of another process: reconnects by itself and leaves nothing out.
//!
//! Requests are repeated a few times when the connection breaks. Following never gives up: after
//! each interruption it fetches the final blocks that are missing, one by one as the reader takes
//! them, and then listens again; what changed in between is told as if it had happened now.

mod connection;
mod resumption;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use jsonrpsee::core::client::Error as ClientError;

use super::wire::{CODE_DUPLICATE, CODE_POOL_FULL, WireDuplicate, WireHead, WirePoolFull};
use super::{
    BUNDLE_BYTES_MAX, BUNDLE_BYTES_MIN, BundleHash, Chain, ChainError, ChainEvent, ChainHead,
};

use connection::{Answer, Connection};
use resumption::Following;

/// How a client behaves when the connection breaks.
#[derive(Clone, Copy, Debug)]
pub struct RemoteLimits {
    /// First pause before trying again; each further one is twice as long.
    pub pause_first: Duration,
    /// Longest pause.
    pub pause_max: Duration,
    /// How often a request is tried before it fails. Following never stops trying.
    pub attempts_max: u32,
    /// How long an answer may take.
    pub answer_timeout: Duration,
}

impl Default for RemoteLimits {
    /// Pauses from 100 ms to 10 s: quick when a process restarts, harmless when it stays away. Eight
    /// attempts bridge 13 s, longer than a chain process takes to start.
    fn default() -> Self {
        Self {
            pause_first: Duration::from_millis(100),
            pause_max: Duration::from_secs(10),
            attempts_max: 8,
            answer_timeout: Duration::from_secs(30),
        }
    }
}

impl RemoteLimits {
    /// The pause after `failures` failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(u32::BITS - 1);
        self.pause_first.saturating_mul(1_u32 << doublings).min(self.pause_max)
    }
}

/// The chain of another process. Clones share one connection.
#[derive(Clone, Debug)]
pub struct RemoteChain {
    connection: Arc<Connection>,
}

impl RemoteChain {
    /// Connects to a chain that [`super::rpc::serve`] serves at `url`.
    ///
    /// # Errors
    /// [`ChainError::Unreachable`] when it does not answer after some attempts.
    pub async fn connect(url: &str) -> Result<Self, ChainError> {
        Self::connect_with(url, RemoteLimits::default()).await
    }

    /// Connects with other limits than the usual ones.
    ///
    /// # Errors
    /// As [`RemoteChain::connect`].
    pub async fn connect_with(url: &str, limits: RemoteLimits) -> Result<Self, ChainError> {
        let chain = Self { connection: Arc::new(Connection::new(url, limits)) };
        chain.head().await?;
        Ok(chain)
    }

    /// Abandons the last blocks of a development chain; see
    /// [`super::development::DevelopmentChain::fork`].
    ///
    /// # Errors
    /// [`ChainError::Refused`] when the chain refuses, [`ChainError::Unreachable`].
    pub async fn fork(&self, depth: u32) -> Result<ChainHead, ChainError> {
        let answer: Answer<WireHead> =
            self.connection.request("development_fork", &[depth.into()]).await?;
        answer.outcome.map(ChainHead::from).map_err(|error| refusal("development_fork", &error))
    }

    /// Holds back the blocks of a development chain, or releases them.
    ///
    /// # Errors
    /// [`ChainError::Refused`] when the chain refuses, [`ChainError::Unreachable`].
    pub async fn hold_blocks(&self, is_held: bool) -> Result<(), ChainError> {
        let method = if is_held { "development_hold" } else { "development_release" };
        let answer: Answer<bool> = self.connection.request(method, &[]).await?;
        answer.outcome.map(drop).map_err(|error| refusal(method, &error))
    }
}

#[async_trait]
impl Chain for RemoteChain {
    async fn submit(&self, bundle: Vec<u8>) -> Result<BundleHash, ChainError> {
        let bytes = bundle.len();
        let (bytes_min, bytes_max) = (BUNDLE_BYTES_MIN, BUNDLE_BYTES_MAX);
        if !(bytes_min..=bytes_max).contains(&bytes) {
            return Err(ChainError::BundleSize { bytes, bytes_min, bytes_max });
        }
        let hash = BundleHash::of(&bundle);
        let text = hex::encode(bundle);
        let answer: Answer<BundleHash> =
            self.connection.request("chain_submit", &[text.into()]).await?;
        match answer.outcome.map_err(|error| refusal("chain_submit", &error)) {
            // An earlier attempt arrived, only its answer did not.
            Err(ChainError::Duplicate { .. }) if answer.was_repeated => Ok(hash),
            outcome => outcome,
        }
    }

    async fn head(&self) -> Result<ChainHead, ChainError> {
        self.connection.head().await
    }

    async fn follow(
        &self,
        from: u32,
    ) -> Result<BoxStream<'static, Result<ChainEvent, ChainError>>, ChainError> {
        let following = Following::begin(self.connection.clone(), from).await?;
        Ok(futures::stream::unfold(following, Following::next).boxed())
    }
}

/// What the other side's error means here.
fn refusal(method: &'static str, error: &ClientError) -> ChainError {
    let ClientError::Call(object) = error else {
        return ChainError::Malformed { problem: format!("answer to {method}: {error}") };
    };
    let particulars = object.data().map_or("null", |data| data.get());
    let understood = match object.code() {
        CODE_DUPLICATE => serde_json::from_str::<WireDuplicate>(particulars)
            .map(|found| ChainError::Duplicate { hash: found.hash, place: found.place() })
            .ok(),
        CODE_POOL_FULL => serde_json::from_str::<WirePoolFull>(particulars).map(pool_full).ok(),
        _ => None,
    };
    let (code, message) = (object.code(), object.message().to_owned());
    understood.unwrap_or(ChainError::Refused { method, code, message })
}

fn pool_full(full: WirePoolFull) -> ChainError {
    let WirePoolFull { bundle_count, bytes, bundles_max, bytes_max } = full;
    ChainError::PoolFull { bundle_count, bytes, bundles_max, bytes_max }
}

#[cfg(test)]
mod tests;
