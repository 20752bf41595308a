// The chaining value of every chunk of 1,024 bytes, one thread for each.
#ifndef AIPOT_BLAKE3
#include "blake3.cuh"
#endif

#define CHUNK_WORDS 256u
#define BLOCK_BYTES 64u

extern "C" __global__ void __launch_bounds__(256) blake3_chunks(
    const u32 *__restrict__ input, const u32 *__restrict__ words, u32 *__restrict__ values
) {
    const u32 byte_count = input[0], chunk_count = input[1];
    const u32 chunk = blockIdx.x * blockDim.x + threadIdx.x;
    if (chunk >= chunk_count) return;
    const u32 bytes = min(byte_count - chunk * CHUNK_WORDS * 4, CHUNK_WORDS * 4);
    // An empty input is one empty block.
    const u32 block_count = bytes == 0 ? 1 : (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    u32 value[8];
    blake3_key(value);
    for (u32 number = 0; number < block_count; number++) {
        u32 block[16];
#pragma unroll
        for (u32 word = 0; word < 16; word++) {
            const u32 place = chunk * CHUNK_WORDS + number * 16 + word;
            const u32 first_byte = place * 4;
            block[word] = 0;
            if (first_byte >= byte_count) continue;
            const u32 rest = byte_count - first_byte;
            // Bytes behind the end are zero.
            block[word] = rest >= 4 ? words[place] : words[place] & ~(0xffffffffu << (rest * 8));
        }
        u32 flags = number == 0 ? BLAKE3_CHUNK_START : 0;
        if (number == block_count - 1) {
            flags |= BLAKE3_CHUNK_END | (chunk_count == 1 ? BLAKE3_ROOT : 0);
        }
        blake3_compress(value, block, chunk, min(bytes - number * BLOCK_BYTES, BLOCK_BYTES), flags);
    }
#pragma unroll
    for (u32 word = 0; word < 8; word++) values[chunk * 8 + word] = value[word];
}
