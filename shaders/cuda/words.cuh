// Names of whole numbers and the few operations on words that all kernels share.
#ifndef AIPOT_WORDS
#define AIPOT_WORDS

typedef unsigned int u32;
typedef unsigned long long u64;

static __device__ __forceinline__ u32 rotate_left(u32 word, u32 distance) {
    return __funnelshift_l(word, word, distance);
}

static __device__ __forceinline__ u32 rotate_right(u32 word, u32 distance) {
    return __funnelshift_r(word, word, distance);
}

// Words whose bytes are turned round: between big-endian bit strings and little-endian hashes.
static __device__ __forceinline__ u32 turn_bytes(u32 word) {
    return __byte_perm(word, 0, 0x0123);
}

#endif
