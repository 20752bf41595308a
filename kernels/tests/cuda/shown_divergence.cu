// Shows threads that go different ways, as the first word says.
#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

extern "C" __global__ void shown_divergence(const u32 *way) {
    if (way[0] == 1 && threadIdx.x == 7) return;
    if (way[0] == 2 && threadIdx.x % 2 == 1) {
        __syncthreads();
        return;
    }
    if (way[0] == 3 && threadIdx.x == 40) __syncwarp();
    __syncthreads();
}
