//! What a game about a subject is played over: the computation that the order prescribes, the files that
//! it reads, and the state in which it is said to end.

use super::subject::Standing;
use super::{ChallengeError, Subject};
use crate::claim::RevealedModel;
use crate::evaluation::evaluation_key;
use crate::order::{DataFile, OrderSpecification};
use crate::primitives::{AccountId, Beacon, Commitment};
use crate::program::{self, Computation, FileRoots, ProgramError};
use crate::progress::{Running, TestSource};

/// Most steps of a computation, the first included: five rounds of a bisection into 16 parts.
pub const STEPS_MAX: u32 = 1 << 20;

/// Why nobody could prove a result of an order wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefereeableError {
    /// There is no program that the referee could compute.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// There are more steps than the rounds of a game can search.
    #[error("{what} has {steps} steps, allowed at most {max}")]
    TooManySteps {
        /// What is computed.
        what: &'static str,
        /// Its steps.
        steps: u32,
        /// What is allowed.
        max: u32,
    },
}

/// Checks that a game can be played about every result of an order.
///
/// # Errors
/// [`RefereeableError`] naming what cannot be refereed.
pub fn check(specification: &OrderSpecification) -> Result<(), RefereeableError> {
    let data = &specification.data;
    let byte_count = *data.file_bytes(data.test_example_count).start();
    let test = DataFile { byte_count, ..data.train };
    let source = TestSource::Revealed(test);
    let evaluation = program::evaluation(specification, &test, &source, [0; 32])?;
    check_steps("the evaluation", &evaluation)?;
    if specification.train.recipe.is_fixed() {
        check_steps("the training", &program::training(specification)?)?;
    }
    Ok(())
}

fn check_steps(what: &'static str, computation: &Computation) -> Result<(), RefereeableError> {
    let (steps, max) = (computation.steps(), STEPS_MAX);
    if steps > max {
        return Err(RefereeableError::TooManySteps { what, steps, max });
    }
    Ok(())
}

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
        let files =
            FileRoots { train: Some((train.root, train.byte_count)), ..FileRoots::default() };
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
        };
        Ok(Self { computation, files })
    }
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
