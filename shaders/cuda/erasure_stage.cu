// One stage of a transform of 2^15 scalars in place, one thread for each pair.
#ifndef AIPOT_SCALAR
#include "scalar.cuh"
#endif

// `stage` is the distance of the two of a pair, then 1: multiply, then add and subtract (towards values), or
// 0: the other way round (towards coefficients).
extern "C" __global__ void __launch_bounds__(256) erasure_stage(
    const u32 *__restrict__ stage, const uint4 *__restrict__ roots, uint4 *__restrict__ scalars
) {
    const u32 pair = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 distance = stage[0];
    const u32 step = pair % distance;
    const u32 low = 2 * pair - step;
    const u32 high = low + distance;
    const Scalar root = load(roots, step * (16384 / distance));
    const Scalar left = load(scalars, low);
    const Scalar right = load(scalars, high);
    if (stage[1] == 1) {
        const Scalar turned = multiply(right, root);
        store(scalars, low, add(left, turned));
        store(scalars, high, subtract(left, turned));
    } else {
        store(scalars, low, add(left, right));
        store(scalars, high, multiply(subtract(left, right), root));
    }
}
