// The ChaCha8 block function, for every kernel that needs a keystream.

#define CHACHA8_DOUBLE_ROUNDS 4

static __device__ __forceinline__ unsigned chacha8_rotate(unsigned value, int distance) {
    return __funnelshift_l(value, value, distance);
}

static __device__ __forceinline__ void chacha8_quarter(
    unsigned &a, unsigned &b, unsigned &c, unsigned &d
) {
    a += b;
    d = chacha8_rotate(d ^ a, 16);
    c += d;
    b = chacha8_rotate(b ^ c, 12);
    a += b;
    d = chacha8_rotate(d ^ a, 8);
    c += d;
    b = chacha8_rotate(b ^ c, 7);
}

// Turns the state of a block into its 16 words of keystream.
static __device__ __forceinline__ void chacha8_block(const unsigned before[16], unsigned words[16]) {
    for (int i = 0; i < 16; i++) words[i] = before[i];
    for (int round = 0; round < CHACHA8_DOUBLE_ROUNDS; round++) {
        chacha8_quarter(words[0], words[4], words[8], words[12]);
        chacha8_quarter(words[1], words[5], words[9], words[13]);
        chacha8_quarter(words[2], words[6], words[10], words[14]);
        chacha8_quarter(words[3], words[7], words[11], words[15]);
        chacha8_quarter(words[0], words[5], words[10], words[15]);
        chacha8_quarter(words[1], words[6], words[11], words[12]);
        chacha8_quarter(words[2], words[7], words[8], words[13]);
        chacha8_quarter(words[3], words[4], words[9], words[14]);
    }
    for (int i = 0; i < 16; i++) words[i] += before[i];
}
