// Between chunks as they lie in a record (big-endian) and scalars (the least significant word first); the
// same in both directions, one invocation for each.

@group(0) @binding(0) var<storage, read> before: array<array<u32, 8>>;
@group(0) @binding(1) var<storage, read_write> after: array<array<u32, 8>>;

@compute @workgroup_size(256)
fn erasure_turn(
    @builtin(global_invocation_id) invocation: vec3<u32>,
) {
    let place = invocation.x;
    for (var word = 0u; word < 8u; word++) {
        after[place][word] = turn_bytes(before[place][7u - word]);
    }
}
