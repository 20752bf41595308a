//! Step 8 in its first form: a challenged evaluation is computed again by a committee drawn for it.
//!
//! [`open`] and [`Challenge`] say what is disputed, [`committee`] decides it. The refereed game takes the
//! place of the committee without touching the rest.

pub mod committee;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

use crate::account::debit;
use crate::agenda::{Item, schedule};
use crate::bounded::BoundedVec;
use crate::evaluation::Evaluation;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::operator::Operator;
use crate::order::{PROVIDERS_MAX, VALIDATORS_MAX};
use crate::primitives::{AccountId, Amount, At, BlockNumber, EvaluationDigest, OrderId, Score};
use crate::progress::{AccessError, Running};
use crate::refusal::CallResult;
use crate::state::{Record, State};
use crate::window::Phase;

/// Most members of a challenge committee.
pub const JUDGES_MAX: usize = 5;
/// Most challenges of one order: every entry of every validator once. Fewer would let somebody fill the
/// list with challenges of honest entries to keep a lie out of it.
pub const CHALLENGES_MAX: u32 = 1_024;

const _: () = assert!(CHALLENGES_MAX as usize == PROVIDERS_MAX * VALIDATORS_MAX);

/// What a member of the committee computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Judgement {
    /// Who.
    pub judge: AccountId,
    /// The score.
    pub score: Score,
    /// The digest under the accused's key.
    pub digest: EvaluationDigest,
}

/// A dispute about one entry of an evaluation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen)]
pub struct Challenge {
    /// Who says that it is wrong.
    pub challenger: AccountId,
    /// Whose evaluation.
    pub validator: AccountId,
    /// Of whose model.
    pub provider: AccountId,
    /// Held from the challenger.
    pub bond: Amount,
    /// Block that included the challenge.
    pub opened_at: BlockNumber,
    /// Who decides; empty before the drawing.
    pub judges: BoundedVec<AccountId, JUDGES_MAX>,
    /// What they computed.
    pub judgements: BoundedVec<Judgement, JUDGES_MAX>,
    /// Whether it is decided.
    pub is_decided: bool,
}

impl Record for Challenge {
    const TABLE: u8 = 9;
    type Key = (OrderId, u32);
}

/// Why a challenge or a judgement is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// Only operators can challenge.
    #[error("{account} is not a registered operator")]
    NotOperator {
        /// Who asked.
        account: AccountId,
    },
    /// Nobody can challenge himself.
    #[error("{account} cannot challenge itself")]
    OwnEvaluation {
        /// Who asked.
        account: AccountId,
    },
    /// There is no such evaluation, or it is proven wrong already.
    #[error("{validator} has no standing evaluation of {provider}")]
    NoEvaluation {
        /// Whose evaluation.
        validator: AccountId,
        /// Of whose model.
        provider: AccountId,
    },
    /// Somebody challenges the same entry.
    #[error("challenge {challenge} disputes the same evaluation")]
    Duplicate {
        /// Number of the earlier challenge.
        challenge: u32,
    },
    /// The order has enough challenges.
    #[error("{count} challenges, allowed at most {max}")]
    TooMany {
        /// Challenges so far.
        count: u32,
        /// Challenges allowed.
        max: u32,
    },
    /// There is no such challenge to judge.
    #[error("challenge {challenge} of order {order} is not open")]
    NotOpen {
        /// Which order.
        order: OrderId,
        /// Which challenge.
        challenge: u32,
    },
    /// The signer is not in the committee, or has judged already.
    #[error("{account} has no judgement to give in challenge {challenge}")]
    NotJudge {
        /// Who asked.
        account: AccountId,
        /// Which challenge.
        challenge: u32,
    },
}

