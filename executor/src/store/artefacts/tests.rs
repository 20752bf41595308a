//! Artefacts come back as they were put, ranges prove themselves, transfers survive crashes.

use std::fs;
use std::io::{self, Read};

use proptest::prelude::*;
use tempfile::TempDir;

use super::range::GROUP_BYTES;
use super::*;

/// Lengths around the edges of a chunk (1 KiB), a group (16 KiB) and a tree of several groups.
const LENGTHS: &[usize] = &[0, 1, 1024, 1025, 16_383, 16_384, 16_385, 32_768, 49_153, 200_000];

fn sample(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(b"artefact tests").finalize_xof().fill(&mut bytes);
    bytes
}

fn store() -> (TempDir, ArtefactStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = ArtefactStore::open(folder.path()).unwrap();
    (folder, store)
}

fn incoming_count(store: &ArtefactStore) -> usize {
    names_in(&store.folder.join(INCOMING)).unwrap().len()
}

#[test]
fn bytes_come_back_under_their_blake3_hash() {
    let (_folder, store) = store();
    for &length in LENGTHS {
        let bytes = sample(length);
        let hash = store.put(&bytes).unwrap();
        assert_eq!(hash.0, *blake3::hash(&bytes).as_bytes(), "length {length}");
        assert!(store.has(hash));
        assert_eq!(store.len(hash).unwrap(), Some(length as u64));
        assert_eq!(store.read(hash).unwrap(), bytes);
        assert_eq!(store.verify(hash).unwrap(), Integrity::Intact);
    }
    assert_eq!(incoming_count(&store), 0);
}

#[test]
fn stored_artefacts_survive_reopening_and_are_listed_in_order() {
    let (folder, store) = store();
    let mut hashes: Vec<_> = (0..5).map(|length| store.put(&sample(length)).unwrap()).collect();
    drop(store);
    hashes.sort();
    assert_eq!(ArtefactStore::open(folder.path()).unwrap().list().unwrap(), hashes);
}

#[test]
fn unknown_artefact_is_not_found() {
    let (_folder, store) = store();
    let hash = ContentHash([7; 32]);
    assert!(!store.has(hash));
    assert_eq!(store.len(hash).unwrap(), None);
    assert!(matches!(store.read(hash), Err(ArtefactError::NotFound { .. })));
    assert!(matches!(store.encode_range(hash, 0, 1), Err(ArtefactError::NotFound { .. })));
}

#[test]
fn removed_artefact_is_gone_and_can_be_put_again() {
    let (_folder, store) = store();
    let hash = store.put(b"model").unwrap();
    store.remove(hash).unwrap();
    store.remove(hash).unwrap();
    assert!(!store.has(hash));
    assert_eq!(store.put(b"model").unwrap(), hash);
}

#[test]
fn artefact_above_the_limit_is_refused_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = ArtefactStore::open_with_limit(folder.path(), 10).unwrap();
    assert!(store.put(&sample(10)).is_ok());
    let refused = store.put_reader(io::repeat(1)).unwrap_err();
    assert!(matches!(refused, ArtefactError::TooLarge { bytes: 11, bytes_max: 10 }));
    assert_eq!(incoming_count(&store), 0);
    assert!(matches!(
        store.partial(ContentHash([1; 32]), 11),
        Err(ArtefactError::TooLarge { bytes: 11, bytes_max: 10 })
    ));
}

/// A reader that gives some bytes and then reports a full disk, as a copy onto one would.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let length = target.len().min(self.0);
        self.0 -= length;
        Ok(length)
    }
}

#[test]
fn interrupted_put_leaves_nothing_behind_and_can_be_retried() {
    let (_folder, store) = store();
    let error = store.put_reader(Failing(100_000)).unwrap_err();
    assert!(error.is_disk_full(), "{error}");
    assert_eq!(incoming_count(&store), 0);
    assert!(store.put(&sample(100_000)).is_ok());
}

#[test]
fn leftovers_of_a_crashed_put_are_removed_at_the_next_start() {
    let (folder, store) = store();
    fs::write(store.incoming("put-0"), b"half").unwrap();
    fs::write(store.incoming("put-0.outboard"), b"half").unwrap();
    let store = ArtefactStore::open(folder.path()).unwrap();
    assert_eq!(incoming_count(&store), 0);
}

