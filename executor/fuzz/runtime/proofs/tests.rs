//! What is wrong can be proven wrong, what is right cannot, whatever is shown.

use parity_scale_codec::{Decode, Encode};

use super::{Accusation, RESULTS, accepts_proof, proofs};

fn accusations() -> Vec<Accusation> {
    proofs().iter().map(|bytes| Accusation::decode(&mut &bytes[..]).unwrap()).collect()
}

#[test]
fn every_wrong_result_falls_to_a_proof_and_no_right_one_does() {
    for (subject_index, (result, is_wrong)) in (0_u8..).zip(RESULTS) {
        let falls = |proof| accepts_proof(&Accusation { subject_index, proof }.encode());
        let fallen = accusations().into_iter().map(|accusation| falls(accusation.proof));
        assert_eq!(fallen.filter(|is_fallen| *is_fallen).count() > 0, is_wrong, "{result:?}");
    }
}

#[test]
fn a_changed_proof_is_refused() {
    for bytes in proofs() {
        for place in (2..bytes.len()).step_by(61) {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(!accepts_proof(&changed), "byte {place} of {}", bytes.len());
        }
    }
}
