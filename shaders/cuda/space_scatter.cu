// Puts the position of every entry into the list of its bucket, one block for each group.
#ifndef AIPOT_SPACE_TABLES
#include "space_tables.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) space_scatter(
    const Table *__restrict__ table, const uint4 *__restrict__ entries,
    const u32 *__restrict__ group_counts, u32 *__restrict__ bucket_counts, u32 *__restrict__ lists,
    u32 *__restrict__ flags
) {
    const u32 group = blockIdx.x;
    const u32 count = group_counts[group];
    for (u32 rank = threadIdx.x; rank < count; rank += 256) {
        const u32 position = group * table->stride + rank;
        const u32 bucket = entries[position].x / BUCKET_VALUES;
        const u32 place = atomicAdd(&bucket_counts[bucket], 1u);
        if (place < LIST_STRIDE) {
            lists[bucket * LIST_STRIDE + place] = position;
        } else {
            atomicOr(&flags[0], FLAG_OVERFLOW);
        }
    }
}
