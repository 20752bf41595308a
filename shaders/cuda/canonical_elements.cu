// One function of each element, or of two elements at the same place.
#ifndef AIPOT_ELEMENTS
#include "elements.cuh"
#endif

struct Elements {
    u32 count, operation;
};

static __device__ __forceinline__ float operate(u32 operation, float left, float right) {
    switch (operation) {
        case 0: return exponential(left);
        case 1: return logarithm(left);
        case 2: return hyperbolic_tangent(left);
        case 3: return error_function(left);
        case 4: return reciprocal_square_root(left);
        case 5: return square_root(left);
        case 6: return rectified(left);
        case 7: return gelu(left);
        case 8: return __fadd_rn(left, right);
        case 9: return __fmul_rn(left, right);
        case 10: return rectified_gradient(left, right);
        default: return gelu_gradient(left, right);
    }
}

// The output may be one of the inputs.
extern "C" __global__ void __launch_bounds__(256) canonical_elements(
    const Elements *elements, const float *left, const float *right, float *output
) {
    const u32 count = elements->count, operation = elements->operation;
    const u64 step = (u64)gridDim.x * blockDim.x;
    for (u64 place = (u64)blockIdx.x * blockDim.x + threadIdx.x; place < count; place += step) {
        output[place] = canonical(operate(operation, left[place], right[place]));
    }
}
