"""Computes golden encodings a second time, with nothing of this project: SCALE as its specification
says it, BLAKE3 as its paper says it. Run `python3 check_vectors.py`; it prints what differs and ends with 1.
"""

import pathlib
import sys

WORD = 0xFFFFFFFF
START = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER_OF_WORDS = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64


def rotate(word, count):
    return ((word >> count) | (word << (32 - count))) & WORD


def mix(state, places, first, second):
    a, b, c, d = places
    for word, left, right in ((first, 16, 12), (second, 8, 7)):
        state[a] = (state[a] + state[b] + word) & WORD
        state[d] = rotate(state[d] ^ state[a], left)
        state[c] = (state[c] + state[d]) & WORD
        state[b] = rotate(state[b] ^ state[c], right)


def compress(chaining, block, counter, flags):
    words = [int.from_bytes(block.ljust(64, b"\0")[4 * i:4 * i + 4], "little") for i in range(16)]
    state = chaining + START[:4] + [counter & WORD, counter >> 32, len(block), flags]
    columns_and_diagonals = [(i, 4 + i, 8 + i, 12 + i) for i in range(4)] + [
        (i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)]
    for _ in range(7):
        for place, places in enumerate(columns_and_diagonals):
            mix(state, places, words[2 * place], words[2 * place + 1])
        words = [words[place] for place in ORDER_OF_WORDS]
    return [state[i] ^ state[i + 8] for i in range(8)]


