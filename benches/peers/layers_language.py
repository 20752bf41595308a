"""Writes what PyTorch computes with the layers of language models, forward and backward, for the tests of
`trainer/src/layer`: inputs, outputs and gradients of each layer on a few random numbers.

Needs `torch` and `numpy` from PyPI. Run: `python3 benches/peers/layers_language.py`. It writes
`trainer/src/layer/fixtures/language.json`.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

TARGET = pathlib.Path(__file__).parent.parent.parent / "trainer/src/layer/fixtures/language.json"
# Examples, tokens, heads, numbers of a head.
BATCH, TOKENS, HEADS, HEAD = 2, 5, 2, 4
WIDTH = HEADS * HEAD
IDS = torch.tensor([[7, 3, 0, 9, 0], [4, 4, 1, 0, 0]])
generator = torch.Generator().manual_seed(4)


def normal(*shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float32)


def attention(packed, mask):
    """Packed rows of queries, keys and values; True in the mask is seen."""
    parts = packed.view(BATCH, TOKENS, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
    attended = F.scaled_dot_product_attention(*parts, attn_mask=mask)
    return attended.transpose(1, 2).reshape(BATCH, TOKENS, WIDTH)


def rope(packed):
    """The rotation of the published llama code, on queries and keys, in the precision of f64 for the angles."""
    frequencies = 10000.0 ** (-torch.arange(0, HEAD, 2, dtype=torch.float64) / HEAD)
    angles = torch.outer(torch.arange(TOKENS, dtype=torch.float64), frequencies).repeat(1, 2)
    cosine, sine = (angles.cos().float()[:, None, :], angles.sin().float()[:, None, :])
    query, key, value = packed.view(BATCH, TOKENS, 3, HEADS, HEAD).unbind(2)

    def turned(x):
        half = torch.cat((-x[..., HEAD // 2 :], x[..., : HEAD // 2]), dim=-1)
        return x * cosine + half * sine

    return torch.stack((turned(query), turned(key), value), dim=2).reshape(BATCH, TOKENS, 3 * WIDTH)


def mean_present(x):
    present = (IDS != 0).float()[..., None]
    return (x * present).sum(1) / present.sum(1)


def sides():
    """Name, values, tensors (bias before weight), function of both."""
    rows, packed = (BATCH, TOKENS, WIDTH), (BATCH, TOKENS, 3 * WIDTH)
    causal = torch.ones(TOKENS, TOKENS, dtype=torch.bool).tril()
    padding = (IDS != 0)[:, None, None, :]
    yield "linear", [normal(*rows)], [normal(6), normal(6, WIDTH)], lambda x, bias, weight: F.linear(x, weight, bias)
    yield "relu", [normal(*rows)], [], F.relu
    yield "gelu", [2 * normal(*rows)], [], F.gelu
    yield "silu", [2 * normal(*rows)], [], F.silu
    yield "layer_norm", [normal(*rows)], [normal(WIDTH), normal(WIDTH)], lambda x, bias, weight: F.layer_norm(x, (WIDTH,), weight, bias, 1e-5)
    yield "rms_norm", [normal(*rows)], [normal(WIDTH)], lambda x, weight: F.rms_norm(x, (WIDTH,), weight, 1e-5)
    yield "attention", [normal(*packed)], [], lambda x: attention(x, None)
    yield "causal_attention", [normal(*packed)], [], lambda x: attention(x, causal)
    yield "padding_attention", [normal(*packed)], [], lambda x: attention(x, padding)
    yield "rope", [normal(*packed)], [], rope
    yield "embedding", [], [normal(10, WIDTH)], lambda table: F.embedding(IDS, table)
    yield "position_embedding", [normal(*rows)], [normal(6, WIDTH)], lambda x, table: x + table[:TOKENS]
    yield "add", [normal(*rows), normal(*rows)], [], torch.add
    yield "multiply", [normal(*rows), normal(*rows)], [], torch.mul
    yield "scale", [normal(*rows)], [], lambda x: 1.5 * x
    yield "mean_tokens", [normal(*rows)], [], lambda x: x.mean(1)
    yield "mean_present_tokens", [normal(*rows)], [], mean_present
    yield "first_token", [normal(*rows)], [], lambda x: x[:, 0]
    labels = torch.tensor([3, 0])
    yield "cross_entropy", [3 * normal(BATCH, 6)], [], lambda x: F.cross_entropy(x, labels, reduction="none")


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def case(values, tensors, function):
    for tensor in values + tensors:
        tensor.requires_grad_()
    output = function(*values, *tensors)
    is_loss = output.dim() == 1
    gradient = torch.full_like(output, 1 / BATCH) if is_loss else normal(*output.shape)
    output.backward(gradient)
    return {
        "values": [numbers(value) for value in values],
        "tensors": [numbers(tensor) for tensor in tensors],
        "output": numbers(output),
        "gradient": numbers(gradient),
        "of_values": [numbers(value.grad) for value in values],
        "of_tensors": [numbers(tensor.grad) for tensor in tensors],
    }


if __name__ == "__main__":
    cases = {name: case(values, tensors, function) for name, values, tensors, function in sides()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}" for name, found in cases.items())
    ids = json.dumps(IDS.flatten().tolist(), separators=(",", ":"))
    TARGET.write_text(f'{{"version": {json.dumps(torch.__version__)},\n"ids": {ids},\n"cases": {{\n{lines}\n}}}}\n')
