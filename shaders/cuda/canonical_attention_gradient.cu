// From the gradient of attention's probabilities that of its scores, row by row and in place: c = the sum of
// dP P; dS = (P (dP - c)) scale.
#ifndef AIPOT_ROWS
#include "rows.cuh"
#endif

struct Attention {
    u32 rows, tokens;
    float scale;
};

extern "C" __global__ void __launch_bounds__(ROW_THREADS) canonical_attention_gradient(
    const Attention *__restrict__ attention, const float *__restrict__ probabilities,
    float *__restrict__ gradients
) {
    const u32 tokens = attention->tokens;
    for (u32 row = first_row(); row < attention->rows; row += row_step()) {
        const float *shares = probabilities + (u64)row * tokens;
        float *gradient = gradients + (u64)row * tokens;
        const float sum = row_sum(tokens, [=](u32 place) {
            return __fmul_rn(gradient[place], shares[place]);
        });
        for (u64 place = lane_index(); place < tokens; place += LANE_COUNT) {
            const float centered = __fsub_rn(gradient[place], sum);
            const float product = __fmul_rn(shares[place], centered);
            gradient[place] = canonical(__fmul_rn(product, attention->scale));
        }
    }
}
