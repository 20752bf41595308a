// Layer normalization of each row: c = x - mean; variance = mean of c c; r = 1 / sqrt(variance + epsilon);
// h = c r; y = fma(h, gamma, beta). Keeps h and r for the gradient.
#ifndef AIPOT_ROWS
#include "rows.cuh"
#endif

struct LayerNorm {
    u32 rows, width;
    float epsilon;
};

extern "C" __global__ void __launch_bounds__(ROW_THREADS) canonical_layer_norm(
    const LayerNorm *__restrict__ norm, const float *__restrict__ values,
    const float *__restrict__ gamma, const float *__restrict__ beta, float *__restrict__ output,
    float *__restrict__ normalized, float *__restrict__ scales
) {
    const u32 width = norm->width;
    for (u32 row = first_row(); row < norm->rows; row += row_step()) {
        const u64 first = (u64)row * width;
        const float *here = values + first;
        const float mean = row_mean(width, [=](u32 place) { return here[place]; });
        const float variance = row_mean(width, [=](u32 place) {
            const float centered = __fsub_rn(here[place], mean);
            return __fmul_rn(centered, centered);
        });
        const float scale = reciprocal_square_root(__fadd_rn(variance, norm->epsilon));
        if (lane_index() == 0) scales[row] = scale;
        for (u64 place = lane_index(); place < width; place += LANE_COUNT) {
            const float unit = __fmul_rn(__fsub_rn(here[place], mean), scale);
            normalized[first + place] = canonical(unit);
            output[first + place] = canonical(__fmaf_rn(unit, gamma[place], beta[place]));
        }
    }
}
