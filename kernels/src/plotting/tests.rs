//! Sectors meet the published vectors, and faults in them are found.

mod properties;
mod vectors;

use std::sync::LazyLock;

use super::*;
use crate::proof_of_space::{SBucket, Variant};

/// The piece that the vectors are made of.
fn synthetic_piece(index: u64) -> Piece {
    let chunk = |chunk: u32| {
        let mut input = b"piece-chunk".to_vec();
        input.extend(index.to_le_bytes());
        input.extend(chunk.to_le_bytes());
        let mut bytes = [0; CHUNK_BYTES];
        bytes[1..].copy_from_slice(&blake3::hash(&input).as_bytes()[..31]);
        bytes
    };
    let point = |name: &str| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(name.as_bytes()).update(&index.to_le_bytes());
        let mut bytes = [0; POINT_BYTES];
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    };
    let mut bytes: Vec<u8> = (0..32_768).flat_map(chunk).collect();
    bytes.extend(point("commitment"));
    bytes.extend(point("witness"));
    Piece::new(bytes).unwrap()
}

fn information(history_size: u64, max_pieces_in_sector: u16) -> ProtocolInformation {
    ProtocolInformation {
        history_size: HistorySize(history_size),
        max_pieces_in_sector,
        recent_segments: HistorySize(5),
        recent_history_fraction: (HistorySize(1), HistorySize(10)),
        min_sector_lifetime: HistorySize(4),
    }
}

fn plan(pieces_in_sector: u16) -> SectorPlan {
    SectorPlan::new(&PublicKey([3; 32]), 4, &information(100, 1_000), pieces_in_sector).unwrap()
}

fn written(sector: &FinishedSector) -> Vec<u8> {
    let mut bytes = Vec::new();
    let sink = |part: &[u8]| {
        bytes.extend_from_slice(part);
        Ok::<_, std::convert::Infallible>(())
    };
    sector.write(sink).unwrap();
    assert_eq!(bytes.len(), sector.byte_count());
    bytes
}

fn plotted(variant: Variant, policy: CheckPolicy) -> FinishedSector {
    let plan = plan(1);
    let pieces = plan.piece_indexes.iter().map(|&index| synthetic_piece(index)).collect();
    let mut sector = Sector::new(plan, variant, pieces, policy).unwrap();
    while !sector.is_done() {
        sector.advance(&CpuEncoder, &|| true).unwrap();
    }
    sector.finish().unwrap()
}

/// A sector of one piece, encoded once for all tests.
static SECTOR: LazyLock<Vec<u8>> =
    LazyLock::new(|| written(&plotted(Variant::V1, CheckPolicy::usual([1; 32]))));

#[test]
fn a_piece_comes_back_from_its_sector() {
    let plan = plan(1);
    let view = SectorView::new(&SECTOR, &plan).unwrap();
    view.check().unwrap();
    let piece = view.decode_piece(0, Variant::V1, &|| true).unwrap();
    assert_eq!(piece, synthetic_piece(plan.piece_indexes[0]).as_bytes());
}

#[test]
fn a_sector_read_in_the_other_variant_does_not_decode() {
    let plan = plan(1);
    let view = SectorView::new(&SECTOR, &plan).unwrap();
    let error = view.decode_piece(0, Variant::V2, &|| true).unwrap_err();
    assert!(matches!(error, ReadError::MissingProof { .. } | ReadError::Record { .. }), "{error}");
}

#[test]
fn a_challenge_is_answered_with_chunk_and_proof() {
    let plan = plan(1);
    let view = SectorView::new(&SECTOR, &plan).unwrap();
    let first = (0..=u16::MAX).find(|&s| view.bitmap(0)[usize::from(s) / 8] >> (s % 8) & 1 == 1);
    let s_bucket = SBucket::new(first.unwrap());
    let Answer { chunk, .. } = view.prove(0, s_bucket, Variant::V1).unwrap().unwrap();
    let piece = synthetic_piece(plan.piece_indexes[0]);
    let source = &piece.as_bytes()[..RECORD_BYTES];
    let half = usize::from(s_bucket.number()) / 2;
    let expected = match s_bucket.number() % 2 {
        0 => source[half * CHUNK_BYTES..][..CHUNK_BYTES].try_into().unwrap(),
        _ => crate::erasure_code::parity_chunk(source, half).unwrap(),
    };
    assert_eq!(chunk, expected);
    let absent = (0..=u16::MAX).find(|&s| view.bitmap(0)[usize::from(s) / 8] >> (s % 8) & 1 == 0);
    assert_eq!(view.prove(0, SBucket::new(absent.unwrap()), Variant::V1).unwrap(), None);
}

