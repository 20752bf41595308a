//! Random plays of several orders at once: no unit is lost, no phase skipped, nothing left behind.

use std::collections::{BTreeMap, BTreeSet};

use aipot_domain_runtime::event::{Event, VoidReason};
use aipot_domain_runtime::primitives::{AccountId, BlockNumber, OrderId};
use aipot_domain_runtime::progress::OrderRecord;
use aipot_domain_runtime::window::Phase;
use parity_scale_codec::Encode;
use proptest::prelude::*;

use super::random::decisions;
use super::turn::{EXTENSION_MAX, Play};
use crate::harness::{PARAMETERS, working_records};

/// Variants of [`Event`].
const EVENT_KINDS: u8 = 30;

/// Plays `decisions`, waits for every settlement, and checks what must hold then.
///
/// Conservation and the effect of every single call are checked by the world itself.
fn play(seed: u64, decisions: &[u32]) -> Play {
    let mut play = Play::new(seed);
    for decision in decisions {
        play.turn(*decision);
    }
    for order in play.orders.clone() {
        play.world.settle(&order);
    }
    // Deadlines of games that are over, and settlements that came early, wait on the agenda.
    play.world.advance(EXTENSION_MAX);
    assert_eq!(working_records(&play.world.store), Vec::<Vec<u8>>::new());
    assert_eq!(play.world.replayed(PARAMETERS), play.world.store);
    let submitted = submissions(&play);
    for (order, block) in &submitted {
        check_phases(&play, order, *block);
        check_payouts(&play, order);
    }
    check_slashes(&play);
    play
}

fn submissions(play: &Play) -> BTreeMap<OrderId, BlockNumber> {
    let events = play.world.events.iter();
    let submitted = events.filter_map(|(block, event)| match event {
        Event::OrderSubmitted { order, .. } => Some((*order, *block)),
        _ => None,
    });
    submitted.collect()
}

/// Phases in which an event may happen.
fn allowed_phases(event: &Event) -> Option<&'static [Phase]> {
    Some(match event {
        Event::CommitteeDrawn { .. }
        | Event::CommitteeTooSmall { .. }
        | Event::ClaimAccepted { .. } => &[Phase::Train],
        Event::ModelRevealed { .. } => &[Phase::Reveal],
        Event::ClaimVoided { reason: VoidReason::NotRevealed | VoidReason::Withheld, .. } => {
            &[Phase::Availability, Phase::TestReveal]
        }
        Event::ChunkRequested { .. } | Event::ChunkServed { .. } => {
            &[Phase::Availability, Phase::TestAvailability]
        }
        Event::TestRevealed { .. } => &[Phase::TestReveal],
        Event::ClientBondLost { .. }
        | Event::EvaluationStarted { .. }
        | Event::EvaluationCommitted { .. } => &[Phase::EvaluationCommit],
        Event::EvaluationRevealed { .. } => &[Phase::EvaluationReveal],
        Event::EvaluationWithheld { .. } | Event::ChallengeOpened { .. } => &[Phase::Challenge],
        Event::MoveMade { .. } | Event::ProofAccepted { .. } | Event::OperatorLocated { .. } => {
            &[Phase::Challenge, Phase::ChallengeExtension]
        }
        Event::ChallengeDecided { .. }
        | Event::BondLost { .. }
        | Event::ClaimVoided { reason: VoidReason::Refuted, .. } => {
            &[Phase::Challenge, Phase::ChallengeExtension, Phase::Final]
        }
        Event::OrderSettled { .. } => &[Phase::Train, Phase::ChallengeExtension, Phase::Final],
        _ => return None,
    })
}

/// Every event of `order` lies in its phase, phases follow each other, and the end comes once.
fn check_phases(play: &Play, order: &OrderId, submitted: BlockNumber) {
    let windows = play.world.order(order).specification.windows;
    let mut last = Phase::Open;
    let mut settled = 0;
    let mut kinds = BTreeSet::new();
    for (block, event) in play.world.events.iter().filter(|one| one.1.order() == Some(*order)) {
        let phase = windows.phase(submitted, *block);
        assert!(phase >= last, "{event:?} in {phase:?} after {last:?}");
        last = phase;
        if let Some(allowed) = allowed_phases(event) {
            assert!(allowed.contains(&phase), "{event:?} in {phase:?}");
        }
        assert_eq!(settled, 0, "{event:?} after the settlement");
        settled += u32::from(matches!(event, Event::OrderSettled { .. }));
        kinds.insert(event.encode()[0]);
    }
    assert_eq!(settled, 1);
    let happened = |kind: u8| kinds.contains(&kind);
    let is_refunded_at_once = happened(8);
    assert!(is_refunded_at_once || (happened(7) && happened(16)), "{kinds:?}");
}

/// The shares of the escrow add up to it.
fn check_payouts(play: &Play, order: &OrderId) {
    let OrderRecord { specification, outcome, .. } = play.world.order(order);
    let outcome = outcome.expect("the order is settled");
    let paid: u128 = outcome.payouts.iter().map(|payout| payout.amount.0).sum();
    assert_eq!(paid, specification.pay.reward.0);
    let sent = play.world.happened(|event| match event {
        Event::Paid { order: of, payout } if of == order => Some(*payout),
        _ => None,
    });
    assert_eq!(sent, outcome.payouts.to_vec());
}

/// Nobody is slashed twice for one order, and every slash finds its takers.
fn check_slashes(play: &Play) {
    let mut seen = BTreeSet::<(OrderId, AccountId)>::new();
    for (_, event) in &play.world.events {
        let Event::Slashed { order, operator, amount, to_challenger, to_client, burned } = event
        else {
            continue;
        };
        assert!(seen.insert((*order, *operator)), "{operator} is slashed twice for {order}");
        assert_eq!(amount.0, to_challenger.0 + to_client.0 + burned.0);
        assert!(burned.0 * 5 >= amount.0 * 2, "at least 40 % are burned");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_unit_is_lost_and_no_phase_skipped(
        seed: u64,
        decisions in prop::collection::vec(any::<u32>(), 20..250),
    ) {
        play(seed, &decisions);
    }
}

#[test]
fn random_plays_reach_every_kind_of_event() {
    let mut kinds = BTreeSet::new();
    for seed in 0..24 {
        let play = play(seed, &decisions(seed, 220));
        kinds.extend(play.world.events.iter().map(|(_, event)| event.encode()[0]));
    }
    // The horizon of withdrawals is longer than a play.
    let missing: Vec<u8> = (0..EVENT_KINDS).filter(|kind| !kinds.contains(kind)).collect();
    assert_eq!(missing, [4], "kinds of events that no play has reached");
}
