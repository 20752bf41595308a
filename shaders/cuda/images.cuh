// Images [batch, channels, height, width], and windows of kernel x kernel over them with stride 1.
#ifndef AIPOT_IMAGES
#define AIPOT_IMAGES
#ifndef AIPOT_CANONICAL
#include "canonical.cuh"
#endif

struct Images {
    u32 batch, channels, height, width, kernel;
};

static __device__ __forceinline__ u64 first_place() {
    return (u64)blockIdx.x * blockDim.x + threadIdx.x;
}
static __device__ __forceinline__ u64 place_step() { return (u64)gridDim.x * blockDim.x; }

#endif
