//! CUDA C++ sources. Each kernel has the name, the buffers and the workgroup (a block) of its WGSL version.
//! After the buffers it may take the numbers of their words, in the same order, as `u32`.
//!
//! Headers stand before the kernel here, for a compiler at run time that finds no files; a compiler that
//! reads `shaders/cuda` includes them.

/// The CUDA C++ of a kernel: the shared parts, then its own file.
macro_rules! with_headers {
    ($($file:literal),+) => {
        concat!(
            include_str!("../cuda/words.cuh"),
            $(include_str!(concat!("../cuda/", $file))),+
        )
    };
}

/// The `ChaCha8` keystream; see [`super::CHACHA8_KEYSTREAM`].
pub const CHACHA8_KEYSTREAM: &str = with_headers!("chacha8.cuh", "chacha8_keystream.cu");

/// Table 1 from a keystream; see [`super::space::FIRST_VALUES`].
pub const SPACE_FIRST_VALUES: &str = with_headers!("space_tables.cuh", "space_first_values.cu");

/// Lists of positions by bucket; see [`super::space::SCATTER`].
pub const SPACE_SCATTER: &str = with_headers!("space_tables.cuh", "space_scatter.cu");

/// Lists in order of position; see [`super::space::SORT_BUCKETS`].
pub const SPACE_SORT_BUCKETS: &str = with_headers!("space_tables.cuh", "space_sort_buckets.cu");

/// The next table; see [`super::space::MATCH`].
pub const SPACE_MATCH: &str = with_headers!("space_tables.cuh", "blake3.cuh", "space_match.cu");

/// The best key of every s-bucket; see [`super::space::CHOOSE`].
pub const SPACE_CHOOSE: &str =
    with_headers!("space_tables.cuh", "space_choice.cuh", "space_choose.cu");

/// The entry with the best key of every s-bucket; see [`super::space::WINNERS`].
pub const SPACE_WINNERS: &str =
    with_headers!("space_tables.cuh", "space_choice.cuh", "space_winners.cu");

/// Ranks of the s-buckets with a proof; see [`super::space::RANK`].
pub const SPACE_RANK: &str = with_headers!("space_tables.cuh", "space_rank.cu");

/// Proofs from their entries; see [`super::space::TRACE`].
pub const SPACE_TRACE: &str = with_headers!("space_tables.cuh", "space_trace.cu");

/// Chunks into scalars and back; see [`super::erasure::TURN`].
pub const ERASURE_TURN: &str = with_headers!("scalar.cuh", "erasure_turn.cu");

/// One stage of a transform; see [`super::erasure::STAGE`].
pub const ERASURE_STAGE: &str = with_headers!("scalar.cuh", "erasure_stage.cu");

/// The short stages of both transforms; see [`super::erasure::MIDDLE`].
pub const ERASURE_MIDDLE: &str = with_headers!("scalar.cuh", "erasure_middle.cu");

/// Chunks hidden behind the hashes of proofs; see [`super::plotting::ENCODE`].
pub const PLOT_ENCODE: &str = with_headers!("blake3.cuh", "plot_encode.cu");

/// Chaining values of chunks; see [`super::blake3::CHUNKS`].
pub const BLAKE3_CHUNKS: &str = with_headers!("blake3.cuh", "blake3_chunks.cu");

/// One level of parents; see [`super::blake3::PARENTS`].
pub const BLAKE3_PARENTS: &str = with_headers!("blake3.cuh", "blake3_parents.cu");

/// The product of 8-bit integers; see [`super::INTEGER_PRODUCT`].
pub const INTEGER_PRODUCT: &str = with_headers!("integer_product.cu");
