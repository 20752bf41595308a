// The gradient before layer normalization: u = g gamma; a = mean of u; p = u h; b = mean of p;
// dx = fma(-h, b, u - a) r. Gives g h as well, whose column sums are the gradient of gamma.
#ifndef AIPOT_ROWS
#include "rows.cuh"
#endif

struct LayerNorm {
    u32 rows, width;
};

extern "C" __global__ void __launch_bounds__(ROW_THREADS) canonical_layer_norm_gradient(
    const LayerNorm *__restrict__ norm, const float *__restrict__ gradients,
    const float *__restrict__ gamma, const float *__restrict__ normalized,
    const float *__restrict__ scales, float *__restrict__ output, float *__restrict__ products
) {
    const u32 width = norm->width;
    for (u32 row = first_row(); row < norm->rows; row += row_step()) {
        const u64 first = (u64)row * width;
        const float *gradient = gradients + first, *units = normalized + first;
        const float scale = scales[row];
        const auto weighted = [=](u32 place) { return __fmul_rn(gradient[place], gamma[place]); };
        const float mean = row_mean(width, weighted);
        const float slope = row_mean(width, [=](u32 place) {
            return __fmul_rn(weighted(place), units[place]);
        });
        for (u64 place = lane_index(); place < width; place += LANE_COUNT) {
            const float unit = units[place];
            const float centered = __fsub_rn(weighted((u32)place), mean);
            const float bent = __fmaf_rn(negative(unit), slope, centered);
            output[first + place] = canonical(__fmul_rn(bent, scale));
            products[first + place] = canonical(__fmul_rn(gradient[place], unit));
        }
    }
}
