// Which s-bucket an entry of table 7 proves, and what decides among several.
#ifndef AIPOT_SPACE_CHOICE
#define AIPOT_SPACE_CHOICE

#ifndef AIPOT_SPACE_TABLES
#include "space_tables.cuh"
#endif

#define NO_S_BUCKET 0xffffffffu

static __device__ __forceinline__ u32 s_bucket_of(const Table *table, u32 y) {
    const u32 challenge = turn_bytes(y >> 6 << (32 - table->k));
    return challenge < 65536u ? challenge : NO_S_BUCKET;
}

static __device__ __forceinline__ u32 choice_key(
    const Table *table, const uint4 *entries_before, const uint2 *parents, u32 position, u32 y
) {
    if (table->variant == 2) return position;
    const u32 left = parents[table->parents_start + position].x;
    return (y & 63u) << 26 | entries_before[left].x;
}

#endif
