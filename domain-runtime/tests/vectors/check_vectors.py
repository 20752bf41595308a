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


TEST_BYTES = bytes((place & 0xFF) ^ 0x5A for place in range(2500))
ORDER, SALT, GENESIS = of(0x11), of(0x22), of(0x33)
AMOUNT = u128(1_000_000_007)


def specification():
    test = derive_key("aipot test v1", blake3(TEST_BYTES) + u64(len(TEST_BYTES)) + of(9))
    training = bytes([7]) * (1000 * 65)
    model = b"\0" + length(1) + u32(32) + u64(7)
    data = blake3(training) + u64(len(training)) + b"\0\1" + b"".join(map(u32, (1000, 500, 64, 16, 10))) + test
    train = b"\0\0\0" + u64(100_000) + u32(10) + u32(32)
    pay = b"".join(map(u128, (1_000_003, 100_007, 50_001, 40_009))) + u32(900_000)
    committee = u32(3) + u32(3)
    windows = b"".join(map(u32, (2, 3, 3, 4, 2, 3, 3, 4, 4)))
    return u16(1) + model + data + train + b"\0" + pay + committee + windows


def entries():
    accuracy = 480 << 32 | (0xFFFFFFFF - 3000)
    loss = 0xFFFFFFFF - 3000
    return length(2) + of(0x41) + u64(accuracy) + of(0x42) + of(0x51) + u64(loss) + of(0x52)


def calls():
    chunk = b"the last chunk"
    return {
        "transfer": of(0x44) + AMOUNT,
        "register_operator": AMOUNT + b"\1\0",
        "add_stake": AMOUNT,
        "unstake": AMOUNT,
        "withdraw": b"",
        "submit_order": specification(),
        "claim": ORDER + of(0x55) + u32(3),
        "reveal": ORDER + of(0x66) + u64(3000) + of(0) + SALT,
        "reveal_test": ORDER + of(0x77) + u64(2500) + SALT,
        "commit_evaluation": ORDER + of(0x55),
        "reveal_evaluation": ORDER + entries() + SALT,
        "challenge": ORDER + of(0x88) + of(0x99),
        "judge": ORDER + u32(2) + u64(0x0102030405060708) + of(0xAA),
        "request_chunk": ORDER + b"\0" + of(0xBB) + u64(5),
        "serve_chunk": ORDER + b"\1" + u64(5) + length(len(chunk)) + chunk + length(2) + of(0xCC) + of(0xDD),
    }


def computed(golden):
    vectors = {f"call/{name}": bytes([index]) + body for index, (name, body) in enumerate(calls().items())}
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
