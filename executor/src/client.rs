//! The client's side of an order: specify, submit, wait, fetch, check, and the receipt of it all.

mod receipt;

pub use receipt::{PayoutLine, Receipt, check_model, payout_lines};

use std::path::Path;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::order::{DataFormat, OrderSpecification};
use aipot_domain_runtime::primitives::{OrderId, Salt};
use aipot_domain_runtime::progress::OrderRecord;
use aipot_domain_runtime::state::{Fault, read_record};
use aipot_trainer::dataset::{Dataset, DatasetError};
use aipot_trainer::specification::{OrderDraft, SpecificationError, TestFacts};

use crate::network::{AnnounceError, FetchError};
use crate::node::{CallOutcome, NodeError, NodeHandle};
use crate::roles::client::remember;
use crate::store::artefacts::{ArtefactError, ContentHash};
use crate::worker::durable::FileError;

/// Why the client's side of an order failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The order and its files do not go together.
    #[error(transparent)]
    Specification(#[from] SpecificationError),
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

/// Fills a draft with what its two files say.
///
/// # Errors
/// [`ClientError::Data`] when a file cannot be read, [`ClientError::Specification`] when it is another.
pub fn specify(
    draft: &OrderDraft,
    train: &[u8],
    test: &[u8],
    salt: &Salt,
) -> Result<OrderSpecification, ClientError> {
    let train = survey("training", train, draft)?;
    let test = survey("test", test, draft)?;
    let test = TestFacts::new(test.facts(), salt);
    Ok(draft.complete(Some(&train.facts()), Some(&test))?)
}

/// Submits an order and returns when it is part of a final block.
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
    (train, test): (&[u8], &[u8]),
) -> Result<OrderId, ClientError> {
    let purpose = format!("test/{}/{}", blake3::hash(test), draft.model.initial_seed);
    let salt = node.salt(&purpose);
    let specification = specify(draft, train, test, &salt)?;
    let order = specification.id();
    let stored = node.artefacts().put(train)?;
    node.network().announce(stored).await?;
    remember(folder, &order, &salt, test)?;
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
    Ok((check_model(order, &record, &model, test)?, model))
}

fn survey(file: &'static str, bytes: &[u8], draft: &OrderDraft) -> Result<Dataset, ClientError> {
    let DataFormat::Csv = draft.data.format;
    Dataset::survey(bytes, draft.data.format, draft.data.feature_divisor)
        .map_err(|source| ClientError::Data { file, source })
}
