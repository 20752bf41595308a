//! What is taken and what is not, and what is said in the end.

use aipot_kernels::plotting::{PIECE_BYTES, PieceError};

use super::*;

fn bytes(first: u8) -> PieceBytes {
    let mut bytes = vec![0; PIECE_BYTES];
    bytes[31] = first;
    PieceBytes(bytes)
}

fn not_canonical() -> PieceBytes {
    PieceBytes(vec![0xff; PIECE_BYTES])
}

#[test]
fn pieces_come_out_in_the_order_asked_for_and_as_often() {
    let wanted = [5, 3, 5];
    let mut collection = Collection::new(&wanted);
    assert_eq!(collection.missing(), [3, 5]);
    assert!(collection.take(3, 3, bytes(3)));
    assert!(collection.take_any(5, bytes(5)));
    let pieces = collection.finish(&wanted).unwrap();
    let firsts: Vec<u8> = pieces.iter().map(|piece| piece.as_bytes()[31]).collect();
    assert_eq!(firsts, [5, 3, 5]);
}

#[test]
fn another_piece_than_asked_for_is_not_taken() {
    let mut collection = Collection::new(&[1, 2]);
    assert!(collection.take_any(2, bytes(2)));
    assert!(!collection.take(1, 2, bytes(2)));
    let error = collection.finish(&[1, 2]).unwrap_err();
    assert!(matches!(error, PieceSourceError::OtherPiece { piece_index: 1, given: 2 }), "{error}");
}

#[test]
fn bytes_that_are_no_piece_are_not_taken_but_a_later_piece_is() {
    let mut collection = Collection::new(&[1]);
    assert!(!collection.take(1, 1, not_canonical()));
    assert!(collection.take_any(1, bytes(1)));
    collection.finish(&[1]).unwrap();

    let mut collection = Collection::new(&[1]);
    assert!(!collection.take_any(1, not_canonical()));
    let error = collection.finish(&[1]).unwrap_err();
    let PieceSourceError::NotAPiece { piece_index: 1, source } = error else { panic!("{error}") };
    assert_eq!(source, PieceError::NotCanonical { chunk: 0 });
}

#[test]
fn a_piece_nobody_asked_for_is_not_taken() {
    let mut collection = Collection::new(&[1]);
    assert!(!collection.take_any(7, bytes(7)));
    let error = collection.finish(&[1]).unwrap_err();
    assert!(matches!(error, PieceSourceError::Unasked { piece_index: 1, given: 7 }), "{error}");
}

#[test]
fn missing_pieces_are_counted() {
    let error = Collection::new(&[4, 2]).finish(&[4, 2]).unwrap_err();
    assert!(matches!(error, PieceSourceError::Missing { count: 2, piece_index: 2 }), "{error}");
}
