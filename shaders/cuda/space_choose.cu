// Finds the best key of every s-bucket, one block for each group of table 7.
#ifndef AIPOT_SPACE_CHOICE
#include "space_choice.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) space_choose(
    const Table *__restrict__ table, const u32 *__restrict__ group_counts,
    const uint4 *__restrict__ entries, const uint4 *__restrict__ entries_before,
    const uint2 *__restrict__ parents, u32 *__restrict__ best
) {
    const u32 count = group_counts[blockIdx.x];
    for (u32 rank = threadIdx.x; rank < count; rank += 256) {
        const u32 position = blockIdx.x * table->stride + rank;
        const u32 y = entries[position].x;
        const u32 s_bucket = s_bucket_of(table, y);
        if (s_bucket == NO_S_BUCKET) continue;
        // Kept upside down, so that buffers of zeros are the start.
        atomicMax(&best[s_bucket], ~choice_key(table, entries_before, parents, position, y));
    }
}
