//! Does one action, and says what this node has learnt from it.
//!
//! What goes wrong here is logged and learnt as nothing: the plan asks again at the next block.

mod game;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::chunk::{ChunkProof, prove_chunk};
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::EvaluationEntries;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::cost;
use aipot_domain_runtime::primitives::{Beacon, BlockNumber, ModelRoot, OrderId, Salt};
use aipot_domain_runtime::program::ProgramError;
use aipot_domain_runtime::progress::TestSource;
use aipot_domain_runtime::state::Fault;
use aipot_trainer::trace::machine::Files;
use aipot_validator::player::PlayerError;
use aipot_validator::verdict::{Examination, ValidateError};

use self::game::Turn;
use super::action::Action;
use super::assessment::Assessment;
use super::client::{ClientSecret, SecretError, recall_test};
use super::situation::{LocalModel, Secrets, number};
use super::{RolesConfiguration, notes};
use crate::node::{CallOutcome, NodeError, NodeHandle};
use crate::scheduler::memory::MemoryNeed;
use crate::scheduler::{Job, Priority};
use crate::store::artefacts::{ArtefactError, ArtefactStore, ContentHash};
use crate::worker::durable::FileError;
use crate::worker::recipe::RecipePurpose;
use crate::worker::training::{TrainingData, TrainingError, TrainingJob};
use crate::worker::{Control, JobEnd, Worker, WorkerError};

/// For what the secret behind the seed of a training run is drawn.
const SEED_PURPOSE: &str = "training";

/// Bytes of an f32.
const FLOAT_BYTES: u64 = 4;

/// An action with everything it takes to do it.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) order: OrderId,
    pub(super) specification: Arc<OrderSpecification>,
    /// Where the test data comes from, and what keys the answers; `None` before the evaluation.
    pub(super) test: Option<(TestSource, Beacon)>,
    pub(super) secret: Option<ClientSecret>,
    /// Block from which the result is of no use.
    pub(super) deadline_block: BlockNumber,
    /// Ends the training of this order early when it is set.
    pub(super) is_urgent: Arc<AtomicBool>,
    /// The name of a call, with the number of the try.
    pub(super) intent: String,
    pub(super) action: Action,
}

