//! What people are told.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::outcome::Standing;
use aipot_domain_runtime::primitives::{ModelRoot, OrderId, Score};
use aipot_domain_runtime::progress::Committee;

use super::*;

const WINNER: AccountId = AccountId([1; 32]);
const LATE: AccountId = AccountId([2; 32]);
const STRANGER: AccountId = AccountId([3; 32]);

fn story() -> Vec<(BlockNumber, Event)> {
    let order = OrderId([9; 32]);
    let committee = Committee {
        providers: BoundedVec::try_from(vec![WINNER, LATE]).unwrap(),
        validators: BoundedVec::new(),
    };
    let model = RevealedModel { root: ModelRoot([4; 32]), byte_count: 10 };
    let winner = Some(Standing { provider: WINNER, model, score: Score::accuracy(350, 0) });
    let payout = Payout { role: PayoutRole::Winner, account: WINNER, amount: Amount::tokens(70) };
    let events = vec![
        Event::CommitteeDrawn { order, committee },
        Event::ClaimAccepted { order, provider: WINNER, sequence: 1 },
        Event::ClaimAccepted { order, provider: LATE, sequence: 1 },
        Event::ModelRevealed { order, provider: WINNER, model },
        Event::ClaimVoided { order, provider: LATE, reason: VoidReason::NotRevealed },
        Event::Paid { order, payout },
        Event::OrderSettled { order, winner },
    ];
    (1..).map(BlockNumber).zip(events).collect()
}

#[test]
fn the_winner_learns_why_it_was_paid() {
    let reasons = explain_operator(&story(), &WINNER).join("; ");
    assert!(reasons.contains("its score of"), "{reasons}");
    assert!(reasons.contains("was paid 70 AI3 as the winner"), "{reasons}");
}

#[test]
fn a_late_provider_learns_that_it_did_not_reveal() {
    let reasons = explain_operator(&story(), &LATE).join("; ");
    assert!(reasons.contains("did not reveal its model in time"), "{reasons}");
    assert!(reasons.contains("it was paid nothing"), "{reasons}");
}

#[test]
fn a_stranger_learns_that_it_was_not_drawn() {
    let reasons = explain_operator(&story(), &STRANGER).join("; ");
    assert!(reasons.starts_with("it was not drawn"), "{reasons}");
}

#[test]
fn an_order_without_committee_has_its_reason() {
    assert!(explain_operator(&[], &WINNER)[0].starts_with("no committee"));
}
