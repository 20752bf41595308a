"""Layers over images by PyTorch, forward and backward, for `trainer/src/layer/tests/vision.rs`.

Single layers first, then a residual network and a transformer over squares of an image, written here with
PyTorch's layers and the names of our tensors. Needs `pip install torch`.
Run: `python3 benches/peers/layers_vision.py > trainer/src/layer/fixtures/vision.json`.
"""

import json

import torch
from torch.nn import functional

torch.manual_seed(5)
torch.set_num_threads(1)


def draw(*shape, unit=64):
    """Short numbers between -2 and 2."""
    return torch.randint(-2 * unit + 1, 2 * unit, shape).float() / unit


def numbers(tensor):
    return [float(f"{value:.7g}") for value in tensor.detach().flatten().tolist()]


def parameter(tensor):
    return torch.nn.Parameter(tensor)


def case(name, layer, function, tensors):
    """One layer: what goes in, what comes out, a gradient behind it and all gradients before it."""
    tensors = {key: parameter(tensor) for key, tensor in tensors.items()}
    output = function(**tensors)
    gradient = draw(*output.shape)
    output.backward(gradient)
    found = {"name": name, "layer": layer, "shape": list(tensors["input"].shape)}
    found |= {key: numbers(tensor) for key, tensor in tensors.items()}
    found |= {"output": numbers(output), "gradient": numbers(gradient)}
    return found | {f"of_{key}": numbers(tensor.grad) for key, tensor in tensors.items()}


def convolution(name, shape, outputs, kernel, stride, padding, has_bias):
    tensors = {"input": draw(*shape), "weight": draw(outputs, shape[1], kernel, kernel)}
    if has_bias:
        tensors["bias"] = draw(outputs)
    layer = {"outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding}
    run = lambda input, weight, bias=None: functional.conv2d(input, weight, bias, stride, padding)  # noqa: E731
    return case(name, layer, run, tensors)


def group_norm(name, shape, groups):
    tensors = {"input": draw(*shape), "weight": draw(shape[1]), "bias": draw(shape[1])}
    run = lambda input, weight, bias: functional.group_norm(input, groups, weight, bias, 1e-5)  # noqa: E731
    return case(name, {"groups": groups}, run, tensors)


def distinct(*shape):
    """No two numbers are the same, so every maximum is one alone."""
    count = torch.Size(shape).numel()
    return ((torch.randperm(count).float() - count // 2) / 64).reshape(shape)


def squares(input, side):
    """Squares of an image as tokens: channels, rows and columns of each."""
    return functional.unfold(input, side, stride=side).transpose(1, 2)


def layers():
    yield convolution("convolution", (2, 3, 7, 6), 4, 3, 2, 1, True)
    yield convolution("convolution", (2, 2, 5, 6), 3, 3, 1, 1, False)
    yield convolution("convolution", (1, 4, 5, 7), 3, 1, 2, 0, False)
    yield group_norm("group_norm", (2, 6, 3, 5), 2)
    yield case("average_pool", {}, lambda input: input.mean((2, 3)), {"input": draw(2, 3, 3, 5)})
    yield case("max_pool", {}, lambda input: functional.max_pool2d(input, 2), {"input": distinct(2, 2, 4, 6)})
    yield case("patches", {"side": 2}, lambda input: squares(input, 2), {"input": draw(2, 3, 4, 6)})


class Weights(dict):
    """Tensors of a model, drawn when they are first asked for."""

    def get(self, name, *shape, unit=128):
        if name not in self:
            self[name] = parameter(draw(*shape, unit=64) * (64 / unit))
        return self[name]


def normed(weights, name, x, groups):
    weight, bias = weights.get(f"{name}.weight", x.shape[1]), weights.get(f"{name}.bias", x.shape[1])
    return functional.group_norm(x, groups, weight, bias, 1e-5)


def convolved(weights, name, x, outputs, kernel, stride, groups):
    weight = weights.get(f"{name}.weight", outputs, x.shape[1], kernel, kernel, unit=256)
    x = functional.conv2d(x, weight, None, stride, kernel // 2)
    return normed(weights, f"{name}.norm", x, groups)


def linear(weights, name, x, outputs):
    weight = weights.get(f"{name}.weight", outputs, x.shape[-1])
    return functional.linear(x, weight, weights.get(f"{name}.bias", outputs))


def resnet(weights, x, widths, block_count, groups, classes):
    x = convolved(weights, "input", x, widths[0], 3, 1, groups).relu()
    for stage, width in enumerate(widths):
        for block in range(block_count):
            name, stride = f"stages.{stage:02}.{block:02}", 2 if stage > 0 and block == 0 else 1
            branch = convolved(weights, f"{name}.first", x, width, 3, stride, groups).relu()
            branch = convolved(weights, f"{name}.second", branch, width, 3, 1, groups)
            if stride != 1 or x.shape[1] != width:
                x = convolved(weights, f"{name}.projection", x, width, 1, stride, groups)
            x = (branch + x).relu()
    return linear(weights, "output", x.mean((2, 3)), classes)


def row_norm(weights, name, x):
    width = x.shape[-1]
    return functional.layer_norm(x, (width,), weights.get(f"{name}.weight", width), weights.get(f"{name}.bias", width))


def attention(x, heads):
    batch, tokens, packed = x.shape
    split = x.reshape(batch, tokens, 3, heads, packed // 3 // heads).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(*split)
    return mixed.transpose(1, 2).reshape(batch, tokens, packed // 3)


def vit(weights, x, side, width, layer_count, heads, classes):
    x = linear(weights, "input", squares(x, side), width)
    x = x + weights.get("position.weight", x.shape[1], width)
    for block in range(layer_count):
        name = f"blocks.{block:02}"
        inner = linear(weights, f"{name}.attention.input", row_norm(weights, f"{name}.norm1", x), 3 * width)
        x = x + linear(weights, f"{name}.attention.output", attention(inner, heads), width)
        inner = linear(weights, f"{name}.perceptron.input", row_norm(weights, f"{name}.norm2", x), 4 * width)
        x = x + linear(weights, f"{name}.perceptron.output", functional.gelu(inner), width)
    return linear(weights, "output", row_norm(weights, "norm", x).mean(1), classes)


def model(name, order, shape, classes, function):
    """A whole network: its batch, its weights and their gradients, sorted by the names of the tensors."""
    images = torch.randint(0, 16, shape).float() / 16
    labels = torch.arange(shape[0]) % classes
    weights = Weights()
    logits = function(weights, images)
    loss = functional.cross_entropy(logits, labels)
    loss.backward()
    tensors = [{"name": key, "values": numbers(weights[key]), "gradient": numbers(weights[key].grad)} for key in sorted(weights)]
    found = {"name": name, "order": order, "shape": list(shape), "images": numbers(images), "labels": labels.tolist()}
    return found | {"logits": numbers(logits), "loss": loss.item(), "tensors": tensors}


def models():
    order = 'architecture = "resnet"\nimage = [2, 5, 6]\nwidths = [4, 6]\nblocks = 1\ngroups = 2'
    yield model("resnet", order, (3, 2, 5, 6), 3, lambda weights, x: resnet(weights, x, [4, 6], 1, 2, 3))
    order = 'architecture = "vit"\nimage = [2, 4, 6]\npatch = 2\nwidth = 8\nlayers = 1\nheads = 2'
    yield model("vit", order, (3, 2, 4, 6), 3, lambda weights, x: vit(weights, x, 2, 8, 1, 2, 3))


if __name__ == "__main__":
    found = {"torch": torch.__version__, "layers": list(layers()), "models": list(models())}
    print(json.dumps(found, separators=(",", ":")))
