// Sums and maxima of rows, one warp for each: lane i takes elements i, i + 32, ... of a chunk of 4,096; lanes
// are folded 16, 8, 4, 2, 1; chunk sums are summed alike.
#ifndef AIPOT_ROWS
#define AIPOT_ROWS
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

#define LANE_COUNT 32u
#define CHUNK 4096u
#define ALL_LANES 0xffffffffu
// Threads and rows of a block.
#define ROW_THREADS 256u
#define ROWS_PER_BLOCK 8u

static __device__ __forceinline__ u32 lane_index() { return threadIdx.x % LANE_COUNT; }

// The first row of this warp, and the distance to its next one.
static __device__ __forceinline__ u32 first_row() {
    return blockIdx.x * ROWS_PER_BLOCK + threadIdx.x / LANE_COUNT;
}
static __device__ __forceinline__ u32 row_step() { return gridDim.x * ROWS_PER_BLOCK; }

// The value of another lane.
static __device__ __forceinline__ float shuffled_down(float value, u32 distance) {
    return number(__shfl_down_sync(ALL_LANES, __float_as_uint(value), distance));
}

// The fold of all lanes, for all of them.
static __device__ __forceinline__ float folded(float value) {
    for (u32 distance = LANE_COUNT / 2; distance > 0; distance /= 2) {
        value = __fadd_rn(value, shuffled_down(value, distance));
    }
    return number(__shfl_sync(ALL_LANES, __float_as_uint(value), 0));
}

// The sum of value(0), value(1), ... for all lanes. Chunk sums go to lanes as elements do: up to 2^24 of
// them are two levels, and a row of 2^32 elements has 2^20.
template <class Value>
static __device__ __forceinline__ float row_sum(u32 count, Value value) {
    const u32 lane = lane_index();
    float sum = 0.0f, second = 0.0f, third = 0.0f;
    u32 chunk = 0, pile = 0;
    for (u64 first = 0; first < count; first += CHUNK) {
        const u32 end = (u32)min(first + CHUNK, (u64)count);
        sum = 0.0f;
        for (u64 place = first + lane; place < end; place += LANE_COUNT) {
            sum = __fadd_rn(sum, value((u32)place));
        }
        sum = folded(sum);
        if (count <= CHUNK) return canonical(sum);
        if (chunk % LANE_COUNT == lane) second = __fadd_rn(second, sum);
        chunk++;
        if (chunk % CHUNK == 0) {
            const float pile_sum = folded(second);
            if (pile % LANE_COUNT == lane) third = __fadd_rn(third, pile_sum);
            second = 0.0f;
            pile++;
        }
    }
    if (pile == 0) return canonical(folded(second));
    const float pile_sum = folded(second);
    if (chunk % CHUNK != 0 && pile % LANE_COUNT == lane) third = __fadd_rn(third, pile_sum);
    return canonical(folded(third));
}

template <class Value>
static __device__ __forceinline__ float row_mean(u32 count, Value value) {
    return canonical(__fdiv_rn(row_sum(count, value), __uint2float_rn(count)));
}

// An integer that orders numbers as they are, -0 below +0; its own inverse.
static __device__ __forceinline__ int in_order(int bits) {
    return bits ^ ((bits >> 31) & (int)MAGNITUDE_MASK);
}

// The largest of value(0), value(1), ..., for all lanes: NaN when there is one, minus infinity for none.
template <class Value>
static __device__ __forceinline__ float row_max(u32 count, Value value) {
    int largest = in_order((int)0xff800000u);
    bool has_nan = false;
    for (u64 place = lane_index(); place < count; place += LANE_COUNT) {
        const float here = value((u32)place);
        largest = max(largest, in_order((int)__float_as_uint(here)));
        has_nan = has_nan || is_nan(here);
    }
    for (u32 distance = LANE_COUNT / 2; distance > 0; distance /= 2) {
        largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, distance));
    }
    if (__any_sync(ALL_LANES, has_nan)) return number(CANONICAL_NAN_BITS);
    return number((u32)in_order(largest));
}

#endif
