// The sum, the mean or the largest value of each row.
#ifndef AIPOT_ROWS
#include "rows.cuh"
#endif

struct Reduction {
    u32 rows, length, operation;
};

extern "C" __global__ void __launch_bounds__(ROW_THREADS) canonical_reduce_rows(
    const Reduction *__restrict__ reduction, const float *__restrict__ values,
    float *__restrict__ output
) {
    const u32 length = reduction->length;
    for (u32 row = first_row(); row < reduction->rows; row += row_step()) {
        const float *here = values + (u64)row * length;
        const auto value = [=](u32 place) { return here[place]; };
        float reduced;
        if (reduction->operation == 0) {
            reduced = row_sum(length, value);
        } else if (reduction->operation == 1) {
            reduced = row_mean(length, value);
        } else {
            reduced = row_max(length, value);
        }
        if (lane_index() == 0) output[row] = reduced;
    }
}
