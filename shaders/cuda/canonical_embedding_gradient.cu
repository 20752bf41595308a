// The gradient of a table: one-hot tokens times gradients, positions in blocks of 512. A zero times a finite
// gradient changes no sum, because no sum is -0: so a warp looks for the positions of its row and adds those.
// Columns of a block with a gradient that is not finite take every product.
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

#define POSITION_BLOCK 512u
#define COLUMNS 32u
#define WARPS 8u
#define ROWS 64u
#define ALL_LANES 0xffffffffu
// No class has this number.
#define NO_TOKEN 0xffffffffu

struct Embedding {
    u32 rows, width, positions;
};

// The sum of a block for one row and the column of this lane; `is_there` tells whether any lane added.
static __device__ __forceinline__ float sum_of_row(
    const u32 (&tokens)[POSITION_BLOCK], u32 row, const float *gradients, u32 width, bool has_column,
    bool &is_there
) {
    const u32 lane = threadIdx.x % COLUMNS;
    float sum = 0.0f;
    for (u32 first = 0; first < POSITION_BLOCK; first += COLUMNS) {
        u32 found = __ballot_sync(ALL_LANES, tokens[first + lane] == row);
        while (found != 0) {
            const u32 position = first + (u32)__ffs((int)found) - 1;
            found &= found - 1;
            is_there = true;
            if (has_column) sum = __fadd_rn(sum, gradients[(u64)position * width]);
        }
    }
    return sum;
}

extern "C" __global__ void __launch_bounds__(COLUMNS *WARPS) canonical_embedding_gradient(
    const Embedding *__restrict__ shape, const u32 *__restrict__ tokens,
    const float *__restrict__ gradients, float *__restrict__ output
) {
    __shared__ u32 block_tokens[POSITION_BLOCK];
    __shared__ u32 infinities[WARPS][COLUMNS];
    const u32 width = shape->width, positions = shape->positions;
    const u32 lane = threadIdx.x % COLUMNS, warp = threadIdx.x / COLUMNS;
    const u32 column = blockIdx.x * COLUMNS + lane;
    const bool has_column = column < width;
    const u32 first_row = blockIdx.y * ROWS + warp;
    const u32 end_row = min((blockIdx.y + 1) * ROWS, shape->rows);
    if (positions == 0 && has_column) {
        for (u32 row = first_row; row < end_row; row += WARPS) {
            output[(u64)row * width + column] = 0.0f;
        }
    }
    for (u32 first = 0; first < positions; first += POSITION_BLOCK) {
        const u32 count = min(positions - first, POSITION_BLOCK);
        const float *here = gradients + (u64)first * width + column;
        for (u32 place = threadIdx.x; place < POSITION_BLOCK; place += COLUMNS * WARPS) {
            block_tokens[place] = place < count ? tokens[first + place] : NO_TOKEN;
        }
        u32 largest = 0;
        for (u32 place = warp; place < count && has_column; place += WARPS) {
            largest = max(largest, __float_as_uint(here[(u64)place * width]) & MAGNITUDE_MASK);
        }
        infinities[warp][lane] = largest;
        __syncthreads();
        for (u32 other = 0; other < WARPS; other++) largest = max(largest, infinities[other][lane]);
        const bool is_finite = largest < INFINITY_BITS;
        for (u32 row = first_row; row < end_row; row += WARPS) {
            bool is_there = false;
            float sum = sum_of_row(block_tokens, row, here, width, has_column, is_there);
            if (!is_finite) {
                sum = 0.0f;
                for (u32 place = 0; place < count; place++) {
                    const float one_hot = block_tokens[place] == row ? 1.0f : 0.0f;
                    sum = __fmaf_rn(one_hot, here[(u64)place * width], sum);
                }
            }
            // Without a position of its own a finite block adds +0, which changes nothing.
            if (!has_column || (first > 0 && is_finite && !is_there)) continue;
            float *total = output + (u64)row * width + column;
            *total = canonical(first == 0 ? sum : __fadd_rn(*total, sum));
        }
        __syncthreads();
    }
}
