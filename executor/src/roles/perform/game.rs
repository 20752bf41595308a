//! What games need: runs of recipes, moves, and proofs of a single move.

use std::sync::Arc;

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::challenge::case::{Case, EvaluationSetting};
use aipot_domain_runtime::challenge::proof::Proof;
use aipot_domain_runtime::claim::{Claim, RevealedModel};
use aipot_domain_runtime::dispute::{Dispute, Move};
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::order::cost::cost;
use aipot_domain_runtime::primitives::{BlockNumber, ModelRoot};
use aipot_domain_runtime::progress::TestSource;
use aipot_domain_runtime::state::read_record;
use aipot_trainer::trace::machine::Files;
use aipot_trainer::trace::recorder::Trace;
use aipot_validator::accusation::{other_header, other_weights, same_header};
use aipot_validator::player::{answer_evaluation, answer_training};

use super::super::action::Contradiction;
use super::super::{notes, situation::LocalModel};
use super::{Hands, Learned, PerformError, Task};
use crate::scheduler::memory::MemoryNeed;
use crate::scheduler::{Job, Priority};
use crate::store::artefacts::{ArtefactStore, ContentHash};
use crate::worker::recipe::{RecipeJob, RecipePurpose, RecipeResult};
use crate::worker::{Control, JobEnd};

/// A game in which this node must move.
pub(super) struct Turn {
    pub(super) challenge: u32,
    pub(super) subject: Subject,
    pub(super) dispute: Dispute,
    pub(super) deadline: BlockNumber,
}

/// An evaluation as a game sees it.
struct Evaluated {
    case: Case,
    model: RevealedModel,
    source: TestSource,
}

impl Hands {
    /// Runs the recipe of an order for a claim or for an audit.
    pub(super) async fn run_recipe(
        &self,
        task: &Task,
        purpose: RecipePurpose,
    ) -> Result<RecipeResult, PerformError> {
        let job = RecipeJob {
            specification: task.specification.as_ref().clone(),
            purpose,
            deadline_block: task.deadline_block,
        };
        Ok(self.worker.run_recipe(job, Arc::new(self.handle.clone())).await?)
    }

    /// Runs the recipe to compare claims with its result. The model itself is not kept: it is one of the
    /// revealed ones, or nobody's.
    pub(super) async fn audit(&self, task: Task) -> Result<Learned, PerformError> {
        let order = task.order;
        let result = match self.run_recipe(&task, RecipePurpose::Audit).await {
            Err(PerformError::Training(error)) if error.is_permanent() => {
                tracing::error!(%order, %error, "the recipe cannot be run, so no claim is checked");
                return Ok(Learned::CannotTrain);
            }
            result => result?,
        };
        let root = ModelRoot(*blake3::hash(&result.model).as_bytes());
        let byte_count = u64::try_from(result.model.len()).unwrap_or(u64::MAX);
        let audit = LocalModel { root, byte_count, trace: Some(result.trace) };
        let folder = self.configuration.folder.clone();
        tokio::task::spawn_blocking(move || notes::write_audit(&folder, &order, &audit)).await??;
        tracing::info!(%order, model = %root, "the recipe is run; claims can be compared with it");
        Ok(Learned::Audit(audit))
    }

    /// Computes the next move of a game and makes it.
    pub(super) async fn play(&self, task: Task, turn: Turn) -> Result<Learned, PerformError> {
        let bytes = cost(&task.specification).map_or(u64::MAX, |cost| cost.training_bytes);
        let job = Job {
            priority: Priority::Challenge,
            deadline_block: turn.deadline,
            memory: MemoryNeed::whole(bytes),
        };
        let (challenge, move_index) = (turn.challenge, turn.dispute.move_count);
        let (handle, specification) = (self.handle.clone(), Arc::clone(&task.specification));
        let evaluated = self.evaluated(&task, turn.subject)?;
        let trace = self.worker.read_trace(&task.order);
        let work = move |_: &Control| {
            let artefacts = handle.artefacts();
            JobEnd::Finished(match &evaluated {
                Some(evaluated) => evaluation_move(artefacts, evaluated, &turn.dispute),
                None => training_move(artefacts, &specification, trace.as_ref(), &turn.dispute),
            })
        };
        let action = self.worker.run(job, work).await??;
        tracing::info!(order = %task.order, challenge, move_index, "a move is made");
        let call = Call::Move { order: task.order, challenge, move_index, action };
        self.call(&task, call).await
    }

