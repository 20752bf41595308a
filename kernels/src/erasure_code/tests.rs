//! The erasure code meets the published vectors, and gets records back from any half.

use proptest::prelude::*;

use super::*;

/// Outputs of the reference implementation; see the README beside the file.
const SECTOR_VECTORS: &str = include_str!("../../tests/vectors/proof_of_space/v1_sector.json");

/// The record of a synthetic piece, as the vectors describe it.
fn synthetic_record(piece: u64) -> Vec<u8> {
    let chunk = |index: u32| {
        let mut input = b"piece-chunk".to_vec();
        input.extend(piece.to_le_bytes());
        input.extend(index.to_le_bytes());
        let mut chunk = [0; SCALAR_BYTES];
        chunk[1..].copy_from_slice(&blake3::hash(&input).as_bytes()[..31]);
        chunk
    };
    (0..1 << RECORD_LOG_CHUNKS).flat_map(chunk).collect()
}

/// The definition: the polynomial through the source chunks, at every odd point, by Lagrange's formula.
fn extend_by_definition(source: &[Scalar]) -> Vec<Scalar> {
    let root = Scalar::root_of_unity(source.len().ilog2() + 1);
    let points = powers(root, source.len() * 2);
    let parity_at = |at: Scalar| {
        source.iter().enumerate().fold(Scalar::ZERO, |sum, (index, &value)| {
            let here = points[2 * index];
            let others = points.iter().step_by(2).filter(|&&other| other != here);
            let term =
                others.fold(value, |term, &other| term * (at - other) * (here - other).inverse());
            sum + term
        })
    };
    points.iter().skip(1).step_by(2).map(|&at| parity_at(at)).collect()
}

fn bytes_of(scalars: &[Scalar]) -> Vec<u8> {
    scalars.iter().flat_map(|scalar| scalar.to_bytes()).collect()
}

fn scalars(count: usize, seed: u64) -> Vec<Scalar> {
    powers(Scalar::from_integer(seed | 3), count)
}

/// Source and parity of a small code, interleaved.
fn extended(count: usize, seed: u64) -> Vec<[u8; SCALAR_BYTES]> {
    let source = bytes_of(&scalars(count, seed));
    let mut parity = vec![0; source.len()];
    extend(&source, &mut parity).unwrap();
    let chunks = |bytes: &[u8]| bytes.as_chunks::<SCALAR_BYTES>().0.to_vec();
    chunks(&source).into_iter().zip(chunks(&parity)).flat_map(|(even, odd)| [even, odd]).collect()
}

#[test]
fn parity_is_the_polynomial_at_the_odd_points() {
    for count in [2, 4, 8, 16] {
        let source = scalars(count, 99);
        let mut parity = vec![0; count * SCALAR_BYTES];
        extend(&bytes_of(&source), &mut parity).unwrap();
        assert_eq!(parity, bytes_of(&extend_by_definition(&source)), "{count} chunks");
        for (index, chunk) in parity.as_chunks::<SCALAR_BYTES>().0.iter().enumerate() {
            assert_eq!(parity_chunk(&bytes_of(&source), index).unwrap(), *chunk);
        }
    }
}

#[test]
fn parity_of_a_record_is_that_of_the_reference_whatever_the_threads() {
    let vectors: serde_json::Value = serde_json::from_str(SECTOR_VECTORS).unwrap();
    let expected = &vectors["erasure_coding_piece_0"];
    let source = synthetic_record(0);
    let source_hash = blake3::hash(&source).to_hex();
    assert_eq!(expected["source_record_blake3"], source_hash.as_str());
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut parity = vec![0; source.len()];
        pool.install(|| extend(&source, &mut parity)).unwrap();
        assert_eq!(expected["parity_blake3"], blake3::hash(&parity).to_hex().as_str());
        assert_eq!(expected["parity_last"], hex::encode(&parity[parity.len() - SCALAR_BYTES..]));
    }
}

#[test]
fn a_record_comes_back_from_its_second_half() {
    let chunks = extended(1 << 12, 5);
    let half: Vec<_> = chunks
        .iter()
        .enumerate()
        .map(|(index, chunk)| (index >= chunks.len() / 2).then_some(*chunk))
        .collect();
    assert_eq!(recover(&half).unwrap(), chunks.concat());
}

#[test]
fn too_few_chunks_and_odd_shapes_are_refused() {
    let chunks = extended(4, 1);
    let mut few: Vec<_> = chunks.iter().copied().map(Some).collect();
    few[..5].fill(None);
    assert_eq!(recover(&few), Err(ErasureError::TooFew { known: 3, needed: 4 }));
    assert_eq!(recover(&[]), Err(ErasureError::Length { bytes: 0 }));
    assert_eq!(recover(&few[..3]), Err(ErasureError::Length { bytes: 96 }));
    assert_eq!(extend(&[0; 33], &mut [0; 33]), Err(ErasureError::Length { bytes: 33 }));
    assert_eq!(
        extend(&[0; 64], &mut [0; 32]),
        Err(ErasureError::ParityLength { source_bytes: 64, parity_bytes: 32 })
    );
}

#[test]
fn a_chunk_above_the_modulus_is_named() {
    let mut source = vec![0; 4 * SCALAR_BYTES];
    source[2 * SCALAR_BYTES] = 0x74;
    let mut parity = vec![0; source.len()];
    assert_eq!(extend(&source, &mut parity), Err(ErasureError::NotCanonical { chunk: 2 }));
    let mut chunks: Vec<_> = extended(2, 7).into_iter().map(Some).collect();
    chunks[1] = Some([0xff; SCALAR_BYTES]);
    assert_eq!(recover(&chunks), Err(ErasureError::NotCanonical { chunk: 1 }));
}

proptest! {
    #[test]
    fn any_half_gives_back_the_rest(
        log_chunks in 1_u32..8,
        seed in any::<u64>(),
        kept in proptest::collection::vec(any::<bool>(), 256),
    ) {
        let chunks = extended(1 << log_chunks, seed);
        let mut known: Vec<_> = chunks.iter().copied().map(Some).collect();
        let mut missing = 0;
        for (chunk, kept) in known.iter_mut().zip(kept) {
            if !kept && missing < chunks.len() / 2 {
                *chunk = None;
                missing += 1;
            }
        }
        prop_assert_eq!(recover(&known).unwrap(), chunks.concat());
    }

    #[test]
    fn a_wrong_chunk_among_all_is_seen(seed in any::<u64>(), at in 0_usize..32, byte in 1_usize..32) {
        let mut chunks = extended(16, seed);
        chunks[at][byte] ^= 1;
        let known: Vec<_> = chunks.into_iter().map(Some).collect();
        // Changing a byte can also leave the field.
        let refused = recover(&known).unwrap_err();
        let expected = matches!(
            refused,
            ErasureError::Contradiction { .. } | ErasureError::NotCanonical { .. }
        );
        prop_assert!(expected, "{refused}");
    }
}