/// What an action taught this node.
#[derive(Debug)]
pub(super) enum Learned {
    /// Nothing that the state or the files do not say.
    Nothing,
    /// A model was trained, and perhaps a better one can be.
    Model { model: LocalModel, can_improve: bool },
    /// No model can be trained.
    CannotTrain,
    /// The order's recipe was run to check claims.
    Audit(LocalModel),
    /// A model was evaluated.
    Assessment { model: RevealedModel, assessment: Arc<Assessment> },
    /// This machine could not evaluate a model.
    CannotAssess { model: RevealedModel },
    /// Entries were written down.
    Sealed(EvaluationEntries),
    /// A call ended.
    Call(CallOutcome),
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum PerformError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Fetch(#[from] crate::network::FetchError),
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Training(#[from] TrainingError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Validate(#[from] ValidateError),
    #[error(transparent)]
    Player(#[from] PlayerError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    State(#[from] Fault),
    #[error("{subject} is not there any more")]
    SubjectGone { subject: Subject },
    #[error("nothing of the file contradicts {subject}")]
    NothingToShow { subject: Subject },
    #[error("the trace of this node's own run is not kept here")]
    NoTrace,
    #[error("a thread was broken off")]
    Thread(#[from] tokio::task::JoinError),
    #[error("the test file of the order is no longer kept here")]
    TestFileGone,
    #[error("chunk {chunk_index} of {file} cannot be proven")]
    NoProof { file: ContentHash, chunk_index: u64 },
    #[error("the node has stopped")]
    NodeStopped,
    #[error("the time in which the result was of use is over")]
    TooLate,
}

/// The node as actions use it.
#[derive(Clone, Debug)]
pub(super) struct Hands {
    pub(super) handle: NodeHandle,
    pub(super) worker: Worker,
    pub(super) configuration: Arc<RolesConfiguration>,
}

impl TrainingData for NodeHandle {
    fn training_data(&self, hash: ContentHash) -> Result<Vec<u8>, ArtefactError> {
        self.artefacts().read(hash)
    }

    fn training_file(&self, hash: ContentHash) -> Option<PathBuf> {
        self.artefacts().file(hash)
    }
}

impl Secrets for NodeHandle {
    fn salt(&self, purpose: &str) -> Salt {
        Self::salt(self, purpose)
    }
}

/// The seed of this node's training run for an order: the same after a restart.
pub(super) fn training_seed(secrets: &dyn Secrets, order: &OrderId) -> u64 {
    number(&secrets.salt(&format!("{SEED_PURPOSE}/{order}")))
}

impl Hands {
    /// Does an action.
    pub(super) async fn perform(&self, task: Task) -> Result<Learned, PerformError> {
        match task.action.clone() {
            Action::Fetch { hash, byte_count } => {
                self.handle.fetch(hash, byte_count).await?;
                Ok(Learned::Nothing)
            }
            Action::Train => self.train(task).await,
            Action::FinishTraining => Ok(Learned::Nothing),
            Action::Evaluate { model, priority } => self.evaluate(task, model, priority).await,
            Action::Seal { entries } => self.seal(task.order, entries).await,
            Action::PublishTest { .. } => self.publish_test(task).await,
            Action::Serve { target, file, chunk_index, .. } => {
                let proof = self.prove(file, chunk_index).await?;
                self.call(&task, Call::ServeChunk { order: task.order, target, proof }).await
            }
            Action::Audit => self.audit(task).await,
            Action::Play { challenge, subject, dispute, deadline } => {
                self.play(task, Turn { challenge, subject, dispute: *dispute, deadline }).await
            }
            Action::Prove { subject, model, contradiction } => {
                self.prove_wrong(task, (subject, model), contradiction).await
            }
            Action::Call { call, .. } => self.call(&task, *call).await,
        }
    }

    async fn call(&self, task: &Task, call: Call) -> Result<Learned, PerformError> {
        Ok(Learned::Call(self.handle.call(&task.intent, call).await?))
    }

    async fn train(&self, task: Task) -> Result<Learned, PerformError> {
        if task.specification.train.recipe.is_fixed() {
            return self.train_recipe(task).await;
        }
        let order = task.order;
        let job = TrainingJob {
            specification: task.specification.as_ref().clone(),
            seed: training_seed(&self.handle, &order),
            deadline_block: task.deadline_block,
            is_urgent: task.is_urgent,
        };
        let bytes = match self.worker.train(job, Arc::new(self.handle.clone())).await {
            Err(error) if error.is_permanent() => {
                tracing::error!(%order, %error, "no model can be trained, so none is claimed");
                return Ok(Learned::CannotTrain);
            }
            trained => trained?,
        };
        let model = self.keep_model(Arc::new(bytes), task.deadline_block).await?;
        self.note_model(order, model).await
    }

    /// Trains as the order prescribes; the trace stays beside the model.
    async fn train_recipe(&self, task: Task) -> Result<Learned, PerformError> {
        let order = task.order;
        let result = match self.run_recipe(&task, RecipePurpose::Claim).await {
            Err(PerformError::Training(error)) if error.is_permanent() => {
                tracing::error!(%order, %error, "the recipe cannot be run, so nothing is claimed");
                return Ok(Learned::CannotTrain);
            }
            result => result?,
        };
        let kept = self.keep_model(Arc::new(result.model), task.deadline_block).await?;
        self.note_model(order, LocalModel { trace: Some(result.trace), ..kept }).await
    }

    async fn note_model(&self, order: OrderId, model: LocalModel) -> Result<Learned, PerformError> {
        let folder = self.configuration.folder.clone();
        tokio::task::spawn_blocking(move || notes::write_model(&folder, &order, &model)).await??;
        tracing::info!(%order, model = %model.root, "the model is trained");
        Ok(Learned::Model { model, can_improve: self.worker.can_improve(&order) })
    }

    /// Stores a model; while the disk refuses it is kept in memory and tried again at each block.
    async fn keep_model(
        &self,
        bytes: Arc<Vec<u8>>,
        deadline_block: BlockNumber,
    ) -> Result<LocalModel, PerformError> {
        let mut heads = self.handle.heads();
        loop {
            let (handle, model) = (self.handle.clone(), Arc::clone(&bytes));
            let stored =
                tokio::task::spawn_blocking(move || handle.artefacts().put(&model)).await?;
            let error = match stored {
                Ok(hash) => {
                    self.announce(hash).await;
                    let byte_count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    return Ok(LocalModel { root: ModelRoot(hash.0), byte_count, trace: None });
                }
                Err(error) => error,
            };
            let is_disk_full = error.is_disk_full();
            tracing::warn!(is_disk_full, %error, "the model is not stored yet; trying again");
            heads.changed().await.map_err(|_| PerformError::NodeStopped)?;
            if heads.borrow_and_update().block >= deadline_block {
                return Err(PerformError::TooLate);
            }
        }
    }

    async fn evaluate(
        &self,
        task: Task,
        model: RevealedModel,
        priority: Priority,
    ) -> Result<Learned, PerformError> {
        let Some((source, _)) = task.test else { return Ok(Learned::Nothing) };
        let job = Job {
            priority,
            deadline_block: task.deadline_block,
            memory: MemoryNeed::whole(evaluation_bytes(&task.specification)),
        };
        let (handle, specification) = (self.handle.clone(), Arc::clone(&task.specification));
        let work = move |_: &Control| {
            let examination = Examination { specification: &specification, source };
            JobEnd::Finished(assess(handle.artefacts(), &examination, &model))
        };
        let assessed = match self.worker.run(job, work).await {
            Ok(assessed) => assessed,
            Err(error) => Err(error.into()),
        };
        let (order, root) = (task.order, model.root);
        match assessed {
            Ok(assessment) => {
                tracing::info!(%order, model = %root, score = assessment.score().0, "evaluated");
                Ok(Learned::Assessment { model, assessment: Arc::new(assessment) })
            }
            Err(error) => {
                tracing::warn!(%order, model = %root, %error, "cannot evaluate");
                Ok(Learned::CannotAssess { model })
            }
        }
    }

    async fn seal(
        &self,
        order: OrderId,
        entries: EvaluationEntries,
    ) -> Result<Learned, PerformError> {
        let (folder, sealed) = (self.configuration.folder.clone(), entries.clone());
        let write = move || notes::write_evaluation(&folder, &order, &sealed);
        tokio::task::spawn_blocking(write).await??;
        Ok(Learned::Sealed(entries))
    }

    async fn publish_test(&self, task: Task) -> Result<Learned, PerformError> {
        let secret = task.secret.ok_or(PerformError::TestFileGone)?;
        let (folder, order) = (self.configuration.folder.clone(), task.order);
        let handle = self.handle.clone();
        let publish = move || {
            let bytes = recall_test(&folder, &order, &secret)?.ok_or(PerformError::TestFileGone)?;
            Ok::<_, PerformError>(handle.artefacts().put(&bytes)?)
        };
        let hash = tokio::task::spawn_blocking(publish).await??;
        self.announce(hash).await;
        Ok(Learned::Nothing)
    }

    async fn prove(&self, file: ContentHash, chunk_index: u64) -> Result<ChunkProof, PerformError> {
        let handle = self.handle.clone();
        let read = move || handle.artefacts().read(file);
        let bytes = tokio::task::spawn_blocking(read).await??;
        prove_chunk(&bytes, chunk_index).ok_or(PerformError::NoProof { file, chunk_index })
    }

    /// Tells peers about a file. They find it on a direct connection without that.
    pub(super) async fn announce(&self, hash: ContentHash) {
        if let Err(error) = self.handle.network().announce(hash).await {
            tracing::debug!(%hash, %error, "a file is not announced");
        }
    }
}

/// Reads everything that an evaluation needs from the files that are here, and evaluates.
fn assess(
    artefacts: &ArtefactStore,
    examination: &Examination<'_>,
    model: &RevealedModel,
) -> Result<Assessment, PerformError> {
    let bytes = artefacts.read(ContentHash(model.root.0))?;
    let train = ContentHash(examination.specification.data.train.root.0);
    let (train, test) = match examination.source {
        TestSource::Revealed(file) => (Vec::new(), artefacts.read(ContentHash(file.root.0))?),
        TestSource::BeaconSplit(_) => (artefacts.read(train)?, Vec::new()),
    };
    let base = artefacts.read_base(examination.specification)?;
    let files = Files { train: &train, test: &test, model: &bytes, base: &base };
    Ok(Assessment::compute(examination, *model, files)?)
}

/// Memory of an evaluation: both data files, examples, answers, and the model twice.
fn evaluation_bytes(specification: &OrderSpecification) -> u64 {
    let data = &specification.data;
    let examples =
        u64::from(data.train_example_count).saturating_add(data.test_example_count.into());
    let width = u64::from(data.feature_count).saturating_add(data.class_count.into());
    let values = examples.saturating_mul(width).saturating_mul(FLOAT_BYTES);
    // A number in a file takes about as many bytes as the f32 that is made of it. An order that was
    // accepted has a cost that fits.
    let model = cost(specification).map_or(u64::MAX, |cost| cost.model_bytes);
    values.saturating_mul(2).saturating_add(model.saturating_mul(2))
}
