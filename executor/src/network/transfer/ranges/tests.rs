//! Cutting an artefact into ranges.

use proptest::prelude::*;

use super::*;

#[test]
fn the_tail_is_the_whole_of_a_short_artefact() {
    assert_eq!(tail_of(0), 0..0);
    assert_eq!(tail_of(1), 0..1);
    assert_eq!(tail_of(RANGE_BYTES_MAX), 0..RANGE_BYTES_MAX);
    assert_eq!(tail_of(RANGE_BYTES_MAX + 1), RANGE_BYTES_MAX..RANGE_BYTES_MAX + 1);
}

proptest! {
    #[test]
    fn pieces_cover_a_range_without_gap_or_excess(
        start in 0_u64..1 << 40,
        length in 0_u64..RANGE_BYTES_MAX * 20,
    ) {
        let pieces: Vec<_> = split(start..start + length).collect();
        let mut at = start;
        for piece in pieces {
            prop_assert_eq!(piece.start, at);
            prop_assert!(piece.end > at && piece.end - at <= RANGE_BYTES_MAX);
            at = piece.end;
        }
        prop_assert_eq!(at, start + length);
    }

    #[test]
    fn the_tail_of_what_is_not_empty_holds_its_last_byte(total_bytes in 1..=u64::MAX) {
        let tail = tail_of(total_bytes);
        prop_assert_eq!(tail.end, total_bytes);
        prop_assert!(!tail.is_empty() && tail.end - tail.start <= RANGE_BYTES_MAX);
        prop_assert_eq!(tail.start % RANGE_BYTES_MAX, 0);
    }
}
