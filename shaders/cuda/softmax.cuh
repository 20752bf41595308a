// Parts of softmax of a row: m = the largest logit; e = exp(logit - m); s = the sum of all e.
#ifndef AIPOT_SOFTMAX
#define AIPOT_SOFTMAX
#ifndef AIPOT_ROWS
#include "rows.cuh"
#endif

struct RowParts {
    float largest, sum;
};

static __device__ __forceinline__ float softmax_power(float logit, float largest) {
    return exponential(__fsub_rn(logit, largest));
}

static __device__ __forceinline__ RowParts softmax_parts(const float *row, u32 classes) {
    const float largest = row_max(classes, [=](u32 place) { return row[place]; });
    const float sum =
        row_sum(classes, [=](u32 place) { return softmax_power(row[place], largest); });
    return {largest, sum};
}

static __device__ __forceinline__ float softmax_of(float logit, RowParts parts) {
    return canonical(__fdiv_rn(softmax_power(logit, parts.largest), parts.sum));
}

static __device__ __forceinline__ float log_softmax_of(float logit, RowParts parts) {
    return canonical(__fsub_rn(__fsub_rn(logit, parts.largest), logarithm(parts.sum)));
}

#endif
