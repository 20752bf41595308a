//! What happens by itself as the phases of an order begin, up to its settlement.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::{burn, credit};
use crate::agenda::{Item, schedule};
use crate::bounded::BoundedVec;
use crate::challenge::verdict;
use crate::claim::Claim;
use crate::evaluation::Evaluation;
use crate::event::{Event, VoidReason};
use crate::operator::{Roles, slash};
use crate::order::CommitteeSpecification;
use crate::outcome::{Outcome, answer_count, correct_validators, rank, satisfies};
use crate::payment::{Earners, distribute_slash, pay, split};
use crate::primitives::{AccountId, Amount, At, OrderId};
use crate::progress::{Committee, OrderRecord, Progress, Running, TestSource};
use crate::selection::{Eligibility, candidates, draw};
use crate::state::{Fault, State};
use crate::window::Phase;

/// Share of a validator's stake of the order that it loses for committing and not opening (percent).
const WITHHELD_EVALUATION_PERCENT: u8 = 10;

/// Does what falls due as `phase` of `order` begins, and schedules the next beginning.
///
/// # Errors
/// [`Fault`] when the state cannot be read.
pub(crate) fn begin(
    state: &mut State<'_>,
    order: &OrderId,
    phase: Phase,
    at: At,
) -> Result<(), Fault> {
    let Some(progress) = state.get::<Progress>(order)? else {
        return Ok(()); // settled early
    };
    let record = state.require::<OrderRecord>(order)?;
    let running = Running { id: *order, order: record, progress };
    let next = match phase {
        Phase::Train => draw_committee(state, running, at)?,
        Phase::Availability => void_unrevealed(state, &running)?,
        Phase::TestReveal => void_withheld(state, &running)?,
        Phase::EvaluationCommit => start_evaluation(state, running, at)?,
        Phase::Challenge => punish_withheld_evaluations(state, &running)?,
        Phase::ChallengeExtension => settle_unless_disputed(state, &running)?,
        Phase::Final => settle_disputed(state, order, at)?,
        Phase::Open | Phase::Reveal | Phase::TestAvailability | Phase::EvaluationReveal => None,
    };
    let Some(next) = next else { return Ok(()) };
    let Some(progress) = state.get::<Progress>(order)? else { return Ok(()) };
    let record = state.require::<OrderRecord>(order)?;
    let start = record.specification.windows.start(next, progress.submitted_at);
    schedule(state, start.max(at.block.after(1)), Item::Phase { order: *order, phase: next })
}

fn draw_committee(
    state: &mut State<'_>,
    mut running: Running,
    at: At,
) -> Result<Option<Phase>, Fault> {
    let order = running.id;
    let wanted = running.order.specification.committee;
    let committee = drawn(state, &running, wanted, at)?;
    if committee.providers.is_empty() || committee.validators.is_empty() {
        let (provider_count, validator_count) =
            (count(&committee.providers), count(&committee.validators));
        state.emit(Event::CommitteeTooSmall { order, provider_count, validator_count });
        settle(state, &running)?;
        return Ok(None);
    }
    state.emit(Event::CommitteeDrawn { order, committee: committee.clone() });
    running.progress.committee = Some(committee);
    state.put(&order, &running.progress);
    Ok(Some(Phase::Availability))
}