#[test]
fn a_changed_byte_anywhere_is_found() {
    let plan = plan(1);
    let layout = layout::Layout::new(1);
    let places = [
        ("contents map", layout.bitmaps.start),
        ("contents map", layout.bitmaps_hash.start),
        ("contents of the sector", layout.chunks.start + 77),
        ("contents of the sector", layout.record_metadata.end - 1),
        ("contents of the sector", layout.checksum.start),
    ];
    for (region, place) in places {
        let mut bytes = SECTOR.clone();
        bytes[place] ^= 1;
        let error = SectorView::new(&bytes, &plan).unwrap().check().unwrap_err();
        let ReadError::Checksum { region: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, region, "byte {place}");
    }
}

#[test]
fn a_changed_chunk_does_not_decode_even_with_fitting_hashes() {
    let plan = plan(1);
    let mut bytes = SECTOR.clone();
    let place = layout::Layout::new(1).chunks.start + 12_345 * CHUNK_BYTES + 31;
    bytes[place] ^= 1;
    let view = SectorView::new(&bytes, &plan).unwrap();
    let error = view.decode_piece(0, Variant::V1, &|| true).unwrap_err();
    assert!(matches!(error, ReadError::WrongPiece { .. } | ReadError::Record { .. }), "{error}");
}

#[test]
fn other_lengths_and_records_are_refused() {
    let plan = plan(1);
    let error = SectorView::new(&SECTOR[1..], &plan).unwrap_err();
    assert!(matches!(error, ReadError::Length { bytes: 1_056_959, .. }), "{error}");
    let view = SectorView::new(&SECTOR, &plan).unwrap();
    let error = view.decode_piece(1, Variant::V1, &|| true).unwrap_err();
    assert_eq!(error, ReadError::NoSuchRecord { piece_offset: 1, pieces_in_sector: 1 });
}

