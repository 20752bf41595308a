//! Tests of checkpoints: what is read is what was written, and nothing else is read.

use proptest::prelude::*;

use super::{Checkpoint, CheckpointError, FOOTER_BYTES, MAGIC};
use crate::fixtures::{Fixture, digits_fixture, small_fixture};
use crate::run::{Trainer, TrainingFile, TrainingOptions};

fn checkpoint(seed: u64) -> (Fixture, Checkpoint) {
    let fixture = small_fixture();
    let options = TrainingOptions {
        average_share: Some(0.5),
        ..TrainingOptions::steps(&fixture.specification, seed, 10)
    };
    let file = TrainingFile::new(&fixture.files.train, &fixture.specification).unwrap();
    let mut trainer = Trainer::new(&fixture.specification, file, options).unwrap();
    trainer.step().unwrap();
    let checkpoint = trainer.checkpoint().unwrap();
    (fixture, checkpoint)
}

/// Puts the right hash behind a tampered body.
fn sealed(body: &[u8]) -> Vec<u8> {
    [body, blake3::hash(body).as_bytes()].concat()
}

#[test]
fn damage_is_seen() {
    let (fixture, checkpoint) = checkpoint(1);
    let bytes = checkpoint.to_bytes();
    for place in [MAGIC.len(), bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        let found = Checkpoint::from_bytes(&damaged, &fixture.specification);
        assert!(matches!(found, Err(CheckpointError::Damaged { .. })), "byte {place}: {found:?}");
    }
}

#[test]
fn other_files_are_refused() {
    let specification = small_fixture().specification;
    for bytes in [&b""[..], b"short", &[0; 500]] {
        let found = Checkpoint::from_bytes(bytes, &specification);
        assert_eq!(found, Err(CheckpointError::Foreign));
    }
    let found = Checkpoint::from_bytes(&vec![0; 1 << 20], &specification);
    assert!(matches!(found, Err(CheckpointError::TooLarge { .. })));
}

#[test]
fn a_checkpoint_of_another_order_is_refused() {
    let (_, checkpoint) = checkpoint(1);
    let other = digits_fixture(0).specification;
    let found = Checkpoint::from_bytes(&checkpoint.to_bytes(), &other);
    let (expected, of) = (other.id(), checkpoint.order);
    assert_eq!(found, Err(CheckpointError::OtherOrder { expected, found: of }));
}

#[test]
fn moments_that_do_not_fit_are_refused() {
    let (fixture, mut checkpoint) = checkpoint(1);
    checkpoint.state.moments[0][1].pop();
    let found = Checkpoint::from_bytes(&checkpoint.to_bytes(), &fixture.specification);
    assert_eq!(found, Err(CheckpointError::State));
}

#[test]
fn the_bytes_are_those_of_the_golden_vector() {
    // Origin: `to_bytes` after one step with seed 1 on the small order of the fixtures.
    let expected = include_str!("../../tests/vectors/checkpoint_root.txt").trim();
    assert_eq!(blake3::hash(&checkpoint(1).1.to_bytes()).to_string(), expected);
}

proptest! {
    /// Reading gives back what was written.
    #[test]
    fn reading_undoes_writing(seed: u64) {
        let (fixture, checkpoint) = checkpoint(seed);
        let found = Checkpoint::from_bytes(&checkpoint.to_bytes(), &fixture.specification).unwrap();
        prop_assert_eq!(found, checkpoint);
    }

    /// No content makes the reader panic, even under a right hash.
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let specification = small_fixture().specification;
        let body = [MAGIC, &bytes].concat();
        prop_assert!(Checkpoint::from_bytes(&sealed(&body), &specification).is_err());
        prop_assert!(Checkpoint::from_bytes(&bytes, &specification).is_err());
    }

    /// A content that is read after tampering is one that would be written.
    #[test]
    fn what_is_read_would_be_written(place: prop::sample::Index, byte: u8) {
        let (fixture, checkpoint) = checkpoint(2);
        let mut body = checkpoint.to_bytes();
        body.truncate(body.len() - FOOTER_BYTES);
        let place = place.index(body.len());
        body[place] = byte;
        let bytes = sealed(&body);
        if let Ok(found) = Checkpoint::from_bytes(&bytes, &fixture.specification) {
            prop_assert_eq!(found.to_bytes(), bytes);
        }
    }
}
