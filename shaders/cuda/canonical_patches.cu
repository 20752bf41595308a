// Columns of a convolution: [batch, output pixel, (channel, ky, kx)].
#ifndef AIPOT_IMAGES
#include "images.cuh"
#endif

extern "C" __global__ void __launch_bounds__(256) canonical_patches(
    const Images *__restrict__ shape, const float *__restrict__ images, float *__restrict__ columns
) {
    const Images of = *shape;
    const u32 over = of.width - of.kernel + 1, down = of.height - of.kernel + 1;
    const u32 length = of.channels * of.kernel * of.kernel;
    const u64 count = (u64)of.batch * down * over * length;
    for (u64 place = first_place(); place < count; place += place_step()) {
        const u32 k = (u32)(place % length);
        const u64 pixel = place / length;
        const u32 kx = k % of.kernel, ky = k / of.kernel % of.kernel;
        const u32 channel = k / of.kernel / of.kernel;
        const u32 x = (u32)(pixel % over) + kx, y = (u32)(pixel / over % down) + ky;
        const u64 image = pixel / over / down;
        columns[place] =
            canonical(images[((image * of.channels + channel) * of.height + y) * of.width + x]);
    }
}
