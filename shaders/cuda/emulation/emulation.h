// The words of CUDA C++ for a host compiler, so that unmodified kernels run without a device.
//
// A kernel is compiled with this header before it. Every thread of a block is a fiber, or, where the
// source holds no barrier, one turn of a loop; blocks run one after the other. What needs other threads
// (barriers, shuffles, ballots) stops a fiber until all have come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
// All shared memory of a kernel lies in one section, which is spoiled before each block.
#define __shared__ static __attribute__((section(EMULATION_SHARED)))

struct dim3 {
    uint32_t x, y, z;
};
extern dim3 threadIdx, blockIdx, blockDim, gridDim;
constexpr int warpSize = 32;

struct alignas(8) uint2 {
    uint32_t x, y;
};
struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};
struct alignas(16) ulonglong2 {
    unsigned long long x, y;
};
static inline uint2 make_uint2(uint32_t x, uint32_t y) { return {x, y}; }
static inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
    return {x, y, z, w};
}
static inline ulonglong2 make_ulonglong2(unsigned long long x, unsigned long long y) {
    return {x, y};
}

// Stops the running thread until the whole block has come to the barrier of this line.
void emulation_barrier(uint32_t line);
// Stops the running thread until the lanes of `mask` have come, and gives the values of all lanes.
const uint64_t *emulation_exchange(uint32_t mask, uint64_t value, uint32_t line);
// The running thread in its warp.
uint32_t emulation_lane();

#define __syncthreads() emulation_barrier(__LINE__)
#define __syncwarp(...) ((void)emulation_exchange(emulation_mask(__VA_ARGS__), 0, __LINE__))
#define __shfl_sync(mask, value, ...) emulation_shuffle(mask, value, __LINE__, 0, __VA_ARGS__)
#define __shfl_up_sync(mask, value, ...) emulation_shuffle(mask, value, __LINE__, 1, __VA_ARGS__)
#define __shfl_down_sync(mask, value, ...) emulation_shuffle(mask, value, __LINE__, 2, __VA_ARGS__)
#define __shfl_xor_sync(mask, value, ...) emulation_shuffle(mask, value, __LINE__, 3, __VA_ARGS__)
#define __ballot_sync(mask, predicate) emulation_ballot(mask, predicate, __LINE__)
#define __any_sync(mask, predicate) (emulation_ballot(mask, predicate, __LINE__) != 0u)
#define __all_sync(mask, predicate) (emulation_ballot(mask, predicate, __LINE__) == (mask))
#define __match_any_sync(mask, value) emulation_match(mask, value, __LINE__)
#define __reduce_add_sync(mask, value) emulation_sum(mask, value, __LINE__)

static inline uint32_t emulation_mask(uint32_t mask = 0xffffffffu) { return mask; }

template <class Value>
static inline Value emulation_shuffle(
    uint32_t mask, Value value, uint32_t line, uint32_t kind, uint32_t by, uint32_t width = 32
) {
    static_assert(std::is_integral<Value>::value, "only whole numbers are shuffled");
    const uint64_t *values = emulation_exchange(mask, static_cast<uint64_t>(value), line);
    const uint32_t lane = emulation_lane();
    const uint32_t first = lane / width * width;
    const uint32_t inside = lane % width;
    uint32_t source = lane;
    if (kind == 0) source = first + by % width;
    if (kind == 1 && inside >= by) source = lane - by;
    if (kind == 2 && inside + by < width) source = lane + by;
    if (kind == 3 && (inside ^ by) < width) source = first + (inside ^ by);
    return static_cast<Value>(values[source]);
}

static inline uint32_t emulation_ballot(uint32_t mask, bool predicate, uint32_t line) {
    const uint64_t *values = emulation_exchange(mask, predicate, line);
    uint32_t ballot = 0;
    for (uint32_t lane = 0; lane < 32; lane++) {
        if ((mask >> lane & 1) != 0 && values[lane] != 0) ballot |= 1u << lane;
    }
    return ballot;
}

static inline uint32_t emulation_match(uint32_t mask, uint64_t value, uint32_t line) {
    const uint64_t *values = emulation_exchange(mask, value, line);
    uint32_t same = 0;
    for (uint32_t lane = 0; lane < 32; lane++) {
        if ((mask >> lane & 1) != 0 && values[lane] == value) same |= 1u << lane;
    }
    return same;
}

static inline uint32_t emulation_sum(uint32_t mask, uint32_t value, uint32_t line) {
    const uint64_t *values = emulation_exchange(mask, value, line);
    uint32_t sum = 0;
    for (uint32_t lane = 0; lane < 32; lane++) {
        if ((mask >> lane & 1) != 0) sum += static_cast<uint32_t>(values[lane]);
    }
    return sum;
}

// Threads take turns, so plain reads and writes are whole.
#define EMULATION_ATOMIC(name, expression)                                      \
    template <class Value, class Operand>                                       \
    static inline Value name(Value *at, Operand given) {                        \
        const Value before = *at;                                               \
        const Value operand = static_cast<Value>(given);                        \
        *at = (expression);                                                     \
        return before;                                                          \
    }
EMULATION_ATOMIC(atomicAdd, before + operand)
EMULATION_ATOMIC(atomicSub, before - operand)
EMULATION_ATOMIC(atomicMin, operand < before ? operand : before)
EMULATION_ATOMIC(atomicMax, operand > before ? operand : before)
EMULATION_ATOMIC(atomicAnd, before & operand)
EMULATION_ATOMIC(atomicOr, before | operand)
EMULATION_ATOMIC(atomicXor, before ^ operand)
EMULATION_ATOMIC(atomicExch, operand)

