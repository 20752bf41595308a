//! What a game about a subject is played over: the computation that the order prescribes, the files that
//! it reads, and the state in which it is said to end.

use super::subject::Standing;
use super::{ChallengeError, Subject};
use crate::claim::RevealedModel;
use crate::evaluation::evaluation_key;
use crate::order::OrderSpecification;
use crate::primitives::{AccountId, Beacon, Commitment, DataRoot};
use crate::program::{self, Computation, FileRoots, ProgramError};
use crate::progress::{Running, TestSource};

/// Everything that decides a dispute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// What should have been computed.
    pub computation: Computation,
    /// What it reads.
    pub files: FileRoots,
}

/// What an evaluation depends on beside the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvaluationSetting {
    /// Whose evaluation; it keys the digest.
    pub validator: AccountId,
    /// On what.
    pub source: TestSource,
    /// Drawn when the evaluation began.
    pub beacon: Beacon,
    /// Commitment of the evaluated claim.
    pub claim: Commitment,
    /// The evaluated model.
    pub model: RevealedModel,
}

impl Case {
    /// The training of a Recipe order.
    ///
    /// # Errors
    /// [`ProgramError`] when the order has no recipe.
    pub fn training(specification: &OrderSpecification) -> Result<Self, ProgramError> {
        let train = specification.data.train;
        let computation = program::training(specification)?;
        let files = FileRoots {
            train: Some((train.root, train.byte_count)),
            base: base(specification),
            ..FileRoots::default()
        };
        Ok(Self { computation, files })
    }

    /// The evaluation of a model.
    ///
    /// # Errors
    /// [`ProgramError`] when the order is too large to be refereed.
    pub fn evaluation(
        specification: &OrderSpecification,
        setting: &EvaluationSetting,
    ) -> Result<Self, ProgramError> {
        let key = evaluation_key(&setting.validator, &setting.beacon, &setting.claim);
        let train = specification.data.train;
        let test = match setting.source {
            TestSource::Revealed(file) => Some(file),
            TestSource::BeaconSplit(_) => None,
        };
        let data = test.unwrap_or(train);
        let computation = program::evaluation(specification, &data, &setting.source, key)?;
        let files = FileRoots {
            train: Some((train.root, train.byte_count)),
            test: test.map(|file| (file.root, file.byte_count)),
            model: Some((setting.model.root.0, setting.model.byte_count)),
            base: base(specification),
        };
        Ok(Self { computation, files })
    }
}

/// Root and length of the base of an order.
fn base(specification: &OrderSpecification) -> Option<(DataRoot, u64)> {
    specification.model.base.map(|file| (file.root, file.byte_count))
}

/// The case of a subject that stands.
///
/// # Errors
/// [`ChallengeError`] when it does not stand after all, or cannot be refereed.
pub(super) fn of(
    running: &Running,
    subject: Subject,
    standing: &Standing,
) -> Result<Case, ChallengeError> {
    let specification = &running.order.specification;
    let unstanding = ChallengeError::DoesNotStand { subject };
    let case = match subject {
        Subject::Training { .. } => Case::training(specification),
        Subject::Evaluation { validator, .. } => {
            let progress = &running.progress;
            let setting = EvaluationSetting {
                validator,
                source: progress.test_source.ok_or(unstanding.clone())?,
                beacon: progress.evaluation_beacon.ok_or(unstanding.clone())?,
                claim: standing.claim.commitment,
                model: standing.claim.model.ok_or(unstanding)?,
            };
            Case::evaluation(specification, &setting)
        }
    };
    Ok(case?)
}

/// The state in which a subject says that its computation ends; `None` when it says that there is none.
pub(super) fn final_root(standing: &Standing) -> Option<[u8; 32]> {
    match standing.entry {
        Some(entry) => entry.tally.map(|tally| tally.final_root()),
        None => standing.claim.trace.map(|trace| trace.final_root),
    }
}
