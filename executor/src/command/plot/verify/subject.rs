//! The sector that is looked at: its bytes, and which sector it should be.

use std::path::Path;

use aipot_kernels::plotting::{
    MetadataError, PIECES_IN_SECTOR_MAX, PublicKey, SectorId, SectorMetadata, SectorPlan,
    SectorView, sector_bytes,
};
use parity_scale_codec::{Compact, Decode, DecodeAll};

use super::super::super::CommandError;
use super::super::super::files::read;
use super::super::input;
use super::super::sector::metadata_path;
use super::VerifyArguments;

/// Bytes of encoded sector metadata.
const SECTOR_METADATA_BYTES: usize = 131_116;
/// Bytes before it: name and number of the sector.
const HEAD_BYTES: usize = 34;
/// Largest file of metadata: that of a sector with all pieces.
const METADATA_BYTES_MAX: u64 = 1 << 18;

/// A sector file with what is known about it.
#[derive(Debug)]
pub(super) struct Subject {
    bytes: Vec<u8>,
    pub(super) plan: SectorPlan,
    /// What a farmer would be told, when that was written beside the sector.
    pub(super) metadata: Option<SectorMetadata>,
}

impl Subject {
    /// Reads the files.
    ///
    /// # Errors
    /// [`CommandError::NoPlan`] when nothing says which sector it is, [`CommandError::SectorMetadata`] and
    /// [`CommandError::OtherSector`] when what says it is wrong, [`CommandError::Read`].
    pub(super) fn read(arguments: &VerifyArguments) -> Result<Self, CommandError> {
        let given = plan_of_words(arguments)?;
        let beside = arguments.metadata.clone().unwrap_or_else(|| metadata_path(&arguments.file));
        let is_there = arguments.metadata.is_some() || beside.exists();
        let written = if is_there { Some(read_metadata(&beside)?) } else { None };
        let (plan, metadata) = match (given, written) {
            (None, None) => return Err(CommandError::NoPlan { metadata: beside }),
            (Some(plan), None) => (plan, None),
            (None, Some((plan, metadata))) => {
                check_owner(arguments, &plan)?;
                (plan, Some(metadata))
            }
            (Some(given), Some((plan, _))) if given != plan => {
                let (expected, found) = (given.sector_id.to_string(), plan.sector_id.to_string());
                return Err(CommandError::OtherSector { expected, found });
            }
            (Some(_), Some((plan, metadata))) => (plan, Some(metadata)),
        };
        let bytes_max = u64::try_from(sector_bytes(PIECES_IN_SECTOR_MAX)).unwrap_or(u64::MAX);
        Ok(Self { bytes: read(&arguments.file, bytes_max)?, plan, metadata })
    }

    /// The sector.
    pub(super) fn view(&self) -> Result<SectorView<'_>, CommandError> {
        Ok(SectorView::new(&self.bytes, &self.plan)?)
    }

    /// The bitmap of each record.
    pub(super) fn bitmaps(&self) -> impl Iterator<Item = &[u8]> {
        let count = usize::from(self.plan.pieces_in_sector());
        self.bytes.chunks(aipot_kernels::plotting::BITMAP_BYTES).take(count)
    }
}

/// The plan that the words of the command line make, when they are all given.
fn plan_of_words(arguments: &VerifyArguments) -> Result<Option<SectorPlan>, CommandError> {
    let VerifyArguments { public_key, sector_index, protocol_info, pieces_in_sector, .. } =
        arguments;
    let (Some(public_key), Some(sector_index), Some(information), Some(pieces_in_sector)) =
        (public_key, sector_index, protocol_info, pieces_in_sector)
    else {
        return Ok(None);
    };
    input::plan(public_key, *sector_index, information, *pieces_in_sector).map(Some)
}

/// Whether the sector belongs to the farmer that was named.
fn check_owner(arguments: &VerifyArguments, plan: &SectorPlan) -> Result<(), CommandError> {
    let Some(public_key) = &arguments.public_key else { return Ok(()) };
    let public_key = PublicKey(input::bytes("--public-key", public_key)?);
    let expected = SectorId::new(&public_key, plan.sector_index, plan.history_size);
    if expected == plan.sector_id {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), plan.sector_id.to_string());
    Err(CommandError::OtherSector { expected, found })
}

/// Reads what a farmer is told about a sector.
fn read_metadata(path: &Path) -> Result<(SectorPlan, SectorMetadata), CommandError> {
    let bytes = read(path, METADATA_BYTES_MAX)?;
    decode(&bytes).map_err(|source| CommandError::SectorMetadata { path: path.to_owned(), source })
}

fn decode(bytes: &[u8]) -> Result<(SectorPlan, SectorMetadata), MetadataError> {
    let length = || MetadataError::Length { bytes: bytes.len() };
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(length)?;
    let (metadata, indexes) = rest.split_at_checked(SECTOR_METADATA_BYTES).ok_or_else(length)?;
    let (sector_id, sector_index) =
        <(SectorId, u16)>::decode_all(&mut &*head).map_err(|_| length())?;
    let metadata = SectorMetadata::decode_bounded(metadata)?;
    let mut indexes = indexes;
    let Compact(count) = Compact::<u32>::decode(&mut indexes).map_err(|_| length())?;
    if count != u32::from(metadata.pieces_in_sector) {
        let allowed = "as many as pieces_in_sector says";
        return Err(MetadataError::Field { field: "piece_indexes", value: count.into(), allowed });
    }
    let piece_indexes: Option<Vec<u64>> =
        (0..count).map(|_| u64::decode(&mut indexes).ok()).collect();
    let piece_indexes = piece_indexes.filter(|_| indexes.is_empty()).ok_or_else(length)?;
    let history_size = metadata.history_size;
    Ok((SectorPlan { sector_id, sector_index, history_size, piece_indexes }, metadata))
}
