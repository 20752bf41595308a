// The canonical product in tiles of 128 x 128 outputs, 8 x 8 for each thread.
#ifndef AIPOT_PRODUCT
#include "product.cuh"
#endif

extern "C" __global__ void __launch_bounds__(THREADS, 2) canonical_product_large(
    const Product *__restrict__ product, const float *__restrict__ left,
    const float *__restrict__ right, const float *__restrict__ bias, float *__restrict__ output
) {
    multiply<128, 8, 4, 8>(*product, left, right, bias, output);
}