/// Opens a challenge of `validator`'s evaluation of `provider`'s model.
///
/// # Errors
/// [`ChallengeError`], [`AccessError`] or [`crate::account::FundsError`].
pub fn open(
    state: &mut State<'_>,
    challenger: &AccountId,
    order: &OrderId,
    (validator, provider): (AccountId, AccountId),
    at: At,
) -> CallResult {
    let mut running = Running::in_phase(state, order, at, Phase::Challenge)?;
    check_parties(state, challenger, order, (validator, provider))?;
    let challenge = running.progress.challenge_count;
    if challenge >= CHALLENGES_MAX {
        return Err(ChallengeError::TooMany { count: challenge, max: CHALLENGES_MAX }.into());
    }
    check_new(state, order, challenge, (validator, provider))?;
    let bond = state.require::<Parameters>(&())?.challenge_bond;
    debit(state, challenger, bond)?;
    let dispute = Challenge {
        challenger: *challenger,
        validator,
        provider,
        bond,
        opened_at: at.block,
        judges: BoundedVec::new(),
        judgements: BoundedVec::new(),
        is_decided: false,
    };
    state.put(&(*order, challenge), &dispute);
    running.progress.challenge_count = challenge.saturating_add(1);
    running.progress.open_challenge_count = running.progress.open_challenge_count.saturating_add(1);
    state.put(order, &running.progress);
    // The committee is drawn from the next block's beacon, which the challenger does not know.
    schedule(state, at.block.after(1), Item::DrawJudges { order: *order, challenge })?;
    let challenger = *challenger;
    state.emit(Event::ChallengeOpened {
        order: *order,
        challenge,
        challenger,
        validator,
        provider,
    });
    Ok(())
}

fn check_parties(
    state: &State<'_>,
    challenger: &AccountId,
    order: &OrderId,
    (validator, provider): (AccountId, AccountId),
) -> CallResult {
    if state.get::<Operator>(challenger)?.is_none() {
        return Err(ChallengeError::NotOperator { account: *challenger }.into());
    }
    if *challenger == validator {
        return Err(ChallengeError::OwnEvaluation { account: validator }.into());
    }
    let evaluation = state.get::<Evaluation>(&(*order, validator))?;
    let stands = evaluation.is_some_and(|evaluation| {
        !evaluation.is_struck && evaluation.entries.iter().any(|entry| entry.provider == provider)
    });
    if !stands {
        return Err(ChallengeError::NoEvaluation { validator, provider }.into());
    }
    Ok(())
}

fn check_new(
    state: &State<'_>,
    order: &OrderId,
    count: u32,
    disputed: (AccountId, AccountId),
) -> CallResult {
    for challenge in 0..count {
        let earlier = state.require::<Challenge>(&(*order, challenge))?;
        if (earlier.validator, earlier.provider) == disputed {
            return Err(ChallengeError::Duplicate { challenge }.into());
        }
    }
    Ok(())
}

/// Takes the judgement of a member of the committee; the last one decides at once.
///
/// # Errors
/// [`ChallengeError`] or [`AccessError`].
pub fn judge(
    state: &mut State<'_>,
    order: &OrderId,
    challenge: u32,
    judgement: Judgement,
    at: At,
) -> CallResult {
    let running = Running::load(state, order)?;
    let phase = running.phase(at);
    if !matches!(phase, Phase::Challenge | Phase::ChallengeExtension) {
        let (order, block, allowed) = (*order, at.block, Phase::ChallengeExtension);
        return Err(AccessError::OutsidePhase { order, phase, block, allowed }.into());
    }
    let key = (*order, challenge);
    let closed = ChallengeError::NotOpen { order: *order, challenge };
    let mut dispute = state.get::<Challenge>(&key)?.ok_or(closed.clone())?;
    if dispute.is_decided {
        return Err(closed.into());
    }
    let account = judgement.judge;
    let has_judged = dispute.judgements.iter().any(|one| one.judge == account);
    if has_judged || !dispute.judges.contains(&account) {
        return Err(ChallengeError::NotJudge { account, challenge }.into());
    }
    dispute
        .judgements
        .push(judgement)
        .map_err(|_| ChallengeError::NotJudge { account, challenge })?;
    state.put(&key, &dispute);
    state.emit(Event::Judged { order: *order, challenge, judge: account });
    if dispute.judgements.len() == dispute.judges.len() {
        committee::decide(state, running, challenge)?;
    }
    Ok(())
}
