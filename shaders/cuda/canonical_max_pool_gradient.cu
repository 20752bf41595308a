// The gradient of each window of 2 x 2 at the position that was taken, +0 at the other three.
#ifndef AIPOT_IMAGES
#include "images.cuh"
#endif

struct Pool {
    u32 planes, height, width;
};

extern "C" __global__ void __launch_bounds__(256) canonical_max_pool_gradient(
    const Pool *__restrict__ shape, const float *__restrict__ gradients,
    const u32 *__restrict__ positions, float *__restrict__ output
) {
    const Pool of = *shape;
    const u64 count = (u64)of.planes * of.height * of.width;
    for (u64 place = first_place(); place < count; place += place_step()) {
        const u32 x = (u32)(place % of.width), y = (u32)(place / of.width % of.height);
        const u64 plane = place / of.width / of.height;
        const u64 window = (plane * (of.height / 2) + y / 2) * (of.width / 2) + x / 2;
        const bool is_taken = positions[window] == y % 2 * 2 + x % 2;
        output[place] = is_taken ? canonical(gradients[window]) : 0.0f;
    }
}
