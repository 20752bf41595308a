//! Tests of verdicts: liars are found, nobody is accused by accident.

use aipot_domain_runtime::claim::RevealedModel;
use aipot_domain_runtime::evaluation::evaluation_key;
use aipot_domain_runtime::primitives::{
    AccountId, Beacon, Commitment, DataRoot, EvaluationDigest, ModelRoot, Score,
};
use aipot_trainer::dataset::Dataset;
use proptest::prelude::*;

use super::{Answer, Finding, InvalidModel, ValidateError, Verdict, evaluate_claim, judge};
use crate::fixtures::{TEST, model, revealed, specification};

fn key(validator: u8) -> [u8; 32] {
    evaluation_key(&AccountId([validator; 32]), &Beacon([2; 32]), &Commitment([3; 32]))
}

fn find(bytes: &[u8], revealed: &RevealedModel) -> Result<Finding, ValidateError> {
    let specification = specification();
    let test = Dataset::read_test(TEST, &specification.data).unwrap();
    evaluate_claim(&specification, revealed, bytes, &test)
}

fn finding() -> Finding {
    let (bytes, revealed) = model(1);
    find(&bytes, &revealed).unwrap()
}

#[test]
fn two_honest_validators_agree_on_the_score_and_differ_in_the_digest() {
    let (one, two) = (finding().answer(&key(1)), finding().answer(&key(2)));
    assert_eq!(one.score, two.score);
    assert_ne!(one.digest, two.digest);
    assert_eq!(judge(one, finding().answer(&key(1))), Verdict::Confirmed);
}

#[test]
fn a_copied_answer_is_disputed() {
    let published = finding().answer(&key(1));
    let measured = finding().answer(&key(2));
    assert_eq!(judge(published, measured), Verdict::Disputed { published, measured });
}

#[test]
fn a_constant_answer_is_disputed() {
    let measured = finding().answer(&key(1));
    let published = Answer { score: measured.score, digest: EvaluationDigest([0; 32]) };
    assert_eq!(judge(published, measured), Verdict::Disputed { published, measured });
}

#[test]
fn an_entry_is_the_answer_with_its_provider() {
    let provider = AccountId([8; 32]);
    let entry = finding().entry(provider, &key(1));
    assert_eq!(entry.provider, provider);
    assert_eq!(Answer::from(&entry), finding().answer(&key(1)));
}

#[test]
fn a_file_that_is_no_model_is_a_finding_with_the_lowest_score() {
    for bytes in [&b""[..], b"pickle", &[255; 1000]] {
        let found = find(bytes, &revealed(bytes)).unwrap();
        assert!(
            matches!(found, Finding::Invalid { reason: InvalidModel::File { .. } }),
            "{found:?}"
        );
        let digest = EvaluationDigest(*blake3::keyed_hash(&key(1), b"").as_bytes());
        assert_eq!(found.answer(&key(1)), Answer { score: Score(0), digest });
        assert!(found.score() < finding().score());
    }
}

#[test]
fn a_reveal_that_lies_about_the_length_is_a_finding() {
    let (bytes, mut revealed) = model(1);
    revealed.byte_count += 1;
    let found = find(&bytes, &revealed).unwrap();
    let reason = InvalidModel::ByteCount { revealed: revealed.byte_count, found: 0 };
    let Finding::Invalid { reason: InvalidModel::ByteCount { revealed: stated, found } } = found
    else {
        panic!("expected {reason}");
    };
    assert_eq!((stated, found), (revealed.byte_count, revealed.byte_count - 1));
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
fn the_evaluation_root_commits_to_model_and_data() {
    let finding = finding();
    let root = |model, data| finding.root(ModelRoot([model; 32]), DataRoot([data; 32]));
    assert_eq!(root(1, 2), root(1, 2));
    assert_ne!(root(1, 2), root(2, 2));
    assert_ne!(root(1, 2), root(1, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No revealed bytes make a validator fail: they are worth something or nothing.
    #[test]
    fn no_revealed_bytes_are_an_error(
        place: prop::sample::Index, byte: u8, cut in 0_usize..200,
    ) {
        let (mut bytes, _) = model(1);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(bytes.len() - cut);
        let found = find(&bytes, &revealed(&bytes)).unwrap();
        prop_assert_eq!(matches!(found, Finding::Invalid { .. }), found.logits().is_empty());
    }

    /// One wrong bit in an answer is a dispute.
    #[test]
    fn any_wrong_bit_is_disputed(bit in 0_usize..320) {
        let measured = finding().answer(&key(1));
        let mut published = measured;
        if bit < 64 {
            published.score.0 ^= 1 << bit;
        } else {
            published.digest.0[(bit - 64) / 8] ^= 1 << (bit % 8);
        }
        let is_disputed = matches!(judge(published, measured), Verdict::Disputed { .. });
        prop_assert!(is_disputed);
    }
}
