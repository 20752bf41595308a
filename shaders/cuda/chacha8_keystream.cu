// The ChaCha8 keystream, one block for each thread.
//
// The host writes the state of the first block: constants, key, block counter, nonce.
// Thread i adds i to the counter and writes the 16 words of its block.
#ifndef AIPOT_CHACHA8
#include "chacha8.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) chacha8_keystream(
    const u32 *__restrict__ state, uint4 *__restrict__ keystream, u32 state_length,
    u32 keystream_length
) {
    const u32 block = blockIdx.x * blockDim.x + threadIdx.x;
    if (block >= keystream_length / 16) return;
    u32 words[16];
#pragma unroll
    for (u32 word = 0; word < 16; word++) words[word] = __ldg(&state[word]);
    words[12] += block;
    chacha8_block(words);
#pragma unroll
    for (u32 row = 0; row < 4; row++) {
        keystream[block * 4 + row] =
            make_uint4(words[4 * row], words[4 * row + 1], words[4 * row + 2], words[4 * row + 3]);
    }
}
