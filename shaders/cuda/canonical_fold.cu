// Gradients of columns back onto images: from +0, for (ky, kx) ascending.
#ifndef AIPOT_IMAGES
#include "images.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) canonical_fold(
    const Images *__restrict__ shape, const float *__restrict__ columns, float *__restrict__ images
) {
    const Images of = *shape;
    const u32 over = of.width - of.kernel + 1, down = of.height - of.kernel + 1;
    const u32 length = of.channels * of.kernel * of.kernel;
    const u64 count = (u64)of.batch * of.channels * of.height * of.width;
    for (u64 place = first_place(); place < count; place += place_step()) {
        const u32 x = (u32)(place % of.width), y = (u32)(place / of.width % of.height);
        const u64 plane = place / of.width / of.height;
        const u32 channel = (u32)(plane % of.channels);
        const u64 image = plane / of.channels;
        float sum = 0.0f;
        for (u32 ky = 0; ky < of.kernel; ky++) {
            // Below zero it wraps round, far beyond the last row.
            const u32 row = y - ky;
            if (row >= down) continue;
            for (u32 kx = 0; kx < of.kernel; kx++) {
                const u32 column = x - kx;
                if (column >= over) continue;
                const u64 pixel = (image * down + row) * over + column;
                const u32 k = (channel * of.kernel + ky) * of.kernel + kx;
                sum = __fadd_rn(sum, columns[pixel * length + k]);
            }
        }
        images[place] = canonical(sum);
    }
}
