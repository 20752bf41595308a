// Finds the entry that has the best key of its s-bucket, one block for each group of table 7.
#ifndef AIPOT_SPACE_CHOICE
#include "space_choice.cuh"
#endif

// A winner is how many entries have the best key, then the position of one of them.
extern "C" __global__ void __launch_bounds__(256) space_winners(
    const Table *__restrict__ table, const u32 *__restrict__ group_counts,
    const uint4 *__restrict__ entries, const uint4 *__restrict__ entries_before,
    const uint2 *__restrict__ parents, const u32 *__restrict__ best, u32 *__restrict__ winners
) {
    const u32 count = group_counts[blockIdx.x];
    for (u32 rank = threadIdx.x; rank < count; rank += 256) {
        const u32 position = blockIdx.x * table->stride + rank;
        const u32 y = entries[position].x;
        const u32 s_bucket = s_bucket_of(table, y);
        if (s_bucket == NO_S_BUCKET) continue;
        if (best[s_bucket] != ~choice_key(table, entries_before, parents, position, y)) continue;
        atomicAdd(&winners[2 * s_bucket], 1u);
        winners[2 * s_bucket + 1] = position;
    }
}
