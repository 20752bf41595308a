//! What a plotter hears from farmers, controllers and caches, and what a sector is made of.
//!
//! Pieces and metadata are too long to be mutated as a whole, so there the input is a place, as four bytes,
//! and what is written over a good example from there on.

use std::time::Duration;

use aipot_executor::plotter::wire::{
    self, CacheId, FindPiecesRequest, PlotSectorRequest, PlottingResponse, ReadPiecesResponse,
    ReportedSector, StreamMessage, WireError,
};
use aipot_kernels::erasure_code::Scalar;
use aipot_kernels::plotting::{
    CHUNK_BYTES, HistorySize, PIECE_BYTES, Piece, PlottedSector, ProtocolInformation, PublicKey,
    RECORD_BYTES, SectorId, SectorMetadata,
};
use aipot_kernels::proof_of_space::SBUCKETS;
use parity_scale_codec::Encode;

/// Bytes of a hash, which stands at the end of metadata.
const HASH_BYTES: usize = 32;

/// Whether a message is accepted, which then has to have one encoding only.
fn accepts<T: Encode>(decoded: Result<T, WireError>, bytes: &[u8]) -> bool {
    let Ok(message) = decoded else { return false };
    assert_eq!(message.encode(), bytes, "two encodings of one message");
    true
}

pub(crate) fn accepts_acknowledgement(bytes: &[u8]) -> bool {
    accepts(wire::decode_acknowledgement(bytes), bytes)
}

pub(crate) fn accepts_find_pieces(bytes: &[u8]) -> bool {
    accepts(wire::decode_find_pieces(bytes), bytes)
}

pub(crate) fn accepts_found_piece(bytes: &[u8]) -> bool {
    accepts(wire::decode_found_piece(bytes), bytes)
}

pub(crate) fn accepts_found_pieces(bytes: &[u8]) -> bool {
    accepts(wire::decode_found_pieces(bytes), bytes)
}

pub(crate) fn accepts_free_instance(bytes: &[u8]) -> bool {
    accepts(wire::decode_free_instance(bytes), bytes)
}

pub(crate) fn accepts_piece(bytes: &[u8]) -> bool {
    accepts(wire::decode_piece(bytes), bytes)
}

pub(crate) fn accepts_pieces(bytes: &[u8]) -> bool {
    accepts(wire::decode_pieces(bytes), bytes)
}

pub(crate) fn accepts_plotting(bytes: &[u8]) -> bool {
    accepts(wire::decode_plotting(bytes), bytes)
}

pub(crate) fn accepts_read_piece(bytes: &[u8]) -> bool {
    accepts(wire::decode_read_piece(bytes), bytes)
}

pub(crate) fn accepts_read_pieces(bytes: &[u8]) -> bool {
    accepts(wire::decode_read_pieces(bytes), bytes)
}

pub(crate) fn accepts_request(bytes: &[u8]) -> bool {
    accepts(wire::decode_plot_sector(bytes), bytes)
}

/// Decodes protocol information, which then has to be encoded in one way only.
pub(crate) fn accepts_information(bytes: &[u8]) -> bool {
    let Ok(information) = ProtocolInformation::decode_bounded(bytes) else { return false };
    assert_eq!(information.encode(), bytes, "two encodings of one protocol information");
    true
}

/// Writes the input over good metadata, with the right hash again.
pub(crate) fn accepts_metadata(bytes: &[u8]) -> bool {
    let mut content = metadata().encode();
    content.truncate(content.len() - HASH_BYTES);
    if !overwrite(&mut content, bytes) {
        return false;
    }
    content.extend(blake3::hash(&content).as_bytes());
    let Ok(metadata) = SectorMetadata::decode_bounded(&content) else { return false };
    assert!(metadata.encode() == content, "two encodings of one metadata");
    true
}

/// Writes the input over a good piece; every chunk of what is accepted is a scalar.
pub(crate) fn accepts_sector_piece(bytes: &[u8]) -> bool {
    let mut piece = vec![0; PIECE_BYTES];
    if !overwrite(&mut piece, bytes) {
        return false;
    }
    let Ok(piece) = Piece::new(piece) else { return false };
    let (chunks, _) = piece.as_bytes()[..RECORD_BYTES].as_chunks::<CHUNK_BYTES>();
    assert!(chunks.iter().all(|chunk| Scalar::from_bytes(chunk).is_some()));
    true
}

/// Writes all but the first four bytes of the input to the place that these name; says whether they fit.
fn overwrite(target: &mut [u8], input: &[u8]) -> bool {
    let Some((place, patch)) = input.split_first_chunk() else { return false };
    let Ok(place) = usize::try_from(u32::from_le_bytes(*place)) else { return false };
    let Some(room) = target.get_mut(place..).and_then(|rest| rest.get_mut(..patch.len())) else {
        return false;
    };
    room.copy_from_slice(patch);
    true
}

