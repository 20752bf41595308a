// Shows a write beyond the end of a buffer, and shared memory that nobody has written.
#ifndef AIPOT_WORDS
#include "words.cuh"
#endif

extern "C" __global__ void shown_overflow(u32 *words, const u32 *index) {
    __shared__ u32 shared[4];
    words[index[0]] = shared[3];
}
