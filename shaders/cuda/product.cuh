// The canonical product: per element, K in blocks of 512; in a block `sum = fma(left, right, sum)` from +0,
// k ascending; block sums added in ascending order; bias last. A tile of outputs for each thread block.
#ifndef AIPOT_PRODUCT
#define AIPOT_PRODUCT
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

#define K_BLOCK 512u
// Threads of a block in x and in y.
#define SIDE 16u
#define THREADS 256u

// Where element (row, column) of a matrix lies in a batch of outer * inner and in a group of K.
struct View {
    u32 offset, row_stride, column_stride, outer_stride, inner_stride, group_stride;
};

struct Product {
    u32 rows, columns, depth, group_count;
    u32 inner_count;
    // Distances in the bias; without one its pointer is that of another buffer.
    u32 has_bias, bias_row_stride, bias_column_stride;
    View left, right, output;
};

template <u32 COUNT>
struct alignas(COUNT * 4) Lanes {
    float at[COUNT];
};

static __device__ __forceinline__ u64 start(const View &view, u32 outer, u32 inner) {
    return view.offset + (u64)outer * view.outer_stride + (u64)inner * view.inner_stride;
}

// What one thread brings to shared memory, where K_TILE elements of K lie at a time: K_TILE * TILE / THREADS elements. Neighbors go along what lies
// side by side in memory.
template <u32 TILE, u32 K_TILE>
struct Loader {
    static constexpr u32 EACH = K_TILE * TILE / THREADS;
    u64 along_stride, k_stride;
    u32 first_along, first_k, along_step, k_step;

    __device__ __forceinline__ Loader(u32 along_stride, u32 k_stride)
        : along_stride(along_stride), k_stride(k_stride) {
        const u32 thread = threadIdx.x;
        const bool is_k_first = k_stride == 1;
        first_k = is_k_first ? thread % K_TILE : thread / TILE;
        first_along = is_k_first ? thread / K_TILE : thread % TILE;
        k_step = is_k_first ? 0 : THREADS / TILE;
        along_step = is_k_first ? THREADS / K_TILE : 0;
    }

    // Reads elements of the tile at (along, k); what lies outside of the matrix is never multiplied, or
    // multiplied into outputs that nobody stores.
    __device__ __forceinline__ void read(
        const float *values, u32 along, u32 along_count, u32 k, u32 depth, float (&held)[EACH]
    ) const {
        u32 row = along + first_along, column = k + first_k;
        const float *at = values + row * along_stride + column * k_stride;
        const u64 distance = along_step * along_stride + k_step * k_stride;
#pragma unroll
        for (u32 each = 0; each < EACH; each++) {
            held[each] = row < along_count && column < depth ? *at : 0.0f;
            row += along_step;
            column += k_step;
            at += distance;
        }
    }

    template <u32 PITCH>
    __device__ __forceinline__ void store(
        const float (&held)[EACH], float (&tile)[K_TILE][PITCH]
    ) const {
#pragma unroll
        for (u32 each = 0; each < EACH; each++) {
            tile[first_k + each * k_step][first_along + each * along_step] = held[each];
        }
    }
};

// Adds the products of one k to EACH x EACH sums.
template <u32 TILE, u32 EACH, u32 LANES, u32 PITCH>
static __device__ __forceinline__ void add_products(
    const float (&left)[PITCH], const float (&right)[PITCH], float (&sums)[EACH][EACH]
) {
    const u32 x = threadIdx.x % SIDE, y = threadIdx.x / SIDE;
    float rows[EACH], columns[EACH];
#pragma unroll
    for (u32 part = 0; part < EACH / LANES; part++) {
        const u32 first = part * SIDE * LANES;
        const Lanes<LANES> down = *reinterpret_cast<const Lanes<LANES> *>(&left[first + y * LANES]);
        const Lanes<LANES> over = *reinterpret_cast<const Lanes<LANES> *>(&right[first + x * LANES]);
#pragma unroll
        for (u32 lane = 0; lane < LANES; lane++) {
            rows[part * LANES + lane] = down.at[lane];
            columns[part * LANES + lane] = over.at[lane];
        }
    }
#pragma unroll
    for (u32 row = 0; row < EACH; row++) {
#pragma unroll
        for (u32 column = 0; column < EACH; column++) {
            sums[row][column] = __fmaf_rn(rows[row], columns[column], sums[row][column]);
        }
    }
}

