//! Sectors of the reference implementation; see the README beside the vectors.

use serde_json::Value;

use super::super::layout::{Layout, RECORD_METADATA_BYTES};
use super::*;

const V1: &str = include_str!("../../../tests/vectors/proof_of_space/v1_sector.json");
const V2: &str = include_str!("../../../tests/vectors/proof_of_space/v2_sector.json");

fn hash(bytes: &[u8]) -> Value {
    blake3::hash(bytes).to_hex().as_str().into()
}

fn text(bytes: &[u8]) -> Value {
    hex::encode(bytes).into()
}

fn plan_of(expected: &Value) -> SectorPlan {
    let field = |name: &str| hex::decode(expected[name].as_str().unwrap()).unwrap();
    let number = |name: &str| u16::try_from(expected[name].as_u64().unwrap()).unwrap();
    let key = PublicKey(field("public_key").try_into().unwrap());
    let information =
        ProtocolInformation::decode_bounded(&field("farmer_protocol_info_scale")).unwrap();
    assert_eq!(information.history_size.0, expected["history_size"]);
    let (index, pieces) = (number("sector_index"), number("pieces_in_sector"));
    SectorPlan::new(&key, index, &information, pieces).unwrap()
}

fn check_plan(plan: &SectorPlan, expected: &Value) {
    assert_eq!(text(plan.sector_id.as_bytes()), expected["sector_id"]);
    assert_eq!(Value::from(plan.piece_indexes.clone()), expected["piece_indexes"]);
    let seeds: Vec<Value> = plan.seeds().map(|seed| text(seed.as_bytes())).collect();
    assert_eq!(Value::from(seeds), expected["pos_seeds"]);
    let pieces: Vec<Value> =
        plan.piece_indexes.iter().map(|&index| hash(synthetic_piece(index).as_bytes())).collect();
    assert_eq!(Value::from(pieces), expected["piece_blake3"]);
}

fn check_bytes(bytes: &[u8], pieces: u16, expected: &Value) {
    let layout = Layout::new(pieces);
    let contents_map = &bytes[..layout.bitmaps_hash.end];
    assert_eq!(expected["sector_len"], bytes.len());
    assert_eq!(expected["sector_size_fn"], sector_bytes(pieces));
    assert_eq!(expected["contents_map_len"], contents_map.len());
    assert_eq!(expected["contents_map_first_32"], text(&contents_map[..32]));
    assert_eq!(expected["contents_map_blake3"], hash(contents_map));
    let first: Vec<Value> =
        bytes[layout.chunks.clone()].chunks(CHUNK_BYTES).take(4).map(text).collect();
    assert_eq!(expected["s_buckets_first_4_chunks"], Value::from(first));
    assert_eq!(expected["s_buckets_len"], layout.chunks.len());
    assert_eq!(expected["s_buckets_blake3"], hash(&bytes[layout.chunks.clone()]));
    let metadata = &bytes[layout.record_metadata.clone()];
    assert_eq!(expected["record_metadata_first_128"], text(&metadata[..RECORD_METADATA_BYTES]));
    assert_eq!(expected["record_metadata_blake3"], hash(metadata));
    assert_eq!(expected["sector_blake3"], hash(bytes));
    let checksum = "sector_checksum (last 32 bytes = blake3 of all preceding)";
    assert_eq!(expected[checksum], text(&bytes[layout.checksum.clone()]));
    let hashes = RegionHashes::of(bytes, pieces).unwrap();
    assert_eq!(expected["s_buckets_blake3"], hashes.s_buckets.to_hex().as_str());
    assert_eq!(expected["contents_map_blake3"], hashes.contents_map.to_hex().as_str());
    assert_eq!(expected["record_metadata_blake3"], hashes.record_metadata.to_hex().as_str());
    assert_eq!(expected["sector_blake3"], hashes.sector.to_hex().as_str());
}

fn check_metadata(plotted: &PlottedSector, expected: &Value) {
    let sizes = &plotted.metadata.s_bucket_sizes;
    assert_eq!(expected["s_bucket_sizes_first_32"], Value::from(sizes[..32].to_vec()));
    let sum: u64 = sizes.iter().copied().map(u64::from).sum();
    assert_eq!(expected["s_bucket_sizes_sum"], sum);
    let metadata = plotted.metadata.encode();
    assert_eq!(expected["sector_metadata_checksummed_scale_len"], metadata.len());
    assert_eq!(expected["sector_metadata_checksummed_scale_blake3"], hash(&metadata));
    assert_eq!(expected["sector_metadata_scale_first_16"], text(&metadata[..16]));
    assert_eq!(expected["sector_metadata_scale_last_48"], text(&metadata[metadata.len() - 48..]));
    let encoded = plotted.encode();
    assert_eq!(expected["plotted_sector_scale_len"], encoded.len());
    assert_eq!(expected["plotted_sector_scale_first_48"], text(&encoded[..48]));
    assert_eq!(expected["plotted_sector_scale_last_72"], text(&encoded[encoded.len() - 72..]));
    assert_eq!(expected["plotted_sector_scale_blake3"], hash(&encoded));
}

fn check_sectors(vectors: &str, variant: Variant) {
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let sectors = vectors["sectors"].as_array().unwrap();
    assert_eq!(sectors.len(), 2);
    for expected in sectors {
        let plan = plan_of(expected);
        check_plan(&plan, expected);
        let pieces = plan.piece_indexes.iter().map(|&index| synthetic_piece(index)).collect();
        let policy = CheckPolicy { chunks_per_record: 3, recreated_records: 0, seed: [5; 32] };
        let mut sector = Sector::new(plan.clone(), variant, pieces, policy).unwrap();
        while !sector.is_done() {
            sector.advance(&CpuEncoder, &|| true).unwrap();
        }
        let sector = sector.finish().unwrap();
        check_metadata(&sector.plotted(), expected);
        check_bytes(&written(&sector), plan.pieces_in_sector(), expected);
    }
}

#[test]
fn sectors_of_variant_1_are_those_of_the_reference() {
    check_sectors(V1, Variant::V1);
}

#[test]
fn sectors_of_variant_2_are_those_of_the_reference() {
    check_sectors(V2, Variant::V2);
}
