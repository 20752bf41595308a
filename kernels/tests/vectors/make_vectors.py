"""Recomputes the golden vectors of this folder from the written definitions, sharing no code with
the crate: exact rational arithmetic, rounded to f32 where a definition rounds.

Needs `blake3` from PyPI. Run: `python3 kernels/tests/vectors/make_vectors.py`. It writes
`elementary.txt`, `stream.txt`, `matmul.txt`, `reduction.txt`, `softmax.txt`, `activation.txt`,
`normalization.txt`, `update.txt`, `convolution.txt`, `convolution_framed.txt`, `group_norm.txt`,
`average_pool.txt`, `patches.txt`, `attention.txt` and `cross_entropy.txt` next to itself; the other files come from elsewhere and name their origin. A changed line is a protocol change.
"""

import math
import pathlib
import re
import struct
from fractions import Fraction

import blake3

HERE = pathlib.Path(__file__).parent
SOURCES = HERE.parent.parent / "src"
ORIGIN = "# Origin: make_vectors.py beside this file, an independent reading of the definitions."
NAN = 0x7FC00000
INFINITY = math.inf


# f32 values are Python floats that hold an f32 exactly; arithmetic is exact, then rounded once.


def from_bits(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def to_bits(value):
    return NAN if math.isnan(value) else struct.unpack("<I", struct.pack("<f", value))[0]


def is_finite(*values):
    return all(math.isfinite(value) for value in values)


def rounded(exact, zero=0.0):
    """The f32 nearest to a rational, ties to even; `zero` is what an exact zero becomes."""
    if exact == 0:
        return zero
    sign, size = (-1.0 if exact < 0 else 1.0), abs(exact)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if Fraction(2) ** exponent > size:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    count = round(size / unit)  # Python rounds halves to even
    if count * unit >= Fraction(2) ** 128:
        return sign * INFINITY
    return sign * float(count * unit)


def zero_sum(a, b):
    """The zero of an exact sum of nothing: -0 only for two minus zeros."""
    return -0.0 if math.copysign(1, a) < 0 and math.copysign(1, b) < 0 else 0.0


def add(a, b):
    if not is_finite(a, b):
        return a + b
    return rounded(Fraction(a) + Fraction(b), zero_sum(a, b) if a == 0 and b == 0 else 0.0)


def multiply(a, b):
    if not is_finite(a, b):
        return a * b
    return rounded(Fraction(a) * Fraction(b), math.copysign(0.0, a) * math.copysign(1.0, b))


def divide(a, b):
    if not is_finite(a, b) or b == 0:
        if b == 0 and a != 0 and not math.isnan(a):
            return math.copysign(INFINITY, a) * math.copysign(1, b)
        return math.nan if b == 0 else a / b
    return rounded(Fraction(a) / Fraction(b), math.copysign(0.0, a) * math.copysign(1.0, b))


def fused(a, b, c):
    """a * b + c with one rounding."""
    if not is_finite(a, b, c):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    product_zero = math.copysign(1.0, a) * math.copysign(1.0, b) * 0.0
    both_zero = c == 0 and (a == 0 or b == 0)
    return rounded(exact, zero_sum(product_zero, c) if both_zero else 0.0)


def square_root(a):
    if math.isnan(a) or a < 0:
        return math.nan
    if a == 0 or a == INFINITY:
        return a
    exact = Fraction(a)
    # 64 more bits than needed and a sticky bit: then rounding once is right.
    scaled = exact * Fraction(4) ** 150
    root = math.isqrt(scaled.numerator // scaled.denominator)
    sticky = 0 if Fraction(root) ** 2 == scaled else Fraction(1, 2)
    return rounded((root + sticky) / Fraction(2) ** 150)


def polynomial(x, coefficients):
    value = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = fused(value, x, coefficient)
    return value


def coefficients(file, name):
    """Reads a table of bit patterns: constants are data, and the crate is where they live."""
    text = (SOURCES / "elementary" / file).read_text()
    table = re.search(rf"const {name}: \[f32; \d+\] = \[(.*?)\];", text, re.S).group(1)
    return [from_bits(int(bits.replace("_", ""), 16)) for bits in re.findall(r"0x([0-9a-f_]+)", table)]


LN2_HIGH, LN2_LOW, PER_LN2 = from_bits(0x3F317200), from_bits(0x35BFBE8E), from_bits(0x3FB8AA3B)
EXP = coefficients("exponential.rs", "COEFFICIENTS")
LOG = coefficients("logarithm.rs", "COEFFICIENTS")
TANH = coefficients("sigmoid.rs", "TANH_COEFFICIENTS")
ERF_SMALL = coefficients("sigmoid.rs", "ERF_SMALL_COEFFICIENTS")
ERF_LARGE = coefficients("sigmoid.rs", "ERF_LARGE_COEFFICIENTS")
SINE = coefficients("circle.rs", "SINE_COEFFICIENTS")
COSINE = coefficients("circle.rs", "COSINE_COEFFICIENTS")


def exp(x):
    if math.isnan(x):
        return x
    within = min(max(x, -104.0), 89.0)
    power = add(fused(within, PER_LN2, 12582912.0), -12582912.0)
    rest = fused(power, -LN2_HIGH, within)
    rest = fused(power, -LN2_LOW, rest)
    near_one = add(fused(multiply(rest, rest), polynomial(rest, EXP), rest), 1.0)
    return rounded(Fraction(near_one) * Fraction(2) ** int(power))


def log(x):
    if math.isnan(x) or x < 0:
        return math.nan
    if x == 0 or x == INFINITY:
        return INFINITY if x else -INFINITY
    exponent, significand = math.frexp(x)[1], math.frexp(x)[0]
    if significand < from_bits(0x3F3504F3):
        exponent, significand = exponent - 1, significand * 2
    fraction = add(significand, -1.0)
    square = multiply(fraction, fraction)
    bend = fused(polynomial(fraction, LOG), fraction, -0.5)
    low = fused(square, bend, multiply(float(exponent), LN2_LOW))
    high = multiply(float(exponent), LN2_HIGH)
    total = add(high, fraction)
    lost = add(fraction, -add(total, -high))
    return add(total, add(low, lost))


def tanh(x):
    size, square = abs(x), multiply(x, x)
    if size < 0.625:
        value = fused(multiply(size, square), polynomial(square, TANH), size)
    else:
        value = add(1.0, -divide(2.0, add(exp(add(size, size)), 1.0)))
    return math.copysign(value, x)


def erf(x):
    size, square = abs(x), multiply(x, x)
    if math.isnan(x):
        return x
    if size < 0.875:
        value = fused(size, polynomial(square, ERF_SMALL), size)
    else:
        within = min(size, 4.0)
        value = add(1.0, -exp(multiply(-within, polynomial(within, ERF_LARGE))))
    return math.copysign(value, x)


def rsqrt(x):
    return divide(1.0, square_root(x))


def cosine_of_turn(turn):
    quadrant = (turn + 2**29) % 2**32 >> 30
    units = (turn - (quadrant << 30) + 2**31) % 2**32 - 2**31
    rest = multiply(rounded(Fraction(units)), 2.0**-32)
    square = multiply(rest, rest)
    sine = multiply(rest, polynomial(square, SINE))
    cosine = fused(square, polynomial(square, COSINE), 1.0)
    return [cosine, -sine, -cosine, sine][quadrant]


def chacha8_block(key, number):
    state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    state += struct.unpack("<8I", key) + (number % 2**32, number >> 32, 0, 0)
    words = list(state)

    def quarter(a, b, c, d):
        for target, source, mixed, distance in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            words[target] = (words[target] + words[source]) % 2**32
            turned = words[mixed] ^ words[target]
            words[mixed] = (turned << distance | turned >> (32 - distance)) % 2**32

    for _ in range(4):
        for column in range(4):
            quarter(column, column + 4, column + 8, column + 12)
        for column in range(4):
            quarter(column, (column + 1) % 4 + 4, (column + 2) % 4 + 8, (column + 3) % 4 + 12)
    return [(word + start) % 2**32 for word, start in zip(words, state)]


class Stream:
    def __init__(self, order_seed, domain, counter):
        material = order_seed + struct.pack("<Q", counter) + domain.encode()
        self.key = blake3.blake3(material, derive_key_context="aipot chacha8 stream v1").digest()
        self.position = 0

    def word(self):
        block, index = divmod(self.position, 16)
        self.position += 1
        return chacha8_block(self.key, block)[index]

    def pair(self):
        low = self.word()
        return self.word() << 32 | low

    def below(self, bound):
        while True:
            high, low = divmod(self.pair() * bound, 2**64)
            if low >= 2**64 % bound:
                return high

    def unit(self):
        return (self.word() >> 8) * 2.0**-24

    def normal(self):
        unit = ((self.word() >> 8) + 1) * 2.0**-24
        turn = self.word()
        return multiply(square_root(multiply(-2.0, log(unit))), cosine_of_turn(turn))

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            chosen = self.below(last + 1)
            items[last], items[chosen] = items[chosen], items[last]
        return items


def element(left, right, bias=None):
    total = None
    for first in range(0, len(left), 512):
        block = 0.0
        for a, b in zip(left[first : first + 512], right[first : first + 512]):
            block = fused(a, b, block)
        total = block if total is None else add(total, block)
    total = 0.0 if total is None else total
    return total if bias is None else add(total, bias)


def summed(values):
    if not values:
        return 0.0
    while True:
        values = [chunk_sum(values[first : first + 4096]) for first in range(0, len(values), 4096)]
        if len(values) == 1:
            return values[0]


def chunk_sum(chunk):
    lanes = [0.0] * 32
    for index, value in enumerate(chunk):
        lanes[index % 32] = add(lanes[index % 32], value)
    half = 16
    while half:
        for lane in range(half):
            lanes[lane] = add(lanes[lane], lanes[lane + half])
        half //= 2
    return lanes[0]


def log_softmax(row):
    largest = max(row)
    log_sum = log(summed([exp(add(logit, -largest)) for logit in row]))
    return [add(add(logit, -largest), -log_sum) for logit in row]


def gelu(x):
    share = add(1.0, erf(multiply(x, from_bits(0x3F3504F3))))
    return multiply(multiply(0.5, x), share)


def gelu_slope(x):
    share = multiply(0.5, add(1.0, erf(multiply(x, from_bits(0x3F3504F3)))))
    density = exp(multiply(multiply(x, x), -0.5))
    return fused(multiply(x, from_bits(0x3ECC422A)), density, share)


def mean(values):
    return divide(summed(values), float(len(values)))


def layer_norm(row, gamma, beta, epsilon):
    """The normalized row, its scaled form and 1 / sigma."""
    row_mean = mean(row)
    centered = [add(x, -row_mean) for x in row]
    scale = rsqrt(add(mean([multiply(c, c) for c in centered]), epsilon))
    normalized = [multiply(c, scale) for c in centered]
    return normalized, [fused(h, g, b) for h, g, b in zip(normalized, gamma, beta)], scale


def layer_norm_gradient(normalized, scale, gamma, gradient):
    """The gradient before the normalization, and the products that sum to that of gamma."""
    scaled = [multiply(g, of_gamma) for g, of_gamma in zip(gradient, gamma)]
    shift = mean(scaled)
    tilt = mean([multiply(u, h) for u, h in zip(scaled, normalized)])
    before = [multiply(fused(-h, tilt, add(u, -shift)), scale) for u, h in zip(scaled, normalized)]
    return before, [multiply(g, h) for g, h in zip(gradient, normalized)]


def softmax(row):
    powers = [exp(add(x, -max(row))) for x in row]
    total = summed(powers)
    return [divide(power, total) for power in powers]


def block_sums(left, right):
    """The sums of the blocks of a product, one after the other."""
    for first in range(0, len(left), 512):
        sum_of_block = 0.0
        for a, b in zip(left[first : first + 512], right[first : first + 512]):
            sum_of_block = fused(a, b, sum_of_block)
        yield sum_of_block


def added(sums):
    """The first, then each next one added."""
    sums = list(sums)
    total = sums[0]
    for value in sums[1:]:
        total = add(total, value)
    return total


def framed(images, channels, height, width, padding):
    """Images in a frame of zeros, +0 added to everything within, each flat."""
    for image in images:
        rows = cut([add(value, 0.0) for value in image], width)
        edge = [0.0] * padding
        empty = [0.0] * (width + 2 * padding) * padding
        planes = [sum((edge + row + edge for row in rows[c * height : (c + 1) * height]), []) for c in range(channels)]
        yield sum((empty + plane + empty for plane in planes), [])


def unframed(values, channels, height, width, padding):
    """What lies within the frame of one image, flat."""
    rows = cut(values, width + 2 * padding)
    height_in_frame = height + 2 * padding
    kept = [rows[c * height_in_frame + padding + y] for c in range(channels) for y in range(height)]
    return [value for row in kept for value in row[padding : padding + width]]


def convolution(images, channels, height, width, kernel, weight, bias, gradient, stride=1):
    """Output, gradients of weight, bias and input, each flat; weight by output, gradient by image and output."""
    places = [(c, y, x) for c in range(channels) for y in range(kernel) for x in range(kernel)]
    pixels = [(y, x) for y in range(0, height - kernel + 1, stride) for x in range(0, width - kernel + 1, stride)]
    columns = [[[image[(c * height + y + ky) * width + x + kx] for c, ky, kx in places] for y, x in pixels] for image in images]
    output = [element(row, column, b) for of_image in columns for row, b in zip(weight, bias) for column in of_image]
    ones = [1.0] * len(pixels)
    of_weight, of_bias, of_input = [], [], []
    for o in range(len(weight)):
        for k in range(len(places)):
            pairs = [(of_image[o], [column[k] for column in of_column]) for of_image, of_column in zip(gradient, columns)]
            of_weight.append(added(total for left, right in pairs for total in block_sums(left, right)))
        of_bias.append(added(total for of_image in gradient for total in block_sums(of_image[o], ones)))
    for of_image in gradient:
        before = [0.0] * (channels * height * width)
        for k, (c, ky, kx) in enumerate(places):
            for p, (y, x) in enumerate(pixels):
                place = (c * height + y + ky) * width + x + kx
                value = element([of_output[p] for of_output in of_image], [row[k] for row in weight])
                before[place] = add(before[place], value)
        of_input += before
    return output, of_weight, of_bias, of_input


def attention(rows, heads, width, gradient):
    """Probabilities, output and the gradient of the rows of one example; a row is queries, keys, values."""
    tokens, scale = len(rows), divide(1.0, square_root(float(width)))
    probabilities, output = [], [[] for _ in rows]
    before = [[None] * (3 * heads * width) for _ in rows]
    for head in range(heads):
        query, key, value = ([row[first : first + width] for row in rows] for first in (width * (part * heads + head) for part in range(3)))
        behind = [row[head * width : (head + 1) * width] for row in gradient]
        scores = [[multiply(element(q, k), scale) if j <= i else -INFINITY for j, k in enumerate(key)] for i, q in enumerate(query)]
        shares = [softmax(row) for row in scores]
        probabilities += [share for row in shares for share in row]
        for row, share in zip(output, shares):
            row += [element(share, [v[d] for v in value]) for d in range(width)]
        of_shares = [[element(g, v) for v in value] for g in behind]
        of_scores = []
        for of_share, share in zip(of_shares, shares):
            total = summed([multiply(d, p) for d, p in zip(of_share, share)])
            of_scores.append([multiply(multiply(p, add(d, -total)), scale) for d, p in zip(of_share, share)])
        for i in range(tokens):
            of_key, of_value = ([row[i] for row in matrix] for matrix in (of_scores, shares))
            for d in range(width):
                for part, left, right in ((0, of_scores[i], key), (1, of_key, query), (2, of_value, behind)):
                    before[i][width * (part * heads + head) + d] = element(left, [row[d] for row in right])
    return probabilities, sum(output, []), sum(before, [])


def cross_entropy(rows, labels):
    """Losses, their mean and the gradient."""
    losses = [-log_softmax(row)[label] for row, label in zip(rows, labels)]
    share = divide(1.0, float(len(rows)))
    gradient = [
        multiply(add(value, -1.0 if at == label else -0.0), share)
        for row, label in zip(rows, labels)
        for at, value in enumerate(softmax(row))
    ]
    return losses, mean(losses), gradient


def mean_in_pieces(values):
    """The mean by sums of pieces of 1024 values, which are summed the same way."""
    sums = values
    while True:
        sums = [summed(sums[first : first + 1024]) for first in range(0, len(sums), 1024)]
        if len(sums) == 1:
            return divide(sums[0], float(len(values)))


def group_norm(images, groups, gamma, beta, gradient):
    """Output, gradients of input, gamma and beta; images and gradient by image and channel."""
    channels, pixels = len(gamma), len(images[0][0])
    size = channels // groups
    output, of_input, normalized = [], [], []
    for image, of_image in zip(images, gradient):
        kept = []
        for first in range(0, channels, size):
            row = sum(image[first : first + size], [])
            row_mean = mean_in_pieces(row)
            centered = [add(x, -row_mean) for x in row]
            scale = rsqrt(add(mean_in_pieces([multiply(c, c) for c in centered]), nearest("0.00001")))
            h = [multiply(c, scale) for c in centered]
            of_pixel = [first + place // pixels for place in range(len(row))]
            output += [fused(value, gamma[c], beta[c]) for value, c in zip(h, of_pixel)]
            u = [multiply(g, gamma[c]) for g, c in zip(sum(of_image[first : first + size], []), of_pixel)]
            shift, tilt = mean_in_pieces(u), mean_in_pieces([multiply(a, b) for a, b in zip(u, h)])
            of_input += [multiply(fused(-b, tilt, add(a, -shift)), scale) for a, b in zip(u, h)]
            kept += cut(h, pixels)
        normalized.append(kept)
    ones = [1.0] * pixels
    pairs = [(of_image, kept) for of_image, kept in zip(gradient, normalized)]
    products = [[[multiply(g, h) for g, h in zip(a[c], b[c])] for a, b in pairs] for c in range(channels)]
    of_gamma = [added(total for row in rows for total in block_sums(row, ones)) for rows in products]
    of_beta = [added(total for a, _ in pairs for total in block_sums(a[c], ones)) for c in range(channels)]
    return output, of_input, of_gamma, of_beta


def adamw(constants, rate, powers, gradient, weights, first, second):
    """One step in place of the lists; gives the powers of the betas."""
    beta1, beta2, epsilon, decay = constants
    powers = [multiply(powers[0], beta1), multiply(powers[1], beta2)]
    kept = add(1.0, -multiply(rate, decay))
    step_rate = divide(rate, add(1.0, -powers[0]))
    root = square_root(add(1.0, -powers[1]))
    for i, g in enumerate(gradient):
        first[i] = add(multiply(beta1, first[i]), multiply(add(1.0, -beta1), g))
        second[i] = add(multiply(beta2, second[i]), multiply(multiply(add(1.0, -beta2), g), g))
        size = add(divide(square_root(second[i]), root), epsilon)
        weights[i] = add(multiply(kept, weights[i]), -multiply(step_rate, divide(first[i], size)))
    return powers


def momentum(share, decay, rate, gradient, weights, velocity):
    kept = add(1.0, -multiply(rate, decay))
    for i, g in enumerate(gradient):
        velocity[i] = add(multiply(share, velocity[i]), g)
        weights[i] = add(multiply(kept, weights[i]), -multiply(rate, velocity[i]))


def write(name, title, lines):
    (HERE / name).write_text("\n".join([f"# {title}", ORIGIN, *lines]) + "\n")


def hexadecimal(values):
    return " ".join(f"{to_bits(value):08x}" for value in values)


def elementary_inputs():
    special = [0, 1, 0x7FFFFF, 0x800000, 0x3F800000, 0x3F7FFFFF, 0x3F800001, 0x7F7FFFFF, 0x7F800000, NAN]
    edges = [from_bits(0x3F3504F3), from_bits(0x3F3504F2), 0.625, 0.875, 4.0, 88.72284, 88.722839, -87.33655, -103.97208, -103.972084]
    bits = special + [bits | 1 << 31 for bits in special[:-1]] + [to_bits(edge) for edge in edges]
    stream = Stream(bytes(32), "elementary", 0)
    bits += [stream.word() for _ in range(60)]
    # Most random bit patterns overflow every function, so draw as many from where they do not.
    bits += [to_bits(multiply(stream.normal(), 4.0)) for _ in range(60)]
    return [bit for bit in bits if bit == NAN or not math.isnan(from_bits(bit))]


def stream_lines():
    for seed, domain, counter in ((bytes(32), "weights", 0), (bytes([7] * 32), "shuffle", 2**40 + 1)):
        name = f"{seed.hex()} {domain} {counter}"
        fresh = lambda: Stream(seed, domain, counter)  # noqa: E731
        stream = fresh()
        yield f"{name} words " + " ".join(f"{stream.word():08x}" for _ in range(20))
        stream = fresh()
        stream.position = 2**36 - 1
        yield f"{name} words_from_2^36-1 " + " ".join(f"{stream.word():08x}" for _ in range(3))
        stream = fresh()
        bounds = (1, 2, 3, 10, 1797, 2**32, 2**63 + 1, 2**64 - 1)
        yield f"{name} below " + " ".join(f"{bound}:{stream.below(bound)}" for bound in bounds)
        stream = fresh()
        yield f"{name} unit " + hexadecimal(stream.unit() for _ in range(16))
        stream = fresh()
        yield f"{name} normal " + hexadecimal(stream.normal() for _ in range(32))
        stream = fresh()
        yield f"{name} shuffle " + " ".join(map(str, stream.shuffled(range(20))))


def matmul_lines():
    """Only the seeds and results: the matrices are drawn from the stream, left, right, then bias."""
    for rows, depth, columns in ((2, 1, 3), (1, 511, 2), (2, 512, 1), (1, 513, 2), (1, 1025, 1)):
        stream = Stream(bytes(32), "matmul", depth)
        left = [[stream.normal() for _ in range(depth)] for _ in range(rows)]
        right = [[stream.normal() for _ in range(columns)] for _ in range(depth)]
        bias = [stream.normal() for _ in range(columns)]
        right_columns = list(zip(*right))
        product = [element(row, right_columns[j], bias[j]) for row in left for j in range(columns)]
        yield f"{rows} {depth} {columns} {hexadecimal(product)}"


def reduction_lines():
    for count in (0, 1, 31, 32, 33, 100, 4096, 4097, 10000):
        stream = Stream(bytes(32), "reduction", count)
        values = [stream.normal() for _ in range(count)]
        total = summed(values)
        mean = divide(total, float(count))
        yield f"{count} {hexadecimal([total, mean])}"


def softmax_lines():
    for classes in (1, 2, 10, 33, 100):
        stream = Stream(bytes(32), "softmax", classes)
        row = [multiply(stream.normal(), 8.0) for _ in range(classes)]
        yield f"{classes} {hexadecimal(log_softmax(row))}"


def normals(domain, counter, count):
    stream = Stream(bytes(32), domain, counter)
    return [stream.normal() for _ in range(count)]


def nearest(text):
    return rounded(Fraction(text))


def activation_lines():
    for x in map(from_bits, elementary_inputs()):
        yield hexadecimal([x, gelu(x), gelu_slope(x)])


def normalization_lines():
    """Rows of normal numbers, then beta, gamma and the gradient, each from a stream of its own."""
    for width in (1, 2, 31, 33, 256, 4097):
        row, gamma = normals("normalization row", width, width), normals("normalization gamma", width, width)
        beta, gradient = normals("normalization beta", width, width), normals("normalization gradient", width, width)
        normalized, output, scale = layer_norm(row, gamma, beta, nearest("0.00001"))
        before, products = layer_norm_gradient(normalized, scale, gamma, gradient)
        yield f"{width} output {hexadecimal(output[:40] + output[-1:])}"
        yield f"{width} gradient {hexadecimal(before[:40] + before[-1:])}"
        yield f"{width} of_gamma {hexadecimal(products[:40] + products[-1:])}"


def update_lines():
    constants = [nearest(text) for text in ("0.9", "0.999", "0.00000001", "0.01")]
    weights, first, second, powers = normals("update weights", 0, 8), [0.0] * 8, [0.0] * 8, [1.0, 1.0]
    for step in range(3):
        gradient = normals("update gradient", step, 8)
        powers = adamw(constants, nearest("0.001"), powers, gradient, weights, first, second)
        for name, values in (("powers", powers), ("weights", weights), ("first", first), ("second", second)):
            yield f"{name} {hexadecimal(values)}"
    weights, velocity = normals("update weights", 0, 8), [0.0] * 8
    for step in range(3):
        momentum(nearest("0.9"), nearest("0.01"), nearest("0.05"), normals("update gradient", step, 8), weights, velocity)
        yield f"momentum_weights {hexadecimal(weights)}"
        yield f"velocity {hexadecimal(velocity)}"


def cut(values, length):
    return [values[first : first + length] for first in range(0, len(values), length)]


def convolution_lines():
    """Batch, channels, height, width, kernel, outputs; all drawn in the order of their names here."""
    for counter, sizes in enumerate(((2, 2, 4, 5, 2, 3), (2, 1, 24, 23, 1, 2))):
        batch, channels, height, width, kernel, outputs = sizes
        depth, pixels = channels * kernel * kernel, (height - kernel + 1) * (width - kernel + 1)
        images = cut(normals("convolution input", counter, batch * channels * height * width), channels * height * width)
        weight = cut(normals("convolution weight", counter, outputs * depth), depth)
        bias = normals("convolution bias", counter, outputs)
        gradient = cut(cut(normals("convolution gradient", counter, batch * outputs * pixels), pixels), outputs)
        parts = convolution(images, channels, height, width, kernel, weight, bias, gradient)
        for name, values in zip(("output", "of_weight", "of_bias", "of_input"), parts):
            yield f"{' '.join(map(str, sizes))} {name} {hexadecimal(values[:40] + values[-1:])}"


def convolution_framed_lines():
    """Batch, channels, height, width, kernel, outputs, stride, padding; no bias."""
    for counter, sizes in enumerate(((2, 2, 5, 7, 3, 3, 2, 1), (1, 3, 4, 6, 1, 2, 2, 0), (2, 1, 24, 23, 3, 2, 1, 1), (1, 1, 7, 5, 4, 1, 3, 2))):
        batch, channels, height, width, kernel, outputs, stride, padding = sizes
        high, wide = height + 2 * padding, width + 2 * padding
        depth, pixels = channels * kernel * kernel, ((high - kernel) // stride + 1) * ((wide - kernel) // stride + 1)
        images = cut(normals("convolution input", counter, batch * channels * height * width), channels * height * width)
        weight = cut(normals("convolution weight", counter, outputs * depth), depth)
        gradient = cut(cut(normals("convolution gradient", counter, batch * outputs * pixels), pixels), outputs)
        images = list(framed(images, channels, height, width, padding))
        output, of_weight, _, of_input = convolution(images, channels, high, wide, kernel, weight, [None] * outputs, gradient, stride)
        of_input = sum((unframed(image, channels, height, width, padding) for image in cut(of_input, channels * high * wide)), [])
        for name, values in (("output", output), ("of_weight", of_weight), ("of_input", of_input)):
            yield f"{' '.join(map(str, sizes))} {name} {hexadecimal(values[:40] + values[-1:])}"


def group_norm_lines():
    """Images, channels, pixels, groups; drawn in the order of their names here."""
    for sizes in ((1, 1, 1, 1), (2, 4, 6, 2), (3, 6, 35, 3), (2, 2, 600, 1), (1, 3, 1030, 3)):
        images, channels, pixels, groups = sizes
        draw = lambda what: cut(cut(normals(f"group norm {what}", images * channels * pixels, images * channels * pixels), pixels), channels)  # noqa: E731
        gamma, beta = normals("group norm gamma", pixels, channels), normals("group norm beta", pixels, channels)
        parts = group_norm(draw("input"), groups, gamma, beta, draw("gradient"))
        for name, values in zip(("output", "of_input", "of_gamma", "of_beta"), parts):
            yield f"{' '.join(map(str, sizes))} {name} {hexadecimal(values[:40] + values[-1:])}"


def average_pool_lines():
    """Planes, height, width; the average of each, and the gradient of each of its pixels."""
    for count, height, width in ((1, 1, 1), (3, 5, 7), (2, 40, 33)):
        planes = cut(normals("average pool", height, count * height * width), height * width)
        gradient = normals("average pool gradient", height, count)
        yield f"{count} {height} {width} average {hexadecimal(map(mean_in_pieces, planes))}"
        yield f"{count} {height} {width} gradient {hexadecimal(divide(g, float(height * width)) for g in gradient)}"


def patches_lines():
    """Images, channels, height, width, side of a patch; the tokens of normal numbers."""
    for images, channels, height, width, side in ((1, 1, 4, 6, 2), (2, 3, 6, 3, 3), (1, 2, 2, 3, 1)):
        values = normals("patches", side, images * channels * height * width)
        tokens = [
            values[((image * channels + c) * height + top + y) * width + left + x]
            for image in range(images)
            for top in range(0, height, side)
            for left in range(0, width, side)
            for c in range(channels)
            for y in range(side)
            for x in range(side)
        ]
        yield f"{images} {channels} {height} {width} {side} tokens {hexadecimal(tokens[:40] + tokens[-1:])}"


def attention_lines():
    """Tokens, heads, head width of one example."""
    for tokens, heads, width in ((1, 1, 1), (5, 2, 3), (33, 1, 4)):
        rows = cut(normals("attention projections", tokens, tokens * 3 * heads * width), 3 * heads * width)
        gradient = cut(normals("attention gradient", tokens, tokens * heads * width), heads * width)
        parts = attention(rows, heads, width, gradient)
        for name, values in zip(("probabilities", "output", "of_projections"), parts):
            yield f"{tokens} {heads} {width} {name} {hexadecimal(values[:40] + values[-1:])}"


def cross_entropy_lines():
    """Rows, classes; the label of a row is 7 times its index, modulo the classes."""
    for count, classes in ((1, 1), (3, 10), (7, 33)):
        rows = cut(normals("cross entropy", count, count * classes), classes)
        losses, loss, gradient = cross_entropy(rows, [row * 7 % classes for row in range(count)])
        for name, values in (("losses", losses), ("mean", [loss]), ("gradient", gradient)):
            yield f"{count} {classes} {name} {hexadecimal(values[:40] + values[-1:])}"


if __name__ == "__main__":
    functions = (exp, log, tanh, erf, rsqrt)
    rows = [f"{bits:08x} " + hexadecimal(function(from_bits(bits)) for function in functions) for bits in elementary_inputs()]
    write("elementary.txt", "Bits of x, exp(x), log(x), tanh(x), erf(x), 1/sqrt(x).", rows)
    write("stream.txt", "Order seed, domain, counter, method, then what a fresh stream gives.", stream_lines())
    write("matmul.txt", "Rows, depth, columns, bits of the product; see matmul_lines for the factors.", matmul_lines())
    write("reduction.txt", "Count, bits of sum and mean of that many normal numbers.", reduction_lines())
    write("softmax.txt", "Classes, bits of the log-softmax of one row of normal numbers times 8.", softmax_lines())
    write("activation.txt", "Bits of x, GELU(x), slope of GELU at x.", activation_lines())
    write("normalization.txt", "Width, what, bits of the first 40 values and the last; see normalization_lines.", normalization_lines())
    write("update.txt", "Three steps of AdamW, then three of momentum; see update_lines.", update_lines())
    shown = "bits of the first 40 values and the last"
    write("convolution.txt", f"Sizes, what, {shown}; see convolution_lines.", convolution_lines())
    write("convolution_framed.txt", f"Sizes, what, {shown}; see convolution_framed_lines.", convolution_framed_lines())
    write("group_norm.txt", f"Sizes, what, {shown}; see group_norm_lines.", group_norm_lines())
    write("average_pool.txt", "Sizes, what, bits; see average_pool_lines.", average_pool_lines())
    write("patches.txt", f"Sizes, what, {shown}; see patches_lines.", patches_lines())
    write("attention.txt", f"Sizes, what, {shown}; see attention_lines.", attention_lines())
    write("cross_entropy.txt", f"Sizes, what, {shown}; see cross_entropy_lines.", cross_entropy_lines())
