// Softmax or log-softmax of each row.
#ifndef AIPOT_SOFTMAX
#include "softmax.cuh"
#endif

struct Softmax {
    u32 rows, classes, is_logarithm;
};

// The output may be the input: a lane reads what it writes before it writes it, and nobody else does.
extern "C" __global__ void __launch_bounds__(ROW_THREADS) canonical_softmax(
    const Softmax *softmax, const float *logits, float *output
) {
    const u32 classes = softmax->classes;
    for (u32 row = first_row(); row < softmax->rows; row += row_step()) {
        const u64 first = (u64)row * classes;
        const RowParts parts = softmax_parts(logits + first, classes);
        for (u64 place = lane_index(); place < classes; place += LANE_COUNT) {
            const float logit = logits[first + place];
            output[first + place] =
                softmax->is_logarithm != 0 ? log_softmax_of(logit, parts) : softmax_of(logit, parts);
        }
    }
}
