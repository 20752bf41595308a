// The scalar field of BLS12-381 in eight words, the least significant first. Roots are kept in Montgomery's
// form and values are not, so that a product of both is a value again.

const MODULUS = array<u32, 8>(
    0x00000001u, 0xffffffffu, 0xfffe5bfeu, 0x53bda402u,
    0x09a1d805u, 0x3339d808u, 0x299d7d48u, 0x73eda753u,
);

// left * right + addend + carry as low and high word; it always fits.
fn multiply_add(left: u32, right: u32, addend: u32, carry: u32) -> vec2<u32> {
    let a = left & 0xffffu;
    let b = left >> 16u;
    let c = right & 0xffffu;
    let d = right >> 16u;
    let ac = a * c;
    let ad = a * d;
    let bc = b * c;
    let middle = (ac >> 16u) + (ad & 0xffffu) + (bc & 0xffffu);
    var low = (ac & 0xffffu) | (middle << 16u);
    var high = b * d + (ad >> 16u) + (bc >> 16u) + (middle >> 16u);
    low += addend;
    high += u32(low < addend);
    low += carry;
    high += u32(low < carry);
    return vec2(low, high);
}

// Takes the modulus off a value below twice the modulus, if it can be.
fn reduce_once(value: array<u32, 8>) -> array<u32, 8> {
    var reduced = array<u32, 8>();
    var borrow = 0u;
    for (var i = 0u; i < 8u; i++) {
        let partial = value[i] - MODULUS[i];
        let first = u32(value[i] < MODULUS[i]);
        reduced[i] = partial - borrow;
        borrow = first | u32(partial < borrow);
    }
    if borrow == 1u {
        return value;
    }
    return reduced;
}

fn add(left: array<u32, 8>, right: array<u32, 8>) -> array<u32, 8> {
    var sum = array<u32, 8>();
    var carry = 0u;
    for (var i = 0u; i < 8u; i++) {
        let partial = left[i] + right[i];
        let first = u32(partial < left[i]);
        sum[i] = partial + carry;
        carry = first | u32(sum[i] < carry);
    }
    return reduce_once(sum);
}

fn subtract(left: array<u32, 8>, right: array<u32, 8>) -> array<u32, 8> {
    // left + (modulus - right), where modulus - right does not borrow.
    var negated = array<u32, 8>();
    var borrow = 0u;
    for (var i = 0u; i < 8u; i++) {
        let partial = MODULUS[i] - right[i];
        let first = u32(MODULUS[i] < right[i]);
        negated[i] = partial - borrow;
        borrow = first | u32(partial < borrow);
    }
    return add(left, negated);
}

// left * right / 2^256.
fn multiply(left: array<u32, 8>, right: array<u32, 8>) -> array<u32, 8> {
    var sum = array<u32, 8>();
    for (var i = 0u; i < 8u; i++) {
        var carried = multiply_add(left[i], right[0], sum[0], 0u);
        // The modulus is 1 modulo 2^32.
        let factor = 0u - carried.x;
        var reduced = multiply_add(factor, MODULUS[0], carried.x, 0u);
        for (var j = 1u; j < 8u; j++) {
            carried = multiply_add(left[i], right[j], sum[j], carried.y);
            reduced = multiply_add(factor, MODULUS[j], carried.x, reduced.y);
            sum[j - 1u] = reduced.x;
        }
        sum[7] = carried.y + reduced.y;
    }
    return reduce_once(sum);
}