/// Encodes as the processor does, then spoils what it made.
#[derive(Debug)]
struct Spoiler(fn(&mut RecordJob<'_>));

impl RecordEncoder for Spoiler {
    fn name(&self) -> String {
        "spoiler".to_owned()
    }

    fn encode(
        &self,
        variant: Variant,
        jobs: &mut [RecordJob<'_>],
        keep_going: crate::proof_of_space::KeepGoing<'_>,
    ) -> Result<(), EncodeError> {
        CpuEncoder.encode(variant, jobs, keep_going)?;
        jobs.iter_mut().for_each(self.0);
        Ok(())
    }
}

fn failure(spoil: fn(&mut RecordJob<'_>), policy: CheckPolicy) -> CheckError {
    let plan = plan(1);
    let source = synthetic_piece(plan.piece_indexes[0]);
    let mut sector = Sector::new(plan, Variant::V1, vec![source.clone()], policy).unwrap();
    let error = sector.advance(&Spoiler(spoil), &|| true).unwrap_err();
    assert_eq!(sector.done_count(), 0);
    assert_eq!(sector.first_piece(), source.as_bytes(), "the piece is as it was");
    let SectorError::Check { source, .. } = error else { panic!("{error}") };
    source
}

#[test]
fn a_fault_of_an_encoder_is_found_before_anybody_is_told() {
    let sampled = CheckPolicy { chunks_per_record: 4, recreated_records: 0, seed: [9; 32] };
    let error = failure(|job| job.found[0] ^= 1, sampled);
    assert!(matches!(error, CheckError::ChunkCount { .. }), "{error}");
    let error = failure(|job| job.sample_proofs[1][7] ^= 4, sampled);
    assert!(matches!(error, CheckError::InvalidProof { .. }), "{error}");
    let error = failure(|job| job.record.iter_mut().for_each(|byte| *byte ^= 1), sampled);
    assert!(matches!(error, CheckError::WrongChunk { .. }), "{error}");
    let error = failure(|job| job.sample_proofs.truncate(3), sampled);
    assert!(matches!(error, CheckError::MissingProofs { .. }), "{error}");
    let whole = CheckPolicy { chunks_per_record: 0, recreated_records: 1, seed: [9; 32] };
    let error = failure(|job| job.record[RECORD_BYTES - 1] ^= 1, whole);
    assert!(matches!(error, CheckError::Recreated), "{error}");
}

#[test]
fn a_stopped_sector_goes_on_and_an_unfinished_one_is_not_finished() {
    let plan = plan(1);
    let piece = synthetic_piece(plan.piece_indexes[0]);
    let policy = CheckPolicy::usual([1; 32]);
    let mut sector = Sector::new(plan, Variant::V1, vec![piece], policy).unwrap();
    let error = sector.advance(&CpuEncoder, &|| false).unwrap_err();
    assert!(error.is_stopped(), "{error}");
    let mut sector = *sector.finish().unwrap_err();
    sector.advance(&CpuEncoder, &|| true).unwrap();
    assert_eq!(written(&sector.finish().unwrap()), *SECTOR);
}

#[test]
fn bytes_that_are_no_piece_are_refused() {
    assert_eq!(Piece::new(vec![0; 5]), Err(PieceError::Length { bytes: 5 }));
    let mut bytes = vec![0; PIECE_BYTES];
    bytes[9 * CHUNK_BYTES..10 * CHUNK_BYTES].fill(0xff);
    assert_eq!(Piece::new(bytes), Err(PieceError::NotCanonical { chunk: 9 }));
}

#[test]
fn the_number_of_pieces_is_checked() {
    let error = Sector::new(plan(2), Variant::V1, Vec::new(), CheckPolicy::usual([0; 32]));
    assert!(matches!(error, Err(SectorError::PieceCount { planned: 2, given: 0 })));
    let make = |pieces| SectorPlan::new(&PublicKey([3; 32]), 4, &information(100, 1_000), pieces);
    assert_eq!(make(0), Err(PlanError::PiecesInSector { pieces_in_sector: 0, max: 1_000 }));
    assert_eq!(make(1_001), Err(PlanError::PiecesInSector { pieces_in_sector: 1_001, max: 1_000 }));
    let few = SectorPlan::new(&PublicKey([3; 32]), 4, &information(100, 7), 8);
    assert_eq!(few, Err(PlanError::PiecesInSector { pieces_in_sector: 8, max: 7 }));
}

#[test]
fn protocol_information_out_of_bounds_is_refused_by_name() {
    let field = |information: ProtocolInformation| match information.check() {
        Err(PlanError::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let good = information(9, 1_000);
    assert_eq!(field(information(0, 1)), "history_size");
    assert_eq!(field(information(u64::MAX, 1)), "history_size");
    assert_eq!(field(information(1, 0)), "max_pieces_in_sector");
    let zero = HistorySize(0);
    assert_eq!(field(ProtocolInformation { recent_segments: zero, ..good }), "recent_segments");
    let fraction = |numerator, denominator| ProtocolInformation {
        recent_history_fraction: (HistorySize(numerator), HistorySize(denominator)),
        ..good
    };
    assert_eq!(field(fraction(0, 1)), "recent_history_fraction.numerator");
    assert_eq!(field(fraction(1, 0)), "recent_history_fraction.denominator");
    assert_eq!(field(fraction(2, 1)), "recent_history_fraction.numerator");
    let bytes = parity_scale_codec::Encode::encode(&good);
    assert_eq!(ProtocolInformation::decode_bounded(&bytes), Ok(good));
    assert_eq!(
        ProtocolInformation::decode_bounded(&bytes[1..]),
        Err(PlanError::Encoding { bytes: 41 })
    );
    let long = [bytes, vec![0]].concat();
    assert_eq!(ProtocolInformation::decode_bounded(&long), Err(PlanError::Encoding { bytes: 43 }));
}

#[test]
fn recent_pieces_stand_at_odd_offsets_only() {
    let information = information(10_000, 1_000);
    let plan = SectorPlan::new(&PublicKey([7; 32]), 0, &information, 1_000).unwrap();
    let recent_start = (10_000 - 5) * 256;
    let recent = |index: &u64| *index >= recent_start;
    let odd = plan.piece_indexes.iter().skip(1).step_by(2);
    // 1,000 / 10 * 2 offsets hold recent pieces at the odd ones.
    assert_eq!(odd.take_while(|index| recent(index)).count(), 100);
    assert!(plan.piece_indexes.iter().step_by(2).filter(|index| recent(index)).count() < 10);
}

#[test]
fn metadata_that_was_changed_is_refused() {
    let metadata = plotted(Variant::V1, CheckPolicy::usual([1; 32])).plotted().metadata;
    let bytes = metadata.encode();
    assert_eq!(SectorMetadata::decode_bounded(&bytes), Ok(metadata));
    assert_eq!(
        SectorMetadata::decode_bounded(&bytes[1..]),
        Err(MetadataError::Length { bytes: 131_115 })
    );
    for place in [0, 2, 4, 70_000, 131_090] {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        assert_eq!(SectorMetadata::decode_bounded(&bytes), Err(MetadataError::Checksum));
    }
}
