// Functions of single elements that layers use: activations and their gradients.
#ifndef AIPOT_ELEMENTS
#define AIPOT_ELEMENTS
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

// 1 / sqrt(2) and 1 / sqrt(2 pi).
#define FRAC_1_SQRT_2 number(0x3f3504f3u)
#define FRAC_1_SQRT_2PI number(0x3ecc422au)

// Only a NaN compares with nothing, so it stays.
static __device__ __forceinline__ float rectified(float x) { return x <= 0.0f ? 0.0f : x; }

static __device__ __forceinline__ float rectified_gradient(float gradient, float output) {
    if (is_nan(output)) return output;
    return output <= 0.0f ? 0.0f : gradient;
}

// 1 + erf(x / sqrt(2)).
static __device__ __forceinline__ float one_plus_error(float x) {
    return __fadd_rn(1.0f, error_function(__fmul_rn(x, FRAC_1_SQRT_2)));
}

static __device__ __forceinline__ float gelu(float x) {
    return __fmul_rn(__fmul_rn(0.5f, x), one_plus_error(x));
}

static __device__ __forceinline__ float gelu_gradient(float gradient, float x) {
    const float share = __fmul_rn(0.5f, one_plus_error(x));
    const float bell = exponential(__fmul_rn(__fmul_rn(x, x), -0.5f));
    return __fmul_rn(gradient, __fmaf_rn(__fmul_rn(x, FRAC_1_SQRT_2PI), bell, share));
}

#endif
