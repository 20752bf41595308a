"""Trains the workloads of benches/orders in PyTorch, from weights and over batches that the bench writes.

The bench `training` starts it; by hand: python benches/peers/training.py FOLDER WORKLOAD THREADS STEPS.
FOLDER holds weights.safetensors, labels.bin and features.bin or tokens.bin: little-endian, step after step.
Prints a line of JSON for each setting: the losses of the first steps, and the processor and wall
milliseconds of each step of STEPS more.

    pip install torch numpy
"""

import json
import math
import pathlib
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

WARM_STEPS = 20
LEARNING_RATE = 1e-3


def read_weights(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    weights = {}
    for name, tensor in header.items():
        start, end = (8 + length + offset for offset in tensor["data_offsets"])
        values = torch.frombuffer(bytearray(data[start:end]), dtype=torch.float32)
        weights[name] = values.reshape(tensor["shape"])
    return weights


def read_values(path, dtype):
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=dtype)


def set_linear(layer, weights, name):
    with torch.no_grad():
        layer.weight.copy_(weights[f"{name}.weight"].reshape(layer.weight.shape))
        layer.bias.copy_(weights[f"{name}.bias"])
    return layer


def linear(weights, name):
    outputs, inputs = weights[f"{name}.weight"].shape
    return set_linear(nn.Linear(inputs, outputs), weights, name)


def perceptron(weights):
    layers = []
    for index in range(sum(name.startswith("layers.") for name in weights) // 2):
        layers += [linear(weights, f"layers.{index:02}"), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def convolutional(weights):
    channels, layers = 1, []
    for index in range(sum(name.startswith("convolutions.") for name in weights) // 2):
        name = f"convolutions.{index:02}"
        outputs, depth = weights[f"{name}.weight"].shape
        convolution = nn.Conv2d(channels, outputs, math.isqrt(depth // channels))
        layers += [set_linear(convolution, weights, name), nn.ReLU(), nn.MaxPool2d(2)]
        channels = outputs
    return nn.Sequential(*layers, nn.Flatten(), *perceptron(weights))


class Block(nn.Module):
    def __init__(self, weights, name, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = (norm(weights, f"{name}.norm{index}") for index in (1, 2))
        self.packing = linear(weights, f"{name}.attention.input")
        self.mixing = linear(weights, f"{name}.attention.output")
        self.widening = linear(weights, f"{name}.perceptron.input")
        self.narrowing = linear(weights, f"{name}.perceptron.output")

    def forward(self, stream):
        batch, tokens, width = stream.shape
        packed = self.packing(self.norm1(stream))
        packed = packed.view(batch, tokens, 3, self.heads, width // self.heads)
        queries, keys, values = packed.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        stream = stream + self.mixing(attended.transpose(1, 2).reshape(batch, tokens, width))
        return stream + self.narrowing(F.gelu(self.widening(self.norm2(stream))))


def norm(weights, name):
    return set_linear(nn.LayerNorm(weights[f"{name}.bias"].shape), weights, name)


class Decoder(nn.Module):
    HEADS = 4

    def __init__(self, weights):
        super().__init__()
        count = sum(name.startswith("blocks.") for name in weights) // 12
        self.blocks = nn.ModuleList(Block(weights, f"blocks.{index:02}", self.HEADS) for index in range(count))
        self.norm, self.output = norm(weights, "norm"), linear(weights, "output")
        self.token = nn.Parameter(weights["token.weight"].clone())
        self.position = nn.Parameter(weights["position.weight"].clone())

    def forward(self, tokens):
        stream = F.embedding(tokens, self.token) + self.position
        for block in self.blocks:
            stream = block(stream)
        return self.output(self.norm(stream)).flatten(0, 1)


WORKLOADS = {
    "mlp": (perceptron, 128, None),
    "cnn": (convolutional, 64, (1, 28, 28)),
    "gpt": (Decoder, 8, None),
}


def read_batches(folder, batch, shape):
    labels = read_values(folder / "labels.bin", torch.int32).long()
    if (folder / "tokens.bin").exists():
        inputs = read_values(folder / "tokens.bin", torch.int32).long().reshape(-1, batch, 128)
        return inputs, labels.reshape(len(inputs), -1)
    labels = labels.reshape(-1, batch)
    features = read_values(folder / "features.bin", torch.float32)
    return features.reshape(len(labels), batch, *(shape or (-1,))), labels


def train(model, batches, count):
    inputs, labels = batches
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, fused=True
    )
    losses, cpu, wall = [], [], []
    for step in range(WARM_STEPS + count):
        cpu_start, wall_start = time.process_time_ns(), time.perf_counter_ns()
        index = step % len(inputs)
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(inputs[index]), labels[index])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        cpu.append((time.process_time_ns() - cpu_start) / 1e6)
        wall.append((time.perf_counter_ns() - wall_start) / 1e6)
    return {"losses": losses[:WARM_STEPS], "cpu_ms": cpu[WARM_STEPS:], "wall_ms": wall[WARM_STEPS:]}


def settings(workload):
    yield "eager", lambda model: model
    if workload == "cnn":
        yield "channels last", lambda model: model.to(memory_format=torch.channels_last)
    yield "compiled", torch.compile


def main():
    folder, workload, threads, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    build, batch, shape = WORKLOADS[workload]
    weights = read_weights(folder / "weights.safetensors")
    batches = read_batches(folder, batch, shape)
    for name, prepare in settings(workload):
        try:
            figures = train(prepare(build(weights)), batches, count)
        except Exception as failure:  # A setting that does not work here is no figure.
            print(f"{name}: {type(failure).__name__}: {failure}"[:400], file=sys.stderr)
            continue
        print(json.dumps({"setting": name, "version": torch.__version__, **figures}), flush=True)


if __name__ == "__main__":
    main()
