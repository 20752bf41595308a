// The next table: finds the matches of a pair of buckets and hashes them, one block for each pair.
//
// Matches are in the order of the left list, then of m, then of the right list, so that variant 2, whose
// lists are in order of position, keeps the right ones.
#ifndef AIPOT_SPACE_TABLES
#include "space_tables.cuh"
#endif
#ifndef AIPOT_BLAKE3
#include "blake3.cuh"
#endif

#define NONE 0xffffu
#define TAKEN_WORDS 473u
#define WARPS 8u

// The right bucket in shared memory, and the matches as they are found.
struct Pairing {
    // Which places of the right bucket are taken, one bit each.
    u32 taken[TAKEN_WORDS];
    // Chains of right entries by the low 9 bits of their place.
    u32 heads[512];
    // Place and next entry of the chain, 16 bits each.
    u32 links[512];
    // Left and right entry of each match, 16 bits each.
    u32 pairs[512];
    // Matches of each warp, of the first and of the second 256 left entries.
    u64 sums[WARPS];
};

// What is known of a left entry.
struct Left {
    u32 place;
    u32 low_hits;
    u32 high_hits;
    u32 count;
};

static __device__ __forceinline__ u32 list_size(const Table *table, u32 count) {
    return min(count, min(table->bucket_entries_max, LIST_STRIDE));
}

static __device__ __forceinline__ u32 target_place(u32 parity, u32 place, u32 m) {
    const u32 row = (place / COLUMNS + m) % ROWS;
    const u32 turn = 2 * m + parity;
    return row * COLUMNS + (turn * turn + place) % COLUMNS;
}

// The first right entry at a place whose number in the list is at least `least`.
static __device__ __forceinline__ u32 next_right(const Pairing &pairing, u32 place, u32 least) {
    u32 found = NONE;
    for (u32 entry = pairing.heads[place & 511]; entry != NONE;) {
        const u32 link = pairing.links[entry];
        if (link >> 16 == place && entry >= least) found = min(found, entry);
        entry = link & 0xffffu;
    }
    return found;
}

// Which of 32 m have right entries at their place. The parity is known at compile time, so that the
// squares are numbers in the code and no division is left.
template <u32 PARITY, u32 FIRST>
static __device__ __forceinline__ u32 hits(const Pairing &pairing, u32 place) {
    const u32 first_row = place / COLUMNS;
    const u32 first_column = place - first_row * COLUMNS;
    u32 hits = 0;
#pragma unroll
    for (u32 index = 0; index < 32; index++) {
        const u32 m = FIRST + index;
        const u32 square = (2 * m + PARITY) * (2 * m + PARITY) % COLUMNS;
        u32 row = first_row + m;
        if (row >= ROWS) row -= ROWS;
        u32 column = first_column + square;
        if (column >= COLUMNS) column -= COLUMNS;
        const u32 there = row * COLUMNS + column;
        hits |= (pairing.taken[there / 32] >> (there % 32) & 1u) << index;
    }
    return hits;
}

// Counts the matches of a left entry, or writes them from `rank` on.
template <bool WRITES>
static __device__ __forceinline__ u32 matches(
    const Table *table, Pairing &pairing, u32 parity, u32 left, const Left &known, u32 rank
) {
    u32 count = 0;
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
        for (u32 rest = half == 0 ? known.low_hits : known.high_hits; rest != 0; rest &= rest - 1) {
            const u32 m = (u32)__ffs(rest) - 1 + 32 * half;
            const u32 there = target_place(parity, known.place, m);
            u32 right = next_right(pairing, there, 0);
            for (u32 same = 0; right != NONE && same < table->duplicates_max; same++) {
                if (WRITES && rank + count < table->stride) {
                    pairing.pairs[rank + count] = left << 16 | right;
                }
                count++;
                right = next_right(pairing, there, right + 1);
            }
        }
    }
    return count;
}

// Bits that stand at the left end of three words, moved right and added into seven words.
static __device__ __forceinline__ void add_moved(
    u32 (&words)[7], u32 first, u32 second, u32 third, u32 distance
) {
    const u32 shift = distance % 32;
    const u32 a = first >> shift;
    const u32 b = __funnelshift_r(second, first, shift);
    const u32 c = __funnelshift_r(third, second, shift);
    const u32 d = __funnelshift_r(0, third, shift);
    const u32 start = distance / 32;
#pragma unroll
    for (u32 word = 0; word < 4; word++) {
        if (start == word) {
            words[word] |= a;
            words[word + 1] |= b;
            words[word + 2] |= c;
            words[word + 3] |= d;
        }
    }
}

// The leftmost `count` bits of a word; `count` may be anything.
static __device__ __forceinline__ u32 leftmost(u32 word, int count) {
    if (count <= 0) return 0;
    if (count >= 32) return word;
    return word & ~(0xffffffffu >> count);
}