def tree(data, key, flags, chunk_index, root):
    if len(data) <= 1024:
        blocks = [data[i:i + 64] for i in range(0, len(data), 64)] or [b""]
        value = key
        for place, block in enumerate(blocks):
            edge = (CHUNK_START if place == 0 else 0)
            if place == len(blocks) - 1:
                edge |= CHUNK_END | root
            value = compress(value, block, chunk_index, flags | edge)
        return value
    left = 1024
    while left * 2 < len(data):
        left *= 2
    halves = tree(data[:left], key, flags, chunk_index, 0) + tree(
        data[left:], key, flags, chunk_index + left // 1024, 0)
    block = b"".join(word.to_bytes(4, "little") for word in halves)
    return compress(key, block, 0, flags | PARENT | root)


def words_to_bytes(words):
    return b"".join(word.to_bytes(4, "little") for word in words)


def blake3(data):
    return words_to_bytes(tree(data, START, 0, 0, ROOT))


def derive_key(context, material):
    return words_to_bytes(tree(material, tree(context.encode(), START, CONTEXT, 0, ROOT), MATERIAL, 0, ROOT))


def u16(value):
    return value.to_bytes(2, "little")


def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


def u128(value):
    return value.to_bytes(16, "little")


def length(count):
    """The compact form of a length below 2^14."""
    return bytes([count << 2]) if count < 64 else u16(count << 2 | 1)


def of(byte, count=32):
    return bytes([byte]) * count


def records(count, repeated):
    """Examples of eleven features and the label 1, as the tests make them."""
    rows = ([example // repeated] + [example * feature % 7 for feature in range(1, 11)] + [1] for example in range(count))
    return b"".join(u32(value) for row in rows for value in row)


ORDER, SALT, GENESIS = of(0x11), of(0x22), of(0x33)
AMOUNT = u128(1_000_000_007)


def specification():
    test, training = records(50, 1), records(100, 4)
    commitment = derive_key("aipot test v1", blake3(test) + u64(len(test)) + of(9))
    model = b"\0" + length(1) + u32(40) + u64(7) + b"\0"
    data = blake3(training) + u64(len(training)) + b"\0\4" + b"".join(map(u32, (100, 50, 11, 16, 2))) + commitment
    train = b"\0\0\0" + u64(100_000) + u32(10) + u32(32)
    pay = b"".join(map(u128, (1_000_003, 100_007, 70_001, 60_009))) + u32(900_000)
    committee = u32(3) + u32(3)
    windows = b"".join(map(u32, (2, 3, 3, 4, 2, 3, 3, 4, 46)))
    return u16(1) + model + data + train + b"\0" + pay + committee + windows


def entries():
    score = 480 << 32 | (0xFFFFFFFF - 1_500_499 // 500)
    tally = u64(480) + u64(1_500_499) + of(0x42)
    return length(2) + of(0x41) + u64(score) + b"\1" + tally + of(0x51) + u64(0) + b"\0"


def chunk():
    data = b"the last chunk"
    return u64(5) + length(len(data)) + data + length(2) + of(0xCC) + of(0xDD)


def games():
    """Challenges, every move, and every proof."""
    evaluation = b"\1" + of(0x88) + of(0x99)
    two_roots, path = length(2) + of(0xAA) + of(0xAB), length(1) + of(0xAC)
    opening = (7).to_bytes(2, "little") + of(0xAD) + path + length(1) + chunk()
    moves = {
        "bisect": two_roots,
        "pick": b"\5",
        "enter_step": of(0xAD) + two_roots,
        "output": of(0xAD) + of(0xAE) + path,
        "children": length(2) + of(0xAD) + of(0xAE),
        "chunk": length(4) + b"\1\2\3\4",
        "leaf": b"\x09" + length(1) + opening,
    }
    proofs = {
        "prove_other_weights": u16(3) + of(0xAD) + path + chunk() + chunk(),
        "prove_other_header": chunk(),
        "prove_same_header": length(7) + b"weights" + length(1) + of(0xAF),
    }
    vectors = {"challenge": b"\x0b" + ORDER + evaluation, "challenge_training": b"\x0b" + ORDER + b"\0" + of(0x99)}
    for index, (name, body) in enumerate(moves.items()):
        vectors[name] = b"\x0c" + ORDER + u32(2) + u32(3) + bytes([index]) + body
    for index, (name, body) in enumerate(proofs.items()):
        vectors[name] = b"\x0f" + ORDER + evaluation + bytes([index]) + body
    return vectors


def calls():
    reveal = b"\7" + ORDER + of(0x66) + u64(3000)
    plain = {
        "transfer": b"\0" + of(0x44) + AMOUNT,
        "register_operator": b"\1" + AMOUNT + b"\1\0",
        "add_stake": b"\2" + AMOUNT,
        "unstake": b"\3" + AMOUNT,
        "withdraw": b"\4",
        "submit_order": b"\5" + specification(),
        "claim": b"\6" + ORDER + of(0x55) + u32(3),
        "reveal": reveal + b"\0" + SALT,
        "reveal_trained": reveal + b"\1" + of(0x67) + of(0x68) + SALT,
        "reveal_test": b"\x08" + ORDER + of(0x77) + u64(2500) + SALT,
        "commit_evaluation": b"\x09" + ORDER + of(0x55),
        "reveal_evaluation": b"\x0a" + ORDER + entries() + SALT,
        "request_chunk": b"\x0d" + ORDER + b"\0" + of(0xBB) + u64(5),
        "serve_chunk": b"\x0e" + ORDER + b"\1" + chunk(),
    }
    return plain | games()


def computed(golden):
    vectors = {f"call/{name}": body for name, body in calls().items()}
    signer = golden["signature/signer"]
    vectors["signature/payload"] = GENESIS + signer + u64(7) + vectors["call/transfer"]
    vectors["signature/call"] = signer + u64(7) + vectors["call/transfer"] + golden["signature/bytes"]
    vectors["order/specification"] = specification()
    vectors["order/id"] = blake3(specification())
    vectors["genesis/hash"] = blake3(golden["genesis/bytes"])
    claim = GENESIS + ORDER + of(0x44) + u32(1) + u32(2) + of(0x66) + of(0) + SALT
    vectors["commitment/claim"] = derive_key("aipot claim v1", claim)
    vectors["commitment/test"] = derive_key("aipot test v1", of(0x77) + u64(2500) + SALT)
    evaluation = GENESIS + ORDER + of(0x44) + entries() + SALT
    vectors["commitment/evaluation"] = derive_key("aipot evaluation v1", evaluation)
    vectors["evaluation/key"] = derive_key("aipot evaluation key v1", of(0x44) + of(0x12) + of(0x55))
    return vectors


def main():
    text = pathlib.Path(__file__).with_name("encodings.txt").read_text()
    pairs = (line.split(" = ") for line in text.splitlines() if not line.startswith("#"))
    golden = {name: bytes.fromhex(digits) for name, digits in pairs}
    second = computed(golden)
    different = [name for name, value in second.items() if golden.get(name) != value]
    for name in different:
        print(f"{name}: golden {golden[name].hex()}, computed {second[name].hex()}")
    print(f"{len(second) - len(different)} of {len(second)} agree; {len(golden) - len(second)} are not computed here")
    sys.exit(1 if different else 0)


main()
