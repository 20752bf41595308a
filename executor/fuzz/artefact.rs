//! Ranges of artefacts, as a peer sends them.

use std::sync::LazyLock;

use aipot_executor::store::artefacts::{ArtefactStore, ContentHash, decode_range};

/// The artefact of which ranges are asked for: more than one group of 16 KiB, and not a whole number.
const ARTEFACT_BYTES: usize = 40_001;

/// Length of the start and the length, two little-endian `u16`, which come before the range.
const HEADER_BYTES: usize = 4;

static ARTEFACT: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..=250_u8).cycle().take(ARTEFACT_BYTES).collect());

static ROOT: LazyLock<ContentHash> = LazyLock::new(|| ContentHash::of(&ARTEFACT));

/// Asks for the range that the first bytes name, gets the rest as the answer of a peer.
pub(crate) fn accepts_range(bytes: &[u8]) -> bool {
    let Some((header, encoded)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return false };
    let [start, length] = [[header[0], header[1]], [header[2], header[3]]].map(u16::from_le_bytes);
    let total_bytes = ARTEFACT.len() as u64;
    let decoded = decode_range(*ROOT, total_bytes, start.into(), length.into(), encoded);
    let Ok(wanted) = decoded else { return false };
    let start = usize::from(start);
    assert_eq!(wanted, ARTEFACT[start..start + usize::from(length)], "forged bytes were accepted");
    true
}

/// Ranges within a group, across groups, and at the end.
pub(crate) fn ranges() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = ArtefactStore::open(folder.path()).expect("the folder is empty");
    let root = store.put(&ARTEFACT).expect("the artefact is small");
    let encoded = |(start, length): (u16, u16)| {
        let range = store.encode_range(root, start.into(), length.into());
        let header = [start.to_le_bytes(), length.to_le_bytes()].concat();
        [header, range.expect("the range lies in the artefact")].concat()
    };
    [(0, 1), (16_000, 1_000), (40_000, 1)].map(encoded).to_vec()
}
