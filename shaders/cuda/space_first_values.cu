// Table 1: y of every x from the keystream, one thread for each x.
#ifndef AIPOT_SPACE_TABLES
#include "space_tables.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) space_first_values(
    const Table *__restrict__ table, const u32 *__restrict__ keystream, uint4 *__restrict__ entries,
    u32 *__restrict__ group_counts
) {
    const u32 x = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 k = table->k;
    if (x >= 1u << k) return;
    const u32 first_bit = x * k;
    const u32 word = first_bit / 32;
    const u32 shift = first_bit % 32;
    const u32 first = turn_bytes(keystream[word]);
    const u32 second = shift + k > 32 ? turn_bytes(keystream[word + 1]) : 0;
    const u32 bits = __funnelshift_l(second, first, shift);
    const u32 y = bits >> (32 - k) << 6 | x >> (k - 6);
    const u32 group = x / FIRST_GROUP;
    const u32 rank = x % FIRST_GROUP;
    // Metadata stands at the left end of its words.
    entries[group * table->stride + rank] = make_uint4(y, x << (32 - k), 0, 0);
    if (rank == 0) group_counts[group] = FIRST_GROUP;
}
