//! Everything a plan looks at: the state, the account, and what this node knows and has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::EvaluationEntries;
use aipot_domain_runtime::primitives::{AccountId, ModelRoot, Salt};
use aipot_domain_runtime::trace::TraceOpening;
use parity_scale_codec::{Decode, Encode};

use super::assessment::Assessment;
use super::client::ClientSecret;
use super::view::{Member, OrderView};
use crate::store::artefacts::{ArtefactStore, ContentHash};

/// Times that an evaluation that failed on this machine is tried again.
const EVALUATION_FAILURES_MAX: u32 = 3;

/// A model that this node has trained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct LocalModel {
    /// BLAKE3 of its bytes.
    pub root: ModelRoot,
    /// Their number.
    pub byte_count: u64,
    /// What the trace of a fixed recipe commits to; a contest has none.
    pub trace: Option<TraceOpening>,
}

/// What tells revealed models apart: of two lengths stated for one root, one is wrong.
pub type ModelKey = (ModelRoot, u64);

/// The key of a revealed model.
pub fn model_key(model: &RevealedModel) -> ModelKey {
    (model.root, model.byte_count)
}

/// What this node knows of an order beyond the state.
#[derive(Clone, Default, Debug)]
pub struct Knowledge {
    /// The model that it has trained.
    pub model: Option<LocalModel>,
    /// Models that it trained before: worse ones, of which one may be claimed.
    pub earlier_models: Vec<LocalModel>,
    /// Whether training once more may give a better model.
    pub can_improve: bool,
    /// The result of the order's recipe, if this node has run it to check claims.
    pub audit: Option<LocalModel>,
    /// Whether training is known to be impossible.
    pub has_given_up: bool,
    /// Evaluations that it has computed.
    pub assessments: BTreeMap<ModelKey, Arc<Assessment>>,
    /// Evaluations that failed here, and how often.
    pub failures: BTreeMap<ModelKey, u32>,
    /// What it has committed to or is about to commit to.
    pub sealed: Option<EvaluationEntries>,
    /// The test file, if this node keeps it for the client.
    pub secret: Option<ClientSecret>,
    /// Models that were revealed; the state forgets them when the order is settled.
    pub models_seen: BTreeSet<ModelRoot>,
}

impl Knowledge {
    /// Notes what will be needed after the settlement, when the state no longer says it.
    pub fn observe(&mut self, view: &OrderView) {
        let roots = view.claims.values().filter_map(|claim| Some(claim.model?.root));
        self.models_seen.extend(roots);
    }

    /// Notes a model that was trained; one that is replaced may be claimed already.
    pub fn learn_model(&mut self, model: LocalModel) {
        let replaced = self.model.replace(model).filter(|replaced| *replaced != model);
        self.earlier_models.extend(replaced);
    }

    /// The models that this node has trained.
    pub fn own_models(&self) -> impl Iterator<Item = &LocalModel> {
        self.earlier_models.iter().chain(&self.model)
    }

    /// What this node has found out about a model.
    pub fn assessment(&self, model: &RevealedModel) -> Option<&Assessment> {
        self.assessments.get(&model_key(model)).map(AsRef::as_ref)
    }

    /// What the order's recipe results in, as this node has computed it with its trace.
    pub fn own_run(&self) -> Option<(LocalModel, TraceOpening)> {
        let run = self.model.or(self.audit)?;
        Some((run, run.trace?))
    }

    /// Whether it is pointless to try the evaluation of a model again on this machine.
    pub fn cannot_assess(&self, model: &RevealedModel) -> bool {
        self.failures.get(&model_key(model)).is_some_and(|count| *count >= EVALUATION_FAILURES_MAX)
    }
}

/// A number that is as secret as the salt it is made of.
pub(super) fn number(salt: &Salt) -> u64 {
    salt.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The files that this node has.
pub trait Files {
    /// Whether this one is among them.
    fn has(&self, hash: ContentHash) -> bool;
}

impl Files for ArtefactStore {
    fn has(&self, hash: ContentHash) -> bool {
        Self::has(self, hash)
    }
}

/// The secrets of this node.
pub trait Secrets {
    /// The secret for a purpose: the same after a restart, unknown to everybody else.
    fn salt(&self, purpose: &str) -> Salt;
}

/// Everything a plan looks at.
#[derive(Clone, Copy)]
pub struct Situation<'node> {
    /// The order.
    pub view: &'node OrderView,
    /// The account.
    pub me: &'node Member,
    /// What this node knows.
    pub knowledge: &'node Knowledge,
    /// What it has.
    pub files: &'node dyn Files,
    /// What it keeps secret.
    pub secrets: &'node dyn Secrets,
    /// Blocks that a call may take to be included.
    pub inclusion_blocks: u32,
}

impl std::fmt::Debug for Situation<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Situation").field("view", self.view).finish_non_exhaustive()
    }
}

impl Situation<'_> {
    /// A secret for a purpose in this order.
    pub fn salt(&self, purpose: &str) -> Salt {
        self.secrets.salt(&format!("{purpose}/{}", self.view.id()))
    }

    /// Whether a call must be made now if it is to be included in this phase. Never more than the last
    /// half of the phase, so that short windows leave time for work.
    pub fn is_last_chance(&self) -> bool {
        let half = self.view.specification().windows.length(self.view.phase) / 2;
        self.view.blocks_left() <= self.inclusion_blocks.min(half.max(1))
    }

    /// A short name for an account in this order.
    pub fn short_name(&self, account: &AccountId) -> String {
        let running = &self.view.running;
        let place = |list: &[AccountId]| list.iter().position(|one| one == account);
        match (place(running.providers()), place(running.validators())) {
            (Some(place), _) => format!("provider-{place}"),
            (None, Some(place)) => format!("validator-{place}"),
            (None, None) => account.to_string(),
        }
    }

    /// A short name for a file that chunks are asked of.
    pub fn target_name(&self, target: &ChunkTarget) -> String {
        match target {
            ChunkTarget::Model(provider) => self.short_name(provider),
            ChunkTarget::Test => "test".to_owned(),
        }
    }
}
