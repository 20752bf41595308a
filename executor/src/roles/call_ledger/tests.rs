//! When a call is made again, and when it is given up.

use super::*;

const ORDER: OrderId = OrderId([1; 32]);

fn refused(block: u32) -> CallOutcome {
    CallOutcome::Refused { block: BlockNumber(block), reason: "no".to_owned() }
}

#[test]
fn the_first_try_is_due_at_once() {
    assert_eq!(CallLedger::default().due(&ORDER, "claim", BlockNumber(5)), Some(1));
}

#[test]
fn a_refused_call_is_tried_again_after_a_pause() {
    let mut ledger = CallLedger::default();
    ledger.ended(&ORDER, "claim", &refused(5), BlockNumber(5));
    assert_eq!(ledger.due(&ORDER, "claim", BlockNumber(6)), None);
    assert_eq!(ledger.due(&ORDER, "claim", BlockNumber(7)), Some(2));
}

#[test]
fn a_call_refused_three_times_in_a_row_is_given_up() {
    let mut ledger = CallLedger::default();
    for block in [5, 10, 15] {
        assert!(ledger.due(&ORDER, "claim", BlockNumber(block)).is_some());
        ledger.ended(&ORDER, "claim", &refused(block), BlockNumber(block));
    }
    assert_eq!(ledger.due(&ORDER, "claim", BlockNumber(100)), None);
    assert_eq!(ledger.due(&ORDER, "reveal", BlockNumber(100)), Some(1));
}

#[test]
fn a_call_that_was_never_sent_is_tried_again_under_its_name_without_end() {
    let mut ledger = CallLedger::default();
    for block in 1..20 {
        let head = BlockNumber(block * 10);
        assert_eq!(ledger.due(&ORDER, "reveal-test", head), Some(1));
        let outcome = CallOutcome::Dropped { reason: "too early".to_owned() };
        ledger.ended(&ORDER, "reveal-test", &outcome, head);
    }
}

#[test]
fn an_accepted_call_that_is_wanted_again_is_made_again_without_end() {
    let mut ledger = CallLedger::default();
    for number in 1..20_u32 {
        let block = BlockNumber(number * 10);
        assert_eq!(ledger.due(&ORDER, "serve/0", block), Some(number));
        ledger.ended(&ORDER, "serve/0", &CallOutcome::Accepted { block }, block);
    }
}

#[test]
fn a_forgotten_order_begins_anew() {
    let mut ledger = CallLedger::default();
    ledger.ended(&ORDER, "claim", &refused(5), BlockNumber(5));
    ledger.forget(&ORDER);
    assert_eq!(ledger.due(&ORDER, "claim", BlockNumber(5)), Some(1));
}
