// The 64 values x below the entry of each chosen s-bucket, packed into a proof; one block for each.
#ifndef AIPOT_SPACE_TABLES
#include "space_tables.cuh"
#endif

extern "C" __global__ void __launch_bounds__(64) space_trace(
    const Table *__restrict__ table, const uint2 *__restrict__ winners,
    const u32 *__restrict__ chosen, const uint2 *__restrict__ parents, const u32 *__restrict__ flags,
    u32 *__restrict__ proofs
) {
    __shared__ u32 values[64];
    const u32 rank = blockIdx.y * 32768 + blockIdx.x;
    if (rank >= flags[1]) return;
    const u32 thread = threadIdx.x;
    const u32 k = table->k;
    u32 position = winners[chosen[rank]].y;
    // Parents of tables 2 to 7 follow each other, each with as much room.
    const u32 room = table->parents_start / 5;
#pragma unroll
    for (u32 level = 0; level < 6; level++) {
        const uint2 both = parents[(5 - level) * room + position];
        position = (thread >> (5 - level) & 1) == 1 ? both.y : both.x;
    }
    values[thread] = position / table->stride * FIRST_GROUP + position % table->stride;
    __syncthreads();
    const u32 word_count = 2 * k;
    if (thread >= word_count) return;
    const u32 first_bit = thread * 32;
    u32 bits = 0;
    for (u32 index = first_bit / k; index * k < first_bit + 32; index++) {
        // From the left end of the word; negative for a value that begins before it.
        const int start = (int)(index * k) - (int)first_bit;
        const u32 value = values[index] << (32 - k);
        bits |= start < 0 ? value << -start : value >> start;
    }
    proofs[rank * word_count + thread] = turn_bytes(bits);
}
