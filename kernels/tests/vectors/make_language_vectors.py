"""Recomputes the golden vectors of the layers of language models, as `make_vectors.py` does for the
others and with its exact arithmetic.

Needs `blake3` from PyPI. Run: `python3 kernels/tests/vectors/make_language_vectors.py`. It writes
`silu.txt`, `rms_norm.txt`, `rotation.txt`, `masked_attention.txt` and `dropout.txt` next to itself. A
changed line is a protocol change.
"""

import math

import blake3

from make_vectors import (
    HERE, INFINITY, add, cosine_of_turn, cut, divide, element, elementary_inputs, exp, from_bits, fused, hexadecimal, mean, multiply,
    nearest, normals, rsqrt, softmax, square_root, chacha8_block,
)  # fmt: skip

ORIGIN = "# Origin: make_language_vectors.py beside this file, an independent reading of the definitions."


def write(name, title, lines):
    (HERE / name).write_text("\n".join([f"# {title}", ORIGIN, *lines]) + "\n")


def silu_lines():
    for x in map(from_bits, elementary_inputs()):
        power = add(1.0, exp(-x))
        sigmoid = divide(1.0, power)
        slope = multiply(sigmoid, fused(x, add(1.0, -sigmoid), 1.0))
        yield hexadecimal([x, divide(x, power), slope])


def rms_norm_lines():
    """The rows of `normalization_lines`, without beta."""
    for width in (1, 2, 31, 33, 256, 4097):
        row, gamma, gradient = (normals(f"normalization {what}", width, width) for what in ("row", "gamma", "gradient"))
        root = rsqrt(add(mean([multiply(x, x) for x in row]), nearest("0.00001")))
        normal = [multiply(x, root) for x in row]
        output = [multiply(h, scale) for h, scale in zip(normal, gamma)]
        scaled = [multiply(g, scale) for g, scale in zip(gradient, gamma)]
        tilt = mean([multiply(t, h) for t, h in zip(scaled, normal)])
        before = [multiply(fused(-h, tilt, t), root) for t, h in zip(scaled, normal)]
        products = [add(0.0, multiply(g, h)) for g, h in zip(gradient, normal)]
        for name, values in (("output", output), ("gradient", before), ("of_gamma", products)):
            yield f"{width} {name} {hexadecimal(values[:40] + values[-1:])}"


def frequency(base, width, pair):
    """Units of 2^-32 of a turn for each position, by integers as the definition says."""
    bits = math.frexp(base)[1] - 1
    mantissa = int(math.ldexp(base, 63 - bits))
    for _ in range(40):
        mantissa = mantissa * mantissa >> 63
        bit = mantissa >> 64
        mantissa, bits = mantissa >> bit, 2 * bits + bit
    shift, fraction = divmod(2 * pair * bits // width, 2**40)
    x, series = fraction * 3196577161300663915 >> 40, 2**62
    for term in range(20, 0, -1):
        series = 2**62 - (x * series >> 62) // term
    shift += 92
    return (733972625820500307 * series + 2 ** (shift - 1)) >> shift


def rotation_lines():
    for base, width in ((10000.0, 64), (500000.0, 128), (7.5, 6), (1.0, 2)):
        for pair in sorted({0, 1, width // 4, width // 2 - 1} & set(range(width // 2))):
            unit = frequency(base, width, pair)
            for position in (0, 1, 2, 1000, 4095):
                turn = position * unit % 2**32
                angles = [cosine_of_turn(turn), cosine_of_turn((turn - 2**30) % 2**32)]
                yield f"{base} {width} {pair} {position} {unit} {hexadecimal(angles)}"


def masked_attention_lines():
    """Tokens, heads, head width, which ids are padding; projections as in `attention_lines`."""
    for tokens, heads, width, step in ((5, 2, 3, 2), (33, 1, 4, 3), (5, 2, 3, 1), (5, 2, 3, 100)):
        rows = cut(normals("attention projections", tokens, tokens * 3 * heads * width), 3 * heads * width)
        # Every step-th token from the second on is padding; with a step of 1 all tokens are.
        hidden = [step == 1 or token % step == 1 for token in range(tokens)]
        hidden = [False] * tokens if all(hidden) else hidden
        scale, probabilities, output = divide(1.0, square_root(float(width))), [], [[] for _ in rows]
        for head in range(heads):
            query, key, value = ([row[first : first + width] for row in rows] for first in (width * (part * heads + head) for part in range(3)))
            for row, q in zip(output, query):
                scores = [-INFINITY if hide else multiply(element(q, k), scale) for hide, k in zip(hidden, key)]
                share = softmax(scores)
                probabilities += share
                row += [element(share, [v[d] for v in value]) for d in range(width)]
        for name, values in (("probabilities", probabilities), ("output", sum(output, []))):
            yield f"{tokens} {heads} {width} {step} {name} {hexadecimal(values[:40] + values[-1:])}"


def dropout_lines():
    """Node, step, threshold, then a 1 for each of the first 64 values that is kept."""
    for node, step, threshold in ((0, 0, 2**31), (3, 5, 429496730), (3, 6, 429496730), (2**16, 2**31, 2**32 - 2**28)):
        hasher = blake3.blake3(derive_key_context="aipot chacha8 stream v1")
        hasher.update(bytes(32) + (node << 32 | step).to_bytes(8, "little") + b"dropout")
        words = [word for block in range(4) for word in chacha8_block(hasher.digest(), block)]
        yield f"{node} {step} {threshold} {''.join(str(int(word >= threshold)) for word in words)}"


if __name__ == "__main__":
    write("silu.txt", "Bits of x, SiLU(x), slope of SiLU at x.", silu_lines())
    write("rms_norm.txt", "Width, what, bits of the first 40 values and the last; see rms_norm_lines.", rms_norm_lines())
    write("rotation.txt", "Base, head width, pair, position, frequency, bits of cosine and sine.", rotation_lines())
    write("masked_attention.txt", "Sizes, what, bits of the first 40 values and the last; see masked_attention_lines.", masked_attention_lines())
    write("dropout.txt", "Node, step, threshold, which of the first 64 values are kept.", dropout_lines())
