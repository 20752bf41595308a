// Arithmetic of profile P0: every operation is rounded once, to the nearest, and nothing is fused unless it
// says so. Twins of `kernels/src/canonical.rs` and `kernels/src/elementary`, operation by operation.
#ifndef AIPOT_CANONICAL
#define AIPOT_CANONICAL
#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

#define CANONICAL_NAN_BITS 0x7fc00000u
#define INFINITY_BITS 0x7f800000u
#define MAGNITUDE_MASK 0x7fffffffu

static __device__ __forceinline__ float number(u32 bits) { return __uint_as_float(bits); }

static __device__ __forceinline__ bool is_nan(float value) {
    return (__float_as_uint(value) & MAGNITUDE_MASK) > INFINITY_BITS;
}

// The value, or the one NaN. Every stored result goes through here.
static __device__ __forceinline__ float canonical(float value) {
    return is_nan(value) ? number(CANONICAL_NAN_BITS) : value;
}

static __device__ __forceinline__ float negative(float value) {
    return number(__float_as_uint(value) ^ ~MAGNITUDE_MASK);
}

static __device__ __forceinline__ float magnitude(float value) {
    return number(__float_as_uint(value) & MAGNITUDE_MASK);
}

static __device__ __forceinline__ float with_sign_of(float value, float sign) {
    return number(
        (__float_as_uint(value) & MAGNITUDE_MASK) | (__float_as_uint(sign) & ~MAGNITUDE_MASK)
    );
}

// A NaN passes.
static __device__ __forceinline__ float clamp(float value, float lowest, float highest) {
    const float above = value < lowest ? lowest : value;
    return above > highest ? highest : above;
}

// Horner's rule, lowest coefficient first.
template <u32 COUNT>
static __device__ __forceinline__ float polynomial(float x, const u32 (&coefficients)[COUNT]) {
    float value = number(coefficients[COUNT - 1]);
#pragma unroll
    for (u32 left = COUNT - 1; left > 0; left--) {
        value = __fmaf_rn(value, x, number(coefficients[left - 1]));
    }
    return value;
}

// ln 2 in two parts: its first 16 bits, and the rest.
#define LN2_HIGH number(0x3f317200u)
#define LN2_LOW number(0x35bfbe8eu)
// 1.5 * 2^23.
#define ROUNDER number(0x4b400000u)

static __device__ __forceinline__ float power_of_two(int exponent) {
    return number((u32)(exponent + 127) << 23);
}

static __device__ __forceinline__ float exponential(float x) {
    const u32 coefficients[] = {0x3efffffeu, 0x3e2aaa49u, 0x3d2aac5au, 0x3c091cd0u, 0x3ab524aeu};
    const float within = clamp(x, -104.0f, 89.0f);
    const float shifted = __fmaf_rn(within, number(0x3fb8aa3bu), ROUNDER);
    const float power = __fsub_rn(shifted, ROUNDER);
    float rest = __fmaf_rn(power, negative(LN2_HIGH), within);
    rest = __fmaf_rn(power, negative(LN2_LOW), rest);
    const float bend = __fmaf_rn(__fmul_rn(rest, rest), polynomial(rest, coefficients), rest);
    const float near_one = __fadd_rn(bend, 1.0f);
    const int exponent = (int)(__float_as_uint(shifted) - __float_as_uint(ROUNDER));
    const int half = exponent >> 1;
    const float scaled = __fmul_rn(near_one, power_of_two(half));
    return canonical(__fmul_rn(scaled, power_of_two((int)((u32)exponent - (u32)half))));
}

static __device__ __forceinline__ float logarithm(float x) {
    const u32 coefficients[] = {0x3eaaaaaau, 0xbe800113u, 0x3e4cd00eu, 0xbe2a3945u,
                                0x3e116c97u, 0xbe06c121u, 0x3e02af63u, 0xbd9c64efu};
    const u32 sqrt_half = 0x3f3504f3u;
    // Subnormal numbers are made normal.
    const bool is_small = x < number(0x00800000u);
    const float scaled = is_small ? __fmul_rn(x, 8388608.0f) : x;
    const int exponent = (int)(__float_as_uint(scaled) - sqrt_half) >> 23;
    const float significand = number(__float_as_uint(scaled) - ((u32)exponent << 23));
    const float whole = __fadd_rn(__int2float_rn(exponent), is_small ? -23.0f : 0.0f);
    const float fraction = __fsub_rn(significand, 1.0f);

    const float square = __fmul_rn(fraction, fraction);
    const float bend = __fmaf_rn(polynomial(fraction, coefficients), fraction, -0.5f);
    const float low = __fmaf_rn(square, bend, __fmul_rn(whole, LN2_LOW));
    const float high = __fmul_rn(whole, LN2_HIGH);
    const float sum = __fadd_rn(high, fraction);
    const float lost = __fsub_rn(fraction, __fsub_rn(sum, high));
    const float finite = __fadd_rn(sum, __fadd_rn(low, lost));

    if (__float_as_uint(x) == INFINITY_BITS) return x;
    if (x > 0.0f) return finite;
    return x == 0.0f ? negative(number(INFINITY_BITS)) : number(CANONICAL_NAN_BITS);
}

static __device__ __forceinline__ float square_root(float x) { return canonical(__fsqrt_rn(x)); }

static __device__ __forceinline__ float reciprocal_square_root(float x) {
    return canonical(__fdiv_rn(1.0f, __fsqrt_rn(x)));
}

static __device__ __forceinline__ float hyperbolic_tangent(float x) {
    const u32 coefficients[] = {0xbeaaaa99u, 0x3e08837bu, 0xbd5c1ad2u, 0x3ca8fc67u, 0xbbba8672u};
    const float size = magnitude(x);
    const float square = __fmul_rn(x, x);
    const float small =
        __fmaf_rn(__fmul_rn(size, square), polynomial(square, coefficients), size);
    const float power = exponential(__fadd_rn(size, size));
    const float large = __fsub_rn(1.0f, __fdiv_rn(2.0f, __fadd_rn(power, 1.0f)));
    return canonical(with_sign_of(size < 0.625f ? small : large, x));
}

static __device__ __forceinline__ float error_function(float x) {
    const u32 near_zero[] = {0x3e0375d3u, 0xbec09377u, 0x3de70dfau,
                             0xbcdb518au, 0x3ba3e7ffu, 0xba1e4dc8u};
    const u32 beyond[] = {0x3f9070f1u, 0x3f22dd93u, 0x3dd4e15au, 0xbcabc062u, 0x3ace7e9bu,
                          0x3a2338abu, 0xb982b6adu, 0x38254912u, 0xb6273879u};
    const float size = magnitude(x);
    const float square = __fmul_rn(x, x);
    const float small = __fmaf_rn(size, polynomial(square, near_zero), size);
    const float within = clamp(size, 0.0f, 4.0f);
    const float power = exponential(__fmul_rn(negative(within), polynomial(within, beyond)));
    const float large = __fsub_rn(1.0f, power);
    return canonical(with_sign_of(size < 0.875f ? small : large, x));
}

#endif
