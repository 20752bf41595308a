// The product of 8-bit integers with signs, four in a word, the first lowest. A workgroup computes a tile
// of 16 x 16 outputs, one for each invocation, and shares 16 words of every row and column at a time.

struct Sizes {
    rows: u32,
    // Words of a row of either matrix.
    words: u32,
    columns: u32,
}

@group(0) @binding(0) var<storage, read> sizes: Sizes;
@group(0) @binding(1) var<storage, read> left: array<u32>;
@group(0) @binding(2) var<storage, read> right: array<u32>;
@group(0) @binding(3) var<storage, read_write> product: array<i32>;

const SIDE = 16u;

var<workgroup> left_tile: array<u32, 256>;
var<workgroup> right_tile: array<u32, 256>;

// The sum of the four products of two words. Bits are extracted with their sign.
fn dot(x: u32, y: u32) -> i32 {
    let a = bitcast<i32>(x);
    let b = bitcast<i32>(y);
    return extractBits(a, 0u, 8u) * extractBits(b, 0u, 8u)
        + extractBits(a, 8u, 8u) * extractBits(b, 8u, 8u)
        + extractBits(a, 16u, 8u) * extractBits(b, 16u, 8u)
        + extractBits(a, 24u, 8u) * extractBits(b, 24u, 8u);
}

@compute @workgroup_size(256)
fn integer_product(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let x = invocation % SIDE;
    let y = invocation / SIDE;
    let row = workgroup.y * SIDE + y;
    let column = workgroup.x * SIDE + x;
    // The column whose words this invocation fetches.
    let fetched = workgroup.x * SIDE + y;
    var sum = 0;
    for (var first = 0u; first < sizes.words; first += SIDE) {
        let word = first + x;
        left_tile[invocation] = 0u;
        right_tile[invocation] = 0u;
        if word < sizes.words {
            if row < sizes.rows {
                left_tile[invocation] = left[row * sizes.words + word];
            }
            if fetched < sizes.columns {
                right_tile[invocation] = right[fetched * sizes.words + word];
            }
        }
        workgroupBarrier();
        for (var k = 0u; k < SIDE; k++) {
            sum += dot(left_tile[y * SIDE + k], right_tile[x * SIDE + k]);
        }
        workgroupBarrier();
    }
    if row < sizes.rows && column < sizes.columns {
        product[row * sizes.columns + column] = sum;
    }
}