fn drawn(
    state: &State<'_>,
    running: &Running,
    wanted: CommitteeSpecification,
    at: At,
) -> Result<Committee, Fault> {
    let order = running.id;
    let pay = &running.order.specification.pay;
    let draw_as = |roles: Roles, stake_min: Amount, count: u32, excluded: &[AccountId]| {
        let unchanged_since = running.progress.submitted_at;
        let eligibility = Eligibility { roles, stake_min, unchanged_since };
        let pool = candidates(state, &eligibility, excluded)?;
        let name: &[u8] = if roles.provider { b"providers" } else { b"validators" };
        let purpose = [order.as_bytes().as_slice(), name].concat();
        Ok::<Vec<AccountId>, Fault>(draw(pool, count, &at.beacon, &purpose))
    };
    let provider = Roles { provider: true, validator: false };
    let providers = draw_as(provider, pay.provider_stake_min, wanted.provider_count, &[])?;
    let validator = Roles { provider: false, validator: true };
    let stake_min = pay.validator_stake_min;
    let validators = draw_as(validator, stake_min, wanted.validator_count, &providers)?;
    let too_many = |_| Fault::Overflow { quantity: "committee" };
    Ok(Committee {
        providers: BoundedVec::try_from(providers).map_err(too_many)?,
        validators: BoundedVec::try_from(validators).map_err(too_many)?,
    })
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// Claims that were not opened in their window are worth nothing.
fn void_unrevealed(state: &mut State<'_>, running: &Running) -> Result<Option<Phase>, Fault> {
    for (provider, claim) in claims(state, running)? {
        if claim.model.is_none() {
            void(state, running, provider, claim, VoidReason::NotRevealed);
        }
    }
    Ok(Some(Phase::TestReveal))
}

/// Models of which a chunk was asked for and not served are worth nothing, and their owners are slashed.
fn void_withheld(state: &mut State<'_>, running: &Running) -> Result<Option<Phase>, Fault> {
    let amount = running.order.specification.pay.provider_stake_min;
    for (provider, claim) in claims(state, running)? {
        let Some(request) = claim.requests.first().copied() else { continue };
        void(state, running, provider, claim, VoidReason::Withheld);
        let taken = slash(state, &provider, amount)?;
        let takers = (Some(request.requester), running.order.client);
        distribute_slash(state, running.id, provider, taken, takers)?;
    }
    Ok(Some(Phase::EvaluationCommit))
}

fn void(
    state: &mut State<'_>,
    running: &Running,
    provider: AccountId,
    mut claim: Claim,
    reason: VoidReason,
) {
    claim.is_void = true;
    state.put(&(running.id, provider), &claim);
    state.emit(Event::ClaimVoided { order: running.id, provider, reason });
}

/// Fixes the test set and the key of the digests; a client that withheld the test data loses its bond.
fn start_evaluation(
    state: &mut State<'_>,
    mut running: Running,
    at: At,
) -> Result<Option<Phase>, Fault> {
    let order = running.id;
    let progress = &mut running.progress;
    let source = match progress.test {
        Some(test) if progress.test_requests.is_empty() => TestSource::Revealed(test.file),
        Some(_) | None => TestSource::BeaconSplit(at.beacon),
    };
    progress.test_source = Some(source);
    progress.evaluation_beacon = Some(at.beacon);
    state.put(&order, progress);
    if matches!(source, TestSource::BeaconSplit(_)) {
        let amount = running.order.specification.pay.client_bond;
        burn(state, amount)?;
        state.emit(Event::ClientBondLost { order, client: running.order.client, amount });
    }
    state.emit(Event::EvaluationStarted { order, source, beacon: at.beacon });
    Ok(Some(Phase::Challenge))
}

/// Validators that committed and did not open lose a part of their stake.
fn punish_withheld_evaluations(
    state: &mut State<'_>,
    running: &Running,
) -> Result<Option<Phase>, Fault> {
    let stake = running.order.specification.pay.validator_stake_min;
    for (validator, evaluation) in evaluations(state, running)? {
        if !evaluation.is_revealed {
            let order = running.id;
            state.emit(Event::EvaluationWithheld { order, validator });
            let taken = slash(state, &validator, stake.percent(WITHHELD_EVALUATION_PERCENT))?;
            distribute_slash(state, order, validator, taken, (None, running.order.client))?;
        }
    }
    Ok(Some(Phase::ChallengeExtension))
}

fn settle_unless_disputed(
    state: &mut State<'_>,
    running: &Running,
) -> Result<Option<Phase>, Fault> {
    if running.progress.open_challenge_count > 0 {
        return Ok(Some(Phase::Final));
    }
    settle(state, running)?;
    Ok(None)
}

fn settle_disputed(state: &mut State<'_>, order: &OrderId, at: At) -> Result<Option<Phase>, Fault> {
    verdict::decide_all(state, order, at)?;
    let progress = state.require::<Progress>(order)?;
    let record = state.require::<OrderRecord>(order)?;
    settle(state, &Running { id: *order, order: record, progress })?;
    Ok(None)
}

/// Pays everybody, returns deposits and bond, and keeps only the outcome.
fn settle(state: &mut State<'_>, running: &Running) -> Result<(), Fault> {
    let order = running.id;
    let specification = &running.order.specification;
    let claims = claims(state, running)?;
    let evaluations = evaluations(state, running)?;
    let ranked = rank(&specification.train.recipe, &claims, &evaluations);
    let validators = correct_validators(&ranked, &evaluations);
    let test_source = running.progress.test_source;
    let answers = test_source.map_or(0, |source| answer_count(specification, &source));
    let paid: Vec<_> = ranked
        .into_iter()
        .filter(|standing| satisfies(specification, standing.score, answers))
        .collect();
    let providers = paid.iter().map(|standing| standing.provider).collect();
    let earners = Earners { client: running.order.client, providers, validators };
    let payouts = split(specification.pay.reward, &earners)?;
    pay(state, order, &payouts)?;
    release_deposits(state, order, &claims)?;
    if !matches!(test_source, Some(TestSource::BeaconSplit(_))) {
        credit(state, &running.order.client, specification.pay.client_bond)?;
    }
    remove_progress(state, running);
    let too_many = |_| Fault::Overflow { quantity: "payouts" };
    let winner = paid.first().copied();
    let standings = BoundedVec::try_from(paid).map_err(too_many)?;
    let payouts = BoundedVec::try_from(payouts).map_err(too_many)?;
    let outcome = Some(Outcome { standings, test_source, payouts });
    state.put(&order, &OrderRecord { outcome, ..running.order.clone() });
    state.emit(Event::OrderSettled { order, winner });
    Ok(())
}

/// A provider that opened its claim gets its deposit back; the others' are burned.
fn release_deposits(
    state: &mut State<'_>,
    order: OrderId,
    claims: &BTreeMap<AccountId, Claim>,
) -> Result<(), Fault> {
    for (provider, claim) in claims {
        let (provider, amount) = (*provider, claim.deposit);
        let returned = claim.model.is_some() && !claim.is_void;
        if returned {
            credit(state, &provider, amount)?;
        } else {
            burn(state, amount)?;
        }
        state.emit(Event::DepositReleased { order, provider, amount, returned });
    }
    Ok(())
}

fn remove_progress(state: &mut State<'_>, running: &Running) {
    let order = running.id;
    for provider in running.providers() {
        state.remove::<Claim>(&(order, *provider));
    }
    for validator in running.validators() {
        state.remove::<Evaluation>(&(order, *validator));
    }
    state.remove::<Progress>(&order);
}

fn claims(state: &State<'_>, running: &Running) -> Result<BTreeMap<AccountId, Claim>, Fault> {
    let mut claims = BTreeMap::new();
    for provider in running.providers() {
        if let Some(claim) = state.get::<Claim>(&(running.id, *provider))? {
            claims.insert(*provider, claim);
        }
    }
    Ok(claims)
}

fn evaluations(
    state: &State<'_>,
    running: &Running,
) -> Result<BTreeMap<AccountId, Evaluation>, Fault> {
    let mut evaluations = BTreeMap::new();
    for validator in running.validators() {
        if let Some(evaluation) = state.get::<Evaluation>(&(running.id, *validator))? {
            evaluations.insert(*validator, evaluation);
        }
    }
    Ok(evaluations)
}
