// The scalar field of BLS12-381 in eight words, the least significant first. Roots are kept in Montgomery's
// form and values are not, so that a product of both is a value again.
#ifndef AIPOT_SCALAR
#define AIPOT_SCALAR

#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

struct Scalar {
    u32 words[8];
};

// Word `index` of the modulus; known at compile time where the index is.
static __device__ __forceinline__ u32 modulus(u32 index) {
    const u32 words[8] = {0x00000001u, 0xffffffffu, 0xfffe5bfeu, 0x53bda402u,
                          0x09a1d805u, 0x3339d808u, 0x299d7d48u, 0x73eda753u};
    return words[index];
}

// Scalars lie in global memory as two vectors of four words.
static __device__ __forceinline__ Scalar load(const uint4 *scalars, u32 index) {
    const uint4 low = scalars[2 * index];
    const uint4 high = scalars[2 * index + 1];
    return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
}

static __device__ __forceinline__ void store(uint4 *scalars, u32 index, const Scalar &value) {
    const u32(&w)[8] = value.words;
    scalars[2 * index] = make_uint4(w[0], w[1], w[2], w[3]);
    scalars[2 * index + 1] = make_uint4(w[4], w[5], w[6], w[7]);
}

// left - right, and whether that is below zero.
static __device__ __forceinline__ bool borrows(Scalar &difference, const Scalar &left, const Scalar &right) {
    u64 borrow = 0;
#pragma unroll
    for (u32 index = 0; index < 8; index++) {
        const u64 partial = (u64)left.words[index] - right.words[index] - borrow;
        difference.words[index] = (u32)partial;
        borrow = partial >> 63;
    }
    return borrow != 0;
}

// Takes the modulus off a value below twice the modulus, if it can be.
static __device__ __forceinline__ Scalar reduce_once(const Scalar &value) {
    Scalar whole;
    Scalar reduced;
#pragma unroll
    for (u32 index = 0; index < 8; index++) whole.words[index] = modulus(index);
    const bool is_small = borrows(reduced, value, whole);
#pragma unroll
    for (u32 index = 0; index < 8; index++) {
        reduced.words[index] = is_small ? value.words[index] : reduced.words[index];
    }
    return reduced;
}

static __device__ __forceinline__ Scalar add(const Scalar &left, const Scalar &right) {
    // Twice the modulus fits into eight words.
    Scalar sum;
    u64 carry = 0;
#pragma unroll
    for (u32 index = 0; index < 8; index++) {
        carry += (u64)left.words[index] + right.words[index];
        sum.words[index] = (u32)carry;
        carry >>= 32;
    }
    return reduce_once(sum);
}

static __device__ __forceinline__ Scalar subtract(const Scalar &left, const Scalar &right) {
    Scalar difference;
    const bool is_negative = borrows(difference, left, right);
    u64 carry = 0;
#pragma unroll
    for (u32 index = 0; index < 8; index++) {
        carry += (u64)difference.words[index] + (is_negative ? modulus(index) : 0u);
        difference.words[index] = (u32)carry;
        carry >>= 32;
    }
    return difference;
}

// left * right / 2^256.
static __device__ __forceinline__ Scalar multiply(const Scalar &left, const Scalar &right) {
    Scalar sum = {};
#pragma unroll
    for (u32 i = 0; i < 8; i++) {
        u64 product = (u64)left.words[i] * right.words[0] + sum.words[0];
        // The modulus is 1 modulo 2^32, so the lowest word vanishes and leaves a carry unless it was zero.
        const u32 factor = 0u - (u32)product;
        u64 reduced = (u32)product != 0 ? 1 : 0;
#pragma unroll
        for (u32 j = 1; j < 8; j++) {
            product = (u64)left.words[i] * right.words[j] + sum.words[j] + (product >> 32);
            reduced += (u64)factor * modulus(j) + (u32)product;
            sum.words[j - 1] = (u32)reduced;
            reduced >>= 32;
        }
        sum.words[7] = (u32)(product >> 32) + (u32)reduced;
    }
    return reduce_once(sum);
}

#endif
