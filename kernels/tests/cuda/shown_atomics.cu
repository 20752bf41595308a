// Shows atomics and wide products, without a barrier.
#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

extern "C" __global__ void shown_atomics(u32 *words, u32 length) {
    const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&words[0], thread);
    atomicMin(&words[1], 1000 - thread);
    atomicMax(&words[2], thread);
    atomicOr(&words[3], 1u << (thread % 32));
    atomicXor(&words[4], thread);
    atomicAnd(&words[5], ~thread);
    atomicCAS(&words[6], thread, thread + 1);
    if (thread == 0) {
        words[8] = __umulhi(0xffffffffu, 0xfffffffeu);
        words[9] = __funnelshift_l(0x80000001u, 0x7u, 4);
        words[10] = __funnelshift_r(0x80000001u, 0x7u, 4);
        words[11] = __byte_perm(0x33221100u, 0x77665544u, 0x0527);
        words[12] = (u32)__clz(1) + ((u32)__popc(0xff0u) << 8) + ((u32)__ffs(8) << 16);
        words[13] = (u32)__umul64hi(~0ull, ~0ull);
        words[14] = length;
    }
}
