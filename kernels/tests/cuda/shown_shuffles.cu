// Shows shuffles and ballots: for each thread 8 words of what its warp tells it.
#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

extern "C" __global__ void shown_shuffles(u32 *shown) {
    const u32 thread = threadIdx.x;
    const u32 lane = thread % 32;
    u32 *mine = shown + 8 * (blockIdx.x * blockDim.x + thread);
    const u32 all = 0xffffffffu;
    mine[0] = __shfl_sync(all, thread, 5);
    mine[1] = __shfl_up_sync(all, thread, 3);
    mine[2] = __shfl_down_sync(all, thread, 3);
    mine[3] = __shfl_xor_sync(all, thread, 7);
    mine[4] = __ballot_sync(all, lane % 3 == 0);
    mine[5] = __shfl_sync(all, thread, 1, 8);
    // Two halves that never meet, each with its own mask.
    const u32 half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
    if (lane < 16) {
        mine[6] = __reduce_add_sync(half, lane);
    } else {
        mine[6] = __reduce_add_sync(half, 1);
    }
    mine[7] = __match_any_sync(all, lane % 4);
}
