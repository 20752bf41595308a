// The 64 values x below the entry of each chosen s-bucket, packed into a proof; one workgroup for each.

@group(0) @binding(0) var<storage, read> table: Table;
@group(0) @binding(1) var<storage, read> winners: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> chosen: array<u32>;
@group(0) @binding(3) var<storage, read> parents: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read> flags: array<u32>;
@group(0) @binding(5) var<storage, read_write> proofs: array<u32>;

var<workgroup> values: array<u32, 64>;

@compute @workgroup_size(64)
fn space_trace(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let rank = workgroup.y * 32768u + workgroup.x;
    let is_proof = rank < flags[1];
    if is_proof {
        var position = winners[chosen[rank]].y;
        // Parents of tables 2 to 7 follow each other, each with as much room.
        let room = table.parents_start / 5u;
        for (var level = 0u; level < 6u; level++) {
            let both = parents[(5u - level) * room + position];
            position = select(both.x, both.y, ((thread >> (5u - level)) & 1u) == 1u);
        }
        values[thread] = position / table.stride * FIRST_GROUP + position % table.stride;
    }
    workgroupBarrier();
    let word_count = 2u * table.k;
    if is_proof && thread < word_count {
        let first_bit = thread * 32u;
        var bits = 0u;
        for (var index = first_bit / table.k; index * table.k < first_bit + 32u; index++) {
            // From the left end of the word; negative for a value that begins before it.
            let start = i32(index * table.k) - i32(first_bit);
            let value = values[index] << (32u - table.k);
            bits |= select(value >> u32(max(start, 0)), value << u32(max(-start, 0)), start < 0);
        }
        proofs[rank * word_count + thread] = turn_bytes(bits);
    }
}
