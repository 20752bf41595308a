// The row of a table for each token.
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

struct Embedding {
    u32 positions, width;
};

extern "C" __global__ void __launch_bounds__(256) canonical_embedding(
    const Embedding *__restrict__ shape, const u32 *__restrict__ tokens,
    const float *__restrict__ table, float *__restrict__ output
) {
    const u32 width = shape->width;
    const u64 count = (u64)shape->positions * width;
    const u64 step = (u64)gridDim.x * blockDim.x;
    for (u64 place = (u64)blockIdx.x * blockDim.x + threadIdx.x; place < count; place += step) {
        output[place] = canonical(table[(u64)tokens[place / width] * width + place % width]);
    }
}
