//! What plotters ask controllers and caches for, and what these answer.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

use aipot_kernels::plotting::{PIECE_BYTES, PIECES_IN_SECTOR_MAX};
use parity_scale_codec::{Compact, Decode, Encode, Error, Input, Output};
use ulid::Ulid;

use super::{MESSAGE_BYTES_MAX, StreamMessage, WireError, decode_exact};

/// Most bytes of a request for pieces: a count, and eight bytes for each piece of a sector.
const REQUEST_BYTES_MAX: usize = 4 + 8 * PIECES_IN_SECTOR_MAX as usize;

/// Most bytes of the answer to a question about one piece, and of a piece with what stands around it.
const ANSWER_BYTES_MAX: usize = PIECE_BYTES + 64;

/// Which caches have these pieces?
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FindPiecesRequest {
    /// The pieces.
    pub piece_indexes: Vec<u64>,
}

/// Which cache has this piece?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FindPieceRequest {
    /// The piece.
    pub piece_index: u64,
}

/// A controller is to get this piece, wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PieceRequest {
    /// The piece.
    pub piece_index: u64,
}

/// A cache is to hand out what it has at these places.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReadPiecesRequest {
    /// The places.
    pub offsets: Vec<u32>,
}

/// A cache is to hand out what it has at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReadPieceRequest {
    /// The place.
    pub offset: u32,
}

/// The name of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum CacheId {
    /// The only kind of name that there is: a ULID.
    #[codec(index = 0)]
    Ulid(u128),
}

impl CacheId {
    /// The name as part of a subject.
    pub fn ulid(self) -> Ulid {
        let Self::Ulid(number) = self;
        Ulid::from(number)
    }
}

/// Where a piece lies: its index, its cache, its place in there.
pub type FoundPiece = (u64, CacheId, u32);

/// A piece with its index, if the cache has one in that place.
pub type CachedPiece = Option<(u64, PieceBytes)>;

/// What a cache has at a place, or why it cannot say.
pub type ReadPiecesResponse = Result<(u32, CachedPiece), String>;

/// As many bytes as a piece has; whether they are one is checked later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceBytes(pub Vec<u8>);

impl Encode for PieceBytes {
    fn size_hint(&self) -> usize {
        self.0.size_hint()
    }

    fn encode_to<O: Output + ?Sized>(&self, output: &mut O) {
        self.0.encode_to(output);
    }
}

impl Decode for PieceBytes {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let Compact(length) = Compact::<u32>::decode(input)?;
        if usize::try_from(length) != Ok(PIECE_BYTES) {
            return Err("a piece has another length".into());
        }
        let mut bytes = vec![0; PIECE_BYTES];
        input.read(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// Reads a question about many pieces, for the controller's side.
///
/// # Errors
/// [`WireError`] for anything else, and for more pieces than a sector has.
pub fn decode_find_pieces(bytes: &[u8]) -> Result<FindPiecesRequest, WireError> {
    decode_exact("a question about pieces", bytes, REQUEST_BYTES_MAX)
}

/// Reads one message of the stream that says where pieces are.
///
/// # Errors
/// [`WireError`] for anything else.
pub fn decode_found_pieces(bytes: &[u8]) -> Result<StreamMessage<FoundPiece>, WireError> {
    decode_exact("a message about places of pieces", bytes, MESSAGE_BYTES_MAX)
}

/// Reads one message of the stream of pieces of a cache.
///
/// # Errors
/// [`WireError`] for anything else, and for pieces of another length.
pub fn decode_read_pieces(bytes: &[u8]) -> Result<StreamMessage<ReadPiecesResponse>, WireError> {
    decode_exact("a message with pieces of a cache", bytes, MESSAGE_BYTES_MAX)
}

/// Reads one message of the stream of pieces of a controller.
///
/// # Errors
/// [`WireError`] for anything else, and for pieces of another length.
pub fn decode_pieces(bytes: &[u8]) -> Result<StreamMessage<(u64, PieceBytes)>, WireError> {
    decode_exact("a message with pieces of a controller", bytes, MESSAGE_BYTES_MAX)
}

/// Reads where a piece is.
///
/// # Errors
/// [`WireError`] for anything else.
pub fn decode_found_piece(bytes: &[u8]) -> Result<Option<(CacheId, u32)>, WireError> {
    decode_exact("the place of a piece", bytes, ANSWER_BYTES_MAX)
}

/// Reads what a cache has at a place.
///
/// # Errors
/// [`WireError`] for anything else, and for a piece of another length.
pub fn decode_read_piece(bytes: &[u8]) -> Result<Result<CachedPiece, String>, WireError> {
    decode_exact("a piece of a cache", bytes, ANSWER_BYTES_MAX)
}

/// Reads a piece of a controller.
///
/// # Errors
/// [`WireError`] for anything else, and for a piece of another length.
pub fn decode_piece(bytes: &[u8]) -> Result<Option<PieceBytes>, WireError> {
    decode_exact("a piece of a controller", bytes, ANSWER_BYTES_MAX)
}
