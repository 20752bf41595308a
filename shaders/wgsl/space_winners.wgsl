// Finds the entry that has the best key of its s-bucket, one workgroup for each group of table 7.

// How many entries have the best key, then the position of one of them.
@group(0) @binding(6) var<storage, read_write> winners: array<atomic<u32>>;

@compute @workgroup_size(256)
fn space_winners(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    for (var rank = thread; rank < group_counts[workgroup.x]; rank += 256u) {
        let position = workgroup.x * table.stride + rank;
        let s_bucket = s_bucket_of(position);
        if s_bucket != NO_S_BUCKET && atomicLoad(&best[s_bucket]) == ~choice_key(position) {
            atomicAdd(&winners[2u * s_bucket], 1u);
            atomicStore(&winners[2u * s_bucket + 1u], position);
        }
    }
}
