// The short stages of both transforms and the shift between them, in shared memory: one block for each 512
// scalars, which these stages do not leave.
#ifndef AIPOT_SCALAR
#include "scalar.cuh"
#endif

// Word by word, so that neighbouring threads use different banks.
struct Shared {
    u32 words[8][512];
};

static __device__ __forceinline__ Scalar get(const Shared &shared, u32 index) {
    Scalar value;
#pragma unroll
    for (u32 word = 0; word < 8; word++) value.words[word] = shared.words[word][index];
    return value;
}

static __device__ __forceinline__ void put(Shared &shared, u32 index, const Scalar &value) {
#pragma unroll
    for (u32 word = 0; word < 8; word++) shared.words[word][index] = value.words[word];
}

// A warp works on 64 neighbours as long as the distances before and after are at most 32.
static __device__ __forceinline__ void wait_for(u32 distance) {
    if (distance <= 32) {
        __syncwarp();
    } else {
        __syncthreads();
    }
}

extern "C" __global__ void __launch_bounds__(256) erasure_middle(
    const uint4 *__restrict__ backward, const uint4 *__restrict__ forward,
    const uint4 *__restrict__ shift, uint4 *__restrict__ scalars
) {
    __shared__ Shared block;
    const u32 thread = threadIdx.x;
    const u32 start = blockIdx.x * 512;
    put(block, thread, load(scalars, start + thread));
    put(block, thread + 256, load(scalars, start + thread + 256));
    __syncthreads();
    for (u32 distance = 256; distance > 0; distance /= 2) {
        const u32 step = thread % distance;
        const u32 low = 2 * thread - step;
        const Scalar root = load(backward, step * (16384 / distance));
        const Scalar left = get(block, low);
        const Scalar right = get(block, low + distance);
        put(block, low, add(left, right));
        put(block, low + distance, multiply(subtract(left, right), root));
        wait_for(distance);
    }
    // The same 64 neighbours as before and after.
    const u32 own = thread / 32 * 64 + thread % 32;
    put(block, own, multiply(get(block, own), load(shift, start + own)));
    put(block, own + 32, multiply(get(block, own + 32), load(shift, start + own + 32)));
    __syncwarp();
    for (u32 distance = 1; distance <= 256; distance *= 2) {
        const u32 step = thread % distance;
        const u32 low = 2 * thread - step;
        const Scalar root = load(forward, step * (16384 / distance));
        const Scalar left = get(block, low);
        const Scalar turned = multiply(get(block, low + distance), root);
        put(block, low, add(left, turned));
        put(block, low + distance, subtract(left, turned));
        wait_for(2 * distance);
    }
    store(scalars, start + thread, get(block, thread));
    store(scalars, start + thread + 256, get(block, thread + 256));
}
