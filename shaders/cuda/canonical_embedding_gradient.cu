// The gradient of a table: one-hot tokens times gradients, positions in blocks of 512, all of them multiplied,
// for zero times a gradient that is not finite is NaN. One thread for each value of the table; the tokens of a
// block lie in shared memory.
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

#define POSITION_BLOCK 512u
#define COLUMNS 32u
#define ROWS 8u

struct Embedding {
    u32 rows, width, positions;
};

extern "C" __global__ void __launch_bounds__(COLUMNS *ROWS) canonical_embedding_gradient(
    const Embedding *__restrict__ shape, const u32 *__restrict__ tokens,
    const float *__restrict__ gradients, float *__restrict__ output
) {
    __shared__ u32 block_tokens[POSITION_BLOCK];
    const u32 width = shape->width, positions = shape->positions;
    const u32 column = blockIdx.x * COLUMNS + threadIdx.x % COLUMNS;
    const u32 row = blockIdx.y * ROWS + threadIdx.x / COLUMNS;
    const bool has_value = column < width && row < shape->rows;
    float total = 0.0f;
    for (u32 first = 0; first < positions; first += POSITION_BLOCK) {
        const u32 count = min(positions - first, POSITION_BLOCK);
        for (u32 place = threadIdx.x; place < count; place += COLUMNS * ROWS) {
            block_tokens[place] = tokens[first + place];
        }
        __syncthreads();
        if (has_value) {
            float sum = 0.0f;
            for (u32 place = 0; place < count; place++) {
                const float one_hot = block_tokens[place] == row ? 1.0f : 0.0f;
                sum = __fmaf_rn(one_hot, gradients[(u64)(first + place) * width + column], sum);
            }
            total = first == 0 ? sum : __fadd_rn(total, sum);
        }
        __syncthreads();
    }
    if (has_value) output[(u64)row * width + column] = canonical(total);
}
