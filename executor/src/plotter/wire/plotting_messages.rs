//! What farmers and plotters say to each other.

#![expect(clippy::cast_possible_truncation, reason = "SCALE derives cast the index of a variant")]

use std::time::Duration;

use aipot_kernels::plotting::{
    PIECES_IN_SECTOR_MAX, PlottedSector, ProtocolInformation, PublicKey, SectorId, SectorMetadata,
};
use parity_scale_codec::{Compact, Decode, Encode, Error, Input, Output};

use super::{MESSAGE_BYTES_MAX, StreamMessage, WireError, decode_exact};

/// Bytes of a request to plot a sector.
const PLOT_SECTOR_BYTES: usize = 78;

/// Most bytes of an answer about free room: an option of an id of 26 letters.
const FREE_INSTANCE_BYTES_MAX: usize = 64;

/// Bytes of the metadata of a sector.
///
/// # Source
/// `proof-of-space.md`, "Sector": two numbers, 65,536 sizes, the history, a hash.
const METADATA_BYTES: usize = 131_116;

/// A farmer wants a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PlotSectorRequest {
    /// The farmer's key.
    pub public_key: PublicKey,
    /// Number of the sector among the farmer's.
    pub sector_index: u16,
    /// What the farmer knows of the protocol.
    pub information: ProtocolInformation,
    /// Pieces that the sector is to have.
    pub pieces_in_sector: u16,
}

/// How plotting goes on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PlottingResponse {
    /// There is no room: ask somebody else.
    #[codec(index = 0)]
    Occupied,
    /// Still there.
    #[codec(index = 1)]
    Ping,
    /// Pieces are being fetched.
    #[codec(index = 2)]
    Downloading,
    /// Pieces are there, after this time.
    #[codec(index = 3)]
    Downloaded(Duration),
    /// Records are being encoded.
    #[codec(index = 4)]
    Encoding,
    /// Records are encoded, after this time.
    #[codec(index = 5)]
    Encoded(Duration),
    /// The sector is plotted; its bytes follow.
    #[codec(index = 6)]
    Finished {
        /// What was plotted.
        plotted: Box<ReportedSector>,
        /// In what time.
        time: Duration,
    },
    /// The next bytes of the sector.
    #[codec(index = 7)]
    SectorChunk(Result<Vec<u8>, String>),
    /// There will be no sector.
    #[codec(index = 8)]
    Error {
        /// Why, for people.
        error: String,
    },
}

/// What a plotter reports about a sector, with its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedSector(pub PlottedSector);

impl Encode for ReportedSector {
    fn encode_to<O: Output + ?Sized>(&self, output: &mut O) {
        output.write(&self.0.encode());
    }
}

impl Decode for ReportedSector {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let sector_id = SectorId::decode(input)?;
        let sector_index = u16::decode(input)?;
        let mut metadata = vec![0; METADATA_BYTES];
        input.read(&mut metadata)?;
        let metadata = SectorMetadata::decode_bounded(&metadata)
            .map_err(|_| Error::from("the metadata of a sector is not valid"))?;
        let Compact(count) = Compact::<u32>::decode(input)?;
        if count != u32::from(metadata.pieces_in_sector) || count > PIECES_IN_SECTOR_MAX.into() {
            return Err("a sector has another number of pieces than its metadata says".into());
        }
        let piece_indexes = (0..count).map(|_| u64::decode(input)).collect::<Result<_, _>>()?;
        Ok(Self(PlottedSector { sector_id, sector_index, metadata, piece_indexes }))
    }
}

/// Reads a request to plot a sector; whether such a sector can be planned is for the plan to say.
///
/// # Errors
/// [`WireError`] for anything but its 78 bytes.
pub fn decode_plot_sector(bytes: &[u8]) -> Result<PlotSectorRequest, WireError> {
    decode_exact("a request to plot a sector", bytes, PLOT_SECTOR_BYTES)
}

/// Reads which plotter has room, if any.
///
/// # Errors
/// [`WireError`] for anything but an optional short text.
pub fn decode_free_instance(bytes: &[u8]) -> Result<Option<String>, WireError> {
    decode_exact("an answer about free room", bytes, FREE_INSTANCE_BYTES_MAX)
}

/// Reads one message of the stream in which a plotter tells how plotting goes on.
///
/// # Errors
/// [`WireError`] for anything else.
pub fn decode_plotting(bytes: &[u8]) -> Result<StreamMessage<PlottingResponse>, WireError> {
    decode_exact("a message about plotting", bytes, MESSAGE_BYTES_MAX)
}
