//! Tests of verdicts: liars are found, nobody is accused by accident.

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::{EvaluationEntry, evaluation_key};
use aipot_domain_runtime::primitives::{AccountId, Beacon, Commitment, EvaluationDigest, Score};
use aipot_domain_runtime::progress::TestSource;
use aipot_trainer::dataset::data_file;
use aipot_trainer::trace::machine::Files;
use proptest::prelude::*;

use super::{Examination, Finding, InvalidModel, ValidateError, Verdict, judge};
use crate::fixtures::{TEST, model, revealed, specification};

const PROVIDER: AccountId = AccountId([8; 32]);

fn key(validator: u8) -> [u8; 32] {
    evaluation_key(&AccountId([validator; 32]), &Beacon([2; 32]), &Commitment([3; 32]))
}

fn find(bytes: &[u8], revealed: &RevealedModel) -> Result<Finding, ValidateError> {
    let specification = specification();
    let source = TestSource::Revealed(data_file(TEST));
    let files = Files { test: TEST, model: bytes, ..Files::default() };
    Examination { specification: &specification, source }.examine(*revealed, files)
}

fn finding() -> Finding {
    let (bytes, revealed) = model(1);
    find(&bytes, &revealed).unwrap()
}

fn entry(validator: u8) -> EvaluationEntry {
    finding().entry(PROVIDER, &key(validator))
}

#[test]
fn two_honest_validators_agree_on_the_score_and_differ_in_the_digest() {
    let (one, two) = (entry(1), entry(2));
    assert_eq!(one.score, two.score);
    assert_ne!(one.tally.unwrap().digest, two.tally.unwrap().digest);
    assert_eq!(judge(one, entry(1)), Verdict::Confirmed);
}

#[test]
fn a_copied_entry_is_disputed() {
    let (published, measured) = (entry(1), entry(2));
    assert_eq!(judge(published, measured), Verdict::Disputed { published, measured });
}

#[test]
fn a_constant_digest_is_disputed() {
    let measured = entry(1);
    let mut published = measured;
    published.tally.as_mut().unwrap().digest = EvaluationDigest([0; 32]);
    assert_eq!(judge(published, measured), Verdict::Disputed { published, measured });
}

#[test]
fn a_file_that_is_no_model_is_a_finding_with_the_lowest_score() {
    for bytes in [&b""[..], b"pickle", &[255; 1000]] {
        let found = find(bytes, &revealed(bytes)).unwrap();
        let is_header = matches!(found, Finding::Invalid { reason: InvalidModel::Header { .. } });
        assert!(is_header, "{found:?}");
        assert_eq!(found.entry(PROVIDER, &key(1)), EvaluationEntry::no_model(PROVIDER));
        assert_eq!(found.score(), Score(0));
        assert!(found.score() < finding().score());
    }
}

#[test]
fn a_reveal_that_lies_about_the_length_is_a_finding() {
    let (bytes, mut revealed) = model(1);
    revealed.byte_count += 1;
    let found = revealed.byte_count - 1;
    let reason = InvalidModel::ByteCount { revealed: revealed.byte_count, found };
    assert_eq!(find(&bytes, &revealed).unwrap(), Finding::Invalid { reason });
}

#[test]
fn bytes_that_are_not_the_claimed_ones_accuse_nobody() {
    let (_, revealed) = model(1);
    let (other, _) = model(2);
    let found = find(&other, &revealed);
    assert!(
        matches!(found, Err(ValidateError::WrongBytes { claimed, .. }) if claimed == revealed.root)
    );
}

#[test]
fn data_that_is_not_the_orders_accuses_nobody() {
    let (bytes, revealed) = model(1);
    let specification = specification();
    let source = TestSource::Revealed(data_file(TEST));
    let mut other = TEST.to_vec();
    other[0] ^= 1;
    let files = Files { test: &other, model: &bytes, ..Files::default() };
    let found = Examination { specification: &specification, source }.examine(revealed, files);
    assert!(matches!(found, Err(ValidateError::WrongData { which: "test", .. })), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No revealed bytes make a validator fail: they are worth something or nothing.
    #[test]
    fn no_revealed_bytes_are_an_error(
        place: prop::sample::Index, byte: u8, cut in 0_usize..200,
    ) {
        let (mut bytes, whole) = model(1);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(bytes.len() - cut);
        let revealed = RevealedModel { byte_count: whole.byte_count, ..revealed(&bytes) };
        let found = find(&bytes, &revealed).unwrap();
        prop_assert_eq!(found.tally(&key(1)).is_none(), found.score() == Score(0));
    }

    /// One wrong bit in an entry is a dispute.
    #[test]
    fn any_wrong_bit_is_disputed(bit in 0_usize..448) {
        let measured = entry(1);
        let mut published = measured;
        let tally = published.tally.as_mut().unwrap();
        match bit {
            0..64 => published.score.0 ^= 1 << bit,
            64..128 => tally.correct_count ^= 1 << (bit - 64),
            128..192 => tally.loss_sum_q16 ^= 1 << (bit - 128),
            _ => tally.digest.0[(bit - 192) / 8] ^= 1 << (bit % 8),
        }
        let is_disputed = matches!(judge(published, measured), Verdict::Disputed { .. });
        prop_assert!(is_disputed);
    }
}
