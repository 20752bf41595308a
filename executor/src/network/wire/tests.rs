//! Encodings are frozen, bounded, and no bytes make a decoder panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::store::artefacts::ArtefactStore;

fn hash() -> ContentHash {
    ContentHash([7; 32])
}

#[test]
fn requests_encode_as_frozen() {
    let have = ArtefactRequest::Have { hash: hash() };
    assert_eq!(hex::encode(have.encode()), format!("00{}", "07".repeat(32)));
    let range = ArtefactRequest::Range { hash: hash(), start: 1 << 14, length: 3 };
    let expected = format!("01{}00400000000000000300000000000000", "07".repeat(32));
    assert_eq!(hex::encode(range.encode()), expected);
    assert_eq!(range.encode().len(), REQUEST_BYTES_MAX);
}

#[test]
fn responses_encode_as_frozen() {
    assert_eq!(ArtefactResponse::NotFound.encode(), [0]);
    assert_eq!(ArtefactResponse::Busy.encode(), [1]);
    let have = ArtefactResponse::Have { total_bytes: 258 };
    assert_eq!(hex::encode(have.encode()), "020201000000000000");
    let range = ArtefactResponse::Range { total_bytes: 258, encoded: vec![9, 8] };
    assert_eq!(hex::encode(range.encode()), "030201000000000000080908");
}

#[test]
fn longest_honest_range_fits_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let store = ArtefactStore::open(folder.path()).unwrap();
    let bytes: Vec<u8> = (0..3_u32 << 20).map(|at| at.to_le_bytes()[1]).collect();
    let hash = store.put(&bytes).unwrap();
    for start in [0, 1, 1023, 16_383, 1_000_001] {
        let encoded = store.encode_range(hash, start, RANGE_BYTES_MAX).unwrap();
        let response = ArtefactResponse::Range { total_bytes: 3 << 20, encoded }.encode();
        assert!(decode_response(&response).is_ok(), "start {start}, {} bytes", response.len());
    }
}

#[test]
fn too_long_messages_are_refused_before_they_are_decoded() {
    let bytes = vec![0; REQUEST_BYTES_MAX + 1];
    let expected = WireError::TooLong { bytes: bytes.len(), bytes_max: REQUEST_BYTES_MAX };
    assert_eq!(decode_request(&bytes), Err(expected));
    let bytes = vec![0; RESPONSE_BYTES_MAX + 1];
    let expected = WireError::TooLong { bytes: bytes.len(), bytes_max: RESPONSE_BYTES_MAX };
    assert_eq!(decode_response(&bytes), Err(expected));
}

#[test]
fn too_long_ranges_are_refused() {
    let length = RANGE_BYTES_MAX + 1;
    let request = ArtefactRequest::Range { hash: hash(), start: 0, length };
    let expected = WireError::RangeTooLong { length, length_max: RANGE_BYTES_MAX };
    assert_eq!(decode_request(&request.encode()), Err(expected));
}

#[test]
fn ranges_beyond_all_numbers_are_refused() {
    let request = ArtefactRequest::Range { hash: hash(), start: u64::MAX, length: 1 };
    let expected = WireError::RangeOverflows { start: u64::MAX, length: 1 };
    assert_eq!(decode_request(&request.encode()), Err(expected));
}

#[test]
fn trailing_bytes_are_refused() {
    let mut bytes = ArtefactRequest::Have { hash: hash() }.encode();
    bytes.push(0);
    assert!(matches!(decode_request(&bytes), Err(WireError::Malformed { bytes: 34, .. })));
    let bytes = [ArtefactResponse::Busy.encode(), vec![0]].concat();
    assert!(matches!(decode_response(&bytes), Err(WireError::Malformed { bytes: 2, .. })));
}

#[test]
fn a_length_prefix_without_bytes_allocates_nothing_and_is_refused() {
    // A range of 2^30 - 1 bytes is announced, none follow.
    let bytes = [&[3][..], &[0; 8], &[0xfe, 0xff, 0xff, 0xff]].concat();
    assert!(matches!(decode_response(&bytes), Err(WireError::Malformed { .. })));
}

fn any_request() -> impl Strategy<Value = ArtefactRequest> {
    let range = (any::<[u8; 32]>(), 0..u64::MAX / 2, 0..=RANGE_BYTES_MAX);
    prop_oneof![
        any::<[u8; 32]>().prop_map(|hash| ArtefactRequest::Have { hash: ContentHash(hash) }),
        range.prop_map(|(hash, start, length)| ArtefactRequest::Range {
            hash: ContentHash(hash),
            start,
            length
        }),
    ]
}

fn any_response() -> impl Strategy<Value = ArtefactResponse> {
    prop_oneof![
        Just(ArtefactResponse::NotFound),
        Just(ArtefactResponse::Busy),
        any::<u64>().prop_map(|total_bytes| ArtefactResponse::Have { total_bytes }),
        (any::<u64>(), vec(any::<u8>(), 0..2000))
            .prop_map(|(total_bytes, encoded)| ArtefactResponse::Range { total_bytes, encoded }),
    ]
}

proptest! {
    #[test]
    fn requests_survive_the_wire(request in any_request()) {
        prop_assert_eq!(decode_request(&request.encode()), Ok(request));
    }

    #[test]
    fn responses_survive_the_wire(response in any_response()) {
        prop_assert_eq!(decode_response(&response.encode()), Ok(response));
    }

    #[test]
    fn what_decodes_as_a_request_is_within_bounds(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(request) = decode_request(&bytes) {
            prop_assert_eq!(request.encode(), bytes);
            if let ArtefactRequest::Range { start, length, .. } = request {
                prop_assert!(length <= RANGE_BYTES_MAX && start.checked_add(length).is_some());
            }
        }
    }

    #[test]
    fn what_decodes_as_a_response_encodes_back(kind in 0_u8..6, rest in vec(any::<u8>(), 0..200)) {
        let bytes = [vec![kind], rest].concat();
        if let Ok(response) = decode_response(&bytes) {
            prop_assert_eq!(response.encode(), bytes);
        }
    }
}
