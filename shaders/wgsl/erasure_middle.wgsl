// The short stages of both transforms and the shift between them, in shared memory: one workgroup for each
// 512 scalars, which these stages do not leave.

@group(0) @binding(0) var<storage, read> backward: array<array<u32, 8>>;
@group(0) @binding(1) var<storage, read> forward: array<array<u32, 8>>;
@group(0) @binding(2) var<storage, read> shift: array<array<u32, 8>>;
@group(0) @binding(3) var<storage, read_write> scalars: array<array<u32, 8>>;

var<workgroup> block: array<array<u32, 8>, 512>;

@compute @workgroup_size(256)
fn erasure_middle(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let start = workgroup.x * 512u;
    block[thread] = scalars[start + thread];
    block[thread + 256u] = scalars[start + thread + 256u];
    workgroupBarrier();
    for (var distance = 256u; distance > 0u; distance /= 2u) {
        let step = thread % distance;
        let low = 2u * thread - step;
        let left = block[low];
        let right = block[low + distance];
        block[low] = add(left, right);
        block[low + distance] = multiply(subtract(left, right), backward[step * (16384u / distance)]);
        workgroupBarrier();
    }
    block[thread] = multiply(block[thread], shift[start + thread]);
    block[thread + 256u] = multiply(block[thread + 256u], shift[start + thread + 256u]);
    workgroupBarrier();
    for (var distance = 1u; distance <= 256u; distance *= 2u) {
        let step = thread % distance;
        let low = 2u * thread - step;
        let left = block[low];
        let turned = multiply(block[low + distance], forward[step * (16384u / distance)]);
        block[low] = add(left, turned);
        block[low + distance] = subtract(left, turned);
        workgroupBarrier();
    }
    scalars[start + thread] = block[thread];
    scalars[start + thread + 256u] = block[thread + 256u];
}
