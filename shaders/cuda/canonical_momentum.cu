// One step of gradient descent with momentum: v = momentum v + g; w = kept w - rate v. Nothing is fused.
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

struct Momentum {
    u32 count;
    float momentum, kept, rate;
};

extern "C" __global__ void __launch_bounds__(256) canonical_momentum(
    const Momentum *__restrict__ step, const float *__restrict__ gradients,
    float *__restrict__ weights, float *__restrict__ velocities
) {
    const Momentum with = *step;
    const u64 distance = (u64)gridDim.x * blockDim.x;
    for (u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x; at < with.count; at += distance) {
        const float velocity = __fadd_rn(__fmul_rn(with.momentum, velocities[at]), gradients[at]);
        const float change = __fmul_rn(with.rate, velocity);
        weights[at] = canonical(__fsub_rn(__fmul_rn(with.kept, weights[at]), change));
        velocities[at] = canonical(velocity);
    }
}