template <class Value, class Expected, class Operand>
static inline Value atomicCAS(Value *at, Expected expected, Operand operand) {
    const Value before = *at;
    if (before == static_cast<Value>(expected)) *at = static_cast<Value>(operand);
    return before;
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}

template <class Value>
static inline Value __ldg(const Value *at) { return *at; }
template <class Value>
static inline Value __ldcs(const Value *at) { return *at; }
template <class Value>
static inline void __stcs(Value *at, Value value) { *at = value; }

static inline uint32_t __umulhi(uint32_t left, uint32_t right) {
    return static_cast<uint32_t>(static_cast<uint64_t>(left) * right >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long left, unsigned long long right) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(left) * right >> 64);
}
static inline uint32_t __funnelshift_l(uint32_t low, uint32_t high, uint32_t distance) {
    const uint64_t both = static_cast<uint64_t>(high) << 32 | low;
    return static_cast<uint32_t>(both << (distance & 31) >> 32);
}
static inline uint32_t __funnelshift_r(uint32_t low, uint32_t high, uint32_t distance) {
    const uint64_t both = static_cast<uint64_t>(high) << 32 | low;
    return static_cast<uint32_t>(both >> (distance & 31));
}
static inline uint32_t __byte_perm(uint32_t low, uint32_t high, uint32_t selector) {
    const uint64_t both = static_cast<uint64_t>(high) << 32 | low;
    uint32_t chosen = 0;
    for (uint32_t byte = 0; byte < 4; byte++) {
        const uint32_t from = selector >> (4 * byte) & 7;
        chosen |= static_cast<uint32_t>(both >> (8 * from) & 0xff) << (8 * byte);
    }
    return chosen;
}
static inline int __popc(uint32_t word) { return __builtin_popcount(word); }
static inline int __clz(uint32_t word) { return word == 0 ? 32 : __builtin_clz(word); }
static inline int __ffs(uint32_t word) { return __builtin_ffs(static_cast<int>(word)); }
template <class Value>
static inline Value min(Value left, Value right) { return right < left ? right : left; }
template <class Value>
static inline Value max(Value left, Value right) { return left < right ? right : left; }

// Arithmetic of profile P0: each operation rounded once, to the nearest. The host compiler contracts
// nothing (`-ffp-contract=off`), and its `fmaf` rounds once, with the processor's help or without.
static inline float __fadd_rn(float left, float right) { return left + right; }
static inline float __fsub_rn(float left, float right) { return left - right; }
static inline float __fmul_rn(float left, float right) { return left * right; }
static inline float __fdiv_rn(float left, float right) { return left / right; }
static inline float __fsqrt_rn(float value) { return __builtin_sqrtf(value); }
static inline float __fmaf_rn(float left, float right, float sum) {
    return __builtin_fmaf(left, right, sum);
}
static inline float __uint2float_rn(uint32_t value) { return static_cast<float>(value); }
static inline float __int2float_rn(int32_t value) { return static_cast<float>(value); }
static inline uint32_t __float_as_uint(float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline float __uint_as_float(uint32_t bits) {
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

// How a kernel is called: its buffers, then their lengths in words, as far as it asks for them.
struct EmulationArguments {
    uint32_t *const *buffers;
    const uint32_t *lengths;
    uint32_t count;
};

// A kernel as the host sees it.
struct EmulationKernel {
    const char *name;
    void (*call)(const EmulationArguments &);
    bool (*fits)(uint32_t buffer_count);
    bool has_barriers;
    char *shared_start;
    char *shared_stop;
};

template <class Argument>
static inline Argument emulation_argument(const EmulationArguments &given, size_t index) {
    if constexpr (std::is_pointer<Argument>::value) {
        return reinterpret_cast<Argument>(given.buffers[index]);
    } else {
        return static_cast<Argument>(given.lengths[index - given.count]);
    }
}

template <class... Argument, size_t... Index>
static inline void emulation_call(
    void (*kernel)(Argument...), const EmulationArguments &given, std::index_sequence<Index...>
) {
    kernel(emulation_argument<Argument>(given, Index)...);
}

template <class... Argument>
static inline void emulation_call(void (*kernel)(Argument...), const EmulationArguments &given) {
    emulation_call(kernel, given, std::index_sequence_for<Argument...>());
}

// Whether a kernel takes `count` pointers and then at most as many lengths.
template <class... Argument>
static inline bool emulation_fits(void (*)(Argument...), uint32_t count) {
    const bool are_pointers[] = {std::is_pointer<Argument>::value...};
    constexpr size_t all = sizeof...(Argument);
    if (all < count || all > 2 * static_cast<size_t>(count)) return false;
    for (size_t index = 0; index < all; index++) {
        if (are_pointers[index] != (index < count)) return false;
    }
    return true;
}

#define EMULATION_KERNEL(kernel, has_barriers)                                             \
    extern "C" __attribute__((weak)) char __start_shared_##kernel[];                       \
    extern "C" __attribute__((weak)) char __stop_shared_##kernel[];                        \
    static void call_##kernel(const EmulationArguments &given) {                           \
        emulation_call(kernel, given);                                                     \
    }                                                                                      \
    static bool fits_##kernel(uint32_t count) { return emulation_fits(kernel, count); }    \
    extern const EmulationKernel emulated_##kernel = {                                     \
        #kernel,      call_##kernel,           fits_##kernel,                              \
        has_barriers, __start_shared_##kernel, __stop_shared_##kernel};
