//! What a role wants done. Plans return actions; the runner does them.

use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::chunk::ChunkTarget;
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::dispute::Dispute;
use aipot_domain_runtime::evaluation::EvaluationEntries;
use aipot_domain_runtime::order::DataFile;
use aipot_domain_runtime::primitives::BlockNumber;

use crate::scheduler::Priority;
use crate::store::artefacts::ContentHash;

/// What a model's file gives away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contradiction {
    /// It is no model of the order, whatever was said.
    OtherHeader,
    /// It is a model of the order, whatever was said.
    SameHeader,
    /// It does not hold the weights that its trace ends in.
    OtherWeights,
}

/// Something a role wants done for an order.
///
/// Plans say it again at every block until the state or the node's own knowledge shows that it is
/// done, so nothing is lost when it fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Bring a file here.
    Fetch {
        /// Which file.
        hash: ContentHash,
        /// Its length; a longer one is refused.
        byte_count: u64,
    },
    /// Train a model.
    Train,
    /// Take the model as it is, because claims close soon.
    FinishTraining,
    /// Evaluate a model that is here, on test data that is here.
    Evaluate {
        /// Which model.
        model: RevealedModel,
        /// For the evaluation itself, or for a challenge.
        priority: Priority,
    },
    /// Write down what will be committed to, so that it can be opened after a restart.
    Seal {
        /// The entries.
        entries: EvaluationEntries,
    },
    /// Put the client's test file among the files that are served.
    PublishTest {
        /// The file.
        file: DataFile,
    },
    /// Serve a chunk on the chain.
    Serve {
        /// Of what.
        target: ChunkTarget,
        /// A short name for it, unique in the order.
        target_name: String,
        /// The file.
        file: ContentHash,
        /// Which chunk.
        chunk_index: u64,
    },
    /// Run the recipe of the order, to compare claims with its one result.
    Audit,
    /// Compute the next move of a game and make it.
    Play {
        /// Which game.
        challenge: u32,
        /// About what.
        subject: Subject,
        /// How far it is.
        dispute: Box<Dispute>,
        /// Last block in which the move is accepted.
        deadline: BlockNumber,
    },
    /// Show without a game that a result is wrong.
    Prove {
        /// Which result.
        subject: Subject,
        /// The model that it is about.
        model: RevealedModel,
        /// What is wrong with it.
        contradiction: Contradiction,
    },
    /// Send a call.
    Call {
        /// Its purpose, unique for this node together with the order.
        purpose: String,
        /// The call.
        call: Box<Call>,
    },
}

impl Action {
    /// Sends `call` for a purpose.
    pub fn call(purpose: impl Into<String>, call: Call) -> Self {
        Self::Call { purpose: purpose.into(), call: Box::new(call) }
    }

    /// Tells actions of one order apart.
    pub fn name(&self) -> String {
        match self {
            Self::Fetch { hash, .. } => format!("fetch/{hash}"),
            Self::Train => "train".to_owned(),
            Self::FinishTraining => "finish-training".to_owned(),
            Self::Evaluate { model, .. } => {
                format!("evaluate/{}/{}", model.root, model.byte_count)
            }
            Self::Seal { .. } => "seal".to_owned(),
            Self::PublishTest { .. } => "publish-test".to_owned(),
            Self::Serve { target_name, chunk_index, .. } => {
                format!("serve/{target_name}/{chunk_index}")
            }
            Self::Audit => "audit".to_owned(),
            Self::Play { challenge, dispute, .. } => {
                format!("move/{challenge}/{}", dispute.move_count)
            }
            Self::Prove { subject, .. } => format!("prove/{subject}"),
            Self::Call { purpose, .. } => purpose.clone(),
        }
    }
}