static __device__ __forceinline__ uint4 hashed(const Table *table, uint4 left, uint4 right) {
    const u32 up = table->y_bits;
    u32 words[7] = {left.x << (32 - up), 0, 0, 0, 0, 0, 0};
    add_moved(words, left.y, left.z, left.w, up);
    add_moved(words, right.y, right.z, right.w, up + table->parent_bits);
    u32 block[16] = {};
#pragma unroll
    for (u32 word = 0; word < 6; word++) block[word] = turn_bytes(words[word]);
    u32 hash[8];
    blake3_key(hash);
    blake3_compress(
        hash, block, 0, table->input_bytes, BLAKE3_CHUNK_START | BLAKE3_CHUNK_END | BLAKE3_ROOT
    );
    const u32 first = turn_bytes(hash[0]);
    const u32 y = first >> (32 - up);
    if (table->number <= 3) {
        u32 joined[7] = {left.y, left.z, left.w, 0, 0, 0, 0};
        add_moved(joined, right.y, right.z, right.w, table->parent_bits);
        return make_uint4(y, joined[0], joined[1], joined[2]);
    }
    const u32 second = turn_bytes(hash[1]);
    const u32 third = turn_bytes(hash[2]);
    const u32 fourth = turn_bytes(hash[3]);
    const int bits = (int)table->bits;
    return make_uint4(
        y, leftmost(__funnelshift_l(second, first, up), bits),
        leftmost(__funnelshift_l(third, second, up), bits - 32),
        leftmost(__funnelshift_l(fourth, third, up), bits - 64)
    );
}

// Puts the right bucket into shared memory, which the caller has cleared.
static __device__ __forceinline__ void index_right(
    Pairing &pairing, const u32 *list, u32 count, const uint4 *entries
) {
    for (u32 entry = threadIdx.x; entry < count; entry += 256) {
        const u32 place = entries[list[entry]].x % BUCKET_VALUES;
        atomicOr(&pairing.taken[place / 32], 1u << (place % 32));
        const u32 next = atomicExch(&pairing.heads[place & 511], entry);
        pairing.links[entry] = place << 16 | next;
    }
}

// Sums of the threads before and of all threads; the two halves of a word are two sums.
static __device__ __forceinline__ u64 sum_before(u64 (&sums)[WARPS], u64 own, u64 &all) {
    const u32 lane = threadIdx.x % 32;
    u64 sum = own;
#pragma unroll
    for (u32 distance = 1; distance < 32; distance *= 2) {
        const u64 other = __shfl_up_sync(0xffffffffu, sum, distance);
        if (lane >= distance) sum += other;
    }
    if (lane == 31) sums[threadIdx.x / 32] = sum;
    __syncthreads();
    u64 before = sum - own;
    all = 0;
#pragma unroll
    for (u32 warp = 0; warp < WARPS; warp++) {
        if (warp < threadIdx.x / 32) before += sums[warp];
        all += sums[warp];
    }
    return before;
}

extern "C" __global__ void __launch_bounds__(256) space_match(
    const Table *__restrict__ table, const u32 *__restrict__ bucket_counts,
    const u32 *__restrict__ lists, const uint4 *__restrict__ entries,
    uint4 *__restrict__ next_entries, uint2 *__restrict__ parents, u32 *__restrict__ group_counts,
    u32 *__restrict__ flags
) {
    __shared__ Pairing pairing;
    const u32 thread = threadIdx.x;
    const u32 bucket = blockIdx.x;
    const u32 parity = bucket % 2;
    const u32 *left_list = lists + bucket * LIST_STRIDE;
    const u32 *right_list = left_list + LIST_STRIDE;
    for (u32 word = thread; word < TAKEN_WORDS; word += 256) pairing.taken[word] = 0;
    for (u32 word = thread; word < 512; word += 256) pairing.heads[word] = NONE;
    __syncthreads();
    index_right(pairing, right_list, list_size(table, bucket_counts[bucket + 1]), entries);
    __syncthreads();

    const u32 left_count = list_size(table, bucket_counts[bucket]);
    Left known[2] = {};
#pragma unroll
    for (u32 turn = 0; turn < 2; turn++) {
        const u32 left = thread + turn * 256;
        if (left >= left_count) continue;
        Left &own = known[turn];
        own.place = entries[left_list[left]].x % BUCKET_VALUES;
        own.low_hits = parity == 0 ? hits<0, 0>(pairing, own.place) : hits<1, 0>(pairing, own.place);
        own.high_hits =
            parity == 0 ? hits<0, 32>(pairing, own.place) : hits<1, 32>(pairing, own.place);
        own.count = matches<false>(table, pairing, parity, left, own, 0);
    }
    u64 all;
    const u64 both = (u64)known[1].count << 32 | known[0].count;
    const u64 before = sum_before(pairing.sums, both, all);
    const u32 first_all = (u32)all;
    const u32 sum = first_all + (u32)(all >> 32);
    matches<true>(table, pairing, parity, thread, known[0], (u32)before);
    matches<true>(
        table, pairing, parity, thread + 256, known[1], first_all + (u32)(before >> 32)
    );
    __syncthreads();

    const u32 match_count = min(sum, table->stride);
    for (u32 rank = thread; rank < match_count; rank += 256) {
        const u32 pair = pairing.pairs[rank];
        const u32 left = left_list[pair >> 16];
        const u32 right = right_list[pair & 0xffffu];
        const u32 position = bucket * table->stride + rank;
        parents[table->parents_start + position] = make_uint2(left, right);
        next_entries[position] = hashed(table, entries[left], entries[right]);
    }
    if (thread == 0) {
        group_counts[bucket] = match_count;
        if (table->variant == 1 && sum > table->stride) atomicOr(&flags[0], FLAG_OVERFLOW);
    }
}
