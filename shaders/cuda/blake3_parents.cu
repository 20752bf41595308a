// One level of the tree: the chaining value of every pair, one thread for each. A value without a neighbor
// goes up as it is.
#ifndef AIPOT_BLAKE3
#include "blake3.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) blake3_parents(
    const u32 *__restrict__ child_count, const u32 *__restrict__ children, u32 *__restrict__ parents
) {
    const u32 count = child_count[0];
    const u32 pair = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 left = 2 * pair;
    if (left >= count) return;
    u32 value[8];
    if (left + 1 == count) {
#pragma unroll
        for (u32 word = 0; word < 8; word++) value[word] = children[left * 8 + word];
    } else {
        u32 block[16];
#pragma unroll
        for (u32 word = 0; word < 16; word++) block[word] = children[left * 8 + word];
        blake3_key(value);
        blake3_compress(value, block, 0, 64, BLAKE3_PARENT | (count == 2 ? BLAKE3_ROOT : 0));
    }
#pragma unroll
    for (u32 word = 0; word < 8; word++) parents[pair * 8 + word] = value[word];
}
