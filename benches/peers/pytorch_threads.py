"""Shows that the bits of a PyTorch training run depend on the number of threads.

The recipe of the small workload: a 784-512-256-10 MLP, batches of 128, AdamW, 20 steps, synthetic data and
initial weights from one seed. It runs in a process of its own for each number of threads, twice each, and
prints the SHA-256 of all weights. Exits with 1 when runs with equal threads differ, because then there is
more at work than threads.

    pip install torch
    python benches/peers/pytorch_threads.py
"""

import hashlib
import subprocess
import sys

SEED = 1
SIZES = (784, 512, 256, 10)
BATCH = 128
STEPS = 20
THREAD_COUNTS = (1, 2)
REPETITIONS = 2


def train(thread_count):
    """Trains with `thread_count` threads and returns the weights' digest and the last loss."""
    import torch

    torch.set_num_threads(thread_count)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    layers = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    features = torch.rand(STEPS, BATCH, SIZES[0])
    labels = torch.randint(SIZES[-1], (STEPS, BATCH))
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(features[step]), labels[step])
        loss.backward()
        optimizer.step()
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().contiguous().numpy().tobytes())
    return digest.hexdigest(), loss.item()


def run(thread_count):
    """Trains in a fresh process, because PyTorch fixes some of its threads when it starts."""
    command = [sys.executable, __file__, str(thread_count)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main():
    if len(sys.argv) == 2:
        digest, loss = train(int(sys.argv[1]))
        print(f"{digest} (last loss {loss!r})")
        return 0
    results = {count: [run(count) for _ in range(REPETITIONS)] for count in THREAD_COUNTS}
    for count, lines in results.items():
        for line in lines:
            print(f"{count} thread(s): {line}")
    if any(len(set(lines)) > 1 for lines in results.values()):
        print("runs with equal threads differ: not the threads alone")
        return 1
    first, *others = (lines[0] for lines in results.values())
    print("the bits", "change" if any(other != first for other in others) else "do not change", "with the threads")
    return 0


if __name__ == "__main__":
    sys.exit(main())
