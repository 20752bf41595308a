// The ChaCha8 keystream, one block for each invocation.

extern "C" __global__ void chacha8_keystream(
    const unsigned *state, unsigned *keystream, const unsigned *sizes
) {
    unsigned block = blockIdx.x * blockDim.x + threadIdx.x;
    if (block >= sizes[1] / 16) return;
    unsigned before[16], words[16];
    for (int i = 0; i < 16; i++) before[i] = state[i];
    before[12] += block;
    chacha8_block(before, words);
    for (int i = 0; i < 16; i++) keystream[block * 16 + i] = words[i];
}
