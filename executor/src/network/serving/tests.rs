//! Who is answered, and with what.

use parity_scale_codec::DecodeAll;

use super::*;
use crate::network::IdentitySeed;
use crate::store::artefacts::{ArtefactStore, ContentHash, decode_range};

fn peer(seed: u8) -> PeerId {
    IdentitySeed::new([seed; 32]).peer_id().unwrap()
}

fn ledger() -> ServingLedger<u32> {
    ServingLedger::new(&NetworkLimits {
        serving_per_peer_max: 2,
        serving_max: 3,
        ..NetworkLimits::default()
    })
}

#[test]
fn one_peer_is_answered_so_many_times_at_once() {
    let mut ledger = ledger();
    assert!(ledger.admit(1, peer(1)) && ledger.admit(2, peer(1)));
    assert!(!ledger.admit(3, peer(1)));
    ledger.release(&1);
    assert!(ledger.admit(3, peer(1)));
}

#[test]
fn all_peers_together_are_answered_so_many_times_at_once() {
    let mut ledger = ledger();
    assert!((1..=3).all(|seed| ledger.admit(u32::from(seed), peer(seed))));
    assert!(!ledger.admit(4, peer(4)));
    ledger.release(&2);
    assert!(ledger.admit(4, peer(4)));
}

#[test]
fn releasing_what_was_never_admitted_changes_nothing() {
    let mut ledger = ledger();
    assert!(ledger.admit(1, peer(1)));
    ledger.release(&7);
    ledger.release(&1);
    ledger.release(&1);
    assert!(ledger.requests.is_empty() && ledger.by_peer.is_empty());
}

fn respond(source: &Arc<dyn ArtefactSource>, request: ArtefactRequest) -> ArtefactResponse {
    ArtefactResponse::decode_all(&mut &answer(source, request)[..]).unwrap()
}

#[test]
fn a_store_answers_with_ranges_that_verify() {
    let folder = tempfile::tempdir().unwrap();
    let store = ArtefactStore::open(folder.path()).unwrap();
    let bytes: Vec<u8> = (0..50_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let hash = store.put(&bytes).unwrap();
    let source: Arc<dyn ArtefactSource> = Arc::new(store);

    let have = respond(&source, ArtefactRequest::Have { hash });
    assert_eq!(have, ArtefactResponse::Have { total_bytes: 50_000 });
    let request = ArtefactRequest::Range { hash, start: 16_384, length: 100 };
    let ArtefactResponse::Range { total_bytes, encoded } = respond(&source, request) else {
        panic!("not a range");
    };
    let decoded = decode_range(hash, total_bytes, 16_384, 100, &encoded).unwrap();
    assert_eq!(decoded, bytes[16_384..16_484]);
}

#[test]
fn what_is_not_there_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = ArtefactStore::open(folder.path()).unwrap();
    let stored = store.put(b"short").unwrap();
    let source: Arc<dyn ArtefactSource> = Arc::new(store);
    let absent = ContentHash([1; 32]);
    let requests = [
        ArtefactRequest::Have { hash: absent },
        ArtefactRequest::Range { hash: absent, start: 0, length: 1 },
        ArtefactRequest::Range { hash: stored, start: 3, length: 9 },
        ArtefactRequest::Range { hash: stored, start: 3, length: 0 },
    ];
    for request in requests {
        assert_eq!(respond(&source, request), ArtefactResponse::NotFound, "{request:?}");
    }
}
