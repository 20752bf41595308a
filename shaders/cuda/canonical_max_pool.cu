// The largest of each window of 2 x 2, and which of the four it was: the first of equal ones, but a NaN before
// any number.
#ifndef AIPOT_IMAGES
#include "images.cuh"
#endif

struct Pool {
    u32 planes, height, width;
};

extern "C" __global__ void __launch_bounds__(256) canonical_max_pool(
    const Pool *__restrict__ shape, const float *__restrict__ images, float *__restrict__ output,
    u32 *__restrict__ positions
) {
    const Pool of = *shape;
    const u32 over = of.width / 2, down = of.height / 2;
    const u64 count = (u64)of.planes * down * over;
    for (u64 place = first_place(); place < count; place += place_step()) {
        const u32 x = (u32)(place % over) * 2, y = (u32)(place / over % down) * 2;
        const u64 plane = place / over / down;
        const float *window = images + (plane * of.height + y) * of.width + x;
        float best = window[0];
        u32 taken = 0;
#pragma unroll
        for (u32 position = 1; position < 4; position++) {
            const float value = window[(u64)(position / 2) * of.width + position % 2];
            if (value > best || (is_nan(value) && !is_nan(best))) {
                best = value;
                taken = position;
            }
        }
        output[place] = canonical(best);
        positions[place] = taken;
    }
}
