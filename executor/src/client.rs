//! The client's side of an order: specify, submit, wait, fetch, check, and the receipt of it all.

mod receipt;

pub use receipt::{PayoutLine, Receipt, check_model, payout_lines};

use std::path::Path;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{OrderId, Salt};
use aipot_domain_runtime::progress::OrderRecord;
use aipot_domain_runtime::state::{Fault, read_record};
use aipot_trainer::base_file::{BaseError, read_own_base};
use aipot_trainer::dataset::{DatasetError, PrepareError, PreparedFile, prepare};
use aipot_trainer::specification::{OrderDraft, SpecificationError, TestFacts};

use crate::network::{AnnounceError, FetchError};
use crate::node::{CallOutcome, NodeError, NodeHandle};
use crate::roles::client::remember;
use crate::store::artefacts::{ArtefactError, ContentHash};
use crate::store::base::base_of;
use crate::worker::durable::FileError;

/// Why the client's side of an order failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The order and its files do not go together.
    #[error(transparent)]
    Specification(#[from] SpecificationError),
    /// A file cannot be packed for the order.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The base is not one of the order's model.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// A file is not what the order needs.
    #[error("the {file} file is not usable")]
    Data {
        /// Training or test.
        file: &'static str,
        /// Why.
        source: DatasetError,
    },
    /// The network refused the order.
    #[error("the order was refused: {reason}")]
    Refused {
        /// What the network says.
        reason: String,
    },
    /// The order is unknown or has not ended.
    #[error("order {order} is {found}, so there is no model to fetch")]
    NotSettled {
        /// Which order.
        order: OrderId,
        /// Its condition.
        found: &'static str,
    },
    /// The client's own check of the model failed.
    #[error("the model of order {order} does not hold what was paid for: {reason}")]
    WrongModel {
        /// Which order.
        order: OrderId,
        /// What differs.
        reason: String,
    },
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] Fault),
    /// The local store failed.
    #[error("storing a file failed")]
    Store {
        /// Why.
        #[from]
        source: ArtefactError,
    },
    /// A secret of the order could not be kept.
    #[error(transparent)]
    Secret(#[from] FileError),
    /// The training file could not be offered to providers.
    #[error("announcing the training file failed")]
    Announce {
        /// Why.
        #[from]
        source: AnnounceError,
    },
    /// The model could not be fetched from anybody.
    #[error("fetching the model failed")]
    Fetch {
        /// Why.
        source: FetchError,
    },
}

/// The two files of an order as they will lie on the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderFiles<'bytes> {
    /// The training file.
    pub train: PreparedFile<'bytes>,
    /// The hidden test file.
    pub test: PreparedFile<'bytes>,
}

impl<'bytes> OrderFiles<'bytes> {
    /// Packs what the client has into what its order needs.
    ///
    /// # Errors
    /// [`ClientError::Prepare`] when a file cannot be read.
    pub fn prepare(
        draft: &OrderDraft,
        train: &'bytes [u8],
        test: &'bytes [u8],
    ) -> Result<Self, ClientError> {
        let missing = |field: &str| SpecificationError::Missing { field: field.to_owned() };
        let (train, test) = prepare(&draft.data.shape(), Some(train), Some(test))?;
        let train = train.ok_or_else(|| missing("the training file"))?;
        let test = test.ok_or_else(|| missing("the test file"))?;
        Ok(Self { train, test })
    }

    /// Fills a draft with what the files say.
    ///
    /// # Errors
    /// [`ClientError::Specification`] when they are not those of the draft.
    pub fn specify(
        &self,
        draft: &OrderDraft,
        salt: &Salt,
    ) -> Result<OrderSpecification, ClientError> {
        let test = TestFacts::new(self.test.facts, salt);
        Ok(draft.complete(Some(&self.train.facts), Some(&test))?)
    }
}

/// Submits an order and returns when it is part of a final block; its files are packed before.
///
/// The salt of the test commitment follows from the node's key and the files, so that submitting again
/// after a crash is the same order. The test file stays outside the served store until it is revealed.
///
/// # Errors
/// [`ClientError`]; nothing is paid then.
pub async fn submit(
    node: &NodeHandle,
    folder: &Path,
    draft: &OrderDraft,
    (train, test, base): (&[u8], &[u8], Option<&[u8]>),
) -> Result<OrderId, ClientError> {
    let files = OrderFiles::prepare(draft, train, test)?;
    let hidden = files.test.facts.file.root;
    let salt = node.salt(&format!("test/{hidden}/{}", draft.model.initial_seed));
    let specification = files.specify(draft, &salt)?;
    if let Some(base) = base {
        read_own_base(base, &specification)?;
        let stored = node.artefacts().put(base)?;
        node.network().announce(stored).await?;
    }
    let order = specification.id();
    let stored = node.artefacts().put(&files.train.bytes)?;
    node.network().announce(stored).await?;
    remember(folder, &order, &salt, &files.test.bytes)?;
    let call = Call::SubmitOrder { specification };
    match node.call(&format!("order/{order}"), call).await? {
        CallOutcome::Accepted { .. } => Ok(order),
        CallOutcome::Refused { reason, .. } | CallOutcome::Dropped { reason } => {
            Err(ClientError::Refused { reason })
        }
    }
}

/// The record of an order, as the node sees it now.
///
/// # Errors
/// [`ClientError::State`] when the state cannot be read.
pub fn order_record(
    node: &NodeHandle,
    order: &OrderId,
) -> Result<Option<OrderRecord>, ClientError> {
    Ok(read_record::<OrderRecord>(&*node.state(), order)?)
}

/// Fetches the winner's model and checks all of it on this machine.
///
/// # Errors
/// [`ClientError`] when there is no winner, nobody serves the model, or it is not what was paid for.
pub async fn fetch_and_check(
    node: &NodeHandle,
    order: &OrderId,
    test: &[u8],
) -> Result<(Receipt, Vec<u8>), ClientError> {
    let record = order_record(node, order)?;
    let record = record.ok_or(ClientError::NotSettled { order: *order, found: "unknown" })?;
    let outcome = record.outcome.as_ref();
    let outcome = outcome.ok_or(ClientError::NotSettled { order: *order, found: "running" })?;
    let winner = outcome.winner();
    let winner = winner.ok_or(ClientError::NotSettled { order: *order, found: "refunded" })?;
    let hash = ContentHash::from(winner.model.root.0);
    let fetched = node.fetch(hash, winner.model.byte_count).await;
    fetched.map_err(|source| ClientError::Fetch { source })?;
    let model = node.artefacts().read(hash)?;
    let base = base_of(&record.specification);
    if let Some((hash, byte_count)) = base {
        let fetched = node.fetch(hash, byte_count).await;
        fetched.map_err(|source| ClientError::Fetch { source })?;
    }
    let base = node.artefacts().read_base(&record.specification)?;
    Ok((check_model(order, &record, (&model, &base), test)?, model))
}
