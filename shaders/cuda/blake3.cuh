// BLAKE3's compression of one block, in the registers of one thread.
#ifndef AIPOT_BLAKE3
#define AIPOT_BLAKE3

#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

#define BLAKE3_CHUNK_START 1u
#define BLAKE3_CHUNK_END 2u
#define BLAKE3_PARENT 4u
#define BLAKE3_ROOT 8u

static __device__ __forceinline__ void blake3_mix(
    u32 &a, u32 &b, u32 &c, u32 &d, u32 first, u32 second
) {
    a += b + first;
    d = rotate_right(d ^ a, 16);
    c += d;
    b = rotate_right(b ^ c, 12);
    a += b + second;
    d = rotate_right(d ^ a, 8);
    c += d;
    b = rotate_right(b ^ c, 7);
}

// The chaining value that a hash without a key starts with.
static __device__ __forceinline__ void blake3_key(u32 (&cv)[8]) {
    const u32 key[8] = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                        0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
#pragma unroll
    for (u32 word = 0; word < 8; word++) cv[word] = key[word];
}

// Turns `cv` into the next chaining value: 16 little-endian words of a block of `length` bytes (the rest
// zero), a counter below 2^32 and flags. Words that are known to be zero cost nothing.
static __device__ __forceinline__ void blake3_compress(
    u32 (&cv)[8], const u32 (&block)[16], u32 counter, u32 length, u32 flags
) {
    u32 s[16] = {cv[0],       cv[1],       cv[2],       cv[3],       cv[4],   cv[5], cv[6],  cv[7],
                 0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, counter, 0u,    length, flags};
    u32 w[16];
#pragma unroll
    for (u32 word = 0; word < 16; word++) w[word] = block[word];
#pragma unroll
    for (u32 round = 0; round < 7; round++) {
        blake3_mix(s[0], s[4], s[8], s[12], w[0], w[1]);
        blake3_mix(s[1], s[5], s[9], s[13], w[2], w[3]);
        blake3_mix(s[2], s[6], s[10], s[14], w[4], w[5]);
        blake3_mix(s[3], s[7], s[11], s[15], w[6], w[7]);
        blake3_mix(s[0], s[5], s[10], s[15], w[8], w[9]);
        blake3_mix(s[1], s[6], s[11], s[12], w[10], w[11]);
        blake3_mix(s[2], s[7], s[8], s[13], w[12], w[13]);
        blake3_mix(s[3], s[4], s[9], s[14], w[14], w[15]);
        // The order of the block's words in the next round: only names change.
        const u32 n[16] = {w[2], w[6],  w[3],  w[10], w[7], w[0],  w[4],  w[13],
                           w[1], w[11], w[12], w[5],  w[9], w[14], w[15], w[8]};
#pragma unroll
        for (u32 word = 0; word < 16; word++) w[word] = n[word];
    }
#pragma unroll
    for (u32 word = 0; word < 8; word++) cv[word] = s[word] ^ s[word + 8];
}

#endif
