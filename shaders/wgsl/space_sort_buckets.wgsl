// Variant 2: orders the list of every bucket by position and cuts it, one workgroup for each bucket.

@group(0) @binding(0) var<storage, read> table: Table;
@group(0) @binding(1) var<storage, read_write> bucket_counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> lists: array<u32>;

var<workgroup> positions: array<u32, 512>;

@compute @workgroup_size(256)
fn space_sort_buckets(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let start = workgroup.x * LIST_STRIDE;
    let count = min(bucket_counts[workgroup.x], LIST_STRIDE);
    for (var place = thread; place < LIST_STRIDE; place += 256u) {
        positions[place] = select(0xffffffffu, lists[start + place], place < count);
    }
    workgroupBarrier();
    // Bitonic sort.
    for (var size = 2u; size <= LIST_STRIDE; size *= 2u) {
        for (var distance = size / 2u; distance > 0u; distance /= 2u) {
            let low = 2u * thread - (thread & (distance - 1u));
            let high = low + distance;
            let is_ascending = (low & size) == 0u;
            let left = positions[low];
            let right = positions[high];
            if (left > right) == is_ascending {
                positions[low] = right;
                positions[high] = left;
            }
            workgroupBarrier();
        }
    }
    for (var place = thread; place < count; place += 256u) {
        lists[start + place] = positions[place];
    }
    storageBarrier();
    if thread == 0u {
        bucket_counts[workgroup.x] = min(count, table.bucket_entries_max);
    }
}
