// Finds the best key of every s-bucket, one workgroup for each group of table 7.

@compute @workgroup_size(256)
fn space_choose(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    for (var rank = thread; rank < group_counts[workgroup.x]; rank += 256u) {
        let position = workgroup.x * table.stride + rank;
        let s_bucket = s_bucket_of(position);
        if s_bucket != NO_S_BUCKET {
            // Kept upside down, so that buffers of zeros are the start.
            atomicMax(&best[s_bucket], ~choice_key(position));
        }
    }
}
