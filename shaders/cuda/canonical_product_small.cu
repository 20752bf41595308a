// The canonical product in tiles of 32 x 32 outputs, 2 x 2 for each thread.
#ifndef AIPOT_PRODUCT
#include "product.cuh"
#endif

extern "C" __global__ void __launch_bounds__(THREADS) canonical_product_small(
    const Product *__restrict__ product, const float *__restrict__ left,
    const float *__restrict__ right, const float *__restrict__ bias, float *__restrict__ output
) {
    multiply<32, 2, 2, 16>(*product, left, right, bias, output);
}
