//! The other side: a typed client for commands and tools.

use std::fmt;
use std::time::Duration;

use aipot_domain_runtime::call::SignedCall;
use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::operator::Operator;
use aipot_domain_runtime::primitives::{AccountId, BlockNumber, OrderId};
use aipot_domain_runtime::progress::{OrderRecord, Progress};
use jsonrpsee::core::client::{ClientT, Error as RpcError, Subscription, SubscriptionClientT};
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::ws_client::{PingConfig, WsClient, WsClientBuilder};
use parity_scale_codec::{DecodeAll, Encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::wire::{
    AccountReport, BlockReport, CallReport, EventPlace, EventReport, Head, Info, OperatorReport,
    OrderPlace, OrderReport, OrderRow, PIECE_BYTES_MAX, ProofReport, REQUEST_BYTES_MAX,
    RESPONSE_BYTES_MAX, ROWS_MAX, Submitted, Viewed, WrongParameter,
};
use crate::store::artefacts::ContentHash;

/// How long an answer may take; fetching an artefact takes longest.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(5);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a node's answer is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DomainClientError {
    /// The node cannot be reached, or the connection broke.
    #[error("the node at {url} cannot be reached: {source}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What went wrong.
        source: Box<RpcError>,
    },
    /// A parameter is wrong.
    #[error("{field} is {value}, allowed: {allowed}")]
    Parameter {
        /// Its name.
        field: String,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// The node refuses.
    #[error("the node refuses {method}: {message}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// One of the codes in [`super::wire`].
        code: i32,
        /// Why.
        message: String,
    },
    /// The answer makes no sense.
    #[error("the node's answer to {method} cannot be read: {reason}")]
    Garbage {
        /// What was asked.
        method: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The node gave other bytes than asked for.
    #[error("the node gave bytes with hash {found} for artefact {expected}")]
    WrongArtefact {
        /// What was asked for.
        expected: ContentHash,
        /// What came.
        found: ContentHash,
    },
}

/// An order with its records decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// The order, with its outcome when it has ended.
    pub record: OrderRecord,
    /// Its progress while it runs.
    pub progress: Option<Progress>,
    /// The node's answer, for people.
    pub report: OrderReport,
}

/// A connection to a node.
pub struct DomainClient {
    url: String,
    client: WsClient,
}

impl fmt::Debug for DomainClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DomainClient").field("url", &self.url).finish_non_exhaustive()
    }
}

impl DomainClient {
    /// Connects to the node that answers at `url`, for instance `ws://127.0.0.1:9955`.
    ///
    /// # Errors
    /// [`DomainClientError::Unreachable`].
    pub async fn connect(url: &str) -> Result<Self, DomainClientError> {
        let client = WsClientBuilder::new()
            .max_request_size(REQUEST_BYTES_MAX)
            .max_response_size(RESPONSE_BYTES_MAX)
            .request_timeout(ANSWER_TIMEOUT)
            .connection_timeout(CONNECT_TIMEOUT)
            .enable_ws_ping(PingConfig::new())
            .build(url)
            .await;
        let url = url.to_owned();
        match client {
            Ok(client) => Ok(Self { url, client }),
            Err(source) => Err(DomainClientError::Unreachable { url, source: Box::new(source) }),
        }
    }

