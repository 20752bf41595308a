//! What was found out about a sector.

use std::path::Path;

use aipot_kernels::plotting::ReadError;
use aipot_kernels::proof_of_space::{SBUCKETS, Variant};
use serde_json::{Value, json};

use super::subject::Subject;

/// What was found out about a sector.
#[derive(Debug)]
pub(super) struct Findings {
    sector_id: String,
    pieces_in_sector: u16,
    /// How it was plotted, once a record has shown it or somebody has said it.
    pub(super) variant: Option<Variant>,
    /// Records that were looked at.
    pub(super) read_offsets: Vec<u16>,
    faults: Vec<String>,
}

impl Findings {
    pub(super) fn new(subject: &Subject, variant: Option<Variant>) -> Self {
        Self {
            sector_id: subject.plan.sector_id.to_string(),
            pieces_in_sector: subject.plan.pieces_in_sector(),
            variant,
            read_offsets: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Notes a record that decoded.
    pub(super) fn read(&mut self, piece_offset: u16, variant: Variant) {
        self.variant = Some(variant);
        self.read_offsets.push(piece_offset);
    }

    /// Notes what is wrong.
    pub(super) fn note(&mut self, faults: impl IntoIterator<Item = ReadError>) {
        self.faults.extend(faults.into_iter().map(|fault| fault.to_string()));
    }

    /// Notes a piece that is another one than the folder has.
    pub(super) fn note_other_piece(&mut self, piece_offset: u16, piece_index: u64) {
        self.faults.push(format!(
            "record {piece_offset} holds another piece {piece_index} than the folder of pieces"
        ));
    }

    /// Notes an s-bucket that has another size than the metadata says; the first such is enough.
    pub(super) fn note_sizes(&mut self, subject: &Subject) {
        let Some(metadata) = &subject.metadata else { return };
        let mut sizes = vec![0_u16; SBUCKETS];
        for bitmap in subject.bitmaps() {
            for (s_bucket, size) in sizes.iter_mut().enumerate() {
                *size += u16::from(bitmap[s_bucket / 8] >> (s_bucket % 8) & 1);
            }
        }
        let said = metadata.s_bucket_sizes.iter();
        if let Some(s_bucket) = said.zip(&sizes).position(|(said, found)| said != found) {
            let (said, found) = (metadata.s_bucket_sizes[s_bucket], sizes[s_bucket]);
            self.faults.push(format!(
                "the metadata says that s-bucket {s_bucket} has {said} chunks, the sector has {found}"
            ));
        }
    }

    /// Whether nothing is wrong.
    pub(super) fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    /// For machines.
    pub(super) fn value(&self) -> Value {
        json!({
            "valid": self.is_valid(),
            "variant": self.variant.map(|variant| variant.to_string()),
            "sector_id": self.sector_id,
            "pieces_in_sector": self.pieces_in_sector,
            "records_read": self.read_offsets,
            "faults": self.faults,
        })
    }

    /// For people.
    pub(super) fn text(&self, path: &Path) -> String {
        let variant = self.variant.map_or("unknown".to_owned(), |variant| variant.to_string());
        let read = format!(
            "sector {}, variant {variant}, {} of {} records read",
            self.sector_id,
            self.read_offsets.len(),
            self.pieces_in_sector
        );
        if self.is_valid() {
            return format!("{} is right: {read}", path.display());
        }
        let faults = self.faults.join("\n  ");
        format!("{} is wrong: {read}\n  {faults}", path.display())
    }
}
