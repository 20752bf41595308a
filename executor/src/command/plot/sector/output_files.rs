//! The files of a sector: the sector, and the metadata that a farmer gets with it.

use std::path::{Path, PathBuf};

use aipot_kernels::plotting::{BITMAP_BYTES, FinishedSector, RECORD_BYTES, sector_bytes};

use super::super::super::CommandError;
use super::super::fresh_file::FreshFile;

/// What the name of the metadata has more than that of the sector.
pub(in crate::command::plot) const METADATA_ENDING: &str = "metadata";
/// Bytes of metadata whatever the sector: its name, the sizes of s-buckets, and some numbers.
const METADATA_BYTES: u64 = 131_200;
/// Bytes of metadata for each piece: its index.
const INDEX_BYTES: u64 = 8;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// What identifies a region of a sector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Region {
    pub(super) bytes: usize,
    pub(super) hash: blake3::Hash,
}

/// What identifies the files that were written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Regions {
    pub(super) contents_map: Region,
    pub(super) s_buckets: Region,
    pub(super) record_metadata: Region,
    pub(super) sector: Region,
    /// The last bytes of the sector: the hash of all before.
    pub(super) checksum: [u8; HASH_BYTES],
    pub(super) sector_metadata: Region,
    pub(super) plotted_sector: Region,
}

/// Both files, being written.
#[derive(Debug)]
pub(super) struct OutputFiles {
    sector: FreshFile,
    metadata: FreshFile,
}

impl OutputFiles {
    /// Begins both files, when the disk has room for them.
    pub(super) fn begin(path: &Path, pieces_in_sector: u16) -> Result<Self, CommandError> {
        let sector_bytes = u64::try_from(sector_bytes(pieces_in_sector)).unwrap_or(u64::MAX);
        let metadata_bytes = METADATA_BYTES + INDEX_BYTES * u64::from(pieces_in_sector);
        Ok(Self {
            sector: FreshFile::begin(path, sector_bytes)?,
            metadata: FreshFile::begin(&metadata_path(path), metadata_bytes)?,
        })
    }

    /// Writes a sector, so that either both files are there or at least not the sector.
    pub(super) fn write(mut self, finished: &FinishedSector) -> Result<Regions, CommandError> {
        let plotted = finished.plotted();
        let pieces = plotted.piece_indexes.len();
        let mut cut = Cut::new(pieces);
        finished.write(|part| {
            cut.take(part);
            self.sector.write(part)
        })?;
        let (metadata, encoded) = (plotted.metadata.encode(), plotted.encode());
        self.metadata.write(&encoded)?;
        self.metadata.finish()?;
        self.sector.finish()?;
        Ok(cut.regions(&metadata, &encoded))
    }
}

/// Where the metadata of a sector file lies.
pub(in crate::command::plot) fn metadata_path(sector: &Path) -> PathBuf {
    sector.with_added_extension(METADATA_ENDING)
}

/// Hashes regions of a sector as it passes by.
#[derive(Debug)]
struct Cut {
    /// Bytes of each region, in order; the checksum is the last.
    lengths: [usize; 4],
    hashers: [blake3::Hasher; 4],
    whole: blake3::Hasher,
    checksum: Vec<u8>,
    place: usize,
}

impl Cut {
    fn new(pieces: usize) -> Self {
        let record_metadata_bytes =
            aipot_kernels::plotting::PIECE_BYTES - RECORD_BYTES + HASH_BYTES;
        Self {
            lengths: [
                pieces * BITMAP_BYTES + HASH_BYTES,
                pieces * RECORD_BYTES,
                pieces * record_metadata_bytes,
                HASH_BYTES,
            ],
            hashers: std::array::from_fn(|_| blake3::Hasher::new()),
            whole: blake3::Hasher::new(),
            checksum: Vec::new(),
            place: 0,
        }
    }

    fn take(&mut self, mut part: &[u8]) {
        self.whole.update(part);
        while !part.is_empty() {
            let mut end = 0;
            let region = self.lengths.iter().position(|length| {
                end += length;
                end > self.place
            });
            // A sector has no bytes after its last region.
            let Some(region) = region else { return };
            let (now, later) = part.split_at(part.len().min(end - self.place));
            self.hashers[region].update(now);
            if region + 1 == self.lengths.len() {
                self.checksum.extend_from_slice(now);
            }
            self.place += now.len();
            part = later;
        }
    }

    fn regions(&self, metadata: &[u8], plotted: &[u8]) -> Regions {
        let region = |index: usize| Region {
            bytes: self.lengths[index],
            hash: self.hashers[index].finalize(),
        };
        let whole = |bytes: &[u8]| Region { bytes: bytes.len(), hash: blake3::hash(bytes) };
        let mut checksum = [0; HASH_BYTES];
        checksum.iter_mut().zip(&self.checksum).for_each(|(byte, found)| *byte = *found);
        Regions {
            contents_map: region(0),
            s_buckets: region(1),
            record_metadata: region(2),
            sector: Region { bytes: self.place, hash: self.whole.finalize() },
            checksum,
            sector_metadata: whole(metadata),
            plotted_sector: whole(plotted),
        }
    }
}
