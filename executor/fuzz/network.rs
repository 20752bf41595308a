//! Messages between peers, and what the chain carries.

use aipot_domain_runtime::primitives::GenesisHash;
use aipot_executor::{
    bundle::{self, Bundle},
    network::wire::{ArtefactRequest, ArtefactResponse, decode_request, decode_response},
    store::artefacts::ContentHash,
};
use parity_scale_codec::Encode;

/// Decodes a request and encodes it again.
pub(crate) fn accepts_request(bytes: &[u8]) -> bool {
    let Ok(request) = decode_request(bytes) else { return false };
    assert_eq!(request.encode(), bytes, "two encodings of one request");
    true
}

/// Decodes a response and encodes it again.
pub(crate) fn accepts_response(bytes: &[u8]) -> bool {
    let Ok(response) = decode_response(bytes) else { return false };
    assert_eq!(response.encode(), bytes, "two encodings of one response");
    true
}

/// Reads what may be a bundle of ours, and encodes it again.
pub(crate) fn accepts_bundle(bytes: &[u8]) -> bool {
    let Ok(bundle) = bundle::decode(bytes) else { return false };
    assert_eq!(bundle.encode(), bytes, "two encodings of one bundle");
    true
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    let hash = ContentHash::of(b"artefact");
    let range = ArtefactRequest::Range { hash, start: 1_024, length: 4_096 };
    vec![ArtefactRequest::Have { hash }.encode(), range.encode()]
}

pub(crate) fn responses() -> Vec<Vec<u8>> {
    let range = ArtefactResponse::Range { total_bytes: 5_000, encoded: vec![7; 100] };
    let others = [ArtefactResponse::NotFound, ArtefactResponse::Have { total_bytes: 5_000 }];
    others.iter().chain([&range]).map(Encode::encode).collect()
}

pub(crate) fn bundles() -> Vec<Vec<u8>> {
    let mut bundle = Bundle::new(GenesisHash([5; 32]));
    let lengths = [1, 63, 64, 300];
    lengths
        .map(|length| {
            assert!(bundle.push(vec![7; length]), "the bundle is far from full");
            bundle.encode()
        })
        .to_vec()
}
