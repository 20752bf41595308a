//! What is printed about a sector: every region by its length and hash, under the names that the reference
//! implementations' vectors give them.

use std::path::Path;

use aipot_kernels::plotting::{Piece, RECORD_BYTES, SectorPlan};
use aipot_kernels::proof_of_space::Variant;
use serde_json::{Value, json};

use super::super::input::milliseconds;
use super::output_files::{Regions, metadata_path};
use super::{HOUR_SECONDS, Plotted};

/// What identifies the pieces, by offset.
#[derive(Clone, Default, Debug)]
pub(super) struct PieceHashes {
    pieces: Vec<String>,
    records: Vec<String>,
}

impl PieceHashes {
    pub(super) fn add(&mut self, piece: &Piece) {
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        self.pieces.push(hash(piece.as_bytes()));
        self.records.push(hash(&piece.as_bytes()[..RECORD_BYTES]));
    }
}

/// For machines.
pub(super) fn value(
    plan: &SectorPlan,
    variant: Variant,
    plotted: &Plotted,
    regions: &Regions,
) -> Value {
    let hex = |hash: &blake3::Hash| hash.to_hex().to_string();
    let seeds: Vec<String> = plan.seeds().map(|seed| hex::encode(seed.as_bytes())).collect();
    json!({
        "variant": variant.to_string(),
        "sector_id": plan.sector_id.to_string(),
        "sector_index": plan.sector_index,
        "history_size": plan.history_size.0,
        "pieces_in_sector": plan.pieces_in_sector(),
        "piece_indexes": plan.piece_indexes,
        "pos_seeds": seeds,
        "piece_blake3": plotted.hashes.pieces,
        "record_blake3": plotted.hashes.records,
        "contents_map_len": regions.contents_map.bytes,
        "contents_map_blake3": hex(&regions.contents_map.hash),
        "s_buckets_len": regions.s_buckets.bytes,
        "s_buckets_blake3": hex(&regions.s_buckets.hash),
        "record_metadata_len": regions.record_metadata.bytes,
        "record_metadata_blake3": hex(&regions.record_metadata.hash),
        "sector_len": regions.sector.bytes,
        "sector_blake3": hex(&regions.sector.hash),
        "sector_checksum": hex::encode(regions.checksum),
        "sector_metadata_checksummed_scale_len": regions.sector_metadata.bytes,
        "sector_metadata_checksummed_scale_blake3": hex(&regions.sector_metadata.hash),
        "plotted_sector_scale_len": regions.plotted_sector.bytes,
        "plotted_sector_scale_blake3": hex(&regions.plotted_sector.hash),
        "device": plotted.device,
        "wall_ms": milliseconds(plotted.wall),
        "cpu_ms": milliseconds(plotted.processor),
        "sectors_per_hour": sectors_per_hour(plotted),
    })
}

/// For people.
pub(super) fn text(plan: &SectorPlan, plotted: &Plotted, regions: &Regions, path: &Path) -> String {
    format!(
        "Sector {} of {} pieces, checked.\n{}  {} bytes, blake3:{}\n{}  {} bytes\n\
         {} ms on {}: {:.2} such sectors an hour",
        plan.sector_id,
        plan.pieces_in_sector(),
        path.display(),
        regions.sector.bytes,
        regions.sector.hash.to_hex(),
        metadata_path(path).display(),
        regions.plotted_sector.bytes,
        milliseconds(plotted.wall),
        plotted.device,
        sectors_per_hour(plotted),
    )
}

fn sectors_per_hour(plotted: &Plotted) -> f64 {
    HOUR_SECONDS / plotted.wall.as_secs_f64()
}
