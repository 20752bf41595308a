// One stage of a transform of 2^15 scalars in place, one invocation for each pair.

struct Stage {
    // Distance of the two of a pair.
    distance: u32,
    // 1: multiply, then add and subtract (towards values); 0: the other way round (towards coefficients).
    is_forward: u32,
}

@group(0) @binding(0) var<storage, read> stage: Stage;
@group(0) @binding(1) var<storage, read> roots: array<array<u32, 8>>;
@group(0) @binding(2) var<storage, read_write> scalars: array<array<u32, 8>>;

@compute @workgroup_size(256)
fn erasure_stage(
    @builtin(global_invocation_id) invocation: vec3<u32>,
) {
    let step = invocation.x % stage.distance;
    let low = 2u * invocation.x - step;
    let high = low + stage.distance;
    let root = roots[step * (16384u / stage.distance)];
    let left = scalars[low];
    let right = scalars[high];
    if stage.is_forward == 1u {
        let turned = multiply(right, root);
        scalars[low] = add(left, turned);
        scalars[high] = subtract(left, turned);
    } else {
        scalars[low] = add(left, right);
        scalars[high] = multiply(subtract(left, right), root);
    }
}
