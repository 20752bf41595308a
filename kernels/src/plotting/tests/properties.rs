//! What holds for all records and for all bytes from strangers.

use proptest::prelude::*;

use super::super::record::{encode_record, s_buckets};
use super::*;
use crate::proof_of_space::{K, PROOF_BYTES, RecordProofs, find_proofs};

/// The proofs of one seed, found once: how a record is encoded does not depend on where they are from.
static PROOFS: LazyLock<RecordProofs> = LazyLock::new(|| {
    let seed = plan(1).sector_id.seed(0);
    find_proofs(&seed, K, Variant::V1, None, &|| true).unwrap()
});

/// The proofs without the first ones, so that records have chunks in different s-buckets.
fn proofs_without(first_count: usize) -> RecordProofs {
    let mut proofs = PROOFS.clone();
    let first = s_buckets(PROOFS.found.as_slice()).take(first_count);
    first.for_each(|s_bucket| proofs.found[s_bucket / 8] ^= 1 << (s_bucket % 8));
    proofs.proofs.drain(..first_count * PROOF_BYTES);
    proofs
}

/// Encodes records with the same proofs, each without some of the first ones.
#[derive(Debug)]
struct SharedProofs;

impl RecordEncoder for SharedProofs {
    fn name(&self) -> String {
        "shared proofs".to_owned()
    }

    fn encode(
        &self,
        _: Variant,
        jobs: &mut [RecordJob<'_>],
        _: crate::proof_of_space::KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        jobs.iter_mut().try_for_each(|job| {
            let proofs = proofs_without(usize::from(job.seed.as_bytes()[0]) * 16);
            encode_record(&proofs, job)
        })
    }
}

/// Largest scalar, then zero, then random ones of all sizes.
fn random_piece(seed: u64) -> Piece {
    let mut bytes = vec![0; PIECE_BYTES];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let minus_one = crate::erasure_code::Scalar::ZERO - crate::erasure_code::Scalar::ONE;
    bytes[..CHUNK_BYTES].copy_from_slice(&minus_one.to_bytes());
    bytes[CHUNK_BYTES..2 * CHUNK_BYTES].fill(0);
    bytes.iter_mut().step_by(CHUNK_BYTES).skip(2).for_each(|first| *first &= 0x3f);
    Piece::new(bytes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn pieces_come_back_from_a_sector_of_several(seed in any::<u64>(), count in 1_u16..4) {
        let plan = plan(count);
        let pieces: Vec<Piece> = (0..count).map(|offset| random_piece(seed ^ u64::from(offset))).collect();
        let policy = CheckPolicy { chunks_per_record: 0, recreated_records: 0, seed: [0; 32] };
        let mut sector = Sector::new(plan.clone(), Variant::V1, pieces.clone(), policy).unwrap();
        while !sector.is_done() {
            sector.advance(&SharedProofs, &|| true).unwrap();
        }
        let bytes = written(&sector.finish().unwrap());
        let view = SectorView::new(&bytes, &plan).unwrap();
        view.check().unwrap();
        let last = count - 1;
        let decoded = view.decode_with(&PROOFS, last, Variant::V1).unwrap();
        prop_assert!(decoded == pieces[usize::from(last)].as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_changed_bit_of_a_sector_is_found(place in 0..sector_bytes(1), bit in 0_u8..8) {
        let mut bytes = SECTOR.clone();
        bytes[place] ^= 1 << bit;
        let plan = plan(1);
        let error = SectorView::new(&bytes, &plan).unwrap().check().unwrap_err();
        let ReadError::Checksum { start, end, .. } = error else { panic!("{error}") };
        prop_assert!((start..end + HASH_BYTES).contains(&place), "{start}..{end} for {place}");
    }

    #[test]
    fn any_number_not_below_the_modulus_is_refused(chunk in 0..RECORD_CHUNKS, excess in any::<u64>()) {
        let mut bytes = vec![0; PIECE_BYTES];
        let minus_one = crate::erasure_code::Scalar::ZERO - crate::erasure_code::Scalar::ONE;
        let target = &mut bytes[chunk * CHUNK_BYTES..][..CHUNK_BYTES];
        target.copy_from_slice(&minus_one.to_bytes());
        prop_assert_eq!(Piece::check(&bytes), Ok(()));
        // The modulus ends in 1, so its last byte can be reached without a carry.
        let target = &mut bytes[chunk * CHUNK_BYTES..][..CHUNK_BYTES];
        target[CHUNK_BYTES - 1] += 1;
        prop_assert_eq!(Piece::check(&bytes), Err(PieceError::NotCanonical { chunk }));
        let target = &mut bytes[chunk * CHUNK_BYTES..][..CHUNK_BYTES];
        target[8..16].fill(0xff);
        target[16..24].copy_from_slice(&excess.to_be_bytes());
        prop_assert_eq!(Piece::check(&bytes), Err(PieceError::NotCanonical { chunk }));
    }
}

proptest! {
    #[test]
    fn a_plan_has_only_pieces_of_the_history(
        history in 1_u64..u64::MAX >> 8,
        recent in 1_u64..u64::MAX >> 8,
        denominator in 1_u64..u64::MAX >> 8,
        pieces in 1_u16..40,
    ) {
        let information = ProtocolInformation {
            recent_segments: HistorySize(recent),
            recent_history_fraction: (HistorySize(1), HistorySize(denominator)),
            ..information(history, 1_000)
        };
        let plan = SectorPlan::new(&PublicKey([8; 32]), 1, &information, pieces).unwrap();
        prop_assert_eq!(plan.piece_indexes.len(), usize::from(pieces));
        prop_assert!(plan.piece_indexes.iter().all(|&index| index < history * 256));
    }

    #[test]
    fn what_is_read_as_protocol_information_is_written_as_it_was(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        if let Ok(information) = ProtocolInformation::decode_bounded(&bytes) {
            prop_assert_eq!(parity_scale_codec::Encode::encode(&information), bytes);
        }
    }

    #[test]
    fn bytes_of_strangers_are_no_metadata(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let refused = SectorMetadata::decode_bounded(&bytes);
        prop_assert_eq!(refused, Err(MetadataError::Length { bytes: bytes.len() }));
    }
}
