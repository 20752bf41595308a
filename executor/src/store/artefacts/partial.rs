//! An artefact on its way here: verified ranges in any order, from any number of senders.
//!
//! Beside the bytes lies a list of the groups received, each with the hash of its bytes. After a
//! crash only groups whose bytes still have their hash count as received, so nothing has to be
//! made durable while the transfer runs.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::range::GROUP_BYTES;
use super::{ArtefactError, ArtefactStore, ContentHash, Temporary, decode_range, disk};

/// A line of the list: the group's index (u32) and the BLAKE3 hash of its bytes.
const RECORD_BYTES: usize = 4 + 32;

/// The list begins with the length of the artefact (u64).
const HEADER_BYTES: usize = 8;

/// A transfer in progress, made by [`ArtefactStore::partial`].
#[derive(Debug)]
pub struct PartialArtefact<'store> {
    store: &'store ArtefactStore,
    hash: ContentHash,
    total_bytes: u64,
    data_path: PathBuf,
    list_path: PathBuf,
    data: File,
    list: File,
    received: Vec<bool>,
}

impl<'store> PartialArtefact<'store> {
    pub(super) fn resume(
        store: &'store ArtefactStore,
        hash: ContentHash,
        total_bytes: u64,
    ) -> Result<Self, ArtefactError> {
        let data_path = store.incoming(&format!("{hash}.partial"));
        let list_path = store.incoming(&format!("{hash}.received"));
        let data = open(&data_path, OpenOptions::new().write(true))?;
        let mut list = open(&list_path, OpenOptions::new().append(true))?;

        let group_count = usize::try_from(total_bytes.div_ceil(GROUP_BYTES)).unwrap_or(usize::MAX);
        let mut records = Vec::new();
        list.read_to_end(&mut records).map_err(disk("read", &list_path))?;
        let mut partial = Self {
            store,
            hash,
            total_bytes,
            data_path,
            list_path,
            data,
            list,
            received: vec![false; group_count],
        };
        partial.restore(&records)?;
        Ok(partial)
    }

    /// The artefact's name.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// How many bytes have been received.
    pub fn received_bytes(&self) -> u64 {
        let received = self.received.iter().enumerate().filter(|(_, received)| **received);
        received.map(|(index, _)| range_length(&self.group_range(index))).sum()
    }

    /// Ranges still to be asked for, in order, each at most `length_max` bytes (at least one
    /// group of 16 KiB) long and beginning at a group.
    pub fn missing(&self, length_max: u64) -> Vec<Range<u64>> {
        let groups_max = (length_max / GROUP_BYTES).max(1) * GROUP_BYTES;
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let missing = self.received.iter().enumerate().filter(|(_, received)| !**received);
        for group in missing.map(|(index, _)| self.group_range(index)) {
            match ranges.last_mut() {
                Some(last) if last.end == group.start && range_length(last) < groups_max => {
                    last.end = group.end;
                }
                _ => ranges.push(group),
            }
        }
        ranges
    }

    /// Verifies an encoded range and writes its bytes.
    ///
    /// Only groups that lie entirely inside the range count as received, so ask for the ranges
    /// that [`PartialArtefact::missing`] names.
    ///
    /// # Errors
    /// [`ArtefactError::Range`] when the range does not verify: the sender is wrong and nothing
    /// was written. [`ArtefactError::Disk`] when the disk refuses.
    pub fn write_range(
        &mut self,
        start: u64,
        length: u64,
        encoded: &[u8],
    ) -> Result<(), ArtefactError> {
        let bytes = decode_range(self.hash, self.total_bytes, start, length, encoded)?;
        self.data.write_all_at(&bytes, start).map_err(disk("write", &self.data_path))?;
        let mut records = Vec::new();
        let mut groups = Vec::new();
        let end = start + length;
        let first = usize::try_from(start.div_ceil(GROUP_BYTES)).unwrap_or(usize::MAX);
        for index in first..self.received.len() {
            let group = self.group_range(index);
            if group.end > end {
                break;
            }
            records.extend(record(index, slice_of(&bytes, start, &group)));
            groups.push(index);
        }
        self.list.write_all(&records).map_err(disk("write", &self.list_path))?;
        for index in groups {
            self.received[index] = true;
        }
        Ok(())
    }

