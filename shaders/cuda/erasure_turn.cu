// Between chunks as they lie in a record (big-endian) and scalars (the least significant word first); the
// same in both directions, one thread for each.
#ifndef AIPOT_SCALAR
#include "scalar.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256)
    erasure_turn(const uint4 *__restrict__ before, uint4 *__restrict__ after) {
    const u32 place = blockIdx.x * blockDim.x + threadIdx.x;
    const Scalar chunk = load(before, place);
    Scalar turned;
#pragma unroll
    for (u32 word = 0; word < 8; word++) turned.words[word] = turn_bytes(chunk.words[7 - word]);
    store(after, place, turned);
}