fn patch(place: u32, bytes: &[u8]) -> Vec<u8> {
    [&place.to_le_bytes()[..], bytes].concat()
}

fn metadata() -> SectorMetadata {
    let s_bucket_sizes = vec![1; SBUCKETS].try_into().expect("as many as there are s-buckets");
    SectorMetadata {
        sector_index: 1,
        pieces_in_sector: 2,
        s_bucket_sizes,
        history_size: HistorySize(3),
    }
}

fn information() -> ProtocolInformation {
    ProtocolInformation {
        history_size: HistorySize(100),
        max_pieces_in_sector: 1_000,
        recent_segments: HistorySize(5),
        recent_history_fraction: (HistorySize(1), HistorySize(10)),
        min_sector_lifetime: HistorySize(4),
    }
}

/// The same responses in a message that is the last and in one that is not.
fn streamed<R: Encode + Clone>(responses: &[R]) -> Vec<Vec<u8>> {
    let responses = responses.to_vec();
    let acknowledgement_subject = "stream-response-ack.1".to_owned();
    let more =
        StreamMessage::Continue { index: 7, responses: responses.clone(), acknowledgement_subject };
    vec![more.encode(), StreamMessage::Last { index: 8, responses }.encode()]
}

pub(crate) fn acknowledgements() -> Vec<Vec<u8>> {
    vec![wire::encode_acknowledgement(258)]
}

pub(crate) fn questions_for_pieces() -> Vec<Vec<u8>> {
    vec![FindPiecesRequest { piece_indexes: vec![1, 2, u64::MAX] }.encode()]
}

pub(crate) fn places_of_a_piece() -> Vec<Vec<u8>> {
    [None, Some((CacheId::Ulid(5), 6_u32))].map(|place| place.encode()).to_vec()
}

pub(crate) fn places_of_pieces() -> Vec<Vec<u8>> {
    streamed(&[(1_u64, CacheId::Ulid(5), 6_u32), (2, CacheId::Ulid(7), 0)])
}

pub(crate) fn answers_about_room() -> Vec<Vec<u8>> {
    let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned();
    [None, Some(id)].map(|answer: Option<String>| answer.encode()).to_vec()
}

pub(crate) fn no_piece() -> Vec<Vec<u8>> {
    vec![vec![0]]
}

pub(crate) fn no_pieces() -> Vec<Vec<u8>> {
    streamed::<(u64, Vec<u8>)>(&[])
}

pub(crate) fn plotting_messages() -> Vec<Vec<u8>> {
    let plotted = PlottedSector {
        sector_id: SectorId::new(&PublicKey([1; 32]), 1, HistorySize(3)),
        sector_index: 1,
        metadata: metadata(),
        piece_indexes: vec![4, 5],
    };
    let time = Duration::new(1, 2);
    let stages = [
        PlottingResponse::Occupied,
        PlottingResponse::Ping,
        PlottingResponse::Downloading,
        PlottingResponse::Downloaded(time),
        PlottingResponse::Encoding,
        PlottingResponse::Encoded(time),
        PlottingResponse::SectorChunk(Ok(vec![1; 100])),
        PlottingResponse::SectorChunk(Err("no".into())),
        PlottingResponse::Error { error: "no".into() },
    ];
    let finished = PlottingResponse::Finished { plotted: Box::new(ReportedSector(plotted)), time };
    [streamed(&stages), streamed(&[finished])].concat()
}

pub(crate) fn answers_of_a_cache() -> Vec<Vec<u8>> {
    vec![vec![0, 0], Err::<(), _>("no".to_owned()).encode()]
}

pub(crate) fn answers_of_caches() -> Vec<Vec<u8>> {
    streamed::<ReadPiecesResponse>(&[Ok((1, None)), Err("no".into())])
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    let request = PlotSectorRequest {
        public_key: PublicKey([1; 32]),
        sector_index: 2,
        information: information(),
        pieces_in_sector: 1_000,
    };
    vec![request.encode()]
}

pub(crate) fn protocol_informations() -> Vec<Vec<u8>> {
    vec![information().encode()]
}

pub(crate) fn metadata_patches() -> Vec<Vec<u8>> {
    vec![patch(0, &[3, 0, 2, 0, 2, 0, 0, 0]), patch(131_076, &[9; 8])]
}

pub(crate) fn piece_patches() -> Vec<Vec<u8>> {
    vec![patch(1, &[0xff; 31]), patch(32, &[0x73, 0xed, 0xa7, 0x53]), patch(1 << 20, &[0xff; 96])]
}
