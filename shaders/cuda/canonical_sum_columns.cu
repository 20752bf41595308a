// The product of ones and a matrix: per column, blocks of 512 rows of a group, each summed from +0 in ascending
// order, and added one after the other. Eight warps sum eight blocks of 32 columns at a time.
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

#define ROW_BLOCK 512u
#define COLUMNS 32u
#define BLOCKS 8u

struct ColumnSums {
    u32 columns, rows, group_count;
    u32 row_stride, column_stride, group_stride;
};

extern "C" __global__ void __launch_bounds__(COLUMNS *BLOCKS) canonical_sum_columns(
    const ColumnSums *__restrict__ sums, const float *__restrict__ values,
    float *__restrict__ output
) {
    __shared__ float block_sums[BLOCKS][COLUMNS];
    const u32 lane = threadIdx.x % COLUMNS, warp = threadIdx.x / COLUMNS;
    const u32 column = blockIdx.x * COLUMNS + lane;
    const u32 blocks_per_group = (sums->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    const u64 block_count = (u64)blocks_per_group * sums->group_count;
    float total = 0.0f;
    for (u64 first = 0; first < block_count; first += BLOCKS) {
        const u64 block = first + warp;
        if (block < block_count && column < sums->columns) {
            const u64 group = block / blocks_per_group;
            const u32 first_row = (u32)(block % blocks_per_group) * ROW_BLOCK;
            const u32 row_count = min(sums->rows - first_row, ROW_BLOCK);
            const float *here = values + group * sums->group_stride +
                                (u64)first_row * sums->row_stride +
                                (u64)column * sums->column_stride;
            float sum = 0.0f;
            for (u32 row = 0; row < row_count; row++) {
                sum = __fadd_rn(sum, here[(u64)row * sums->row_stride]);
            }
            block_sums[warp][lane] = sum;
        }
        __syncthreads();
        if (warp == 0) {
            const u32 held = (u32)min(block_count - first, (u64)BLOCKS);
            for (u32 number = 0; number < held; number++) {
                const float sum = block_sums[number][lane];
                total = first + number == 0 ? sum : __fadd_rn(total, sum);
            }
        }
        __syncthreads();
    }
    if (warp == 0 && column < sums->columns) output[column] = canonical(total);
}