// Calls `with(sum, place in the output, row, column)` for the outputs of this thread that exist.
template <u32 TILE, u32 EACH, u32 LANES, class With>
static __device__ __forceinline__ void each_output(
    const Product &product, float (&sums)[EACH][EACH], With with
) {
    const u32 x = threadIdx.x % SIDE, y = threadIdx.x / SIDE;
    const u32 outer = blockIdx.z / product.inner_count, inner = blockIdx.z % product.inner_count;
    const u64 first = start(product.output, outer, inner);
#pragma unroll
    for (u32 down = 0; down < EACH; down++) {
        const u32 row = blockIdx.y * TILE + (down / LANES * SIDE + y) * LANES + down % LANES;
        if (row >= product.rows) continue;
#pragma unroll
        for (u32 over = 0; over < EACH; over++) {
            const u32 column = blockIdx.x * TILE + (over / LANES * SIDE + x) * LANES + over % LANES;
            if (column >= product.columns) continue;
            const u64 place = (u64)row * product.output.row_stride +
                              (u64)column * product.output.column_stride;
            with(sums[down][over], first + place, row, column);
        }
    }
}

// One tile of TILE x TILE outputs, of which each thread has EACH x EACH in runs of LANES. The total of the
// blocks so far lies in the output, which leaves registers for a second thread block.
template <u32 TILE, u32 EACH, u32 LANES, u32 K_TILE>
static __device__ __forceinline__ void multiply(
    const Product &product, const float *left, const float *right, const float *bias, float *output
) {
    static_assert(SIDE * EACH == TILE && SIDE * SIDE == THREADS, "every output has its thread");
    static_assert(K_BLOCK % K_TILE == 0, "a block ends where a tile ends");
    // Four more, so that a column of the tile does not lie in one bank.
    constexpr u32 PITCH = TILE + 4;
    alignas(16) __shared__ float left_tile[2][K_TILE][PITCH];
    alignas(16) __shared__ float right_tile[2][K_TILE][PITCH];

    const u32 first_row = blockIdx.y * TILE, first_column = blockIdx.x * TILE;
    const u32 outer = blockIdx.z / product.inner_count, inner = blockIdx.z % product.inner_count;
    left += start(product.left, outer, inner);
    right += start(product.right, outer, inner);
    const Loader<TILE, K_TILE> down(product.left.row_stride, product.left.column_stride);
    const Loader<TILE, K_TILE> over(product.right.column_stride, product.right.row_stride);

    float sums[EACH][EACH] = {};
    float left_held[Loader<TILE, K_TILE>::EACH], right_held[Loader<TILE, K_TILE>::EACH];
    u32 side = 0, group = 0, k = 0;
    bool is_first_block = true;
    const u32 depth = product.depth;
    const u32 group_count = depth == 0 ? 0 : product.group_count;
    if (group_count > 0) {
        down.read(left, first_row, product.rows, 0, depth, left_held);
        over.read(right, first_column, product.columns, 0, depth, right_held);
    }
    while (group < group_count) {
        // Slower threads may still read the other side.
        down.store(left_held, left_tile[side]);
        over.store(right_held, right_tile[side]);
        __syncthreads();
        const u32 k_count = min(depth - k, K_TILE);
        k += k_count;
        const bool is_group_end = k == depth;
        const bool is_block_end = is_group_end || k % K_BLOCK == 0;
        if (is_group_end) {
            k = 0;
            group++;
            left += product.left.group_stride;
            right += product.right.group_stride;
        }
        if (group < group_count) {
            down.read(left, first_row, product.rows, k, depth, left_held);
            over.read(right, first_column, product.columns, k, depth, right_held);
        }
        if (k_count == K_TILE) {
#pragma unroll
            for (u32 step = 0; step < K_TILE; step++) {
                add_products<TILE, EACH, LANES>(left_tile[side][step], right_tile[side][step], sums);
            }
        } else {
            // Products with zeros behind the end would turn a sum of -0 into +0.
#pragma unroll 1
            for (u32 step = 0; step < k_count; step++) {
                add_products<TILE, EACH, LANES>(left_tile[side][step], right_tile[side][step], sums);
            }
        }
        side ^= 1;
        const bool is_end = group == group_count;
        if (!is_block_end || is_end) continue;
        each_output<TILE, EACH, LANES>(product, sums, [=](float &sum, u64 place, u32, u32) {
            output[place] = is_first_block ? sum : __fadd_rn(output[place], sum);
            sum = 0.0f;
        });
        is_first_block = false;
    }
    each_output<TILE, EACH, LANES>(product, sums, [=](float sum, u64 place, u32 row, u32 column) {
        float total = is_first_block ? sum : __fadd_rn(output[place], sum);
        if (product.has_bias != 0) {
            const u64 bias_place =
                (u64)row * product.bias_row_stride + (u64)column * product.bias_column_stride;
            total = __fadd_rn(total, bias[bias_place]);
        }
        output[place] = canonical(total);
    });
}

#endif
