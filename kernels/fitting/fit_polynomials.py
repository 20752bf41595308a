"""Fits the polynomials of `src/elementary/` and prints their f32 coefficients as bit patterns.

Needs `mpmath` and `numpy`. Run: `python3 kernels/fitting/fit_polynomials.py`.

Each function is written as `fixed part + factor * polynomial(variable)`. The polynomial is fitted
on Chebyshev nodes by least squares whose weights are raised where the error is large (Lawson), which
converges to the smallest maximum. The lowest coefficient is then rounded to f32, taken as given, and
the rest is fitted again, until every coefficient is an f32.
"""

import struct

import mpmath
import numpy

NODES = 2001
ROUNDS = 200

mpmath.mp.prec = 120


def as_f32(value):
    return struct.unpack("<f", struct.pack("<f", float(value)))[0]


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def weighted_fit(basis, target, weight):
    """Coefficients with a small maximum of `weight * |basis @ c - target|`."""
    emphasis = numpy.ones(len(target))
    best, best_error = None, numpy.inf
    for _ in range(ROUNDS):
        rows = numpy.sqrt(emphasis) * weight
        scale = numpy.abs(basis * rows[:, None]).max(axis=0)
        found, *_ = numpy.linalg.lstsq(basis * rows[:, None] / scale, target * rows, rcond=None)
        found = found / scale
        error = numpy.abs(weight * (basis @ found - target))
        if error.max() < best_error:
            best, best_error = found, error.max()
        emphasis *= error / error.max() + 1e-3
        emphasis /= emphasis.max()
    return best, best_error


def fit(name, low, high, degree, parts):
    """`parts(x)` gives the variable, the polynomial's wanted value, and factor / function value."""
    nodes = [
        mpmath.mpf(low + high) / 2 + mpmath.mpf(high - low) / 2 * mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * NODES))
        for i in range(NODES)
    ]
    triples = [[float(part) for part in parts(x)] for x in nodes]
    variable, target, weight = (numpy.array(column) for column in zip(*triples))
    weight = numpy.abs(weight)
    powers = variable[:, None] ** numpy.arange(degree + 1)
    coefficients = []
    rest = target.copy()
    for power in range(degree + 1):
        found, _ = weighted_fit(powers[:, power:], rest, weight)
        coefficients.append(as_f32(found[0]))
        rest = rest - coefficients[-1] * powers[:, power]
    error = numpy.abs(weight * rest).max()
    print(f"{name}: degree {degree}, relative error 2^{numpy.log2(error):.1f}, lowest first")
    for value in coefficients:
        print(f"    f32::from_bits(0x{bits(value):08x}), // {value!r}")


def exp_parts(r):
    """exp(r) = 1 + r + r^2 P(r)."""
    wanted = (mpmath.exp(r) - 1 - r) / r**2
    return r, wanted, r**2 / mpmath.exp(r)


def log_parts(f):
    """ln(1 + f) = f - f^2 / 2 + f^3 P(f)."""
    wanted = (mpmath.log1p(f) - f + f**2 / 2) / f**3
    return f, wanted, f**3 / mpmath.log1p(f)


def sine_parts(t):
    """sin(2 pi t) = t P(t^2)."""
    value = mpmath.sin(2 * mpmath.pi * t)
    return t**2, value / t, t / value


def cosine_parts(t):
    """cos(2 pi t) = 1 + t^2 P(t^2)."""
    value = mpmath.cos(2 * mpmath.pi * t)
    return t**2, (value - 1) / t**2, t**2 / value


def tanh_parts(x):
    """tanh(x) = x + x^3 P(x^2)."""
    return x**2, (mpmath.tanh(x) - x) / x**3, x**3 / mpmath.tanh(x)


def erf_small_parts(x):
    """erf(x) = x + x P(x^2)."""
    return x**2, (mpmath.erf(x) - x) / x, x / mpmath.erf(x)


def erf_large_parts(x):
    """1 - erf(x) = exp(-x P(x)); an error e in the exponent moves erf by erfc(x) * e."""
    complement = mpmath.erfc(x)
    return x, -mpmath.log(complement) / x, x * complement / mpmath.erf(x)


HALF_LN2 = mpmath.log(2) / 2

if __name__ == "__main__":
    ln2 = mpmath.log(2)
    high = as_f32(int(ln2 * 2**16) / 2**16)
    print(f"ln 2 high 0x{bits(high):08x} ({high!r}), low 0x{bits(as_f32(ln2 - high)):08x}")
    print(f"1 / ln 2 0x{bits(as_f32(1 / ln2)):08x}")
    fit("exp", -HALF_LN2 * 1.001, HALF_LN2 * 1.001, 4, exp_parts)
    fit("log", mpmath.sqrt(0.5) - 1, mpmath.sqrt(2) - 1, 7, log_parts)
    fit("sine", mpmath.mpf(1) / 2**20, mpmath.mpf(1) / 8, 3, sine_parts)
    fit("cosine", mpmath.mpf(1) / 2**20, mpmath.mpf(1) / 8, 3, cosine_parts)
    fit("tanh", mpmath.mpf(1) / 2**10, mpmath.mpf("0.625"), 4, tanh_parts)
    fit("erf small", mpmath.mpf(1) / 2**10, mpmath.mpf("0.875"), 5, erf_small_parts)
    fit("erf large", mpmath.mpf("0.875"), mpmath.mpf("4"), 8, erf_large_parts)