    /// The node and its network.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn info(&self) -> Result<Info, DomainClientError> {
        self.ask("domain_info", &[]).await
    }

    /// Hands in a signed call.
    ///
    /// # Errors
    /// [`DomainClientError::Refused`] with the runtime's reason, before the call costs anything.
    pub async fn submit_call(&self, call: &SignedCall) -> Result<Submitted, DomainClientError> {
        self.ask("domain_submitCall", &[json!(hex::encode(call.encode()))]).await
    }

    /// What became of the call of `signer` with this nonce, `None` while it is not applied.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn call_outcome(
        &self,
        signer: AccountId,
        nonce: u64,
    ) -> Result<Option<CallReport>, DomainClientError> {
        self.ask("domain_callOutcome", &[json!(signer.to_string()), json!(nonce)]).await
    }

    /// Nonce and free money.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn account(&self, account: AccountId) -> Result<AccountReport, DomainClientError> {
        self.ask("domain_account", &[json!(account.to_string())]).await
    }

    /// The operator of this account, if it is one.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn operator(
        &self,
        account: AccountId,
    ) -> Result<Option<Operator>, DomainClientError> {
        let method = "domain_operator";
        let report: Option<OperatorReport> =
            self.ask(method, &[json!(account.to_string())]).await?;
        report.map(|report| decoded(method, &report.operator)).transpose()
    }

    /// Every operator, in the order of registration.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn operators(&self) -> Result<Vec<OperatorReport>, DomainClientError> {
        let mut operators: Vec<OperatorReport> = Vec::new();
        loop {
            let from = operators.len();
            let parameters = [json!(from), json!(ROWS_MAX)];
            operators.extend(self.ask::<Vec<_>>("domain_operators", &parameters).await?);
            if operators.len() < from.saturating_add(rows_max()) {
                return Ok(operators);
            }
        }
    }

    /// An order, `None` when the node does not know it.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn order(&self, order: OrderId) -> Result<Option<OrderState>, DomainClientError> {
        let method = "domain_order";
        let report: Option<OrderReport> = self.ask(method, &[json!(order.to_string())]).await?;
        let Some(report) = report else { return Ok(None) };
        let record = decoded(method, &report.record)?;
        let progress = report.progress.as_ref();
        let progress = progress.map(|progress| decoded(method, progress)).transpose()?;
        Ok(Some(OrderState { record, progress, report }))
    }

    /// At most [`ROWS_MAX`] orders after the place `after`, in the sequence of their inclusion.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn orders(
        &self,
        after: Option<&OrderPlace>,
    ) -> Result<Vec<OrderRow>, DomainClientError> {
        self.ask("domain_orders", &[json!(after), json!(ROWS_MAX)]).await
    }

    /// Everything that happened to an order.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn events(
        &self,
        order: OrderId,
    ) -> Result<Vec<(BlockNumber, Event)>, DomainClientError> {
        let method = "domain_events";
        let mut events = Vec::new();
        let mut after: Option<EventPlace> = None;
        loop {
            let parameters = [json!(order.to_string()), json!(after), json!(ROWS_MAX)];
            let page: Vec<EventReport> = self.ask(method, &parameters).await?;
            for report in &page {
                events.push((BlockNumber(report.place.block), decoded(method, &report.event)?));
            }
            after = page.last().map(|report| report.place);
            if page.len() < rows_max() {
                return Ok(events);
            }
        }
    }

    /// A block, `None` when it is not applied yet.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn block(&self, number: u32) -> Result<Option<BlockReport>, DomainClientError> {
        self.ask("domain_block", &[json!(number)]).await
    }

    /// A key of the state with its proof.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn state_proof(&self, key: &[u8]) -> Result<ProofReport, DomainClientError> {
        self.ask("domain_stateProof", &[json!(hex::encode(key))]).await
    }

    /// Follows the heads from now on.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn follow_heads(&self) -> Result<Subscription<Head>, DomainClientError> {
        let method = "domain_followHeads";
        let subscribed =
            self.client.subscribe(method, ArrayParams::new(), "domain_unfollowHeads").await;
        subscribed.map_err(|error| self.failure(method, error))
    }

    /// Length of an artefact that the node has, `None` when it has not.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn artefact_bytes(
        &self,
        hash: ContentHash,
    ) -> Result<Option<u64>, DomainClientError> {
        self.ask("artefact_has", &[json!(hash)]).await
    }

    /// Gives the node an artefact.
    ///
    /// # Errors
    /// [`DomainClientError`]; nothing is stored then.
    pub async fn put_artefact(&self, bytes: &[u8]) -> Result<ContentHash, DomainClientError> {
        let hash = ContentHash::of(bytes);
        let upload: u64 = self.ask("artefact_putBegin", &[json!(bytes.len())]).await?;
        for (index, piece) in bytes.chunks(PIECE_BYTES_MAX).enumerate() {
            let offset = index.saturating_mul(PIECE_BYTES_MAX);
            let parameters = [json!(upload), json!(offset), json!(hex::encode(piece))];
            self.ask::<u64>("artefact_putAppend", &parameters).await?;
        }
        self.ask::<()>("artefact_putFinish", &[json!(upload), json!(hash)]).await?;
        Ok(hash)
    }

    /// Makes the node fetch an artefact of at most `bytes_max` bytes from its peers; its length.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn fetch_artefact(
        &self,
        hash: ContentHash,
        bytes_max: u64,
    ) -> Result<u64, DomainClientError> {
        self.ask("artefact_fetch", &[json!(hash), json!(bytes_max)]).await
    }

    /// Reads an artefact that the node has, and checks it against its name.
    ///
    /// # Errors
    /// [`DomainClientError`].
    pub async fn read_artefact(&self, hash: ContentHash) -> Result<Vec<u8>, DomainClientError> {
        let method = "artefact_read";
        let total = self.artefact_bytes(hash).await?.unwrap_or_default();
        let piece_max = u64::try_from(PIECE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let mut offset = 0;
        while offset < total {
            let length = piece_max.min(total - offset);
            let parameters = [json!(hash), json!(offset), json!(length)];
            let piece: String = self.ask(method, &parameters).await?;
            bytes.extend(from_hex(method, &piece)?);
            offset += length;
        }
        let found = ContentHash::of(&bytes);
        if found != hash {
            return Err(DomainClientError::WrongArtefact { expected: hash, found });
        }
        Ok(bytes)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: &[Value],
    ) -> Result<T, DomainClientError> {
        let mut array = ArrayParams::new();
        for parameter in parameters {
            let inserted = array.insert(parameter);
            inserted.map_err(|error| garbage(method, &error))?;
        }
        let answer = self.client.request(method, array).await;
        answer.map_err(|error| self.failure(method, error))
    }

    fn failure(&self, method: &'static str, error: RpcError) -> DomainClientError {
        match error {
            RpcError::Call(object) => refusal(method, &object),
            RpcError::ParseError(error) => garbage(method, &error),
            source => {
                DomainClientError::Unreachable { url: self.url.clone(), source: Box::new(source) }
            }
        }
    }
}

fn refusal(method: &'static str, object: &ErrorObjectOwned) -> DomainClientError {
    let wrong = object.data().and_then(|data| serde_json::from_str(data.get()).ok());
    match wrong {
        Some(WrongParameter { field, value, allowed }) => {
            DomainClientError::Parameter { field, value, allowed }
        }
        None => DomainClientError::Refused {
            method,
            code: object.code(),
            message: object.message().to_owned(),
        },
    }
}

fn garbage(method: &'static str, error: &dyn fmt::Display) -> DomainClientError {
    DomainClientError::Garbage { method, reason: error.to_string() }
}

fn decoded<T: DecodeAll>(method: &'static str, viewed: &Viewed) -> Result<T, DomainClientError> {
    let bytes = from_hex(method, &viewed.scale)?;
    T::decode_all(&mut bytes.as_slice()).map_err(|error| garbage(method, &error))
}

fn from_hex(method: &'static str, text: &str) -> Result<Vec<u8>, DomainClientError> {
    hex::decode(text).map_err(|error| garbage(method, &error))
}

fn rows_max() -> usize {
    usize::try_from(ROWS_MAX).unwrap_or(usize::MAX)
}
