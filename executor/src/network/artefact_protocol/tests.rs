//! The codec carries bytes as they are, and reads at most one byte beyond its bound.

use futures::executor::block_on;
use futures::io::Cursor;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const NAME: StreamProtocol = StreamProtocol::new("/test/artefact/1");

fn written(message: Vec<u8>) -> Vec<u8> {
    let mut stream = Cursor::new(Vec::new());
    block_on(ArtefactCodec.write_request(&NAME, &mut stream, message)).unwrap();
    stream.into_inner()
}

fn read_request(stream: &[u8]) -> io::Result<Vec<u8>> {
    block_on(ArtefactCodec.read_request(&NAME, &mut Cursor::new(stream)))
}

#[test]
fn a_message_is_framed_by_its_length() {
    assert_eq!(written(vec![7, 8]), [2, 0, 0, 0, 7, 8]);
}

#[test]
fn an_endless_request_is_read_one_byte_beyond_the_bound() {
    let mut endless = futures::io::repeat(5);
    let request = block_on(ArtefactCodec.read_request(&NAME, &mut endless)).unwrap();
    assert_eq!(request.len(), REQUEST_BYTES_MAX + 1);
}

#[test]
fn an_endless_response_is_read_one_byte_beyond_the_bound() {
    let mut endless = futures::io::repeat(5);
    let response = block_on(ArtefactCodec.read_response(&NAME, &mut endless)).unwrap();
    assert_eq!(response.len(), RESPONSE_BYTES_MAX + 1);
}

#[test]
fn a_message_that_is_cut_off_is_a_failure() {
    let whole = written(vec![1, 2, 3]);
    for length in 0..whole.len() {
        let error = read_request(&whole[..length]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length} bytes");
    }
    assert_eq!(read_request(&whole).unwrap(), [1, 2, 3]);
}

proptest! {
    #[test]
    fn bytes_within_the_bound_arrive_as_they_were_sent(
        message in vec(any::<u8>(), 0..=REQUEST_BYTES_MAX),
    ) {
        prop_assert_eq!(read_request(&written(message.clone())).unwrap(), message);
    }
}
