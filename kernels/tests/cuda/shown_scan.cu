// Shows barriers and shared memory: in each block the sums of all words up to each.
#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

extern "C" __global__ void shown_scan(const u32 *words, u32 *sums) {
    __shared__ u32 shared[256];
    const u32 thread = threadIdx.x;
    const u32 index = blockIdx.x * blockDim.x + thread;
    shared[thread] = words[index];
    __syncthreads();
    for (u32 distance = 1; distance < blockDim.x; distance *= 2) {
        const u32 other = thread >= distance ? shared[thread - distance] : 0;
        __syncthreads();
        shared[thread] += other;
        __syncthreads();
    }
    sums[index] = shared[thread];
}
