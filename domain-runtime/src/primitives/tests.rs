//! Amounts, scores and hexadecimal digits at their edges.

use alloc::format;
use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

#[test]
fn a_score_orders_by_correct_answers_then_by_loss() {
    let ascending = [
        Score(0),
        Score::accuracy(0, 5),
        Score::accuracy(7, 900),
        Score::accuracy(7, 800),
        Score::accuracy(8, u32::MAX),
    ];
    assert!(ascending.is_sorted());
    assert!(Score::loss(5) > Score::loss(6));
}

#[test]
fn hexadecimal_digits_are_read_exactly() {
    let id = AccountId([0xa5; 32]);
    assert_eq!(AccountId::from_hex(&id.to_string()), Some(id));
    assert_eq!(AccountId::from_hex(&"A5".repeat(32)), Some(id));
    assert_eq!(format!("{id:?}"), to_hex(&id.0));
    for wrong in ["", "a5", &"a5".repeat(33), &"g5".repeat(32), &"é".repeat(32), &"+5".repeat(32)]
    {
        assert_eq!(AccountId::from_hex(wrong), None, "{wrong}");
    }
}

#[test]
fn heights_stop_at_the_largest() {
    assert_eq!(BlockNumber(5).after(3), BlockNumber(8));
    assert_eq!(BlockNumber(u32::MAX - 1).after(3), BlockNumber(u32::MAX));
}

#[test]
fn amounts_at_their_edges() {
    assert_eq!(Amount::tokens(2).0, 2 * TOKEN);
    assert_eq!(Amount(u128::MAX).percent(100), Amount(u128::MAX));
    assert_eq!(Amount(7).share(0), Amount::ZERO);
    assert_eq!(Amount(7).share(2), Amount(3));
    assert_eq!(Amount(u128::MAX).checked_add(Amount(1)), None);
    assert_eq!(Amount(1).checked_sub(Amount(2)), None);
}

proptest! {
    #[test]
    fn a_percentage_is_exact(amount in 0_u128..u128::MAX / 100, percent in 0_u8..=100) {
        prop_assert_eq!(Amount(amount).percent(percent).0, amount * u128::from(percent) / 100);
    }

    #[test]
    fn a_score_gives_back_its_parts(correct: u32, loss: u32) {
        let score = Score::accuracy(correct, loss);
        prop_assert_eq!((score.correct(), score.loss_q16()), (correct, loss));
        prop_assert_eq!(Score::loss(loss).loss_q16(), loss);
    }
}
