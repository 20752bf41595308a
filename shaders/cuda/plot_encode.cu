// Hides every chunk of a record behind the hash of the proof of its s-bucket, one thread for each.
#ifndef AIPOT_BLAKE3
#include "blake3.cuh"
#endif

// Vectors of four words in a proof and in a chunk.
#define PROOF_VECTORS 10u
#define CHUNK_VECTORS 2u

// Extended chunk 2 i is source chunk i, extended chunk 2 i + 1 is parity chunk i.
extern "C" __global__ void __launch_bounds__(256) plot_encode(
    const u32 *__restrict__ chosen, const uint4 *__restrict__ proofs,
    const uint4 *__restrict__ source, const uint4 *__restrict__ parity, uint4 *__restrict__ encoded
) {
    const u32 rank = blockIdx.x * blockDim.x + threadIdx.x;
    u32 hash[8];
    blake3_key(hash);
#pragma unroll
    for (u32 part = 0; part < 3; part++) {
        u32 block[16] = {};
        const u32 vectors = part == 2 ? 2 : 4;
#pragma unroll
        for (u32 vector = 0; vector < 4; vector++) {
            if (vector >= vectors) continue;
            const uint4 four = proofs[rank * PROOF_VECTORS + 4 * part + vector];
            block[4 * vector] = four.x;
            block[4 * vector + 1] = four.y;
            block[4 * vector + 2] = four.z;
            block[4 * vector + 3] = four.w;
        }
        const u32 first = part == 0 ? BLAKE3_CHUNK_START : 0;
        const u32 last = part == 2 ? BLAKE3_CHUNK_END | BLAKE3_ROOT : 0;
        blake3_compress(hash, block, 0, 16 * vectors, first | last);
    }
    const u32 s_bucket = chosen[rank];
    const uint4 *plain = s_bucket % 2 == 0 ? source : parity;
#pragma unroll
    for (u32 vector = 0; vector < CHUNK_VECTORS; vector++) {
        const uint4 four = plain[s_bucket / 2 * CHUNK_VECTORS + vector];
        encoded[rank * CHUNK_VECTORS + vector] = make_uint4(
            four.x ^ hash[4 * vector], four.y ^ hash[4 * vector + 1], four.z ^ hash[4 * vector + 2],
            four.w ^ hash[4 * vector + 3]
        );
    }
}
