// The BLAKE3 compression function, for every kernel that hashes.

const BLAKE3_CHUNK_START = 1u;
const BLAKE3_CHUNK_END = 2u;
const BLAKE3_PARENT = 4u;
const BLAKE3_ROOT = 8u;
const BLAKE3_VALUES = array<u32, 8>(
    0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
    0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
);

var<private> blake3_rows: array<vec4<u32>, 4>;

fn blake3_rotate_right(value: vec4<u32>, distance: u32) -> vec4<u32> {
    return (value >> vec4(distance)) | (value << vec4(32u - distance));
}

// Four mixing functions at once: lane j of the four rows is one column.
fn blake3_mix(x: vec4<u32>, y: vec4<u32>) {
    var a = blake3_rows[0] + blake3_rows[1] + x;
    var d = blake3_rotate_right(blake3_rows[3] ^ a, 16u);
    var c = blake3_rows[2] + d;
    var b = blake3_rotate_right(blake3_rows[1] ^ c, 12u);
    a += b + y;
    d = blake3_rotate_right(d ^ a, 8u);
    c += d;
    b = blake3_rotate_right(b ^ c, 7u);
    blake3_rows = array(a, b, c, d);
}

// The chaining value after a block of 16 little-endian words.
fn blake3_compress(
    value: array<u32, 8>,
    block: array<u32, 16>,
    counter: u32,
    length: u32,
    flags: u32,
) -> array<u32, 8> {
    blake3_rows[0] = vec4(value[0], value[1], value[2], value[3]);
    blake3_rows[1] = vec4(value[4], value[5], value[6], value[7]);
    blake3_rows[2] = vec4(0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au);
    blake3_rows[3] = vec4(counter, 0u, length, flags);
    var w = block;
    for (var round = 0u; round < 7u; round++) {
        blake3_mix(vec4(w[0], w[2], w[4], w[6]), vec4(w[1], w[3], w[5], w[7]));
        blake3_rows[1] = blake3_rows[1].yzwx;
        blake3_rows[2] = blake3_rows[2].zwxy;
        blake3_rows[3] = blake3_rows[3].wxyz;
        blake3_mix(vec4(w[8], w[10], w[12], w[14]), vec4(w[9], w[11], w[13], w[15]));
        blake3_rows[1] = blake3_rows[1].wxyz;
        blake3_rows[2] = blake3_rows[2].zwxy;
        blake3_rows[3] = blake3_rows[3].yzwx;
        w = array(
            w[2], w[6], w[3], w[10], w[7], w[0], w[4], w[13],
            w[1], w[11], w[12], w[5], w[9], w[14], w[15], w[8],
        );
    }
    let low = blake3_rows[0] ^ blake3_rows[2];
    let high = blake3_rows[1] ^ blake3_rows[3];
    return array(low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w);
}
