// Table 1: y of every x from the keystream, one invocation for each x.

@group(0) @binding(0) var<storage, read> table: Table;
@group(0) @binding(1) var<storage, read> keystream: array<u32>;
@group(0) @binding(2) var<storage, read_write> entries: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> group_counts: array<u32>;

@compute @workgroup_size(256)
fn space_first_values(
    @builtin(global_invocation_id) invocation: vec3<u32>,
) {
    let x = invocation.x;
    if x >= 1u << table.k {
        return;
    }
    let first_bit = x * table.k;
    let word = first_bit / 32u;
    let shift = first_bit % 32u;
    var bits = turn_bytes(keystream[word]) << shift;
    if shift + table.k > 32u {
        bits |= turn_bytes(keystream[word + 1u]) >> (32u - shift);
    }
    let y = ((bits >> (32u - table.k)) << 6u) | (x >> (table.k - 6u));
    let group = x / FIRST_GROUP;
    let rank = x % FIRST_GROUP;
    // Metadata stands at the left end of its words.
    entries[group * table.stride + rank] = vec4(y, x << (32u - table.k), 0u, 0u);
    if rank == 0u {
        group_counts[group] = FIRST_GROUP;
    }
}
