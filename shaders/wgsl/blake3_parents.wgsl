// One level of the tree: the chaining value of every pair, one invocation for each. A value without a
// neighbor goes up as it is.

@group(0) @binding(0) var<storage, read> child_count: u32;
@group(0) @binding(1) var<storage, read> children: array<array<u32, 8>>;
@group(0) @binding(2) var<storage, read_write> parents: array<array<u32, 8>>;

@compute @workgroup_size(256)
fn blake3_parents(
    @builtin(global_invocation_id) invocation: vec3<u32>,
) {
    let pair = invocation.x;
    let left = 2u * pair;
    if left >= child_count {
        return;
    }
    if left + 1u == child_count {
        parents[pair] = children[left];
        return;
    }
    var block = array<u32, 16>();
    for (var word = 0u; word < 8u; word++) {
        block[word] = children[left][word];
        block[word + 8u] = children[left + 1u][word];
    }
    let flags = BLAKE3_PARENT | select(0u, BLAKE3_ROOT, child_count == 2u);
    parents[pair] = blake3_compress(BLAKE3_VALUES, block, 0u, 64u, flags);
}
