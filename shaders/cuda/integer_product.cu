// The product of 8-bit integers with signs, four in a word, the first lowest. A block computes a tile of
// 16 x 16 outputs, one for each thread; the threads of a row read the same words.
#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

static __device__ __forceinline__ int integer(u32 word, u32 index) {
    return (int)(signed char)(word >> (8 * index));
}

extern "C" __global__ void __launch_bounds__(256) integer_product(
    const u32 *__restrict__ sizes, const u32 *__restrict__ left, const u32 *__restrict__ right,
    int *__restrict__ product
) {
    const u32 rows = __ldg(&sizes[0]), words = __ldg(&sizes[1]), columns = __ldg(&sizes[2]);
    const u32 row = blockIdx.y * 16 + threadIdx.x / 16;
    const u32 column = blockIdx.x * 16 + threadIdx.x % 16;
    if (row >= rows || column >= columns) return;
    int sum = 0;
    for (u32 word = 0; word < words; word++) {
        const u32 x = __ldg(&left[row * words + word]);
        const u32 y = __ldg(&right[column * words + word]);
#pragma unroll
        for (u32 index = 0; index < 4; index++) sum += integer(x, index) * integer(y, index);
    }
    product[row * columns + column] = sum;
}
