// Scores of causal attention in place: times the scale, or minus infinity for what lies ahead.
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

struct Mask {
    u32 matrices, tokens;
    float scale;
};

extern "C" __global__ void __launch_bounds__(256) canonical_mask(
    const Mask *__restrict__ mask, float *__restrict__ scores
) {
    const u32 tokens = mask->tokens;
    const u64 count = (u64)mask->matrices * tokens * tokens;
    const u64 step = (u64)gridDim.x * blockDim.x;
    for (u64 place = (u64)blockIdx.x * blockDim.x + threadIdx.x; place < count; place += step) {
        const u32 column = (u32)(place % tokens), row = (u32)(place / tokens % tokens);
        scores[place] = column > row ? negative(number(INFINITY_BITS))
                                     : canonical(__fmul_rn(scores[place], mask->scale));
    }
}
