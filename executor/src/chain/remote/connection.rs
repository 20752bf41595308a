//! One connection to another process, made again when it breaks, always to the same chain.

use std::sync::{Arc, OnceLock};

use jsonrpsee::core::client::{ClientT, Error as ClientError, Subscription, SubscriptionClientT};
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::ws_client::{PingConfig, WsClient, WsClientBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{RemoteLimits, refusal};
use crate::chain::wire::{CODE_UNAVAILABLE, MESSAGE_BYTES_MAX, WireBlock, WireEvent, WireHead};
use crate::chain::{BlockHash, ChainError, ChainHead, ConsensusBlock};

/// Events that may wait for the reader; with more, following falls back to fetching blocks.
const EVENTS_WAITING_MAX: usize = 16;

/// An answer, and whether the request was sent more than once for it.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) outcome: Result<T, ClientError>,
    pub(super) was_repeated: bool,
}

/// The connection, or the wish to have one.
#[derive(Debug)]
pub(super) struct Connection {
    url: String,
    limits: RemoteLimits,
    client: Mutex<Option<Arc<WsClient>>>,
    genesis: OnceLock<BlockHash>,
}

impl Connection {
    pub(super) fn new(url: &str, limits: RemoteLimits) -> Self {
        let (client, genesis) = (Mutex::new(None), OnceLock::new());
        Self { url: url.to_owned(), limits, client, genesis }
    }

    /// Sends a request, again when the connection breaks.
    ///
    /// What the other side refuses is in the answer.
    pub(super) async fn request<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: &[Value],
    ) -> Result<Answer<T>, ChainError> {
        let mut failures = 0;
        loop {
            let failed = match self.try_request(method, parameters).await {
                Ok(outcome) => return Ok(Answer { outcome, was_repeated: failures > 0 }),
                Err(failed) => failed,
            };
            failures += 1;
            if failures >= self.limits.attempts_max {
                let (url, attempts) = (self.url.clone(), failures);
                return Err(ChainError::Unreachable { url, attempts, source: Box::new(failed) });
            }
            self.pause(failures, &failed).await;
        }
    }

    /// Waits before the next attempt, longer after each failure.
    pub(super) async fn pause(&self, failures: u32, failed: &(dyn std::error::Error + Sync)) {
        let pause = self.limits.pause(failures);
        tracing::debug!(url = self.url, error = %failed, ?pause, "chain connection interrupted");
        tokio::time::sleep(pause).await;
    }

    /// Where the chain stands.
    pub(super) async fn head(&self) -> Result<ChainHead, ChainError> {
        let answer: Answer<WireHead> = self.request("chain_head", &[]).await?;
        let head = answer.outcome.map(ChainHead::from);
        self.same_chain(head.map_err(|error| refusal("chain_head", &error))?)
    }

    /// Block `number` of the best chain.
    pub(super) async fn block(&self, number: u32) -> Result<Option<ConsensusBlock>, ChainError> {
        let answer: Answer<Option<WireBlock>> =
            self.request("chain_block", &[number.into()]).await?;
        let block = answer.outcome.map_err(|error| refusal("chain_block", &error))?;
        block.map(ConsensusBlock::try_from).transpose()
    }

    /// Listens from block `from` on.
    pub(super) async fn subscribe(&self, from: u32) -> Result<Subscription<WireEvent>, ChainError> {
        let client = self.client().await;
        let client = client.map_err(|source| self.unreachable(source))?;
        let parameters = array(&[from.into()]);
        let subscribed = client.subscribe("chain_follow", parameters, "chain_unfollow").await;
        let subscription = subscribed.map_err(|error| match error {
            ClientError::Call(_) => refusal("chain_follow", &error),
            source => self.unreachable(source),
        })?;
        // The connection may be a new one, and who answers there another chain.
        self.head().await?;
        Ok(subscription)
    }

    fn unreachable(&self, source: ClientError) -> ChainError {
        ChainError::Unreachable { url: self.url.clone(), attempts: 1, source: Box::new(source) }
    }

    /// Refuses a chain that is another than the one first seen.
    fn same_chain(&self, head: ChainHead) -> Result<ChainHead, ChainError> {
        let expected = *self.genesis.get_or_init(|| head.genesis);
        let found = head.genesis;
        if found == expected { Ok(head) } else { Err(ChainError::OtherChain { expected, found }) }
    }

    /// One attempt. The inner error is the other side's answer, the outer a broken connection.
    async fn try_request<T: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &[Value],
    ) -> Result<Result<T, ClientError>, ClientError> {
        let client = self.client().await?;
        match client.request(method, array(parameters)).await {
            Ok(value) => Ok(Ok(value)),
            Err(ClientError::Call(object)) if object.code() == CODE_UNAVAILABLE => {
                Err(ClientError::Call(object))
            }
            Err(error @ (ClientError::Call(_) | ClientError::ParseError(_))) => Ok(Err(error)),
            Err(error) => {
                self.forget(&client).await;
                Err(error)
            }
        }
    }

    /// The open connection; opens one when there is none.
    async fn client(&self) -> Result<Arc<WsClient>, ClientError> {
        let mut current = self.client.lock().await;
        if let Some(client) = current.as_ref().filter(|client| client.is_connected()) {
            return Ok(client.clone());
        }
        let client = WsClientBuilder::new()
            .max_request_size(MESSAGE_BYTES_MAX)
            .max_response_size(MESSAGE_BYTES_MAX)
            .max_buffer_capacity_per_subscription(EVENTS_WAITING_MAX)
            .request_timeout(self.limits.answer_timeout)
            .connection_timeout(self.limits.answer_timeout)
            .enable_ws_ping(PingConfig::new())
            .build(&self.url)
            .await?;
        Ok(current.insert(Arc::new(client)).clone())
    }

    /// Gives up a broken connection, unless someone made a new one already.
    async fn forget(&self, broken: &Arc<WsClient>) {
        let mut current = self.client.lock().await;
        if current.as_ref().is_some_and(|client| Arc::ptr_eq(client, broken)) {
            *current = None;
        }
    }
}

fn array(parameters: &[Value]) -> ArrayParams {
    let mut array = ArrayParams::new();
    for parameter in parameters {
        array.insert(parameter).expect("a JSON value is always written as JSON");
    }
    array
}
