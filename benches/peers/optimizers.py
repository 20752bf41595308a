"""Ten steps of each optimizer by PyTorch, for `trainer/src/optimizer/tests.rs`.

Plain descent, momentum, Nesterov and AdamW are PyTorch's own (weight decay applied decoupled, as ours is);
Lion is program 1 of Chen and others, 2023, Muon the page of Jordan and others, 2024, written here with
PyTorch's tensors. Run: `python3 benches/peers/optimizers.py > trainer/src/optimizer/fixtures/peers.json`.
"""

import json

import torch

ROWS, COLUMNS, STEPS, RATE = 6, 4, 10, 0.05


def built_in(start, gradients, decay, **options):
    weight = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.SGD([weight], lr=RATE, **options)
    for gradient in gradients:
        weight.data.mul_(1 - RATE * decay)
        weight.grad = gradient.clone()
        optimizer.step()
    return weight.data


def adamw(start, gradients):
    weight = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.AdamW([weight], lr=RATE, weight_decay=0.01)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
    return weight.data


def lion(start, gradients, beta1=0.9, beta2=0.99, decay=0.1):
    weight, momentum = start.clone(), torch.zeros_like(start)
    for gradient in gradients:
        direction = torch.sign(beta1 * momentum + (1 - beta1) * gradient)
        weight = weight - RATE * (direction + decay * weight)
        momentum = beta2 * momentum + (1 - beta2) * gradient
    return weight


def orthogonal(direction):
    first, third, fifth = 3.4445, -4.7750, 2.0315
    matrix = direction.T if direction.shape[0] > direction.shape[1] else direction
    matrix = matrix / (matrix.norm() + 1e-7)
    for _ in range(5):
        product = matrix @ matrix.T
        matrix = first * matrix + (third * product + fifth * product @ product) @ matrix
    return matrix.T if direction.shape[0] > direction.shape[1] else matrix


def muon(start, gradients, beta=0.95, decay=0.01):
    weight, momentum = start.clone(), torch.zeros_like(start)
    for gradient in gradients:
        momentum = beta * momentum + gradient
        direction = orthogonal(gradient + beta * momentum) * max(1, ROWS / COLUMNS) ** 0.5
        weight = weight * (1 - RATE * decay) - RATE * direction
    return weight


def main():
    torch.manual_seed(5)
    start = torch.randn(ROWS, COLUMNS)
    gradients = [torch.randn(ROWS, COLUMNS) for _ in range(STEPS)]
    after = {
        "descent": built_in(start, gradients, 0.02),
        "momentum": built_in(start, gradients, 0.02, momentum=0.9),
        "nesterov": built_in(start, gradients, 0.02, momentum=0.9, nesterov=True),
        "adamw": adamw(start, gradients),
        "lion": lion(start, gradients),
        "muon": muon(start, gradients),
    }
    flat = lambda tensor: tensor.flatten().tolist()
    print(json.dumps({
        "rows": ROWS,
        "columns": COLUMNS,
        "learning_rate": RATE,
        "start": flat(start),
        "gradients": [flat(gradient) for gradient in gradients],
        "after": {name: flat(values) for name, values in after.items()},
    }))


main()
