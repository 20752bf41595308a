// Hides every chunk of a record behind the hash of the proof of its s-bucket, one invocation for each.

// S-bucket of each chunk, in order.
@group(0) @binding(0) var<storage, read> chosen: array<u32>;
// 40 words each.
@group(0) @binding(1) var<storage, read> proofs: array<u32>;
// Extended chunk 2 i is source chunk i, extended chunk 2 i + 1 is parity chunk i; 8 words each.
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read> parity: array<u32>;
@group(0) @binding(4) var<storage, read_write> encoded: array<u32>;

const PROOF_WORDS = 40u;
const CHUNK_WORDS = 8u;

fn proof_hash(rank: u32) -> array<u32, 8> {
    var value = BLAKE3_VALUES;
    for (var part = 0u; part < 3u; part++) {
        var block = array<u32, 16>();
        let start = part * 16u;
        for (var word = 0u; word < min(16u, PROOF_WORDS - start); word++) {
            block[word] = proofs[rank * PROOF_WORDS + start + word];
        }
        let first = select(0u, BLAKE3_CHUNK_START, part == 0u);
        let last = select(0u, BLAKE3_CHUNK_END | BLAKE3_ROOT, part == 2u);
        let length = min(16u, PROOF_WORDS - start) * 4u;
        value = blake3_compress(value, block, 0u, length, first | last);
    }
    return value;
}

@compute @workgroup_size(256)
fn plot_encode(
    @builtin(global_invocation_id) invocation: vec3<u32>,
) {
    let rank = invocation.x;
    let hash = proof_hash(rank);
    let s_bucket = chosen[rank];
    let start = s_bucket / 2u * CHUNK_WORDS;
    for (var word = 0u; word < CHUNK_WORDS; word++) {
        let plain = select(parity[start + word], source[start + word], s_bucket % 2u == 0u);
        encoded[rank * CHUNK_WORDS + word] = plain ^ hash[word];
    }
}
