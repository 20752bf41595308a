// One block of ChaCha8 keystream, in the registers of one thread.
#ifndef AIPOT_CHACHA8
#define AIPOT_CHACHA8

#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

// Two rounds, columns then diagonals, four times.
#define CHACHA8_DOUBLE_ROUNDS 4

static __device__ __forceinline__ void chacha8_quarter_round(u32 &a, u32 &b, u32 &c, u32 &d) {
    a += b;
    d = rotate_left(d ^ a, 16);
    c += d;
    b = rotate_left(b ^ c, 12);
    a += b;
    d = rotate_left(d ^ a, 8);
    c += d;
    b = rotate_left(b ^ c, 7);
}

// Turns the state before the rounds into the keystream of its block.
static __device__ __forceinline__ void chacha8_block(u32 (&state)[16]) {
    u32 before[16];
#pragma unroll
    for (u32 word = 0; word < 16; word++) before[word] = state[word];
#pragma unroll
    for (u32 round = 0; round < CHACHA8_DOUBLE_ROUNDS; round++) {
#pragma unroll
        for (u32 lane = 0; lane < 4; lane++) {
            chacha8_quarter_round(state[lane], state[4 + lane], state[8 + lane], state[12 + lane]);
        }
#pragma unroll
        for (u32 lane = 0; lane < 4; lane++) {
            chacha8_quarter_round(
                state[lane], state[4 + (lane + 1) % 4], state[8 + (lane + 2) % 4],
                state[12 + (lane + 3) % 4]
            );
        }
    }
#pragma unroll
    for (u32 word = 0; word < 16; word++) state[word] += before[word];
}

#endif
