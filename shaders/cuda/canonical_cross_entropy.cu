// For each row the negative logarithm of the probability of its label, and the gradient of their mean:
// (softmax - one-hot) * (1 / rows).
#ifndef AIPOT_SOFTMAX
#include "softmax.cuh"
#endif

struct CrossEntropy {
    u32 rows, classes;
};

extern "C" __global__ void __launch_bounds__(ROW_THREADS) canonical_cross_entropy(
    const CrossEntropy *__restrict__ shape, const float *__restrict__ logits,
    const u32 *__restrict__ labels, float *__restrict__ losses, float *__restrict__ gradient
) {
    const u32 classes = shape->classes;
    const float share = __fdiv_rn(1.0f, __uint2float_rn(shape->rows));
    for (u32 row = first_row(); row < shape->rows; row += row_step()) {
        const u64 first = (u64)row * classes;
        const u32 label = labels[row];
        const RowParts parts = softmax_parts(logits + first, classes);
        for (u64 place = lane_index(); place < classes; place += LANE_COUNT) {
            const float logit = logits[first + place];
            const float one_hot = place == label ? 1.0f : 0.0f;
            const float error = __fsub_rn(softmax_of(logit, parts), one_hot);
            gradient[first + place] = canonical(__fmul_rn(error, share));
            if (place == label) losses[row] = canonical(negative(log_softmax_of(logit, parts)));
        }
    }
}