#[test]
fn damaged_artefact_is_noticed_and_never_served() {
    let (_folder, store) = store();
    let mut bytes = sample(100_000);
    let hash = store.put(&bytes).unwrap();
    bytes[50_000] ^= 1;
    fs::write(store.path(hash), &bytes).unwrap();
    let found = ContentHash::of(&bytes);
    assert_eq!(store.verify(hash).unwrap(), Integrity::Damaged { found });
    assert!(matches!(store.read(hash), Err(ArtefactError::Damaged { .. })));
    assert!(matches!(store.encode_range(hash, 50_000, 1), Err(ArtefactError::Damaged { .. })));
    // Parts that are still right are still served.
    assert!(store.encode_range(hash, 0, 16_384).is_ok());
}

#[test]
fn ranges_outside_every_limit_are_refused() {
    let (_folder, store) = store();
    let hash = store.put(&sample(1000)).unwrap();
    let refusal = |start, length| match store.encode_range(hash, start, length) {
        Err(ArtefactError::Range(error)) => error,
        other => panic!("range {start}+{length}: {other:?}"),
    };
    assert!(matches!(refusal(0, 1001), RangeError::Outside { .. }));
    assert!(matches!(refusal(u64::MAX, 1), RangeError::Outside { .. }));
    assert!(matches!(refusal(5, 0), RangeError::Empty { .. }));
    assert!(matches!(refusal(0, RANGE_BYTES_MAX + 1), RangeError::TooLong { .. }));
    let huge = decode_range(hash, ARTEFACT_BYTES_MAX + 1, 0, 1, &[]);
    assert!(matches!(huge, Err(RangeError::TotalTooLarge { .. })));
}

#[test]
fn empty_artefact_proves_itself_too() {
    let (_folder, store) = store();
    let hash = store.put(&[]).unwrap();
    let encoded = store.encode_range(hash, 0, 0).unwrap();
    assert_eq!(decode_range(hash, 0, 0, 0, &encoded).unwrap(), Vec::<u8>::new());
    assert!(decode_range(ContentHash([1; 32]), 0, 0, 0, &encoded).is_err());
}

#[test]
fn torn_or_lengthened_encoding_is_refused() {
    let (_folder, store) = store();
    let hash = store.put(&sample(100_000)).unwrap();
    let mut encoded = store.encode_range(hash, 20_000, 30_000).unwrap();
    let torn = decode_range(hash, 100_000, 20_000, 30_000, &encoded[..encoded.len() - 1]);
    assert!(matches!(torn, Err(RangeError::Truncated { .. })));
    encoded.push(0);
    let longer = decode_range(hash, 100_000, 20_000, 30_000, &encoded);
    assert!(matches!(longer, Err(RangeError::Trailing { trailing_bytes: 1, .. })));
}

/// Sends what is missing, in the order given by `reversed`, and returns how many ranges were sent.
fn transfer(from: &ArtefactStore, partial: &mut PartialArtefact<'_>, ranges_max: usize) -> usize {
    let missing = partial.missing(40_000);
    for range in missing.iter().rev().take(ranges_max) {
        let length = range.end - range.start;
        let encoded = from.encode_range(partial.hash(), range.start, length).unwrap();
        partial.write_range(range.start, length, &encoded).unwrap();
    }
    missing.len().min(ranges_max)
}

#[test]
fn transfer_resumes_after_a_crash_with_what_was_received() {
    let (_folder, sender) = store();
    let (_other_folder, receiver) = store();
    let bytes = sample(500_000);
    let hash = sender.put(&bytes).unwrap();

    let mut partial = receiver.partial(hash, 500_000).unwrap();
    assert_eq!(transfer(&sender, &mut partial, 5), 5);
    let received_bytes = partial.received_bytes();
    assert!(received_bytes > 0);
    assert!(matches!(partial.finish(), Err(ArtefactError::Incomplete { .. })));

    let mut partial = receiver.partial(hash, 500_000).unwrap();
    assert_eq!(partial.received_bytes(), received_bytes);
    transfer(&sender, &mut partial, usize::MAX);
    assert_eq!(partial.missing(u64::MAX), []);
    assert_eq!(partial.finish().unwrap(), hash);
    assert_eq!(receiver.read(hash).unwrap(), bytes);
    assert_eq!(incoming_count(&receiver), 0);
    assert!(receiver.encode_range(hash, 0, 100).is_ok(), "a receiver can serve at once");
}

