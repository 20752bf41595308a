// One step of AdamW: m = beta1 m + (1 - beta1) g; v = beta2 v + ((1 - beta2) g) g;
// w = kept w - step_rate (m / (sqrt(v) / root + epsilon)). Nothing is fused.
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

struct AdamW {
    u32 count;
    float beta1, beta2, epsilon, kept, step_rate, root;
};

extern "C" __global__ void __launch_bounds__(256) canonical_adamw(
    const AdamW *__restrict__ step, const float *__restrict__ gradients,
    float *__restrict__ weights, float *__restrict__ firsts, float *__restrict__ seconds
) {
    const AdamW with = *step;
    const float rest1 = __fsub_rn(1.0f, with.beta1), rest2 = __fsub_rn(1.0f, with.beta2);
    const u64 distance = (u64)gridDim.x * blockDim.x;
    for (u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x; at < with.count; at += distance) {
        const float gradient = gradients[at];
        const float first =
            __fadd_rn(__fmul_rn(with.beta1, firsts[at]), __fmul_rn(rest1, gradient));
        const float square = __fmul_rn(__fmul_rn(rest2, gradient), gradient);
        const float second = __fadd_rn(__fmul_rn(with.beta2, seconds[at]), square);
        const float size = __fadd_rn(__fdiv_rn(__fsqrt_rn(second), with.root), with.epsilon);
        const float change = __fmul_rn(with.step_rate, __fdiv_rn(first, size));
        weights[at] = canonical(__fsub_rn(__fmul_rn(with.kept, weights[at]), change));
        firsts[at] = canonical(first);
        seconds[at] = canonical(second);
    }
}
