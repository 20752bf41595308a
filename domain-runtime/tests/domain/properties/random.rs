//! Seeded bytes, most of them small, so that they decode as something every now and then.

use parity_scale_codec::Decode;

/// Bytes of one stream; values are read at places that wander through it.
pub(crate) struct Bytes(Vec<u8>);

/// Length of a stream: larger than the largest value that is read from it.
const STREAM_BYTES: usize = 1 << 17;

impl Bytes {
    /// The stream of `seed`: half zeros, a quarter small numbers, a quarter anything.
    pub(crate) fn new(seed: u64) -> Self {
        let mut raw = vec![0; 2 * STREAM_BYTES];
        blake3::Hasher::new_derive_key("aipot test stream v1")
            .update(&seed.to_le_bytes())
            .finalize_xof()
            .fill(&mut raw);
        let bytes = raw.chunks_exact(2).map(|pair| match pair[0] % 4 {
            0 | 1 => 0,
            2 => pair[1] % 32,
            _ => pair[1],
        });
        Self(bytes.collect())
    }

    /// The value that stands at `place`, with the bytes that it was read from.
    pub(crate) fn read<T: Decode>(&self, place: usize) -> Option<(T, &[u8])> {
        let start = &self.0[place % (STREAM_BYTES / 2)..];
        let mut rest = start;
        let value = T::decode(&mut rest).ok()?;
        Some((value, &start[..start.len() - rest.len()]))
    }
}

/// Decisions that follow from `seed`.
pub(crate) fn decisions(seed: u64, count: usize) -> Vec<u32> {
    let mut raw = vec![0; 4 * count];
    blake3::Hasher::new_derive_key("aipot test decisions v1")
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut raw);
    let words = raw.chunks_exact(4);
    words.map(|word| u32::from_le_bytes(word.try_into().expect("four bytes"))).collect()
}
