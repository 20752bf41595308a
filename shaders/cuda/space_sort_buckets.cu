// Variant 2: orders the list of every bucket by position and cuts it, one block for each bucket.
#ifndef AIPOT_SPACE_TABLES
#include "space_tables.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) space_sort_buckets(
    const Table *__restrict__ table, u32 *__restrict__ bucket_counts, u32 *__restrict__ lists
) {
    __shared__ u32 positions[LIST_STRIDE];
    const u32 thread = threadIdx.x;
    u32 *list = lists + blockIdx.x * LIST_STRIDE;
    const u32 count = min(bucket_counts[blockIdx.x], LIST_STRIDE);
    for (u32 place = thread; place < LIST_STRIDE; place += 256) {
        positions[place] = place < count ? list[place] : 0xffffffffu;
    }
    __syncthreads();
    // Bitonic sort. A warp works on 64 neighbours as long as the distance is at most 32.
    for (u32 size = 2; size <= LIST_STRIDE; size *= 2) {
        for (u32 distance = size / 2; distance > 0; distance /= 2) {
            const u32 low = 2 * thread - (thread & (distance - 1));
            const u32 high = low + distance;
            const bool is_ascending = (low & size) == 0;
            const u32 left = positions[low];
            const u32 right = positions[high];
            if ((left > right) == is_ascending) {
                positions[low] = right;
                positions[high] = left;
            }
            const u32 next_distance = distance > 1 ? distance / 2 : size;
            if (max(distance, next_distance) <= 32) {
                __syncwarp();
            } else {
                __syncthreads();
            }
        }
    }
    for (u32 place = thread; place < count; place += 256) list[place] = positions[place];
    if (thread == 0) bucket_counts[blockIdx.x] = min(count, table->bucket_entries_max);
}
