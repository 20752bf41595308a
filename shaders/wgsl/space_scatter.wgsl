// Puts the position of every entry into the list of its bucket, one workgroup for each group.

@group(0) @binding(0) var<storage, read> table: Table;
@group(0) @binding(1) var<storage, read> entries: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> group_counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> bucket_counts: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> lists: array<u32>;
@group(0) @binding(5) var<storage, read_write> flags: array<atomic<u32>>;

@compute @workgroup_size(256)
fn space_scatter(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let group = workgroup.x;
    for (var rank = thread; rank < group_counts[group]; rank += 256u) {
        let position = group * table.stride + rank;
        let bucket = entries[position].x / BUCKET_VALUES;
        let place = atomicAdd(&bucket_counts[bucket], 1u);
        if place < LIST_STRIDE {
            lists[bucket * LIST_STRIDE + place] = position;
        } else {
            atomicOr(&flags[0], FLAG_OVERFLOW);
        }
    }
}
