#!/usr/bin/env python3
"""Lets an independent program judge our proofs of space: chiapos, the C++ code of Chia's own farmers.

    oracle.py AIPOT

Makes all proofs of compatible seeds with `AIPOT plot table --out`, for both variants, and shows that chiapos
accepts every one of them, and none with one bit flipped or for another s-bucket. Compatible are seeds that begin
with the byte 1, which chiapos puts before the 32 bytes it is given. Needs `pip install chiapos==2.0.12`.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

from chiapos import Verifier

K = 20
PROOF_BYTES = 8 * K
BITMAP_BYTES = 65_536 // 8
# Every proof is shown to be accepted; of the altered ones, one in so many.
ALTERED_STRIDE = 37
SEEDS = [b"\1" + hashlib.sha256(bytes([number])).digest()[:31] for number in range(2)]
# With V1 every s-bucket that has a proof counts; V2 stops where a record is full.
LEAST_PROOFS = {"v1": 32_768, "v2": 32_768}


def make_proofs(program, seed, variant, folder):
    """All proofs of a seed as pairs of s-bucket and proof, in order."""
    out = pathlib.Path(folder) / f"{variant}-{seed.hex()[:8]}"
    words = [program, "plot", "table", "--seed", seed.hex(), "--variant", variant, "--out", out, "--json"]
    run = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    report = json.loads(run.stdout.splitlines()[-1])
    found, proofs = out.read_bytes()[:BITMAP_BYTES], out.read_bytes()[BITMAP_BYTES:]
    s_buckets = [place for place in range(8 * BITMAP_BYTES) if found[place // 8] >> place % 8 & 1]
    assert len(s_buckets) * PROOF_BYTES == len(proofs), "the bitmap counts other proofs than there are"
    assert len(s_buckets) == report["proof_count"], "the report counts other proofs than there are"
    return [
        (s_bucket, proofs[place * PROOF_BYTES : (place + 1) * PROOF_BYTES])
        for place, s_bucket in enumerate(s_buckets)
    ]


def is_accepted(seed, s_bucket, proof):
    """What chiapos says."""
    challenge = s_bucket.to_bytes(4, "little") + bytes(28)
    return bool(Verifier().validate_proof(seed[1:] + b"\0", K, challenge, proof))


def altered(proof, place):
    """The proof with one bit flipped, another one for each place."""
    changed = bytearray(proof)
    changed[place * 7 % PROOF_BYTES] ^= 1 << place % 8
    return bytes(changed)


def judge(program, seed, variant, folder):
    """Fails unless chiapos agrees about every proof of a seed."""
    proofs = make_proofs(program, seed, variant, folder)
    assert len(proofs) >= LEAST_PROOFS[variant], f"only {len(proofs)} proofs"
    refused = [s_bucket for s_bucket, proof in proofs if not is_accepted(seed, s_bucket, proof)]
    assert not refused, f"{variant}, seed {seed.hex()}: refused for s-buckets {refused[:10]}"
    sample = list(enumerate(proofs))[::ALTERED_STRIDE]
    for place, (s_bucket, proof) in sample:
        assert not is_accepted(seed, s_bucket, altered(proof, place)), f"altered, s-bucket {s_bucket}"
        assert not is_accepted(seed, s_bucket ^ 1, proof), f"of another s-bucket than {s_bucket}"
    print(
        f"{variant}, seed {seed.hex()[:16]}…: {len(proofs)} proofs accepted, "
        f"{2 * len(sample)} altered or misplaced ones refused"
    )


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            for variant in LEAST_PROOFS:
                judge(program, seed, variant, folder)


if __name__ == "__main__":
    main()
