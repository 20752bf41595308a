//! Every message against bytes written by hand from the specification, and its properties.

use std::time::Duration;

use aipot_kernels::plotting::{HistorySize, PIECE_BYTES, ProtocolInformation, PublicKey};
use proptest::prelude::*;

use super::*;

fn request() -> PlotSectorRequest {
    PlotSectorRequest {
        public_key: PublicKey([7; 32]),
        sector_index: 0x0201,
        information: ProtocolInformation {
            history_size: HistorySize(3),
            max_pieces_in_sector: 1_000,
            recent_segments: HistorySize(5),
            recent_history_fraction: (HistorySize(1), HistorySize(10)),
            min_sector_lifetime: HistorySize(4),
        },
        pieces_in_sector: 2,
    }
}

#[test]
fn a_request_to_plot_is_78_bytes_in_the_order_of_the_specification() {
    let mut expected = vec![7; 32];
    expected.extend([1, 2]);
    expected.extend(3_u64.to_le_bytes());
    expected.extend(1_000_u16.to_le_bytes());
    for number in [5_u64, 1, 10, 4] {
        expected.extend(number.to_le_bytes());
    }
    expected.extend([2, 0]);
    assert_eq!((request().encode(), expected.len()), (expected.clone(), 78));
    assert_eq!(decode_plot_sector(&expected).unwrap(), request());
}

#[test]
fn a_request_of_another_length_is_refused() {
    let bytes = request().encode();
    assert!(matches!(decode_plot_sector(&bytes[..77]), Err(WireError::Undecodable { .. })));
    let longer = [bytes, vec![0]].concat();
    assert!(matches!(decode_plot_sector(&longer), Err(WireError::TooLong { bytes: 79, .. })));
}

#[test]
fn progress_is_numbered_as_in_the_specification() {
    let second = Duration::new(1, 2);
    let time = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
    let cases = [
        (PlottingResponse::Occupied, vec![0]),
        (PlottingResponse::Ping, vec![1]),
        (PlottingResponse::Downloading, vec![2]),
        (PlottingResponse::Downloaded(second), [&[3][..], &time].concat()),
        (PlottingResponse::Encoding, vec![4]),
        (PlottingResponse::Encoded(second), [&[5][..], &time].concat()),
        (PlottingResponse::SectorChunk(Ok(vec![9, 8])), vec![7, 0, 8, 9, 8]),
        (PlottingResponse::SectorChunk(Err("no".into())), vec![7, 1, 8, b'n', b'o']),
        (PlottingResponse::Error { error: "no".into() }, vec![8, 8, b'n', b'o']),
    ];
    for (response, expected) in cases {
        assert_eq!(response.encode(), expected, "{response:?}");
    }
}

#[test]
fn a_stream_message_says_index_responses_and_where_to_acknowledge() {
    let acknowledgement_subject = "a".to_owned();
    let responses = vec![PlottingResponse::Ping];
    let more = StreamMessage::Continue { index: 258, responses, acknowledgement_subject };
    assert_eq!(more.encode(), [0, 2, 1, 0, 0, 4, 1, 4, b'a']);
    let last = StreamMessage::Last { index: 1, responses: vec![PlottingResponse::Occupied] };
    assert_eq!(last.encode(), [1, 1, 0, 0, 0, 4, 0]);
}

#[test]
fn a_cache_is_named_by_a_zero_and_its_number() {
    let id = CacheId::Ulid(0x0102);
    let mut expected = vec![0, 2, 1];
    expected.resize(17, 0);
    assert_eq!(id.encode(), expected);
    assert_eq!(read_pieces(id.ulid()), "subspace.cache.00000000000000000000000082.read-pieces");
}

#[test]
fn a_piece_of_another_length_is_refused_before_there_is_room_for_it() {
    let shorter = Some(vec![0_u8; PIECE_BYTES - 1]).encode();
    assert!(matches!(decode_piece(&shorter), Err(WireError::Undecodable { .. })));
    // Claims a gibibyte and has four bytes.
    let claimed = [&[1][..], &parity_scale_codec::Compact(1_u32 << 30).encode(), &[0; 4]].concat();
    assert!(matches!(decode_piece(&claimed), Err(WireError::Undecodable { .. })));
}

#[test]
fn acknowledgements_are_four_bytes() {
    assert_eq!(encode_acknowledgement(258), [2, 1, 0, 0]);
    assert_eq!(decode_acknowledgement(&[2, 1, 0, 0]), Ok(258));
    assert!(decode_acknowledgement(&[2, 1, 0]).is_err());
    assert!(decode_acknowledgement(&[2, 1, 0, 0, 0]).is_err());
}

fn response() -> impl Strategy<Value = PlottingResponse> {
    let time = (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n));
    prop_oneof![
        Just(PlottingResponse::Occupied),
        Just(PlottingResponse::Ping),
        time.clone().prop_map(PlottingResponse::Downloaded),
        time.prop_map(PlottingResponse::Encoded),
        any::<Result<Vec<u8>, String>>().prop_map(PlottingResponse::SectorChunk),
        any::<String>().prop_map(|error| PlottingResponse::Error { error }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_message_comes_back(
        index: u32,
        responses in prop::collection::vec(response(), 0..4),
        subject in prop::option::of(any::<String>()),
    ) {
        let message = match subject {
            Some(acknowledgement_subject) =>
                StreamMessage::Continue { index, responses, acknowledgement_subject },
            None => StreamMessage::Last { index, responses },
        };
        prop_assert_eq!(decode_plotting(&message.encode()).unwrap(), message);
    }

    #[test]
    fn places_of_pieces_come_back(index: u32, places: Vec<(u64, u128, u32)>) {
        let responses = places.into_iter().map(|(i, id, at)| (i, CacheId::Ulid(id), at)).collect();
        let message = StreamMessage::Last { index, responses };
        prop_assert_eq!(decode_found_pieces(&message.encode()).unwrap(), message);
    }

    #[test]
    fn what_is_accepted_has_one_encoding(bytes: Vec<u8>) {
        if let Ok(message) = decode_plotting(&bytes) {
            prop_assert_eq!(message.encode(), bytes.clone());
        }
        if let Ok(message) = decode_read_pieces(&bytes) {
            prop_assert_eq!(message.encode(), bytes.clone());
        }
        if let Ok(message) = decode_free_instance(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
    }
}