#[test]
fn groups_lost_in_a_crash_are_asked_for_again() {
    let (_folder, sender) = store();
    let (_other_folder, receiver) = store();
    let hash = sender.put(&sample(100_000)).unwrap();
    let mut partial = receiver.partial(hash, 100_000).unwrap();
    transfer(&sender, &mut partial, usize::MAX);
    drop(partial);

    // The crash kept the list, with a torn last record, but lost the bytes of the third group.
    let data_path = receiver.incoming(&format!("{hash}.partial"));
    let mut data = fs::read(&data_path).unwrap();
    data[40_000] ^= 1;
    fs::write(&data_path, data).unwrap();
    let list_path = receiver.incoming(&format!("{hash}.received"));
    let mut list = fs::read(&list_path).unwrap();
    list.extend([1, 2, 3]);
    fs::write(&list_path, list).unwrap();

    let mut partial = receiver.partial(hash, 100_000).unwrap();
    let third_group = 2 * GROUP_BYTES..3 * GROUP_BYTES;
    assert_eq!(partial.missing(u64::MAX), vec![third_group; 1]);
    transfer(&sender, &mut partial, usize::MAX);
    drop(partial);
    let partial = receiver.partial(hash, 100_000).unwrap();
    assert_eq!(partial.finish().unwrap(), hash);
}

#[test]
fn false_length_told_by_a_sender_only_costs_a_new_start() {
    let (_folder, sender) = store();
    let (_other_folder, receiver) = store();
    let hash = sender.put(&sample(100_000)).unwrap();
    let mut partial = receiver.partial(hash, 90_000).unwrap();
    let encoded = sender.encode_range(hash, 80_000, 10_000).unwrap();
    let refused = partial.write_range(80_000, 10_000, &encoded);
    assert!(matches!(refused, Err(ArtefactError::Range(_))));
    drop(partial);

    let mut partial = receiver.partial(hash, 100_000).unwrap();
    assert_eq!(partial.received_bytes(), 0);
    transfer(&sender, &mut partial, usize::MAX);
    assert_eq!(partial.finish().unwrap(), hash);
}

#[test]
fn abandoned_transfer_leaves_nothing_behind() {
    let (_folder, store) = store();
    store.partial(ContentHash([1; 32]), 100_000).unwrap().abandon();
    assert_eq!(incoming_count(&store), 0);
}

#[test]
fn content_hash_reads_what_it_writes() {
    let hash = ContentHash::of(b"x");
    assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
    assert!("12".parse::<ContentHash>().is_err());
    assert!("zz".repeat(32).parse::<ContentHash>().is_err());
    let json = serde_json::to_string(&hash).unwrap();
    assert_eq!(serde_json::from_str::<ContentHash>(&json).unwrap(), hash);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any range of any artefact decodes to exactly its bytes.
    #[test]
    fn every_range_proves_itself(
        total in 1_usize..120_000, first in any::<prop::sample::Index>(), last in any::<prop::sample::Index>(),
    ) {
        let (_folder, store) = store();
        let bytes = sample(total);
        let hash = store.put(&bytes).unwrap();
        let (first, last) = (first.index(total), last.index(total));
        let range = first.min(last)..first.max(last) + 1;
        let (start, length) = (range.start as u64, range.len() as u64);
        let encoded = store.encode_range(hash, start, length).unwrap();
        let decoded = decode_range(hash, total as u64, start, length, &encoded).unwrap();
        prop_assert_eq!(decoded, &bytes[range]);
    }

    /// A single flipped bit anywhere in the encoding is seen.
    #[test]
    fn tampering_is_seen(total in 1_usize..80_000, bit in any::<prop::sample::Index>()) {
        let (_folder, store) = store();
        let hash = store.put(&sample(total)).unwrap();
        let mut encoded = store.encode_range(hash, 0, total as u64).unwrap();
        let bit = bit.index(encoded.len() * 8);
        encoded[bit / 8] ^= 1 << (bit % 8);
        let decoded = decode_range(hash, total as u64, 0, total as u64, &encoded);
        prop_assert!(matches!(decoded, Err(RangeError::Mismatch { .. })), "{:?}", decoded);
    }

    /// Bytes from anywhere never decode, and never panic.
    #[test]
    fn arbitrary_bytes_never_decode(
        encoded in prop::collection::vec(any::<u8>(), 0..2000),
        total in 0_u64..ARTEFACT_BYTES_MAX + 2, start in any::<u64>(), length in 0_u64..100_000,
    ) {
        let start = start % (total + 1);
        let root = ContentHash([9; 32]);
        prop_assert!(decode_range(root, total, start, length, &encoded).is_err());
    }
}