    /// The evaluation behind a subject; `None` for a training.
    fn evaluated(&self, task: &Task, subject: Subject) -> Result<Option<Evaluated>, PerformError> {
        let Subject::Evaluation { validator, provider } = subject else { return Ok(None) };
        let gone = || PerformError::SubjectGone { subject };
        let state = self.handle.state();
        let claim = read_record::<Claim>(state.as_ref(), &(task.order, provider))?;
        let claim = claim.ok_or_else(gone)?;
        let (source, beacon) = task.test.ok_or_else(gone)?;
        let model = claim.model.ok_or_else(gone)?;
        let claim = claim.commitment;
        let setting = EvaluationSetting { validator, source, beacon, claim, model };
        let case = Case::evaluation(&task.specification, &setting)?;
        Ok(Some(Evaluated { case, model, source }))
    }

    /// Shows without a game that a result is wrong.
    pub(super) async fn prove_wrong(
        &self,
        task: Task,
        (subject, model): (Subject, RevealedModel),
        contradiction: Contradiction,
    ) -> Result<Learned, PerformError> {
        let (handle, specification) = (self.handle.clone(), Arc::clone(&task.specification));
        let trace = self.worker.read_trace(&task.order);
        let show = move || {
            let bytes = handle.artefacts().read(ContentHash(model.root.0))?;
            show(&specification, &bytes, trace, contradiction)
        };
        let proof = tokio::task::spawn_blocking(show).await??;
        let proof = proof.ok_or(PerformError::NothingToShow { subject })?;
        self.call(&task, Call::Prove { order: task.order, subject, proof }).await
    }
}

fn show(
    specification: &OrderSpecification,
    model: &[u8],
    trace: Option<Trace>,
    contradiction: Contradiction,
) -> Result<Option<Proof>, PerformError> {
    Ok(match contradiction {
        Contradiction::OtherHeader => other_header(specification, model)?,
        Contradiction::SameHeader => same_header(specification, model)?,
        Contradiction::OtherWeights => {
            let trace = trace.ok_or(PerformError::NoTrace)?;
            let last = trace.snapshots.nearest(trace.step_count);
            let last = last.filter(|(state, _)| *state == trace.step_count);
            let (_, persistent) = last.ok_or(PerformError::NoTrace)?;
            other_weights(specification, persistent, model)?
        }
    })
}

fn training_move(
    artefacts: &ArtefactStore,
    specification: &OrderSpecification,
    trace: Option<&Trace>,
    dispute: &Dispute,
) -> Result<Move, PerformError> {
    let trace = trace.ok_or(PerformError::NoTrace)?;
    let train = artefacts.read(ContentHash(specification.data.train.root.0))?;
    let case = Case::training(specification)?;
    Ok(answer_training(specification, &case, (&train, &trace.snapshots), dispute)?)
}

fn evaluation_move(
    artefacts: &ArtefactStore,
    evaluated: &Evaluated,
    dispute: &Dispute,
) -> Result<Move, PerformError> {
    let model = artefacts.read(ContentHash(evaluated.model.root.0))?;
    let (train, test) = match evaluated.source {
        TestSource::Revealed(file) => (Vec::new(), artefacts.read(ContentHash(file.root.0))?),
        TestSource::BeaconSplit(_) => {
            let train = evaluated.case.files.train.map(|(root, _)| ContentHash(root.0));
            (train.map(|root| artefacts.read(root)).transpose()?.unwrap_or_default(), Vec::new())
        }
    };
    let files = Files { train: &train, test: &test, model: &model, ..Files::default() };
    Ok(answer_evaluation(&evaluated.case, files, dispute)?)
}
