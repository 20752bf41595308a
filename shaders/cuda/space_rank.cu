// Numbers the s-buckets that have a proof, up to the limit; a single block, 8,192 s-buckets a warp.
#ifndef AIPOT_SPACE_TABLES
#include "space_tables.cuh"
#endif

#define WARPS 8u
#define WARP_WORDS 256u

extern "C" __global__ void __launch_bounds__(256) space_rank(
    const Table *__restrict__ table, const uint2 *__restrict__ winners, u32 *__restrict__ found,
    u32 *__restrict__ chosen, u32 *__restrict__ flags
) {
    // One bit for each s-bucket that has a proof.
    __shared__ u32 have[WARPS * WARP_WORDS];
    __shared__ u32 sums[WARPS];
    const u32 lane = threadIdx.x % 32;
    const u32 warp = threadIdx.x / 32;
    u32 count = 0;
#pragma unroll 8
    for (u32 word = 0; word < WARP_WORDS; word++) {
        const u32 index = warp * WARP_WORDS + word;
        const u32 winner_count = winners[index * 32 + lane].x;
        const u32 ballot = __ballot_sync(0xffffffffu, winner_count != 0);
        count += (u32)__popc(ballot);
        if (lane == 0) have[index] = ballot;
    }
    if (lane == 0) sums[warp] = count;
    __syncthreads();
    u32 base = 0;
    u32 all = 0;
    for (u32 other = 0; other < WARPS; other++) {
        if (other < warp) base += sums[other];
        all += sums[other];
    }
    for (u32 word = 0; word < WARP_WORDS; word++) {
        const u32 index = warp * WARP_WORDS + word;
        const u32 bits = have[index];
        const u32 rank = base + (u32)__popc(bits & ((1u << lane) - 1));
        const bool is_chosen = (bits >> lane & 1) != 0 && rank < table->limit;
        const u32 s_bucket = index * 32 + lane;
        if (is_chosen) {
            chosen[rank] = s_bucket;
            if (winners[s_bucket].x > 1) atomicOr(&flags[0], FLAG_TIE);
        }
        const u32 kept = __ballot_sync(0xffffffffu, is_chosen);
        if (lane == 0) found[index] = kept;
        base += (u32)__popc(bits);
    }
    if (threadIdx.x == 0) flags[1] = min(all, table->limit);
}
