// The ChaCha8 keystream, one block for each invocation.
//
// The host writes the state of the first block: constants, key, block counter, nonce.
// Invocation i adds i to the counter and writes the 16 words of its block.

struct State {
    words: array<vec4<u32>, 4>,
}

@group(0) @binding(0) var<storage, read> state: State;
@group(0) @binding(1) var<storage, read_write> keystream: array<vec4<u32>>;

// Two rounds, columns then diagonals, four times.
const DOUBLE_ROUNDS = 4u;

fn rotate_left(value: vec4<u32>, distance: u32) -> vec4<u32> {
    return (value << vec4(distance)) | (value >> vec4(32u - distance));
}

// Four quarter rounds at once: lane j of the four rows is one column.
fn mix(rows: array<vec4<u32>, 4>) -> array<vec4<u32>, 4> {
    var a = rows[0];
    var b = rows[1];
    var c = rows[2];
    var d = rows[3];
    a += b;
    d = rotate_left(d ^ a, 16u);
    c += d;
    b = rotate_left(b ^ c, 12u);
    a += b;
    d = rotate_left(d ^ a, 8u);
    c += d;
    b = rotate_left(b ^ c, 7u);
    return array(a, b, c, d);
}

@compute @workgroup_size(256)
fn chacha8_keystream(
    @builtin(global_invocation_id) invocation: vec3<u32>,
) {
    let block = invocation.x;
    if block >= arrayLength(&keystream) / 4u {
        return;
    }
    var before = state.words;
    before[3].x += block;
    var rows = before;
    for (var round = 0u; round < DOUBLE_ROUNDS; round++) {
        rows = mix(rows);
        // Turn row r by r lanes, so that the diagonals become columns, and back again.
        rows = mix(array(rows[0], rows[1].yzwx, rows[2].zwxy, rows[3].wxyz));
        rows = array(rows[0], rows[1].wxyz, rows[2].zwxy, rows[3].yzwx);
    }
    for (var row = 0u; row < 4u; row++) {
        keystream[block * 4u + row] = rows[row] + before[row];
    }
}