    /// Gives the complete artefact its name in the store.
    ///
    /// # Errors
    /// [`ArtefactError::Incomplete`] when ranges are missing; [`ArtefactError::Damaged`] when the
    /// bytes on disk changed since they were received (the transfer then starts anew);
    /// [`ArtefactError::Disk`] when the disk refuses, after which it can be tried again by
    /// resuming.
    pub fn finish(self) -> Result<ContentHash, ArtefactError> {
        let missing_bytes = self.total_bytes - self.received_bytes();
        if missing_bytes > 0 {
            let Self { hash, total_bytes, .. } = self;
            return Err(ArtefactError::Incomplete { hash, missing_bytes, total_bytes });
        }
        self.data.set_len(self.total_bytes).map_err(disk("shorten", &self.data_path))?;
        self.data.sync_all().map_err(disk("make durable", &self.data_path))?;
        let adopted = self.store.adopt(&self.data_path, self.total_bytes, Some(self.hash));
        if matches!(adopted, Ok(_) | Err(ArtefactError::Damaged { .. })) {
            self.abandon();
        }
        adopted
    }

    /// Gives the transfer up and removes what was received.
    pub fn abandon(self) {
        drop((Temporary(self.data_path), Temporary(self.list_path)));
    }

    /// Counts the groups of the list whose bytes are really there; starts anew when the list is
    /// of an artefact of another length.
    fn restore(&mut self, list: &[u8]) -> Result<(), ArtefactError> {
        let header = self.total_bytes.to_le_bytes();
        let records = match list.split_at_checked(HEADER_BYTES) {
            Some((found, records)) if found == header => records,
            _ => {
                self.list.set_len(0).map_err(disk("shorten", &self.list_path))?;
                self.list.write_all(&header).map_err(disk("write", &self.list_path))?;
                return Ok(());
            }
        };
        // A crash may have torn the last record; what follows it must start at a record again.
        let whole = HEADER_BYTES + records.len() / RECORD_BYTES * RECORD_BYTES;
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        self.list.set_len(whole).map_err(disk("shorten", &self.list_path))?;
        for found in records.chunks_exact(RECORD_BYTES) {
            self.restore_group(found);
        }
        Ok(())
    }

    fn restore_group(&mut self, found: &[u8]) {
        let index = found.first_chunk().map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes));
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index >= self.received.len() {
            return;
        }
        let group = self.group_range(index);
        let mut bytes = vec![0; usize::try_from(range_length(&group)).unwrap_or(0)];
        // A file shorter than the list says is a crash too, not a failure of the disk.
        let is_there = self.data.read_exact_at(&mut bytes, group.start).is_ok();
        self.received[index] = is_there && record(index, &bytes) == found;
    }

    fn group_range(&self, index: usize) -> Range<u64> {
        let start = u64::try_from(index).unwrap_or(u64::MAX).saturating_mul(GROUP_BYTES);
        start..start.saturating_add(GROUP_BYTES).min(self.total_bytes)
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<File, ArtefactError> {
    options.read(true).create(true).truncate(false).open(path).map_err(disk("open", path))
}

fn range_length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

fn record(index: usize, group: &[u8]) -> Vec<u8> {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    [index.to_le_bytes().as_slice(), blake3::hash(group).as_bytes()].concat()
}

/// The bytes of `group` out of bytes that begin at `start`.
fn slice_of<'bytes>(bytes: &'bytes [u8], start: u64, group: &Range<u64>) -> &'bytes [u8] {
    let position = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
    bytes.get(position(group.start)..position(group.end)).unwrap_or_default()
}
